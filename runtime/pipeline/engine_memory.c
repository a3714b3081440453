/* Topics are lists of batches in memory, under one lock. The lock is held while a reader's wake is
 * called: a wake only sets a flag and sends a wake-up, and this way none runs after its reader was
 * closed. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "pipeline/engine_memory_impl.h"
#include "record/batch.h"
#include "record/record.h"

enum { MAX_RECORD_BYTES_DEFAULT = 1 << 20 };

/* --- topics --- */

struct memory_topic *engine_memory_find_topic(struct memory_engine *eng, const char *name)
{
    for (struct memory_topic *topic = eng->topics; topic; topic = topic->next) {
        if (strcmp(topic->name, name) == 0) {
            return topic;
        }
    }
    return NULL;
}

static struct memory_partition *find_partition(struct memory_engine *eng, const struct topic_id *id,
                                               int32_t partition)
{
    for (struct memory_topic *topic = eng->topics; topic; topic = topic->next) {
        if (topic_id_equal(&topic->info.id, id) && partition >= 0 &&
            partition < topic->info.partition_count) {
            return &topic->partitions[partition];
        }
    }
    return NULL;
}

static struct memory_topic *add_topic(struct memory_engine *eng, const char *name,
                                      int32_t partition_count, uint64_t max_record_bytes)
{
    struct memory_topic *topic = srt_xcalloc(1, sizeof *topic);
    topic->name = srt_xstrdup(name);
    topic->info = (struct engine_topic){.id = topic_id_new(),
                                        .partition_count = partition_count,
                                        .max_record_bytes = max_record_bytes};
    topic->partitions = srt_xcalloc((size_t)partition_count, sizeof *topic->partitions);
    topic->next = eng->topics;
    eng->topics = topic;
    return topic;
}

static int topic_find(struct engine *base, const char *name, struct engine_topic *ret,
                      struct srt_err *err)
{
    struct memory_engine *eng = engine_memory_of(base);
    io_lock(&eng->lock);
    struct memory_topic *topic = engine_memory_find_topic(eng, name);
    if (topic) {
        *ret = topic->info;
    }
    io_unlock(&eng->lock);
    return topic ? SRT_OK : srt_fail(err, SRT_ENOENT, "topic '%s' does not exist", name);
}

static int topic_ensure(struct engine *base, const char *name, struct engine_topic *ret,
                        struct srt_err *err)
{
    struct memory_engine *eng = engine_memory_of(base);
    if (!topic_name_valid(name)) {
        return srt_fail(err, SRT_EINVAL, "'%s' is not a name for a topic", name);
    }
    io_lock(&eng->lock);
    struct memory_topic *topic = engine_memory_find_topic(eng, name);
    if (!topic) {
        topic = add_topic(eng, name, eng->default_partition_count, MAX_RECORD_BYTES_DEFAULT);
    }
    *ret = topic->info;
    io_unlock(&eng->lock);
    return SRT_OK;
}

/* Nothing is compacted: what is in memory goes with the process. */
static int state_topic_ensure(struct engine *base, const char *name, int32_t partition_count,
                              struct engine_topic *ret, struct srt_err *err)
{
    struct memory_engine *eng = engine_memory_of(base);
    if (!topic_name_valid(name) || !topic_name_reserved(name) || partition_count < 1) {
        return srt_fail(err, SRT_EINVAL, "'%s' with %" PRId32 " partitions is no topic for state",
                        name, partition_count);
    }
    io_lock(&eng->lock);
    struct memory_topic *topic = engine_memory_find_topic(eng, name);
    if (!topic) {
        topic = add_topic(eng, name, partition_count, ENGINE_STATE_RECORD_BYTES);
        topic->info.compacted = true;
    }
    *ret = topic->info;
    io_unlock(&eng->lock);
    return ret->partition_count == partition_count
               ? SRT_OK
               : srt_fail(err, SRT_EEXIST,
                          "topic '%s' has %" PRId32 " partitions, expected %" PRId32, name,
                          ret->partition_count, partition_count);
}

int engine_memory_create_topic(struct engine *base, const char *name, int32_t partition_count,
                               uint64_t max_record_bytes, struct srt_err *err)
{
    struct memory_engine *eng = engine_memory_of(base);
    io_lock(&eng->lock);
    bool exists = engine_memory_find_topic(eng, name) != NULL;
    if (!exists) {
        add_topic(eng, name, partition_count, max_record_bytes);
    }
    io_unlock(&eng->lock);
    return exists ? srt_fail(err, SRT_EEXIST, "topic '%s' exists already", name) : SRT_OK;
}

static void wake_readers(struct memory_engine *eng, const struct memory_partition *part)
{
    io_lock_assert_held(&eng->lock);
    srt_list_for_each(node, &eng->readers)
    {
        struct engine_reader *reader = srt_container_of(node, struct engine_reader, node);
        if (reader->part == part && reader->wake) {
            reader->wake(reader->arg);
        }
    }
}

/* One batch at the end of a partition. */
static void store_batch(struct memory_partition *part, const uint8_t *data,
                        const struct batch_info *info)
{
    if (part->batch_count == part->batch_cap) {
        part->batch_cap = part->batch_cap ? part->batch_cap * 2 : 16;
        part->batches = srt_xrealloc(part->batches, part->batch_cap * sizeof *part->batches);
    }
    struct stored_batch *batch = &part->batches[part->batch_count++];
    *batch = (struct stored_batch){
        .data = srt_xalloc(info->size_bytes),
        .size = info->size_bytes,
        .first_offset = part->end,
        .last_offset = part->end + info->last_offset_delta,
        .max_timestamp_ms = info->max_timestamp_ms,
    };
    memcpy(batch->data, data, info->size_bytes);
    batch_set_base_offset(batch->data, part->end);
    part->end = batch->last_offset + 1;
}

/* --- reading --- */

static int no_partition(struct srt_err *err)
{
    return srt_fail(err, SRT_ENOENT, "there is no such partition");
}

static int offset_for_time(struct engine *base, const struct engine_split *split,
                           int64_t timestamp_ms, int64_t *ret_offset, struct srt_err *err)
{
    struct memory_engine *eng = engine_memory_of(base);
    io_lock(&eng->lock);
    struct memory_partition *part = find_partition(eng, &split->topic_id, split->partition);
    int64_t found = part ? part->end : 0;
    struct srt_buf space = {0};
    for (uint32_t i = 0; part && i < part->batch_count && found == part->end; i++) {
        struct batch_info info;
        struct batch_reader reader;
        struct record rec;
        int code = batch_parse(part->batches[i].data, part->batches[i].size, &info);
        srt_assert(code == SRT_OK);
        code = batch_reader_init(&reader, part->batches[i].data, &info, &space);
        srt_assert(code == SRT_OK);
        while (batch_reader_next(&reader, &rec) == SRT_OK) {
            if (rec.timestamp_ms >= timestamp_ms && rec.offset >= part->start) {
                found = rec.offset;
                break;
            }
        }
    }
    io_unlock(&eng->lock);
    srt_buf_fini(&space);
    if (!part) {
        return no_partition(err);
    }
    *ret_offset = found;
    return SRT_OK;
}

static int offset_range(struct engine *base, const struct engine_split *split, int64_t *ret_start,
                        int64_t *ret_end, struct srt_err *err)
{
    struct memory_engine *eng = engine_memory_of(base);
    io_lock(&eng->lock);
    struct memory_partition *part = find_partition(eng, &split->topic_id, split->partition);
    if (part) {
        *ret_start = part->start;
        *ret_end = part->end;
    }
    io_unlock(&eng->lock);
    return part ? SRT_OK : no_partition(err);
}

static int reader_open(struct engine *base, const struct engine_split *split, int64_t offset,
                       void (*wake)(void *arg), void *arg, struct engine_reader **ret,
                       struct srt_err *err)
{
    struct memory_engine *eng = engine_memory_of(base);
    io_lock(&eng->lock);
    struct memory_partition *part = find_partition(eng, &split->topic_id, split->partition);
    bool in_range = part && offset >= 0 && offset <= part->end;
    if (in_range) {
        struct engine_reader *reader = srt_xcalloc(1, sizeof *reader);
        *reader = (struct engine_reader){
            .eng = eng, .part = part, .offset = offset, .wake = wake, .arg = arg};
        srt_list_push(&eng->readers, &reader->node);
        *ret = reader;
    }
    io_unlock(&eng->lock);
    if (!part) {
        return no_partition(err);
    }
    return in_range ? SRT_OK
                    : srt_fail(err, SRT_ERANGE, "offset %" PRId64 " is not in the partition",
                               offset);
}

static int reader_poll(struct engine_reader *reader, size_t max_bytes, struct srt_buf *to,
                       struct srt_err *err)
{
    (void)err;
    struct memory_engine *eng = reader->eng;
    size_t taken = 0;
    io_lock(&eng->lock);
    const struct memory_partition *part = reader->part;
    for (uint32_t i = 0; i < part->batch_count; i++) {
        const struct stored_batch *batch = &part->batches[i];
        if (batch->last_offset < reader->offset) {
            continue;
        }
        if (taken > 0 && taken + batch->size > max_bytes) {
            break;
        }
        srt_buf_put(to, batch->data, batch->size);
        taken += batch->size;
        reader->offset = batch->last_offset + 1;
    }
    io_unlock(&eng->lock);
    return SRT_OK;
}

static int64_t reader_offset(const struct engine_reader *reader)
{
    return reader->offset;
}

static int64_t reader_end(const struct engine_reader *reader)
{
    io_lock(&reader->eng->lock);
    int64_t end = reader->part->end;
    io_unlock(&reader->eng->lock);
    return end;
}

static void reader_close(struct engine_reader *reader)
{
    struct memory_engine *eng = reader->eng;
    io_lock(&eng->lock);
    srt_list_remove(&reader->node);
    io_unlock(&eng->lock);
    srt_free(reader);
}

/* --- commits --- */

static void apply_append(struct memory_engine *eng, const struct engine_append *append)
{
    struct memory_partition *part = find_partition(eng, &append->topic_id, append->partition);
    srt_assert(part);
    for (size_t at = 0; at < append->size_bytes;) {
        struct batch_info info;
        int code = batch_check_records(append->batches + at, append->size_bytes - at, &info);
        srt_assert(code == SRT_OK);
        store_batch(part, append->batches + at, &info);
        at += info.size_bytes;
    }
    wake_readers(eng, part);
}

static void finish_commit(struct memory_engine *eng, struct engine_commit *commit)
{
    struct srt_err err = {0};
    io_lock(&eng->lock);
    if (eng->fail_count > 0) {
        eng->fail_count--;
        (void)srt_fail(&err, eng->fail_code, "a commit that a test makes fail");
    } else {
        for (uint32_t i = 0; i < commit->append_count; i++) {
            apply_append(eng, &commit->appends[i]);
        }
        for (uint32_t i = 0; i < commit->position_count; i++) {
            engine_memory_set_position(eng, commit->group, &commit->positions[i]);
        }
        eng->commit_count++;
    }
    io_unlock(&eng->lock);
    commit->done(commit, &err);
}

static int commit(struct engine *base, struct engine_commit *commit, struct srt_err *err)
{
    struct memory_engine *eng = engine_memory_of(base);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < commit->append_count; i++) {
        bytes += commit->appends[i].size_bytes;
    }
    if (eng->commit_bytes_max > 0 && bytes > eng->commit_bytes_max) {
        return srt_fail(err, SRT_ETOOBIG, "a commit of %" PRIu64 " bytes is too large", bytes);
    }
    io_lock(&eng->lock);
    bool known = true;
    for (uint32_t i = 0; i < commit->append_count; i++) {
        const struct engine_append *append = &commit->appends[i];
        known = known && find_partition(eng, &append->topic_id, append->partition);
    }
    bool held = known && eng->holds;
    if (held) {
        eng->held = srt_xrealloc(eng->held, (eng->held_count + 1) * sizeof(*eng->held));
        eng->held[eng->held_count++] = commit;
    }
    io_unlock(&eng->lock);
    if (!known) {
        return no_partition(err);
    }
    if (!held) {
        finish_commit(eng, commit);
    }
    return SRT_OK;
}

static uint64_t commit_bytes_max(struct engine *base)
{
    uint64_t bytes = engine_memory_of(base)->commit_bytes_max;
    return bytes > 0 ? bytes : UINT64_MAX;
}

void engine_memory_limit_commits(struct engine *base, uint64_t bytes)
{
    engine_memory_of(base)->commit_bytes_max = bytes;
}

void engine_memory_hold_commits(struct engine *base, bool hold)
{
    struct memory_engine *eng = engine_memory_of(base);
    io_lock(&eng->lock);
    eng->holds = hold;
    struct engine_commit **held = hold ? NULL : eng->held;
    uint32_t count = hold ? 0 : eng->held_count;
    if (!hold) {
        eng->held = NULL;
        eng->held_count = 0;
    }
    io_unlock(&eng->lock);
    for (uint32_t i = 0; i < count; i++) {
        finish_commit(eng, held[i]);
    }
    srt_free(held);
}

void engine_memory_fail_commits(struct engine *base, int count, int code)
{
    struct memory_engine *eng = engine_memory_of(base);
    io_lock(&eng->lock);
    eng->fail_count = count;
    eng->fail_code = code;
    io_unlock(&eng->lock);
}

uint64_t engine_memory_commit_count(struct engine *base)
{
    struct memory_engine *eng = engine_memory_of(base);
    io_lock(&eng->lock);
    uint64_t count = eng->commit_count;
    io_unlock(&eng->lock);
    return count;
}

/* --- tests look in from outside --- */

int engine_memory_produce(struct engine *base, const char *name, int32_t partition,
                          const struct record *rec, struct srt_err *err)
{
    struct memory_engine *eng = engine_memory_of(base);
    struct engine_topic info;
    int code = topic_ensure(base, name, &info, err);
    if (code != SRT_OK) {
        return code;
    }
    struct batch_builder builder;
    batch_builder_init(&builder);
    code = batch_builder_add(&builder, rec);
    if (code == SRT_OK) {
        const uint8_t *data;
        size_t size;
        struct batch_info parsed;
        batch_builder_finish(&builder, &data, &size);
        code = batch_parse(data, size, &parsed);
        srt_assert(code == SRT_OK);
        io_lock(&eng->lock);
        if (partition < 0) {
            partition = rec->key_len == RECORD_ABSENT
                            ? sticky_partition(&eng->sticky, info.partition_count)
                            : partition_for_key(rec->key, rec->key_len, info.partition_count);
        }
        struct memory_partition *part = find_partition(eng, &info.id, partition);
        srt_assert(part);
        store_batch(part, data, &parsed);
        wake_readers(eng, part);
        io_unlock(&eng->lock);
    } else {
        code = srt_fail(err, code, "the record does not go into a batch");
    }
    batch_builder_fini(&builder);
    return code;
}

int engine_memory_each(struct engine *base, const char *name, engine_memory_each_fn each, void *arg)
{
    struct memory_engine *eng = engine_memory_of(base);
    io_lock(&eng->lock);
    const struct memory_topic *topic = engine_memory_find_topic(eng, name);
    struct srt_buf space = {0};
    for (int32_t p = 0; topic && p < topic->info.partition_count; p++) {
        const struct memory_partition *part = &topic->partitions[p];
        for (uint32_t i = 0; i < part->batch_count; i++) {
            struct batch_info info;
            struct batch_reader reader;
            struct record rec;
            int code = batch_parse(part->batches[i].data, part->batches[i].size, &info);
            srt_assert(code == SRT_OK);
            code = batch_reader_init(&reader, part->batches[i].data, &info, &space);
            srt_assert(code == SRT_OK);
            while (batch_reader_next(&reader, &rec) == SRT_OK) {
                if (rec.offset >= part->start) {
                    each(arg, p, &rec);
                }
            }
        }
    }
    io_unlock(&eng->lock);
    srt_buf_fini(&space);
    return topic ? SRT_OK : SRT_ENOENT;
}

int engine_memory_trim(struct engine *base, const char *name, int32_t partition, int64_t offset)
{
    struct memory_engine *eng = engine_memory_of(base);
    io_lock(&eng->lock);
    struct memory_topic *topic = engine_memory_find_topic(eng, name);
    struct memory_partition *part = topic ? &topic->partitions[partition] : NULL;
    if (part) {
        part->start = offset > part->end ? part->end : offset;
    }
    io_unlock(&eng->lock);
    return part ? SRT_OK : SRT_ENOENT;
}

/* --- life --- */

static const struct engine_ops ops = {
    .name = "memory",
    .caps = ENGINE_CAP_ATOMIC_COMMIT | ENGINE_CAP_CREATE_TOPIC,
    .topic_find = topic_find,
    .topic_ensure = topic_ensure,
    .state_topic_ensure = state_topic_ensure,
    .join = engine_memory_join,
    .assignment = engine_memory_assignment,
    .leave = engine_memory_leave,
    .position = engine_memory_position,
    .offset_for_time = offset_for_time,
    .offset_range = offset_range,
    .reader_open = reader_open,
    .reader_poll = reader_poll,
    .reader_offset = reader_offset,
    .reader_end = reader_end,
    .reader_close = reader_close,
    .commit = commit,
    .commit_bytes_max = commit_bytes_max,
};

struct engine *engine_memory_create(const struct srt_clock *clock, int32_t default_partition_count)
{
    struct memory_engine *eng = srt_xcalloc(1, sizeof *eng);
    eng->base = (struct engine){.ops = &ops, .clock = clock};
    eng->default_partition_count = default_partition_count;
    io_lock_init(&eng->lock, IO_LOCK_MEMORY_ENGINE);
    srt_list_init(&eng->readers);
    sticky_init(&eng->sticky, 1);
    return &eng->base;
}

static void free_topic(struct memory_topic *topic)
{
    for (int32_t p = 0; p < topic->info.partition_count; p++) {
        for (uint32_t i = 0; i < topic->partitions[p].batch_count; i++) {
            srt_free(topic->partitions[p].batches[i].data);
        }
        srt_free(topic->partitions[p].batches);
    }
    srt_free(topic->partitions);
    srt_free(topic->name);
    srt_free(topic);
}

void engine_memory_destroy(struct engine *base)
{
    if (!base) {
        return;
    }
    struct memory_engine *eng = engine_memory_of(base);
    srt_assert(srt_list_empty(&eng->readers) && eng->held_count == 0);
    while (eng->topics) {
        struct memory_topic *topic = eng->topics;
        eng->topics = topic->next;
        free_topic(topic);
    }
    engine_memory_free_groups(eng);
    srt_free(eng->held);
    io_lock_fini(&eng->lock);
    srt_free(eng);
}
