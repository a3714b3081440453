/* segment_audit.h - every byte of a segment file judged: which batches are good, which byte ranges
 * are not, and which offsets were in them.
 *
 * Owner:   offline checks and repairs.
 * Thread:  one at a time.
 * Memory:  one window of the file, a row for each damaged range.
 * Fails:   SRT_EIO, SRT_ENOMEM, SRT_EVERSION. What is wrong with the bytes is no error but the
 *          answer. */
#ifndef SRT_STORE_SEGMENT_AUDIT_H
#define SRT_STORE_SEGMENT_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/fs.h"
#include "record/topic_id.h"
#include "store/checkpoint.h"

/* What is asked about: one segment of a checkpoint, which ends at an offset. */
struct segment_audit_task {
    const struct io_fs *fs;
    const char *dir;
    struct topic_id topic_id;
    int32_t partition;
    const struct checkpoint_segment *segment;
    int64_t end_offset;
};

/* Bytes that are no good batches, or that are missing when from == to; and the offsets between
 * what is before and what goes on behind them. */
struct segment_audit_range {
    uint64_t from;
    uint64_t to;
    int64_t first_offset;
    int64_t next_offset; /* == first_offset: nothing is lost */
    const char *reason;
};

struct segment_audit {
    char *path;
    char *index_path;
    bool missing;    /* no file at all */
    bool bad_header; /* what should be in it is known */
    uint64_t file_bytes;
    uint64_t end_position; /* behind the last byte that belongs to the segment */
    struct segment_audit_range *ranges; /* in order */
    size_t range_count;
    size_t range_cap;
    bool wrong_size; /* whole, but not of the size that the checkpoint says */
    bool bad_index;
    uint64_t bad_index_at;
    uint64_t index_bytes;
};

/* `judge_index`: the index file was written before the last sync of the segment, so that nothing
 * but damage explains what is wrong with it. */
int segment_audit_run(struct segment_audit *audit, const struct segment_audit_task *task,
                      bool judge_index, struct srt_err *err);
void segment_audit_fini(struct segment_audit *audit);

static inline bool segment_audit_is_clean(const struct segment_audit *audit)
{
    return !audit->missing && !audit->bad_header && audit->range_count == 0 &&
           !audit->wrong_size && !audit->bad_index;
}

/* Whether the segment itself is as it was; only its index may be wrong. */
static inline bool segment_audit_data_is_clean(const struct segment_audit *audit)
{
    return !audit->missing && !audit->bad_header && audit->range_count == 0 && !audit->wrong_size;
}

#endif
