/* engine.h - where pipelines read, write and commit: a table of functions. Implemented by the
 * memory engine (here), the embedded one (embedded/), and later Kafka (cluster/).
 *
 * Owner:   app/ or a test creates the engine; runners borrow it.
 * Thread:  as each function says. Callbacks (wake, done) come from any thread and must not block.
 * Memory:  readers fill the caller's buffers; commits borrow the caller's until done.
 * Fails:   infrastructure errors (disk, cluster) are not record errors: the runner pauses and tries
 *          again when srt_code_retriable(code), else it stops the pipeline. */
#ifndef SRT_PIPELINE_ENGINE_H
#define SRT_PIPELINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "record/compress.h"
#include "record/topic_id.h"

struct engine;
struct engine_reader;
struct engine_member;

enum {
    ENGINE_CAP_ATOMIC_COMMIT = 1 << 0, /* outputs and positions in one step: exactly once */
    ENGINE_CAP_CREATE_TOPIC = 1 << 1,
};

enum { ENGINE_STATE_RECORD_BYTES = 16 << 20 };

struct engine_topic {
    struct topic_id id;
    int32_t partition_count;
    uint64_t max_record_bytes;
    enum compression compression; /* of the batches that are made for it */
    bool compacted;               /* a record needs a key */
};

struct engine_split { /* a partition to read */
    struct topic_id topic_id;
    int32_t partition;
};

/* Where a source goes on. A partition (topic_id not zero) or a named source ("file:PATH"). */
struct engine_position {
    struct topic_id topic_id;
    int32_t partition;
    const char *source_name;
    int64_t offset;
    const uint8_t *detail;
    uint32_t detail_len;
};

struct engine_append { /* finished batches for one partition, in order */
    struct topic_id topic_id;
    int32_t partition;
    uint8_t *batches; /* the engine patches base offsets in place */
    size_t size_bytes;
};

/* One epoch of a pipeline: all of it or nothing. The memory is the caller's until done. */
struct engine_commit {
    const char *group;
    struct engine_append *appends;
    uint32_t append_count;
    struct engine_position *positions;
    uint32_t position_count;
    /* err->code SRT_OK: durable */
    void (*done)(struct engine_commit *commit, const struct srt_err *err);
    void *arg;
    void *engine_private;
};

struct engine_ops {
    const char *name;
    uint32_t caps;

    /* Any thread; may block for a disk write. find: SRT_ENOENT. ensure: create with the engine's
     * defaults. */
    int (*topic_find)(struct engine *eng, const char *name, struct engine_topic *ret,
                      struct srt_err *err);
    int (*topic_ensure)(struct engine *eng, const char *name, struct engine_topic *ret,
                        struct srt_err *err);
    /* A topic of our own for what a pipeline keeps: its name begins with "__streamrt", it is
     * compacted, keeps the last record of every key for ever, and takes records of up to
     * ENGINE_STATE_RECORD_BYTES (less only when a commit cannot be that large). SRT_EEXIST: it is
     * there, but not such a topic or with another partition count. */
    int (*state_topic_ensure)(struct engine *eng, const char *name, int32_t partition_count,
                              struct engine_topic *ret, struct srt_err *err);

    /* A task joins the pipeline's group as a member; the partitions of `topics` are spread over the
     * members. `changed` is called (any thread) when the assignment is another. Main thread. */
    int (*join)(struct engine *eng, const char *group, const char *member_id,
                const char *const *topics, uint32_t topic_count, void (*changed)(void *arg),
                void *arg, struct engine_member **ret, struct srt_err *err);
    /* The caller frees *ret_splits with srt_free. */
    int (*assignment)(struct engine_member *member, struct engine_split **ret_splits,
                      uint32_t *ret_count, struct srt_err *err);
    void (*leave)(struct engine_member *member);

    /* The committed position of a partition or named source: fills offset and detail (detail is
     * srt_xalloc'ed and the caller's). SRT_ENOENT when there is none. Any thread. */
    int (*position)(struct engine *eng, const char *group, struct engine_position *inout,
                    struct srt_err *err);

    /* The first offset at or after a time; the end when there is none. */
    int (*offset_for_time)(struct engine *eng, const struct engine_split *split,
                           int64_t timestamp_ms, int64_t *ret_offset, struct srt_err *err);
    int (*offset_range)(struct engine *eng, const struct engine_split *split, int64_t *ret_start,
                        int64_t *ret_end, struct srt_err *err);

    /* `wake` is called (any thread) when there is more to read after a poll that found nothing. */
    int (*reader_open)(struct engine *eng, const struct engine_split *split, int64_t offset,
                       void (*wake)(void *arg), void *arg, struct engine_reader **ret,
                       struct srt_err *err);
    /* Append whole batches (record/batch.h) to `to`: at least one when there is any, about
     * max_bytes. The first may begin below the reader's offset: skip those records. The reader goes
     * on behind what it returned. The owner's thread. */
    int (*reader_poll)(struct engine_reader *reader, size_t max_bytes, struct srt_buf *to,
                       struct srt_err *err);
    int64_t (*reader_offset)(const struct engine_reader *reader); /* the next one it will return */
    int64_t (*reader_end)(const struct engine_reader *reader);    /* high watermark */
    void (*reader_close)(struct engine_reader *reader);

    /* Asynchronous; SRT_OK means that done will be called. Main thread: the controller. */
    int (*commit)(struct engine *eng, struct engine_commit *commit, struct srt_err *err);
    /* How large the batches of one commit may be together. NULL: as large as memory has room. */
    uint64_t (*commit_bytes_max)(struct engine *eng);
};

struct engine {
    const struct engine_ops *ops;
    const struct srt_clock *clock;
};

/* --- the memory engine (engine_memory.c): everything in RAM, for tests and samples --- */

struct engine *engine_memory_create(const struct srt_clock *clock, int32_t default_partition_count);
void engine_memory_destroy(struct engine *eng);
/* Tests put records in and look at what came out. */
struct record;
int engine_memory_produce(struct engine *eng, const char *topic, int32_t partition /* -1: by key */,
                          const struct record *rec, struct srt_err *err);
typedef void (*engine_memory_each_fn)(void *arg, int32_t partition, const struct record *rec);
int engine_memory_each(struct engine *eng, const char *topic, engine_memory_each_fn each,
                       void *arg);
/* The next `count` commits fail with `code` (infrastructure faults). */
void engine_memory_fail_commits(struct engine *eng, int count, int code);
/* Commits wait until they are released: a disk that takes its time. */
void engine_memory_hold_commits(struct engine *eng, bool hold);
/* Refuse larger ones with SRT_ETOOBIG; 0: none. */
void engine_memory_limit_commits(struct engine *eng, uint64_t bytes);
uint64_t engine_memory_commit_count(struct engine *eng); /* that succeeded */
/* Change the assignments of a group as if another process had come or gone. */
void engine_memory_rebalance(struct engine *eng, const char *group);
/* Forget the records below an offset, as retention does. */
int engine_memory_trim(struct engine *eng, const char *topic, int32_t partition, int64_t offset);
int engine_memory_create_topic(struct engine *eng, const char *topic, int32_t partition_count,
                               uint64_t max_record_bytes, struct srt_err *err);

#endif
