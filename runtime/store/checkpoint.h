/* checkpoint.h - what the journal needs not remember any more: where every partition durably ends,
 * and the keeper's snapshot.
 *
 * Owner:   the caller; init by zeroing, fini frees all.
 * Thread:  any, one at a time.
 * Memory:  all of it is copied.
 * Fails:   decoding: SRT_ECORRUPT, SRT_EVERSION. */
#ifndef SRT_STORE_CHECKPOINT_H
#define SRT_STORE_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "record/topic_id.h"

struct checkpoint_segment {
    int64_t base_offset;
    uint64_t size_bytes;
    int64_t max_timestamp_ms;
    int64_t created_ms;
    uint32_t generation;
    bool clean; /* compacted */
};

struct checkpoint_partition {
    struct topic_id topic_id;
    int32_t index;
    char *topic;
    int64_t log_start;
    int64_t next_offset;
    struct checkpoint_segment *segments;
    size_t segment_count;
    bool claimed; /* by recovery: attached; not part of the bytes */
};

struct checkpoint {
    bool clean;
    uint64_t boundary;
    struct checkpoint_partition *partitions;
    size_t partition_count;
    struct checkpoint_partition *dropped; /* only their names */
    size_t dropped_count;
    bool has_snapshot; /* false: an empty store that never had a checkpoint */
    struct srt_buf snapshot;
};

void checkpoint_fini(struct checkpoint *cp);

/* Add a row to one of the two tables; the returned row is zeroed but for its name. */
struct checkpoint_partition *checkpoint_add(struct checkpoint *cp, bool dropped,
                                            const struct topic_id *id, int32_t index,
                                            const char *topic);
void checkpoint_add_segment(struct checkpoint_partition *row,
                            const struct checkpoint_segment *segment);

struct checkpoint_partition *checkpoint_find(struct checkpoint *cp, const struct topic_id *id,
                                             int32_t index);

void checkpoint_encode(const struct checkpoint *cp, struct srt_buf *to);
bool checkpoint_is_clean(const uint8_t *data, size_t size); /* without decoding the rest */
int checkpoint_decode(const uint8_t *data, size_t size, struct checkpoint *ret);

#endif
