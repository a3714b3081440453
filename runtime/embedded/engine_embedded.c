/* A translation and nothing more: pipelines speak of splits, positions and commits, the broker of
 * partitions, groups and writes. What makes a pipeline exactly-once is one line of it: a commit's
 * outputs and positions are one broker_write, hence one journal frame.
 *
 *     engine_commit {appends, positions} --> broker_write {appends, positions} --> frame --> done
 *
 * A pipeline is a group of the protocol type "pipeline", whose members never expire: they are
 * threads of this process and leave when they end. */
#include "embedded/engine_embedded.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/list.h"
#include "broker/broker.h"
#include "broker/fetch.h"
#include "broker/group.h"

struct embedded {
    struct engine engine; /* first: what is handed out */
    struct broker *broker;
    struct topic_config target_defaults;
};

static struct embedded *embedded_of(struct engine *eng)
{
    return srt_container_of(eng, struct embedded, engine);
}

/* --- topics --- */

static int topic_find(struct engine *eng, const char *name, struct engine_topic *ret,
                      struct srt_err *err)
{
    struct topic *topic = broker_topic_acquire(embedded_of(eng)->broker, name);
    if (!topic) {
        return srt_fail(err, SRT_ENOENT, "topic '%s' does not exist", name);
    }
    struct topic_config config;
    topic_get_config(topic, &config);
    *ret = (struct engine_topic){
        .id = *topic_get_id(topic),
        .partition_count = config.partition_count,
        .max_record_bytes = config.max_record_bytes,
        .compression = config.compression,
        .compacted = config.cleanup != TOPIC_CLEANUP_DELETE,
    };
    topic_unref(topic);
    return SRT_OK;
}

/* Somebody may make it between the look and the making: then theirs is as good. */
static int topic_ensure(struct engine *eng, const char *name, struct engine_topic *ret,
                        struct srt_err *err)
{
    struct embedded *embedded = embedded_of(eng);
    int code = topic_find(eng, name, ret, err);
    if (code != SRT_ENOENT) {
        return code;
    }
    srt_err_clear(err);
    code = broker_topic_create(embedded->broker, name, &embedded->target_defaults, NULL, err);
    if (code != SRT_OK && code != SRT_EEXIST) {
        return code;
    }
    srt_err_clear(err);
    return topic_find(eng, name, ret, err);
}

/* Small segments: only what is closed can be compacted, and a start reads what is left. */
enum { STATE_SEGMENT_BYTES = 16 << 20 };

static int state_topic_ensure(struct engine *eng, const char *name, int32_t partition_count,
                              struct engine_topic *ret, struct srt_err *err)
{
    struct broker *broker = embedded_of(eng)->broker;
    struct topic_config config;
    topic_config_default(&config);
    config.partition_count = partition_count;
    config.retention_ms = -1;
    config.segment_bytes = STATE_SEGMENT_BYTES;
    config.max_record_bytes = ENGINE_STATE_RECORD_BYTES;
    config.cleanup = TOPIC_CLEANUP_COMPACT;
    int code = broker_topic_create_internal(broker, name, &config, NULL, err);
    if (code != SRT_OK && code != SRT_EEXIST) {
        return code;
    }
    srt_err_clear(err);
    struct topic *topic = broker_topic_acquire(broker, name);
    if (!topic) {
        return srt_fail(err, SRT_ENOENT, "topic '%s' was deleted", name);
    }
    topic_get_config(topic, &config);
    code = topic_find(eng, name, ret, err);
    if (code == SRT_OK && config.partition_count != partition_count) {
        code = srt_fail(err, SRT_EEXIST, "topic '%s' has %" PRId32 " partitions, expected %" PRId32,
                        name, config.partition_count, partition_count);
    } else if (code == SRT_OK && config.cleanup != TOPIC_CLEANUP_COMPACT) {
        code = srt_fail(err, SRT_EEXIST, "topic '%s' is not compacted", name);
    }
    topic_unref(topic);
    return code;
}

/* --- members --- */

struct engine_member {
    struct broker *broker;
    char *group;
    char *member_id;
    void (*changed)(void *arg);
    void *arg;
};

static void on_change(void *arg, int32_t generation)
{
    (void)generation; /* the assignment is fetched anew, whatever it is by then */
    struct engine_member *member = arg;
    member->changed(member->arg);
}

static void free_member(struct engine_member *member)
{
    srt_free(member->group);
    srt_free(member->member_id);
    srt_free(member);
}

static int join(struct engine *eng, const char *group, const char *member_id,
                const char *const *topics, uint32_t topic_count, void (*changed)(void *arg),
                void *arg, struct engine_member **ret, struct srt_err *err)
{
    struct engine_member *member = srt_xcalloc(1, sizeof *member);
    member->broker = embedded_of(eng)->broker;
    member->group = srt_xstrdup(group);
    member->member_id = srt_xstrdup(member_id);
    member->changed = changed;
    member->arg = arg;
    struct group_join request = {
        .group = group,
        .protocol_type = "pipeline",
        .member_id = member_id,
        .topics = topics,
        .topic_count = topic_count,
        .session_ms = -1,
        .on_change = changed ? on_change : NULL,
        .arg = member,
    };
    int32_t generation;
    int code = group_member_join(member->broker, &request, &generation, err);
    if (code != SRT_OK) {
        free_member(member);
        return code;
    }
    *ret = member;
    return SRT_OK;
}

static int assignment(struct engine_member *member, struct engine_split **ret_splits,
                      uint32_t *ret_count, struct srt_err *err)
{
    int32_t generation;
    struct group_partition *parts;
    uint32_t count;
    int code = group_member_assignment(member->broker, member->group, member->member_id,
                                       &generation, &parts, &count, err);
    if (code != SRT_OK) {
        return code;
    }
    struct engine_split *splits = srt_xcalloc(count, sizeof *splits);
    for (uint32_t i = 0; i < count; i++) {
        splits[i] = (struct engine_split){parts[i].topic_id, parts[i].partition};
    }
    srt_free(parts);
    *ret_splits = splits;
    *ret_count = count;
    return SRT_OK;
}

static void leave(struct engine_member *member)
{
    struct srt_err ignored = {0};
    int code = group_member_leave(member->broker, member->group, member->member_id, &ignored);
    srt_assert(code == SRT_OK); /* it never expires */
    free_member(member);
}

/* --- positions --- */

/* A group that has read an earlier topic of the same name must not begin the new one as if nothing
 * had been: that is for the user to decide. */
static int no_position(struct embedded *embedded, const char *group,
                       const struct engine_position *position, struct srt_err *err)
{
    if (position->source_name) {
        return srt_fail(err, SRT_ENOENT, "group '%s' has no position in '%s'", group,
                        position->source_name);
    }
    struct topic *topic = broker_topic_acquire_id(embedded->broker, &position->topic_id);
    const char *name = topic ? topic_name(topic) : "";
    int code;
    if (topic && broker_group_lost_topic(embedded->broker, group, name)) {
        code = srt_fail(
            err, SRT_ERANGE,
            "topic '%s' was deleted and created again since '%s' read it: rename the pipeline to "
            "begin the new one, or delete its positions",
            name, group);
    } else {
        code =
            srt_fail(err, SRT_ENOENT, "group '%s' has no position in topic '%s' partition %" PRId32,
                     group, name, position->partition);
    }
    topic_unref(topic);
    return code;
}

static int position(struct engine *eng, const char *group, struct engine_position *inout,
                    struct srt_err *err)
{
    struct embedded *embedded = embedded_of(eng);
    int64_t offset;
    uint8_t *detail;
    uint32_t detail_len;
    int code = broker_group_position(embedded->broker, group, &inout->topic_id, inout->partition,
                                     inout->source_name, &offset, &detail, &detail_len);
    if (code != SRT_OK) {
        return no_position(embedded, group, inout, err);
    }
    inout->offset = offset;
    inout->detail = detail;
    inout->detail_len = detail_len;
    return SRT_OK;
}

static int offset_for_time(struct engine *eng, const struct engine_split *split,
                           int64_t timestamp_ms, int64_t *ret_offset, struct srt_err *err)
{
    return fetch_offset_for_time(embedded_of(eng)->broker, &split->topic_id, split->partition,
                                 timestamp_ms, ret_offset, err);
}

static int offset_range(struct engine *eng, const struct engine_split *split, int64_t *ret_start,
                        int64_t *ret_end, struct srt_err *err)
{
    return fetch_range(embedded_of(eng)->broker, &split->topic_id, split->partition, ret_start,
                       ret_end, err);
}

/* --- readers: the broker's fetchers under another name --- */

static struct fetcher *fetcher_of(const struct engine_reader *reader)
{
    return (struct fetcher *)(uintptr_t)reader;
}

static int reader_open(struct engine *eng, const struct engine_split *split, int64_t offset,
                       void (*wake)(void *arg), void *arg, struct engine_reader **ret,
                       struct srt_err *err)
{
    struct fetcher *fetcher;
    int code = fetcher_open(embedded_of(eng)->broker, &split->topic_id, split->partition, offset,
                            wake, arg, &fetcher, err);
    if (code == SRT_OK) {
        *ret = (struct engine_reader *)fetcher;
    }
    return code;
}

static int reader_poll(struct engine_reader *reader, size_t max_bytes, struct srt_buf *to,
                       struct srt_err *err)
{
    return fetcher_poll(fetcher_of(reader), max_bytes, to, err);
}

static int64_t reader_offset(const struct engine_reader *reader)
{
    return fetcher_offset(fetcher_of(reader));
}

static int64_t reader_end(const struct engine_reader *reader)
{
    return fetcher_end(fetcher_of(reader));
}

static void reader_close(struct engine_reader *reader)
{
    fetcher_close(fetcher_of(reader));
}

/* --- commits --- */

struct pending {
    struct broker_write write;
    struct engine_commit *commit;
    struct store_append *appends;
    struct group_position *positions;
};

static void free_pending(struct pending *pending)
{
    srt_free(pending->appends);
    srt_free(pending->positions);
    srt_free(pending);
}

static void on_written(struct broker_write *write, int code)
{
    struct pending *pending = write->arg;
    struct engine_commit *commit = pending->commit;
    struct srt_err err = {0};
    if (code != SRT_OK) {
        (void)broker_explain(write->broker, code, &err);
    }
    free_pending(pending);
    commit->engine_private = NULL;
    commit->done(commit, &err);
}

/* The topics that the commit writes to, each append's with a reference; or none. */
static int acquire_topics(struct embedded *embedded, const struct engine_commit *commit,
                          struct topic **topics, struct srt_err *err)
{
    for (uint32_t i = 0; i < commit->append_count; i++) {
        const struct engine_append *append = &commit->appends[i];
        topics[i] = broker_topic_acquire_id(embedded->broker, &append->topic_id);
        if (!topics[i]) {
            char text[TOPIC_ID_TEXT_MAX];
            return srt_fail(err, SRT_ENOENT, "commit of '%s': topic %s was deleted", commit->group,
                            topic_id_format(text, &append->topic_id));
        }
        if (!topic_partition(topics[i], append->partition)) {
            return srt_fail(err, SRT_ENOENT, "commit of '%s': topic '%s' has no partition %" PRId32,
                            commit->group, topic_name(topics[i]), append->partition);
        }
    }
    return SRT_OK;
}

static struct pending *translate(struct engine_commit *commit, struct topic *const *topics)
{
    struct pending *pending = srt_xcalloc(1, sizeof *pending);
    pending->commit = commit;
    pending->appends = srt_xcalloc(commit->append_count, sizeof *pending->appends);
    for (uint32_t i = 0; i < commit->append_count; i++) {
        pending->appends[i] = (struct store_append){
            .part = topic_partition(topics[i], commit->appends[i].partition),
            .batches = commit->appends[i].batches,
            .size_bytes = commit->appends[i].size_bytes,
        };
    }
    pending->positions = srt_xcalloc(commit->position_count, sizeof *pending->positions);
    for (uint32_t i = 0; i < commit->position_count; i++) {
        const struct engine_position *from = &commit->positions[i];
        pending->positions[i] = (struct group_position){
            .topic_id = from->topic_id,
            .partition = from->partition,
            .source_name = from->source_name,
            .offset = from->offset,
            .detail = from->detail,
            .detail_len = from->detail_len,
        };
    }
    pending->write = (struct broker_write){
        .appends = pending->appends,
        .append_count = commit->append_count,
        .group = commit->group,
        .positions = pending->positions,
        .position_count = commit->position_count,
        .done = on_written,
        .arg = pending,
    };
    return pending;
}

static uint64_t commit_bytes_max(struct engine *eng)
{
    return broker_write_bytes_max(embedded_of(eng)->broker);
}

static int commit(struct engine *eng, struct engine_commit *commit, struct srt_err *err)
{
    struct embedded *embedded = embedded_of(eng);
    if (commit->append_count == 0 && commit->position_count == 0) {
        commit->done(commit, &(struct srt_err){0}); /* nothing is as durable as it can be */
        return SRT_OK;
    }
    struct topic **topics = srt_xcalloc(commit->append_count, sizeof(struct topic *));
    int code = acquire_topics(embedded, commit, topics, err);
    if (code == SRT_OK) {
        struct pending *pending = translate(commit, topics);
        commit->engine_private = pending;
        code = broker_submit(embedded->broker, &pending->write, err); /* done may have run by now */
        if (code != SRT_OK) {
            free_pending(pending);
            commit->engine_private = NULL;
            (void)srt_err_wrap(err, "commit of '%s'", commit->group);
        }
    }
    for (uint32_t i = 0; i < commit->append_count; i++) {
        topic_unref(topics[i]); /* from the submit on the write itself keeps it from going */
    }
    srt_free(topics);
    return code;
}

/* --- the engine --- */

static const struct engine_ops embedded_ops = {
    .name = "embedded",
    .caps = ENGINE_CAP_ATOMIC_COMMIT | ENGINE_CAP_CREATE_TOPIC,
    .topic_find = topic_find,
    .topic_ensure = topic_ensure,
    .state_topic_ensure = state_topic_ensure,
    .join = join,
    .assignment = assignment,
    .leave = leave,
    .position = position,
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

int engine_embedded_create(struct broker *broker, const struct topic_config *target_defaults,
                           const struct srt_clock *clock, struct engine **ret, struct srt_err *err)
{
    int code = topic_config_check(target_defaults, err);
    if (code != SRT_OK) {
        return srt_err_wrap(err, "defaults of target topics");
    }
    struct embedded *embedded = srt_xcalloc(1, sizeof *embedded);
    embedded->engine.ops = &embedded_ops;
    embedded->engine.clock = clock;
    embedded->broker = broker;
    embedded->target_defaults = *target_defaults;
    *ret = &embedded->engine;
    return SRT_OK;
}

void engine_embedded_destroy(struct engine *eng)
{
    if (eng) {
        srt_free(embedded_of(eng));
    }
}
