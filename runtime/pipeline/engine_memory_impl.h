/* engine_memory_impl.h - the memory engine from the inside: for its own files only.
 *
 * Owner:   engine_memory_create makes it, engine_memory_destroy frees all of it.
 * Thread:  everything but what is constant is under the engine's lock.
 * Memory:  every batch that was committed, until the engine goes.
 * Fails:   see engine.h. */
#ifndef SRT_PIPELINE_ENGINE_MEMORY_IMPL_H
#define SRT_PIPELINE_ENGINE_MEMORY_IMPL_H

#include "base/list.h"
#include "io/thread.h"
#include "pipeline/engine.h"
#include "record/partitioner.h"

struct stored_batch {
    uint8_t *data;
    uint32_t size;
    int64_t first_offset;
    int64_t last_offset;
    int64_t max_timestamp_ms;
};

struct memory_partition {
    struct stored_batch *batches;
    uint32_t batch_count;
    uint32_t batch_cap;
    int64_t start;
    int64_t end;
};

struct memory_topic {
    struct memory_topic *next;
    char *name;
    struct engine_topic info;
    struct memory_partition *partitions;
};

struct memory_position {
    struct memory_position *next;
    struct engine_position at; /* name and detail are ours */
};

struct memory_group {
    struct memory_group *next;
    char *name;
    struct memory_position *positions;
    struct srt_list members;
    uint32_t member_count;
    uint32_t shift; /* rotates the assignment */
};

struct engine_member {
    struct srt_list node;
    struct memory_engine *eng;
    struct memory_group *group;
    char *id;
    char **topics;
    uint32_t topic_count;
    void (*changed)(void *arg);
    void *arg;
};

struct engine_reader {
    struct srt_list node;
    struct memory_engine *eng;
    struct memory_partition *part;
    int64_t offset;
    void (*wake)(void *arg);
    void *arg;
};

struct memory_engine {
    struct engine base;
    int32_t default_partition_count;
    struct io_lock lock;
    struct memory_topic *topics;
    struct memory_group *groups;
    struct srt_list readers;
    struct sticky_partitioner sticky;
    struct engine_commit **held;
    uint32_t held_count;
    bool holds;
    int fail_count;
    int fail_code;
    uint64_t commit_count;
    uint64_t commit_bytes_max; /* 0: any; set before anything runs */
};

static inline struct memory_engine *engine_memory_of(struct engine *eng)
{
    return srt_container_of(eng, struct memory_engine, base);
}

/* With the lock. */
struct memory_topic *engine_memory_find_topic(struct memory_engine *eng, const char *name);

/* --- engine_memory_groups.c: members and positions, as the functions of engine.h --- */

int engine_memory_join(struct engine *base, const char *group, const char *member_id,
                       const char *const *topics, uint32_t topic_count, void (*changed)(void *arg),
                       void *arg, struct engine_member **ret, struct srt_err *err);
int engine_memory_assignment(struct engine_member *member, struct engine_split **ret_splits,
                             uint32_t *ret_count, struct srt_err *err);
void engine_memory_leave(struct engine_member *member);
int engine_memory_position(struct engine *base, const char *group, struct engine_position *inout,
                           struct srt_err *err);

/* With the lock: a group's position is from now on this one. */
void engine_memory_set_position(struct memory_engine *eng, const char *group,
                                const struct engine_position *at);

void engine_memory_free_groups(struct memory_engine *eng);

#endif
