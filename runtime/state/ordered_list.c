/* An array of pointers that is always in order. What comes in order is put at the end, and what
 * belongs behind a full list costs one comparison; all else is found by halves. */
#include "state/ordered_list.h"

#include <stdalign.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "state/state_bytes.h"

enum { FIRST_CAP = 4 };

/* One block: `by`, when there is one of its own, and all texts stand in its data. */
struct entry {
    struct aggregate_at at;
    struct state_value value;
    const struct state_value *by; /* &value: itself */
    size_t cap;                   /* of data */
    alignas(8) char data[];
};

struct ordered_list {
    size_t count;
    size_t cap;
    size_t entry_bytes; /* of all entries */
    struct entry *entries[];
};

void ordered_list_destroy(struct ordered_list *list)
{
    for (size_t i = 0; list && i < list->count; i++) {
        srt_free(list->entries[i]);
    }
    srt_free(list);
}

size_t ordered_list_bytes(const struct ordered_list *list)
{
    return list ? sizeof *list + list->cap * sizeof list->entries[0] + list->entry_bytes : 0;
}

size_t ordered_list_count(const struct ordered_list *list)
{
    return list ? list->count : 0;
}

const struct state_value *ordered_list_value(const struct ordered_list *list, size_t index)
{
    srt_assert(index < list->count);
    return &list->entries[index]->value;
}

/* --- order --- */

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

/* No tie comes before the empty one. */
static int compare_ties(const struct aggregate_at *a, const struct aggregate_at *b)
{
    if (!a->tie || !b->tie) {
        return (a->tie != NULL) - (b->tie != NULL);
    }
    size_t common = a->tie_len < b->tie_len ? a->tie_len : b->tie_len;
    int order = common ? memcmp(a->tie, b->tie, common) : 0;
    return order != 0 ? order : COMPARE(a->tie_len, b->tie_len);
}

static int compare_at(const struct aggregate_at *a, const struct aggregate_at *b)
{
    if (a->time_ms != b->time_ms) {
        return COMPARE(a->time_ms, b->time_ms);
    }
    int order = compare_ties(a, b);
    if (order != 0) {
        return order;
    }
    if (a->topic != b->topic) {
        return COMPARE(a->topic, b->topic);
    }
    if (a->partition != b->partition) {
        return COMPARE(a->partition, b->partition);
    }
    return COMPARE(a->offset, b->offset);
}

/* Below 0: `a` comes first. 0 only when nobody could tell them apart. */
static int compare(enum ordered_by order, const struct entry *a, const struct entry *b)
{
    int result = order == ORDERED_LARGEST ? state_value_rank(b->by, a->by) : 0;
    if (result == 0) {
        result = compare_at(&a->at, &b->at);
    }
    if (result == 0) {
        result = state_value_compare(&a->value, &b->value);
    }
    if (result == 0 && order == ORDERED_LARGEST) {
        result = state_value_compare(a->by, b->by);
        if (result == 0) {
            result = (a->by == &a->value) - (b->by == &b->value);
        }
    }
    return order == ORDERED_LATEST ? -result : result;
}

/* --- entries --- */

static size_t bytes_of(const struct entry *entry)
{
    return sizeof *entry + entry->cap;
}

static size_t data_bytes(const struct entry *from)
{
    size_t by = from->by == &from->value ? 0 : sizeof *from->by + state_value_len(from->by);
    return by + state_value_len(&from->value) + (from->at.tie ? from->at.tie_len : 0);
}

static const char *put_text(char **to, const char *text, size_t len)
{
    const char *at = *to;
    if (len) {
        memcpy(*to, text, len);
        *to += len;
    }
    return at;
}

/* A copy of `from`, which borrows: in `room` when it is large enough, else that stays as it is. */
static struct entry *copy_entry(const struct entry *from, struct entry *room)
{
    size_t size = data_bytes(from);
    struct entry *copy = room;
    if (!room || room->cap < size) {
        copy = srt_alloc(sizeof *copy + size);
        if (!copy) {
            return NULL;
        }
        copy->cap = size;
    }
    copy->at = from->at;
    copy->value = from->value;
    copy->by = &copy->value;
    char *to = copy->data;
    if (from->by != &from->value) {
        struct state_value by = *from->by;
        to += sizeof by;
        if (by.kind >= STATE_VALUE_TEXT) {
            by.is.text.data = put_text(&to, by.is.text.data, by.is.text.len);
        }
        memcpy(copy->data, &by, sizeof by);
        copy->by = (const struct state_value *)(const void *)copy->data;
    }
    if (copy->value.kind >= STATE_VALUE_TEXT) {
        copy->value.is.text.data = put_text(&to, from->value.is.text.data, from->value.is.text.len);
    }
    if (from->at.tie) {
        copy->at.tie = put_text(&to, from->at.tie, from->at.tie_len);
    }
    return copy;
}

/* --- adding --- */

static int reserve(struct ordered_list **list, size_t count, size_t limit, struct srt_err *err)
{
    struct ordered_list *old = *list;
    if (old && old->cap >= count) {
        return SRT_OK;
    }
    size_t cap = old ? 2 * old->cap : limit < FIRST_CAP ? limit : FIRST_CAP;
    cap = cap < count ? count : cap;
    struct ordered_list *grown = srt_realloc(old, sizeof *grown + cap * sizeof grown->entries[0]);
    if (!grown) {
        return srt_fail(err, SRT_ENOMEM, "no memory for a list of %zu values", count);
    }
    if (!old) {
        *grown = (struct ordered_list){0};
    }
    grown->cap = cap;
    *list = grown;
    return SRT_OK;
}

static int check_bytes(size_t bytes, struct srt_err *err)
{
    if (bytes > ORDERED_LIST_BYTES_MAX) {
        return srt_fail(err, SRT_ETOOBIG, "the values of a list are %zu bytes, of which %d may be",
                        bytes, ORDERED_LIST_BYTES_MAX);
    }
    return SRT_OK;
}

/* Behind all that do not come later. */
static size_t place_of(const struct ordered_list *list, enum ordered_by order,
                       const struct entry *entry)
{
    size_t low = 0;
    size_t high = list->count;
    if (high > 0 && compare(order, entry, list->entries[high - 1]) >= 0) {
        return high;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(order, list->entries[middle], entry) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int add_entry(struct ordered_list **list, enum ordered_by order, size_t limit,
                     const struct entry *entry, struct srt_err *err)
{
    size_t count = ordered_list_count(*list);
    size_t place = count > 0 ? place_of(*list, order, entry) : 0;
    if (place >= limit) {
        return SRT_OK;
    }
    struct entry *last = count == limit ? (*list)->entries[count - 1] : NULL;
    size_t dropped = last ? bytes_of(last) : 0;
    size_t before = *list ? (*list)->entry_bytes : 0;
    if (check_bytes(before - dropped + sizeof *entry + data_bytes(entry), err) != SRT_OK ||
        (!last && reserve(list, count + 1, limit, err) != SRT_OK)) {
        return err->code;
    }
    struct entry *copy = copy_entry(entry, last);
    if (!copy) {
        return srt_fail(err, SRT_ENOMEM, "no memory for a value of a list");
    }
    if (copy != last) {
        srt_free(last);
    }
    struct ordered_list *mine = *list;
    mine->count = last ? count : count + 1;
    mine->entry_bytes = before - dropped + bytes_of(copy);
    memmove(&mine->entries[place + 1], &mine->entries[place],
            (mine->count - 1 - place) * sizeof(struct entry *));
    mine->entries[place] = copy;
    return SRT_OK;
}

int ordered_list_add(struct ordered_list **list, enum ordered_by order, size_t limit,
                     const struct state_value *value, const struct state_value *by,
                     const struct aggregate_at *at, struct srt_err *err)
{
    struct entry entry = {.at = *at, .value = *value};
    entry.by = by ? by : &entry.value;
    return add_entry(list, order, limit, &entry, err);
}

/* --- merging --- */

/* The first of both: how many of each stay, and their bytes. */
static size_t choose(const struct ordered_list *into, const struct ordered_list *from,
                     enum ordered_by order, size_t limit, size_t *ret_from)
{
    size_t i = 0;
    size_t k = 0;
    size_t count = ordered_list_count(into);
    while (i + k < limit && (i < count || k < from->count)) {
        bool takes_from =
            i == count || (k < from->count &&
                           compare(order, from->entries[k], into->entries[i]) < 0);
        k += takes_from;
        i += !takes_from;
    }
    *ret_from = k;
    return i;
}

/* Copies of the first `count` entries of `from`; NULL when memory is out. */
static struct entry **copy_entries(const struct ordered_list *from, size_t count)
{
    struct entry **copies = srt_alloc(count * sizeof(struct entry *));
    for (size_t i = 0; copies && i < count; i++) {
        copies[i] = copy_entry(from->entries[i], NULL);
        if (!copies[i]) {
            while (i > 0) {
                srt_free(copies[--i]);
            }
            srt_free(copies);
            return NULL;
        }
    }
    return copies;
}

int ordered_list_merge(struct ordered_list **into, enum ordered_by order, size_t limit,
                       const struct ordered_list *from, struct srt_err *err)
{
    size_t taken = 0;
    size_t kept = from ? choose(*into, from, order, limit, &taken) : 0;
    if (taken == 0) {
        return SRT_OK;
    }
    size_t bytes = 0;
    for (size_t i = 0; i < kept; i++) {
        bytes += bytes_of((*into)->entries[i]);
    }
    for (size_t i = 0; i < taken; i++) {
        bytes += sizeof(struct entry) + data_bytes(from->entries[i]);
    }
    if (check_bytes(bytes, err) != SRT_OK || reserve(into, kept + taken, limit, err) != SRT_OK) {
        return err->code;
    }
    struct entry **copies = copy_entries(from, taken);
    if (!copies) {
        return srt_fail(err, SRT_ENOMEM, "no memory for %zu values of a list", taken);
    }
    struct ordered_list *mine = *into;
    while (mine->count > kept) {
        srt_free(mine->entries[--mine->count]);
    }
    mine->count = kept + taken;
    mine->entry_bytes = bytes;
    for (size_t to = mine->count; taken > 0; to--) { /* from the end, as two sorted piles */
        bool takes_copy =
            kept == 0 || compare(order, copies[taken - 1], mine->entries[kept - 1]) >= 0;
        mine->entries[to - 1] = takes_copy ? copies[--taken] : mine->entries[--kept];
    }
    srt_free(copies);
    return SRT_OK;
}

/* --- bytes --- */

static void encode_entry(const struct entry *entry, enum ordered_by order, struct srt_buf *to)
{
    state_bytes_put_int(to, entry->at.time_ms);
    state_bytes_put_int(to, entry->at.tie ? (int64_t)entry->at.tie_len : -1);
    if (entry->at.tie) {
        srt_buf_put(to, entry->at.tie, entry->at.tie_len);
    }
    state_bytes_put_int(to, entry->at.topic);
    state_bytes_put_int(to, entry->at.partition);
    state_bytes_put_int(to, entry->at.offset);
    state_value_encode(to, &entry->value);
    if (order == ORDERED_LARGEST) {
        srt_buf_put_u8(to, entry->by != &entry->value);
        if (entry->by != &entry->value) {
            state_value_encode(to, entry->by);
        }
    }
}

void ordered_list_encode(const struct ordered_list *list, enum ordered_by order,
                         struct srt_buf *to)
{
    size_t count = ordered_list_count(list);
    state_bytes_put_count(to, count);
    for (size_t i = 0; i < count; i++) {
        encode_entry(list->entries[i], order, to);
    }
}

static bool decode_at(struct aggregate_at *ret, const uint8_t **at, const uint8_t *end)
{
    int64_t tie_len;
    int64_t topic;
    int64_t partition;
    if (!state_bytes_get_int(at, end, INT64_MIN, INT64_MAX, &ret->time_ms) ||
        !state_bytes_get_int(at, end, -1, INT64_MAX, &tie_len) || tie_len > end - *at) {
        return false;
    }
    ret->tie = tie_len >= 0 ? (const char *)*at : NULL;
    ret->tie_len = tie_len > 0 ? (size_t)tie_len : 0;
    *at += ret->tie_len;
    if (!state_bytes_get_int(at, end, 0, UINT32_MAX, &topic) ||
        !state_bytes_get_int(at, end, INT32_MIN, INT32_MAX, &partition) ||
        !state_bytes_get_int(at, end, INT64_MIN, INT64_MAX, &ret->offset)) {
        return false;
    }
    ret->topic = (uint32_t)topic;
    ret->partition = (int32_t)partition;
    return true;
}

int ordered_list_decode_entry(struct ordered_list **list, enum ordered_by order,
                              const uint8_t **at, const uint8_t *end, struct srt_err *err)
{
    struct entry entry = {.by = NULL};
    struct state_value by;
    uint8_t has_by = 0;
    entry.by = &entry.value;
    if (!decode_at(&entry.at, at, end) || !state_value_decode(at, end, &entry.value) ||
        (order == ORDERED_LARGEST && !state_bytes_get_u8(at, end, 1, &has_by)) ||
        (has_by && !state_value_decode(at, end, &by))) {
        return srt_fail(err, SRT_ECORRUPT, "not an entry of a list");
    }
    if (has_by) {
        entry.by = &by;
    }
    if (order == ORDERED_LARGEST && !state_value_can_rank(entry.by)) {
        return srt_fail(err, SRT_ECORRUPT, "an entry of a list by what has no order");
    }
    size_t count = ordered_list_count(*list);
    if (count > 0 && place_of(*list, order, &entry) != count) {
        return srt_fail(err, SRT_ECORRUPT, "a list that is not in order");
    }
    return add_entry(list, order, SIZE_MAX, &entry, err);
}
