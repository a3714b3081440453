/* batch_filter.h - a batch without some of its records: what compaction leaves of it.
 *
 * Owner:   the caller; the space is lent.
 * Thread:  any, one at a time per object.
 * Memory:  the result is appended to the caller's buffer.
 * Fails:   SRT_ECORRUPT for records that cannot be read, SRT_ENOMEM, and what decompressing fails
 *          with. Then the buffer has what it had before. */
#ifndef SRT_RECORD_BATCH_FILTER_H
#define SRT_RECORD_BATCH_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "record/batch.h"

enum batch_filter_verdict {
    BATCH_FILTER_KEEP,
    BATCH_FILTER_DROP,
    BATCH_FILTER_DROP_WHEN_DUE, /* says that a key is deleted: goes when the batch's time is over */
};
typedef enum batch_filter_verdict batch_filter_fn(void *arg, const struct record *rec);

struct batch_filter {
    batch_filter_fn *judge;
    void *arg;
    int64_t now_ms;
    int64_t delete_retention_ms;
    struct srt_buf space;   /* a batch decompressed */
    struct srt_buf records; /* and what stays of it */
};
void batch_filter_init(struct batch_filter *f, batch_filter_fn *judge, void *arg);
void batch_filter_fini(struct batch_filter *f);

/* Append what stays of the batch, which batch_parse accepted; nothing when nothing does. It has the
 * same offsets, sparse where records went, and the same producer; it ends where the batch did. The
 * first time that it is filtered a batch with deletions gets the time at which they may go (as in
 * KIP-534: an attribute says that the base timestamp is that). */
int batch_filter_run(struct batch_filter *f, const uint8_t *data, const struct batch_info *info,
                     struct srt_buf *to, int32_t *ret_kept);

#endif
