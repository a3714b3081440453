/* broker.h - the narrow waist: topics, producing, fetching, groups and positions, in one process.
 *
 * Owner:   app/ opens it; embedded/ and cli/ (later kafka/ and admin/) use it.
 * Thread:  any, unless a function says otherwise; callbacks run on the store thread and must not
 *          block.
 * Memory:  topics and groups are control plane; in-flight writes are bounded by the store.
 * Fails:   what store.h says, and SRT_ENOENT / SRT_EEXIST / SRT_EINVAL for names and options. */
#ifndef SRT_BROKER_BROKER_H
#define SRT_BROKER_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "broker/topic.h"
#include "record/batch.h"
#include "store/partition.h"
#include "store/store.h"

struct broker;

struct broker_options {
    struct store_options store; /* meta is the broker's own: leave it empty */
    int64_t group_session_ms;   /* a member that is silent for so long is out; default 45 s */
};
void broker_options_default(struct broker_options *options);

int broker_open(const struct broker_options *options, struct broker **ret_broker,
                struct srt_err *err);
int broker_close(struct broker *broker, struct srt_err *err); /* accepts NULL */
struct store *broker_store(struct broker *broker);
const char *broker_node_id(const struct broker *broker);
const struct srt_clock *broker_clock(const struct broker *broker);

/* --- topics --- */

/* Create, durable on return. SRT_EEXIST, SRT_EINVAL (name, partition count). Blocks. */
int broker_topic_create(struct broker *broker, const char *name, const struct topic_config *config,
                        struct topic **ret_topic, struct srt_err *err);

/* The same for streamrt's own topics: the name must be one that is reserved for them. A limit on
 * records that no journal frame could hold becomes the one that it can. */
int broker_topic_create_internal(struct broker *broker, const char *name,
                                 const struct topic_config *config, struct topic **ret_topic,
                                 struct srt_err *err);

/* Change options, or add partitions; fewer partitions is SRT_EINVAL. Durable on return. Blocks. */
int broker_topic_alter(struct broker *broker, const char *name, const struct topic_config *config,
                       struct srt_err *err);
/* Waits for writes in flight, keeps new ones out. Groups keep their positions, marked as lost
 * (below). */
int broker_topic_delete(struct broker *broker, const char *name, struct srt_err *err);

/* Borrowed, NULL when there is none: for those who know that nobody deletes topics meanwhile. */
struct topic *broker_topic_find(struct broker *broker, const char *name);
struct topic *broker_topic_find_id(struct broker *broker, const struct topic_id *id);

/* With a reference, which topic_unref gives back: for all others. */
struct topic *broker_topic_acquire(struct broker *broker, const char *name);
struct topic *broker_topic_acquire_id(struct broker *broker, const struct topic_id *id);

/* Sorted by name. */
void broker_topic_each(struct broker *broker, void (*each)(void *arg, struct topic *topic),
                       void *arg);

/* --- producing: one atomic write of anything --- */

/* A position of a group: where it goes on in a source. Sources are partitions of topics, or things
 * outside (a file), which have a name and bytes that their source understands. */
struct group_position {
    struct topic_id topic_id; /* zero for a named source */
    int32_t partition;
    const char *source_name; /* "file:/var/log/access.log"; NULL for a partition */
    int64_t offset;          /* the next record, or byte position */
    const uint8_t *detail;   /* the source's own bytes, a client's text; may be NULL */
    uint32_t detail_len;
};

/* Batches for partitions and positions of one group, durable and visible together. The memory is
 * the caller's until done. */
struct broker_write {
    struct store_append *appends;
    uint32_t append_count;
    const char *group; /* NULL when there are no positions */
    const struct group_position *positions;
    uint32_t position_count;
    void (*done)(struct broker_write *write, int code); /* store thread; must not block */
    void *arg;
    struct store_write store_write; /* the broker's, as what follows */
    struct broker *broker;
    struct store_meta_entry meta;
    struct srt_buf meta_bytes;
};
/* SRT_OK: done() will be called. SRT_EINVAL: no batches, or positions that make no sense;
 * SRT_ENOENT: a topic was deleted; SRT_EDENIED: opened to read only; and what store_submit says
 * (SRT_EAGAIN, SRT_ETOOBIG, SRT_ECLOSED). Positions are stored as they are given: whoever commits
 * sees that they do not go back. */
int broker_submit(struct broker *broker, struct broker_write *write, struct srt_err *err);

/* What a code that submit or done gave was about; see store_explain. Any thread. */
int broker_explain(struct broker *broker, int code, struct srt_err *err);

/* The largest write, as the sum of its batches and positions. */
uint64_t broker_write_bytes_max(const struct broker *broker);

/* The same, durable on return; done is not called. Waits through SRT_EAGAIN. Blocks. */
int broker_write_wait(struct broker *broker, struct broker_write *write, struct srt_err *err);

/* --- groups (broker/group.h has members and assignment) --- */

/* The committed position; SRT_ENOENT when the group has none there. *ret_detail is malloc'ed with
 * srt_xalloc, or NULL. */
int broker_group_position(struct broker *broker, const char *group, const struct topic_id *topic_id,
                          int32_t partition, const char *source_name, int64_t *ret_offset,
                          uint8_t **ret_detail, uint32_t *ret_detail_len);

/* Whether the group has positions on a topic of that name that was deleted since (and perhaps
 * created again): what it read is not what is there now. It ends with its first commit on the new
 * topic. */
bool broker_group_lost_topic(struct broker *broker, const char *group, const char *topic);

/* Forget all positions of a group; SRT_EBUSY while it has members, SRT_ENOENT. Durable on return.
 * Blocks. */
int broker_group_delete(struct broker *broker, const char *group, struct srt_err *err);

struct group_lag {
    const char *group;
    const char *topic;        /* NULL for a named source and for a deleted topic */
    const char *former_topic; /* the name of a deleted topic, else NULL */
    const char *source_name;  /* NULL for a partition */
    struct topic_id topic_id; /* zero for a named source */
    int32_t partition;
    int64_t committed;
    int64_t end; /* high watermark; -1 when unknown */
    int64_t lag; /* -1 when unknown */
};
/* Every committed position of every group, sorted by group, topic, partition; deleted topics and
 * named sources behind the others. What `lag` points to lives for the call. */
void broker_group_each_lag(struct broker *broker,
                           void (*each)(void *arg, const struct group_lag *lag), void *arg);

#endif
