#include "broker/positions.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "broker/broker.h"
#include "broker/group_impl.h"
#include "broker/registry.h"

/* --- one group's --- */

void positions_init(struct positions *positions)
{
    *positions = (struct positions){0};
}

static void entry_fini(struct positions_entry *entry)
{
    srt_free(entry->source_name);
    srt_free(entry->former_topic);
    srt_free(entry->detail);
}

void positions_fini(struct positions *positions)
{
    for (uint32_t i = 0; i < positions->count; i++) {
        entry_fini(&positions->entries[i]);
    }
    srt_free(positions->entries);
    *positions = (struct positions){0};
}

/* Compare an entry with a key: partitions stand before named sources. */
static int compare(const struct positions_entry *entry, const struct topic_id *id,
                   int32_t partition, struct srt_str source_name)
{
    if (!entry->source_name || source_name.n == 0) {
        if (entry->source_name || source_name.n > 0) {
            return entry->source_name ? 1 : -1;
        }
        int by_id = memcmp(entry->topic_id.bytes, id->bytes, sizeof id->bytes);
        return by_id ? by_id : (entry->partition > partition) - (entry->partition < partition);
    }
    size_t len = strlen(entry->source_name);
    int by_text =
        memcmp(entry->source_name, source_name.p, len < source_name.n ? len : source_name.n);
    return by_text ? by_text : (len > source_name.n) - (len < source_name.n);
}

/* The index of the key, or where it would go. */
static uint32_t search(const struct positions *positions, const struct topic_id *id,
                       int32_t partition, struct srt_str source_name, bool *ret_found)
{
    uint32_t low = 0;
    uint32_t high = positions->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        int order = compare(&positions->entries[mid], id, partition, source_name);
        if (order == 0) {
            *ret_found = true;
            return mid;
        }
        if (order < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    *ret_found = false;
    return low;
}

static struct positions_entry *insert_at(struct positions *positions, uint32_t index)
{
    if (positions->count == positions->cap) {
        positions->cap = positions->cap ? positions->cap * 2 : 8;
        positions->entries =
            srt_xrealloc(positions->entries, positions->cap * sizeof *positions->entries);
    }
    struct positions_entry *entry = &positions->entries[index];
    memmove(entry + 1, entry, (positions->count - index) * sizeof *entry);
    positions->count++;
    *entry = (struct positions_entry){0};
    return entry;
}

void positions_set(struct positions *positions, const struct metadata_position *position)
{
    bool found;
    uint32_t at =
        search(positions, &position->topic_id, position->partition, position->source_name, &found);
    struct positions_entry *entry = found ? &positions->entries[at] : insert_at(positions, at);
    if (!found) {
        entry->topic_id = position->topic_id;
        entry->partition = position->partition;
        if (position->source_name.n > 0) {
            entry->source_name = srt_xstrndup(position->source_name.p, position->source_name.n);
        }
    }
    srt_free(entry->former_topic);
    entry->former_topic = position->former_topic.n > 0
                              ? srt_xstrndup(position->former_topic.p, position->former_topic.n)
                              : NULL;
    entry->offset = position->offset;
    if (entry->detail_len != position->detail.n) {
        srt_free(entry->detail);
        entry->detail = position->detail.n > 0 ? srt_xalloc(position->detail.n) : NULL;
        entry->detail_len = (uint32_t)position->detail.n;
    }
    if (entry->detail) {
        memcpy(entry->detail, position->detail.p, entry->detail_len);
    }
}

const struct positions_entry *positions_find(const struct positions *positions,
                                             const struct topic_id *topic_id, int32_t partition,
                                             const char *source_name)
{
    bool found;
    uint32_t at = search(positions, topic_id, partition, srt_str_of(source_name), &found);
    return found ? &positions->entries[at] : NULL;
}

void positions_topic_gone(struct positions *positions, const struct topic_id *topic_id,
                          const char *name)
{
    for (uint32_t i = 0; i < positions->count; i++) {
        struct positions_entry *entry = &positions->entries[i];
        if (!entry->source_name && topic_id_equal(&entry->topic_id, topic_id)) {
            srt_assert(!entry->former_topic);
            entry->former_topic = srt_xstrdup(name);
        }
    }
}

static bool is_former(const struct positions_entry *entry, const char *name)
{
    return entry->former_topic && strcmp(entry->former_topic, name) == 0;
}

bool positions_has_former(const struct positions *positions, const char *name)
{
    for (uint32_t i = 0; i < positions->count; i++) {
        if (is_former(&positions->entries[i], name)) {
            return true;
        }
    }
    return false;
}

void positions_drop_former(struct positions *positions, const char *name)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < positions->count; i++) {
        if (is_former(&positions->entries[i], name)) {
            entry_fini(&positions->entries[i]);
        } else {
            positions->entries[kept++] = positions->entries[i];
        }
    }
    positions->count = kept;
}

void positions_encode(const struct positions *positions, struct srt_buf *to)
{
    for (uint32_t i = 0; i < positions->count; i++) {
        const struct positions_entry *entry = &positions->entries[i];
        struct group_position position = {
            .topic_id = entry->topic_id,
            .partition = entry->partition,
            .source_name = entry->source_name,
            .offset = entry->offset,
            .detail = entry->detail,
            .detail_len = entry->detail_len,
        };
        metadata_put_position(to, &position, entry->former_topic);
    }
}

/* --- everybody's: the broker's questions --- */

int broker_group_position(struct broker *broker, const char *group_name,
                          const struct topic_id *topic_id, int32_t partition,
                          const char *source_name, int64_t *ret_offset, uint8_t **ret_detail,
                          uint32_t *ret_detail_len)
{
    struct group *group = registry_acquire_group(broker, group_name, false);
    if (!group) {
        return SRT_ENOENT;
    }
    static const struct topic_id none;
    int code = SRT_ENOENT;
    io_lock(&group->lock);
    const struct positions_entry *entry =
        positions_find(&group->positions, source_name ? &none : topic_id, partition, source_name);
    if (entry) {
        *ret_offset = entry->offset;
        *ret_detail_len = entry->detail_len;
        *ret_detail = entry->detail ? srt_xalloc(entry->detail_len) : NULL;
        if (entry->detail) {
            memcpy(*ret_detail, entry->detail, entry->detail_len);
        }
        code = SRT_OK;
    }
    io_unlock(&group->lock);
    registry_release_group(broker, group);
    return code;
}

bool broker_group_lost_topic(struct broker *broker, const char *group_name, const char *topic)
{
    struct group *group = registry_acquire_group(broker, group_name, false);
    if (!group) {
        return false;
    }
    io_lock(&group->lock);
    bool lost = positions_has_former(&group->positions, topic);
    io_unlock(&group->lock);
    registry_release_group(broker, group);
    return lost;
}

/* --- lag: copied out, sorted, then told without any lock --- */

struct lag_list {
    struct group_lag *rows; /* their texts are ours */
    size_t count;
    size_t cap;
};

static struct group_lag *add_row(struct lag_list *list)
{
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 32;
        list->rows = srt_xrealloc(list->rows, list->cap * sizeof *list->rows);
    }
    struct group_lag *row = &list->rows[list->count++];
    *row = (struct group_lag){.end = -1, .lag = -1};
    return row;
}

static char *copy_of(const char *text)
{
    return text ? srt_xstrdup(text) : NULL;
}

static void add_group(struct broker *broker, struct group *group, struct lag_list *list)
{
    size_t first = list->count;
    io_lock(&group->lock);
    for (uint32_t i = 0; i < group->positions.count; i++) {
        const struct positions_entry *entry = &group->positions.entries[i];
        struct group_lag *row = add_row(list);
        row->group = copy_of(group->name);
        row->source_name = copy_of(entry->source_name);
        row->former_topic = copy_of(entry->former_topic);
        row->topic_id = entry->topic_id;
        row->partition = entry->partition;
        row->committed = entry->offset;
    }
    io_unlock(&group->lock);
    for (size_t i = first; i < list->count; i++) {
        struct group_lag *row = &list->rows[i];
        if (row->source_name || row->former_topic) {
            continue;
        }
        struct topic *topic = broker_topic_acquire_id(broker, &row->topic_id);
        if (!topic) {
            continue;
        }
        row->topic = copy_of(topic_name(topic));
        struct partition *part = topic_partition(topic, row->partition);
        if (part) {
            row->end = partition_high_watermark(part);
            row->lag = row->end > row->committed ? row->end - row->committed : 0;
        }
        topic_unref(topic);
    }
}

static int compare_texts(const char *a, const char *b)
{
    if (!a || !b) {
        return (a != NULL) - (b != NULL);
    }
    return strcmp(a, b);
}

/* Of a group: topics, then topics that are gone, then named sources. */
static int compare_rows(const void *left, const void *right)
{
    const struct group_lag *a = left;
    const struct group_lag *b = right;
    int order = strcmp(a->group, b->group);
    order = order ? order : compare_texts(a->source_name, b->source_name);
    order = order ? order : compare_texts(a->former_topic, b->former_topic);
    order = order ? order : compare_texts(a->topic, b->topic);
    order = order ? order : memcmp(&a->topic_id, &b->topic_id, sizeof a->topic_id);
    return order ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

void broker_group_each_lag(struct broker *broker,
                           void (*each)(void *arg, const struct group_lag *lag), void *arg)
{
    struct lag_list list = {0};
    size_t group_count;
    struct group **groups = registry_acquire_groups(broker, &group_count);
    for (size_t i = 0; i < group_count; i++) {
        add_group(broker, groups[i], &list);
    }
    registry_release_groups(broker, groups, group_count);

    if (list.count > 0) {
        qsort(list.rows, list.count, sizeof *list.rows, compare_rows);
    }
    for (size_t i = 0; i < list.count; i++) {
        each(arg, &list.rows[i]);
    }
    for (size_t i = 0; i < list.count; i++) {
        srt_free((void *)list.rows[i].group);
        srt_free((void *)list.rows[i].topic);
        srt_free((void *)list.rows[i].former_topic);
        srt_free((void *)list.rows[i].source_name);
    }
    srt_free(list.rows);
}
