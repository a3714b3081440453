#include "pipeline/target.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "record/batch.h"
#include "record/topic_id.h"

enum { BATCH_BYTES = 256 * 1024 };

struct target_partition {
    struct batch_builder builder;
    struct srt_buf *finished; /* batches, one each */
    uint32_t finished_count;
    uint32_t finished_cap;
};

struct target {
    struct target *next;
    char *name;
    struct engine_topic topic;
    struct sticky_partitioner sticky;
    struct target_partition *partitions;
    bool used; /* in this epoch */
};

void target_set_init(struct target_set *set, struct engine *engine, uint64_t seed)
{
    *set = (struct target_set){.engine = engine, .seed = seed};
    srt_map_init(&set->by_name);
}

static void target_destroy(struct target *target)
{
    for (int32_t i = 0; i < target->topic.partition_count; i++) {
        struct target_partition *part = &target->partitions[i];
        batch_builder_fini(&part->builder);
        for (uint32_t j = 0; j < part->finished_count; j++) {
            srt_buf_fini(&part->finished[j]);
        }
        srt_free(part->finished);
    }
    srt_free(target->partitions);
    srt_free(target->name);
    srt_free(target);
}

static void free_spares(struct target_set *set)
{
    for (uint32_t i = 0; i < set->spare_count; i++) {
        srt_buf_fini(&set->spares[i]);
    }
    srt_free(set->spares);
    set->spares = NULL;
    set->spare_count = 0;
}

void target_set_fini(struct target_set *set)
{
    free_spares(set);
    while (set->first) {
        struct target *target = set->first;
        set->first = target->next;
        target_destroy(target);
    }
    srt_map_fini(&set->by_name);
}

int target_set_find(struct target_set *set, const char *name, struct target **ret,
                    struct srt_err *err)
{
    struct target *target = srt_map_find_str(&set->by_name, name);
    if (target) {
        *ret = target;
        return SRT_OK;
    }
    if (!topic_name_valid(name) || topic_name_reserved(name)) {
        return srt_fail(err, SRT_EINVAL, "'%s' cannot be the name of a target topic%s", name,
                        topic_name_reserved(name) ? ": '__streamrt' is reserved"
                                                  : ": a name has 1 to 249 of a-z A-Z 0-9 . _ -");
    }
    struct engine_topic topic;
    int code = set->engine->ops->topic_ensure(set->engine, name, &topic, err);
    if (code != SRT_OK) {
        return code;
    }
    *ret = target_set_adopt(set, name, &topic);
    return SRT_OK;
}

struct target *target_set_adopt(struct target_set *set, const char *name,
                                const struct engine_topic *topic)
{
    srt_assert(topic->partition_count > 0);
    struct target *target = srt_xcalloc(1, sizeof *target);
    target->name = srt_xstrdup(name);
    target->topic = *topic;
    target->partitions = srt_xcalloc((size_t)topic->partition_count, sizeof *target->partitions);
    for (int32_t i = 0; i < topic->partition_count; i++) {
        batch_builder_init(&target->partitions[i].builder);
        batch_builder_set_compression(&target->partitions[i].builder, topic->compression);
    }
    sticky_init(&target->sticky, set->seed++);
    if (set->last) {
        set->last->next = target;
    } else {
        set->first = target;
    }
    set->last = target;
    srt_map_set_str(&set->by_name, name, target);
    return target;
}

/* Put the builder's batch, if it has one, behind the finished ones. */
static void finish(struct target_partition *part)
{
    if (part->builder.record_count == 0) {
        return;
    }
    if (part->finished_count == part->finished_cap) {
        part->finished_cap = part->finished_cap ? 2 * part->finished_cap : 4;
        part->finished = srt_xrealloc(part->finished, part->finished_cap * sizeof *part->finished);
    }
    batch_builder_take(&part->builder, &part->finished[part->finished_count++]);
}

static size_t payload_bytes(const struct record *rec)
{
    size_t size = rec->headers_len;
    size += rec->key_len > 0 ? (size_t)rec->key_len : 0;
    size += rec->value_len > 0 ? (size_t)rec->value_len : 0;
    return size;
}

/* Whether the partition's batch is full, and the record begins another. */
static bool is_full(const struct target_partition *part, const struct record *rec)
{
    return part->builder.record_count > 0 &&
           batch_builder_size(&part->builder) + batch_record_size_max(rec) > BATCH_BYTES;
}

int target_put_at(struct target_set *set, struct target *target, int32_t partition,
                  const struct record *rec, bool any_size, struct srt_err *err)
{
    size_t size = payload_bytes(rec);
    if (!any_size && size > target->topic.max_record_bytes) {
        return srt_fail(err, SRT_ETOOBIG,
                        "a record of %zu bytes is larger than topic '%s' takes (%" PRIu64
                        "): raise its max_record_bytes or make the record smaller",
                        size, target->name, target->topic.max_record_bytes);
    }
    if (!any_size && rec->key_len == RECORD_ABSENT && target->topic.compacted) {
        return srt_fail(err, SRT_EINVAL,
                        "a record without a key for topic '%s', which is compacted: give it one "
                        "with key_by",
                        target->name);
    }
    struct target_partition *part = &target->partitions[partition];
    if (is_full(part, rec)) {
        finish(part);
    }
    size_t before = batch_builder_size(&part->builder);
    if (!part->builder.buf.data && set->spare_count > 0) {
        batch_builder_use(&part->builder, &set->spares[--set->spare_count]);
    }
    int code = batch_builder_add(&part->builder, rec);
    if (code != SRT_OK) {
        return srt_fail(err, code, "topic '%s': the record does not go into a batch", target->name);
    }
    target->used = true;
    set->size_bytes += batch_builder_size(&part->builder) - before;
    return SRT_OK;
}

int target_put(struct target_set *set, struct target *target, const struct record *rec,
               bool any_size, struct srt_err *err)
{
    bool sticks = rec->key_len == RECORD_ABSENT;
    int32_t index = sticks
                        ? sticky_partition(&target->sticky, target->topic.partition_count)
                        : partition_for_key(rec->key, rec->key_len, target->topic.partition_count);
    bool full = sticks && is_full(&target->partitions[index], rec);
    int code = target_put_at(set, target, index, rec, any_size, err);
    if (code == SRT_OK && full) {
        sticky_batch_full(&target->sticky);
    }
    return code;
}

static void take_partition(struct target *target, int32_t index, struct epoch_part *to)
{
    struct target_partition *part = &target->partitions[index];
    finish(part);
    for (uint32_t i = 0; i < part->finished_count; i++) {
        epoch_part_append(to, &target->topic.id, index, &part->finished[i]);
    }
    part->finished_count = 0;
}

void target_set_take(struct target_set *set, struct epoch_part *part)
{
    for (struct target *target = set->first; target; target = target->next) {
        if (!target->used) {
            continue;
        }
        for (int32_t i = 0; i < target->topic.partition_count; i++) {
            take_partition(target, i, part);
        }
        target->used = false;
    }
    set->size_bytes = 0;
}

/* Not more than one epoch's: what a burst needed is given back when it is over. */
void target_set_reuse(struct target_set *set, struct epoch_part *part)
{
    free_spares(set);
    set->spares = srt_xcalloc(part->append_count, sizeof *set->spares);
    for (uint32_t i = 0; i < part->append_count; i++) {
        set->spares[set->spare_count++] = part->batches[i];
        srt_buf_init(&part->batches[i]);
    }
}
