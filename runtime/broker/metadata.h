/* metadata.h - the broker's journal entries and snapshot, as bytes (docs/format/metadata.md).
 *
 * Owner:   registry.c reads them, broker.c and broker_topic.c write them.
 * Thread:  any; pure.
 * Memory:  encoders append to the caller's buffer; what is decoded borrows the bytes.
 * Fails:   decoding: SRT_EVERSION for a kind or version of a later release, SRT_ECORRUPT for the
 *          rest. */
#ifndef SRT_BROKER_METADATA_H
#define SRT_BROKER_METADATA_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "broker/topic.h"
#include "record/topic_id.h"

struct group_position; /* broker/broker.h */

enum metadata_kind {
    METADATA_TOPIC_CREATED = 1,
    METADATA_TOPIC_ALTERED = 2,
    METADATA_TOPIC_DELETED = 3,
    METADATA_POSITIONS = 4,
    METADATA_GROUP_DELETED = 5,
};

/* --- writing --- */

void metadata_put_topic_created(struct srt_buf *to, const struct topic_id *id, const char *name,
                                const struct topic_config *config);
void metadata_put_topic_altered(struct srt_buf *to, const struct topic_id *id,
                                const struct topic_config *config);
void metadata_put_topic_deleted(struct srt_buf *to, const struct topic_id *id);
void metadata_put_group_deleted(struct srt_buf *to, const char *group);

/* An entry of `count` positions: the beginning, then each of them. */
void metadata_put_positions(struct srt_buf *to, const char *group, const char *protocol_type,
                            uint32_t count);
void metadata_put_position(struct srt_buf *to, const struct group_position *position,
                           const char *former_topic);

/* A snapshot: the topics' count and each topic, then the groups' count and each group, which is its
 * name, type and number of positions followed by these. */
void metadata_put_snapshot(struct srt_buf *to, uint32_t topic_count);
void metadata_put_snapshot_topic(struct srt_buf *to, const struct topic_id *id, const char *name,
                                 const struct topic_config *config);
void metadata_put_snapshot_groups(struct srt_buf *to, uint32_t group_count);
void metadata_put_snapshot_group(struct srt_buf *to, const char *group, const char *protocol_type,
                                 uint32_t position_count);

/* --- reading --- */

struct metadata_topic {
    struct topic_id id;
    struct srt_str name; /* empty in ALTERED and DELETED */
    struct topic_config config;
};

struct metadata_group {
    struct srt_str name;
    struct srt_str protocol_type;
    uint32_t position_count;
    struct srt_str positions; /* checked: walk them with metadata_next_position */
};

struct metadata_entry {
    enum metadata_kind kind;
    struct metadata_topic topic; /* TOPIC_* */
    struct metadata_group group; /* POSITIONS, GROUP_DELETED */
};

/* All of it is checked before this returns SRT_OK. */
int metadata_decode(uint8_t kind, const uint8_t *data, size_t size, struct metadata_entry *ret,
                    struct srt_err *err);

struct metadata_position {
    struct topic_id topic_id; /* zero for a named source */
    int32_t partition;
    int64_t offset;
    struct srt_str source_name;
    struct srt_str former_topic;
    struct srt_str detail;
};

/* Take the first position off `*positions`, which metadata_decode or the snapshot's reader has
 * checked; false at the end. */
bool metadata_next_position(struct srt_str *positions, struct metadata_position *ret);

/* A snapshot is read twice: once to check it, once to use it. */
struct metadata_visitor {
    void *ctx;
    int (*topic)(void *ctx, const struct metadata_topic *topic, struct srt_err *err);
    int (*group)(void *ctx, const struct metadata_group *group, struct srt_err *err);
};
int metadata_decode_snapshot(const uint8_t *data, size_t size,
                             const struct metadata_visitor *visitor, struct srt_err *err);

#endif
