/* repair_segment.h - a segment's file written again without what is damaged in it.
 *
 * Owner:   store_repair.c.
 * Thread:  one at a time.
 * Memory:  one window of the file.
 * Fails:   SRT_ENOSPC, SRT_EIO, SRT_EFSYNC, SRT_ENOMEM: the old file is as it was. */
#ifndef SRT_STORE_REPAIR_SEGMENT_H
#define SRT_STORE_REPAIR_SEGMENT_H

#include <stdint.h>

#include "base/err.h"
#include "io/fs.h"
#include "store/checkpoint.h"
#include "store/segment_audit.h"

/* How large its durable part will be. */
uint64_t repair_segment_size(const struct segment_audit *audit);

int repair_segment_run(const struct io_fs *fs, const struct checkpoint_partition *row,
                       const struct checkpoint_segment *segment, const char *dir,
                       const struct segment_audit *audit, struct srt_err *err);

/* Remove the index and make it again; what is in the way only leaves it shorter. */
void repair_segment_index(const struct io_fs *fs, const struct checkpoint_partition *row,
                          const struct checkpoint_segment *segment, const char *dir);

#endif
