/* segment_index.h - where in a segment an offset or a time is to be found, roughly.
 *
 * Owner:   one segment, or a reader that loaded its own copy.
 * Thread:  one at a time (the active segment's: under the partition's lock).
 * Memory:  16 bytes for every index_interval_bytes of the segment.
 * Fails:   never: an index that cannot be kept or read is only shorter, and a search begins
 *          earlier. */
#ifndef SRT_STORE_SEGMENT_INDEX_H
#define SRT_STORE_SEGMENT_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/fs.h"

enum { SEGMENT_INDEX_HEADER_BYTES = 24, SEGMENT_INDEX_ENTRY_BYTES = 24 };

struct segment_index_entry {
    uint32_t relative_offset;
    uint32_t position;
    int64_t max_before_ms; /* the highest timestamp of all batches before this one */
};

struct segment_index {
    struct segment_index_entry *entries;
    size_t count;
    size_t cap;
    size_t written_count; /* how many are in the file */
};

void segment_index_init(struct segment_index *index);
void segment_index_fini(struct segment_index *index);

/* Note a batch if it lies at least `interval_bytes` behind the last one noted (or
 * `start_position`). */
void segment_index_add(struct segment_index *index, uint64_t start_position, int64_t interval_bytes,
                       uint32_t relative_offset, uint64_t position, int64_t max_before_ms);

/* The last entry at or before the offset; the last one before which everything is older than the
 * time. NULL: begin at the segment's start. */
const struct segment_index_entry *segment_index_find(const struct segment_index *index,
                                                     int64_t relative_offset);
const struct segment_index_entry *segment_index_find_time(const struct segment_index *index,
                                                          int64_t timestamp_ms);

/* Bring the file up to date with what was added. An error leaves a file that is shorter than it
 * could be, which is allowed. */
void segment_index_write(struct segment_index *index, const struct io_fs *fs, const char *path,
                         int64_t base_offset);

/* Make durable what was written, so that only damage explains an index that is wrong. What fails is
 * not important: see above. */
void segment_index_sync(const struct io_fs *fs, const char *path);

/* Read the entries that are in order and lie below `size_bytes` of the segment; none is a good
 * answer. */
void segment_index_read(struct segment_index *index, const struct io_fs *fs, const char *path,
                        int64_t base_offset, uint64_t size_bytes);

/* Whether every byte of the file is right. What is not there is not wrong: the file may be missing,
 * end behind any entry, or in zeroes that nobody has written yet. */
bool segment_index_check(const struct io_fs *fs, const char *path, int64_t base_offset,
                         uint64_t *ret_wrong_at, uint64_t *ret_size_bytes);

/* After a crash: what the file says of bytes beyond `size_bytes` may belong to batches that were
 * cut off. Leaves a new file with the entries below, or none. */
void segment_index_cut(const struct io_fs *fs, const char *path, int64_t base_offset,
                       uint64_t size_bytes);

#endif
