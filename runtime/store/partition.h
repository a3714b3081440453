/* partition.h - one partition: a row of segments, where it starts, and up to where it is durable.
 *
 * Owner:   the store; opened by store_partition_attach, lives until detach and the last unref.
 * Thread:  appended to on the store thread; read from any.
 * Memory:  a list of segments; their indexes are mapped or read on demand.
 * Fails:   reading: SRT_ERANGE (offset outside log start .. high watermark), SRT_ECORRUPT (a batch
 *          below the durable end is damaged: it is never served), SRT_EIO.
 *
 *   log start                            high watermark = durable end
 *      |  segment 0   |  segment 1200   |  segment 2400 (active) |
 *      v  ............  ...............   .........              v */
#ifndef SRT_STORE_PARTITION_H
#define SRT_STORE_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "record/topic_id.h"

struct partition;

void partition_ref(struct partition *part);
void partition_unref(struct partition *part);

const struct topic_id *partition_topic_id(const struct partition *part);
const char *partition_topic(const struct partition *part);
int32_t partition_index(const struct partition *part);

int64_t partition_log_start(const struct partition *part);
int64_t partition_high_watermark(const struct partition *part); /* the next offset */
uint64_t partition_size_bytes(const struct partition *part);

/* Whole batches, beginning with the one that holds `offset` (its first records may lie below),
 * as many as fit max_bytes but at least one, appended to `to`. CRCs are checked here, once.
 * Nothing is appended at the high watermark. */
int partition_read(struct partition *part, int64_t offset, size_t max_bytes, struct srt_buf *to,
                   struct srt_err *err);

/* The first record whose timestamp is at or after `timestamp_ms`; SRT_ENOENT when there is none. */
int partition_offset_for_time(struct partition *part, int64_t timestamp_ms, int64_t *ret_offset,
                              int64_t *ret_timestamp_ms, struct srt_err *err);

/* Tell me when the high watermark moves (or the partition goes away). Called on the store
 * thread, must not block: typically io_wake_send. Remove is final: no call is running after it
 * returns. */
struct partition_watch {
    struct srt_list node;
    void (*moved)(void *arg);
    void *arg;
};
void partition_watch_add(struct partition *part, struct partition_watch *watch);
void partition_watch_remove(struct partition *part, struct partition_watch *watch);

#endif
