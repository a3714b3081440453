/* Groups of the memory engine: members, whose partitions are dealt out in turn, and positions. */
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "pipeline/engine_memory_impl.h"

/* --- groups --- */

static struct memory_group *ensure_group(struct memory_engine *eng, const char *name)
{
    for (struct memory_group *group = eng->groups; group; group = group->next) {
        if (strcmp(group->name, name) == 0) {
            return group;
        }
    }
    struct memory_group *group = srt_xcalloc(1, sizeof *group);
    group->name = srt_xstrdup(name);
    srt_list_init(&group->members);
    group->next = eng->groups;
    eng->groups = group;
    return group;
}

static void tell_members(struct memory_group *group, const struct engine_member *but)
{
    srt_list_for_each(node, &group->members)
    {
        struct engine_member *member = srt_container_of(node, struct engine_member, node);
        if (member != but) {
            member->changed(member->arg);
        }
    }
}

int engine_memory_join(struct engine *base, const char *group, const char *member_id,
                const char *const *topics, uint32_t topic_count, void (*changed)(void *arg),
                void *arg, struct engine_member **ret, struct srt_err *err)
{
    (void)err;
    struct memory_engine *eng = engine_memory_of(base);
    struct engine_member *member = srt_xcalloc(1, sizeof *member);
    member->eng = eng;
    member->id = srt_xstrdup(member_id);
    member->topics = srt_xcalloc(topic_count, sizeof *member->topics);
    member->topic_count = topic_count;
    for (uint32_t i = 0; i < topic_count; i++) {
        member->topics[i] = srt_xstrdup(topics[i]);
    }
    member->changed = changed;
    member->arg = arg;
    io_lock(&eng->lock);
    member->group = ensure_group(eng, group);
    srt_list_push(&member->group->members, &member->node);
    member->group->member_count++;
    tell_members(member->group, member);
    io_unlock(&eng->lock);
    *ret = member;
    return SRT_OK;
}

static uint32_t member_index(const struct engine_member *member)
{
    uint32_t index = 0;
    srt_list_for_each(node, &member->group->members)
    {
        if (node == &member->node) {
            break;
        }
        index++;
    }
    return index;
}

/* All partitions in order, dealt out in turn. */
int engine_memory_assignment(struct engine_member *member, struct engine_split **ret_splits,
                      uint32_t *ret_count, struct srt_err *err)
{
    (void)err;
    struct memory_engine *eng = member->eng;
    struct engine_split *splits = NULL;
    uint32_t count = 0;
    uint32_t place = 0;
    io_lock(&eng->lock);
    uint32_t index = member_index(member);
    for (uint32_t t = 0; t < member->topic_count; t++) {
        const struct memory_topic *topic = engine_memory_find_topic(eng, member->topics[t]);
        for (int32_t p = 0; topic && p < topic->info.partition_count; p++, place++) {
            if ((place + member->group->shift) % member->group->member_count == index) {
                splits = srt_xrealloc(splits, (count + 1) * sizeof *splits);
                splits[count++] = (struct engine_split){.topic_id = topic->info.id, .partition = p};
            }
        }
    }
    io_unlock(&eng->lock);
    *ret_splits = splits;
    *ret_count = count;
    return SRT_OK;
}

void engine_memory_leave(struct engine_member *member)
{
    struct memory_engine *eng = member->eng;
    io_lock(&eng->lock);
    srt_list_remove(&member->node);
    member->group->member_count--;
    tell_members(member->group, member);
    io_unlock(&eng->lock);
    for (uint32_t i = 0; i < member->topic_count; i++) {
        srt_free(member->topics[i]);
    }
    srt_free(member->topics);
    srt_free(member->id);
    srt_free(member);
}

void engine_memory_rebalance(struct engine *base, const char *name)
{
    struct memory_engine *eng = engine_memory_of(base);
    io_lock(&eng->lock);
    struct memory_group *group = ensure_group(eng, name);
    group->shift++;
    tell_members(group, NULL);
    io_unlock(&eng->lock);
}

/* --- positions --- */

static bool same_place(const struct engine_position *a, const struct engine_position *b)
{
    if (a->source_name || b->source_name) {
        return a->source_name && b->source_name && strcmp(a->source_name, b->source_name) == 0;
    }
    return topic_id_equal(&a->topic_id, &b->topic_id) && a->partition == b->partition;
}

static struct memory_position *find_position(const struct memory_group *group,
                                             const struct engine_position *at)
{
    for (struct memory_position *pos = group->positions; pos; pos = pos->next) {
        if (same_place(&pos->at, at)) {
            return pos;
        }
    }
    return NULL;
}

static uint8_t *copy_bytes(const uint8_t *data, uint32_t len)
{
    if (len == 0) {
        return NULL;
    }
    uint8_t *copy = srt_xalloc(len);
    memcpy(copy, data, len);
    return copy;
}

int engine_memory_position(struct engine *base, const char *group, struct engine_position *inout,
                    struct srt_err *err)
{
    struct memory_engine *eng = engine_memory_of(base);
    io_lock(&eng->lock);
    const struct memory_position *pos = find_position(ensure_group(eng, group), inout);
    if (pos) {
        inout->offset = pos->at.offset;
        inout->detail = copy_bytes(pos->at.detail, pos->at.detail_len);
        inout->detail_len = pos->at.detail_len;
    }
    io_unlock(&eng->lock);
    return pos ? SRT_OK : srt_fail(err, SRT_ENOENT, "group '%s' has no position there", group);
}

void engine_memory_set_position(struct memory_engine *eng, const char *name,
                                const struct engine_position *at)
{
    struct memory_group *group = ensure_group(eng, name);
    struct memory_position *pos = find_position(group, at);
    if (!pos) {
        pos = srt_xcalloc(1, sizeof *pos);
        pos->at.topic_id = at->topic_id;
        pos->at.partition = at->partition;
        pos->at.source_name = at->source_name ? srt_xstrdup(at->source_name) : NULL;
        pos->next = group->positions;
        group->positions = pos;
    }
    srt_free((void *)pos->at.detail);
    pos->at.offset = at->offset;
    pos->at.detail = copy_bytes(at->detail, at->detail_len);
    pos->at.detail_len = at->detail_len;
}

static void free_group(struct memory_group *group)
{
    srt_assert(group->member_count == 0);
    while (group->positions) {
        struct memory_position *pos = group->positions;
        group->positions = pos->next;
        srt_free((void *)pos->at.source_name);
        srt_free((void *)pos->at.detail);
        srt_free(pos);
    }
    srt_free(group->name);
    srt_free(group);
}

void engine_memory_free_groups(struct memory_engine *eng)
{
    while (eng->groups) {
        struct memory_group *group = eng->groups;
        eng->groups = group->next;
        free_group(group);
    }
}
