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
    struct srt_buf finished; /* whole batches */
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
        batch_builder_fini(&target->partitions[i].builder);
        srt_buf_fini(&target->partitions[i].finished);
    }
    srt_free(target->partitions);
    srt_free(target->name);
    srt_free(target);
}

void target_set_fini(struct target_set *set)
{
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
    srt_assert(topic.partition_count > 0);
    target = srt_xcalloc(1, sizeof *target);
    target->name = srt_xstrdup(name);
    target->topic = topic;
    target->partitions = srt_xcalloc((size_t)topic.partition_count, sizeof *target->partitions);
    for (int32_t i = 0; i < topic.partition_count; i++) {
        batch_builder_init(&target->partitions[i].builder);
    }
    sticky_init(&target->sticky, set->seed++);
    if (set->last) {
        set->last->next = target;
    } else {
        set->first = target;
    }
    set->last = target;
    srt_map_set_str(&set->by_name, name, target);
    *ret = target;
    return SRT_OK;
}

/* Move the builder's batch behind the finished ones. */
static int finish(struct target_partition *part)
{
    if (part->builder.record_count == 0) {
        return SRT_OK;
    }
    const uint8_t *data;
    size_t size;
    batch_builder_finish(&part->builder, &data, &size);
    srt_buf_put(&part->finished, data, size);
    if (srt_buf_failed(&part->finished)) {
        part->finished.failed = false;
        return SRT_ENOMEM;
    }
    batch_builder_clear(&part->builder);
    return SRT_OK;
}

static size_t payload_bytes(const struct record *rec)
{
    size_t size = rec->headers_len;
    size += rec->key_len > 0 ? (size_t)rec->key_len : 0;
    size += rec->value_len > 0 ? (size_t)rec->value_len : 0;
    return size;
}

int target_put(struct target_set *set, struct target *target, const struct record *rec,
               bool any_size, struct srt_err *err)
{
    size_t size = payload_bytes(rec);
    if (!any_size && size > target->topic.max_record_bytes) {
        return srt_fail(err, SRT_ETOOBIG,
                        "a record of %zu bytes is larger than topic '%s' takes (%" PRIu64
                        "): raise its max_record_bytes or make the record smaller",
                        size, target->name, target->topic.max_record_bytes);
    }
    int32_t index = rec->key_len == RECORD_ABSENT
                        ? sticky_partition(&target->sticky, target->topic.partition_count)
                        : partition_for_key(rec->key, rec->key_len, target->topic.partition_count);
    struct target_partition *part = &target->partitions[index];
    size_t before = batch_builder_size(&part->builder);
    if (part->builder.record_count > 0 && before + batch_record_size_max(rec) > BATCH_BYTES) {
        if (finish(part) != SRT_OK) {
            return srt_fail(err, SRT_ENOMEM, "no memory for the batches of topic '%s'",
                            target->name);
        }
        if (rec->key_len == RECORD_ABSENT) {
            sticky_batch_full(&target->sticky);
        }
        before = batch_builder_size(&part->builder);
    }
    int code = batch_builder_add(&part->builder, rec);
    if (code != SRT_OK) {
        return srt_fail(err, code, "topic '%s': the record does not go into a batch", target->name);
    }
    target->used = true;
    set->size_bytes += batch_builder_size(&part->builder) - before;
    return SRT_OK;
}

static void take_partition(struct target *target, int32_t index, struct epoch_part *to)
{
    struct target_partition *part = &target->partitions[index];
    if (part->builder.record_count > 0 && finish(part) != SRT_OK) {
        /* No room for a joined copy: the batches go as two appends, the builder gives its memory
         * away. */
        const uint8_t *data;
        size_t size;
        batch_builder_finish(&part->builder, &data, &size);
        uint8_t *copy = srt_xalloc(size);
        memcpy(copy, data, size);
        if (part->finished.len > 0) {
            epoch_part_append(to, &target->topic.id, index, part->finished.data,
                              part->finished.len);
        }
        epoch_part_append(to, &target->topic.id, index, copy, size);
        batch_builder_clear(&part->builder);
        part->finished = (struct srt_buf){0};
        return;
    }
    if (part->finished.len > 0) {
        epoch_part_append(to, &target->topic.id, index, part->finished.data, part->finished.len);
        part->finished = (struct srt_buf){0};
    }
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
