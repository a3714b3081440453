/* journal_witness.h - what the segments know of the journal's end: a batch that is in a segment was
 * in a frame that was durable.
 *
 * Owner:   recovery, offline checks and repairs.
 * Thread:  one at a time.
 * Memory:  a row for each partition's directory.
 * Fails:   SRT_EIO, SRT_ENOMEM. What cannot be read is no witness. Changes nothing on disk. */
#ifndef SRT_STORE_JOURNAL_WITNESS_H
#define SRT_STORE_JOURNAL_WITNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"
#include "io/fs.h"
#include "store/checkpoint.h"
#include "store/frame.h"

struct journal_witness_row {
    struct topic_id topic_id;
    int32_t index;
    char *dir;
    char *topic; /* its name, as far as the directory's name has it */
    bool known;   /* the checkpoint or a frame names the partition */
    bool dropped; /* what is in it means nothing any more */
    int64_t next_offset; /* the journal's word */
    /* the directory's: a run of batch headers in the last segment */
    int64_t segment_base;
    uint64_t run_position;
    int64_t run_offset;
    int64_t run_end; /* 0: there are none */
};

struct journal_witness {
    const struct io_fs *fs;
    struct journal_witness_row *rows; /* by directory name */
    size_t row_count;
    struct srt_map by_partition;
};

/* Look into the directories. Beside a running store this comes before the journal is read: what is
 * in a segment then is in the journal now. */
int journal_witness_open(struct journal_witness *w, const struct io_fs *fs, const char *data_dir,
                         struct srt_err *err);
void journal_witness_close(struct journal_witness *w);

/* What the journal says: its last checkpoint, then every frame above its boundary. */
void journal_witness_hear_checkpoint(struct journal_witness *w, const struct checkpoint *cp);
void journal_witness_hear_frame(struct journal_witness *w, const uint8_t *frame,
                                const struct frame_info *info);

struct journal_witness_row *journal_witness_find(struct journal_witness *w,
                                                 const struct topic_id *id, int32_t index);

/* "00000000000000001200.seg": 1200; -1 for any other name. */
int64_t journal_witness_base_of(const char *name);

/* A partition with a whole batch that the journal should have and has not; NULL when all agrees. */
int journal_witness_judge(struct journal_witness *w, const struct journal_witness_row **ret_row,
                          struct srt_err *err);

#endif
