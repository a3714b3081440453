/* positions.h - the positions that a group has committed, in order.
 *
 * Owner:   a group has one.
 * Thread:  under the group's lock.
 * Memory:  an array of small entries, sorted; control plane.
 * Fails:   never. */
#ifndef SRT_BROKER_POSITIONS_H
#define SRT_BROKER_POSITIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "broker/metadata.h"

/* Ordered: partitions by topic id and number, then named sources by name. */
struct positions_entry {
    struct topic_id topic_id; /* zero for a named source */
    int32_t partition;
    char *source_name;  /* NULL for a partition */
    char *former_topic; /* the name of a topic that is gone; NULL while it is there */
    int64_t offset;
    uint8_t *detail; /* NULL when empty */
    uint32_t detail_len;
};

struct positions {
    struct positions_entry *entries;
    uint32_t count;
    uint32_t cap;
};

void positions_init(struct positions *positions);
void positions_fini(struct positions *positions);

/* Add or replace. */
void positions_set(struct positions *positions, const struct metadata_position *position);

/* Borrowed until the next change; NULL. */
const struct positions_entry *positions_find(const struct positions *positions,
                                             const struct topic_id *topic_id, int32_t partition,
                                             const char *source_name);

/* The topic is gone: keep its positions, and the name that it had. */
void positions_topic_gone(struct positions *positions, const struct topic_id *topic_id,
                          const char *name);

/* Whether there are positions on a topic that once had this name; and forget them. */
bool positions_has_former(const struct positions *positions, const char *name);
void positions_drop_former(struct positions *positions, const char *name);

/* One after the other. */
void positions_encode(const struct positions *positions, struct srt_buf *to);

#endif
