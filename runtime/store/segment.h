/* segment.h - one file of record batches: a run of a partition's offsets.
 *
 * Owner:   partition.c makes, rolls and drops segments; readers hold references.
 * Thread:  append on the store thread; read from any, up to a size that was published before.
 * Memory:  the struct and, for the active one, its index.
 * Fails:   SRT_EIO, SRT_ENOSPC, SRT_ENOMEM; SRT_ECORRUPT with path and byte for bytes that are no
 *          batch.
 *
 * File descriptors are opened when needed and kept in a bounded cache (segment_files), so that a
 * thousand partitions do not need a thousand descriptors. */
#ifndef SRT_STORE_SEGMENT_H
#define SRT_STORE_SEGMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "io/fs.h"
#include "io/thread.h"
#include "record/batch.h"
#include "record/topic_id.h"
#include "store/segment_index.h"

enum { SEGMENT_HEADER_BYTES = 64, SEGMENT_CREATED_AT = 40, SEGMENT_GENERATION_AT = 48 };

/* --- the cache of open files --- */

struct segment_files {
    const struct io_fs *fs;
    struct io_lock lock;
    struct srt_list idle; /* open, not in use, clean; least recently used first */
    size_t open_count;
    size_t open_max;
    bool read_only;
};

void segment_files_init(struct segment_files *files, const struct io_fs *fs, size_t open_max,
                        bool read_only);
void segment_files_fini(struct segment_files *files); /* closes all; nothing may be in use */

/* --- a segment --- */

struct segment {
    _Atomic(int32_t) refs;
    struct segment_files *files;
    struct topic_id topic_id;
    int32_t partition;
    int64_t base_offset;
    uint32_t generation; /* how often compaction has written it again */
    int64_t created_ms;
    char *path;
    char *index_path;
    _Atomic(uint64_t) size_bytes; /* store thread: release, after the bytes are in the file */
    _Atomic(int64_t) max_timestamp_ms; /* -1 when it has none */
    _Atomic(bool) gone; /* trimmed, replaced or dropped: a file that is not there is no damage */

    /* the store thread's */
    bool clean;   /* of no key it has more than one record, nor has what lies before it */
    bool noted;   /* closed when a checkpoint was begun, */
    bool settled; /* which is durable: replays begin behind it */

    struct segment_index index; /* the active segment's; under the partition's lock */
    bool index_loaded;

    bool in_memory; /* a view's: never on disk */
    struct srt_buf memory;

    /* under files->lock */
    int fd;
    int32_t use_count;
    bool dirty;    /* written since the last sync began: the descriptor stays open */
    bool verified; /* the header was read and is ours */
    struct srt_list idle_node;
};

struct segment *segment_new(struct segment_files *files, const struct topic_id *id,
                            int32_t partition, const char *dir, int64_t base_offset,
                            uint32_t generation, int64_t created_ms);

/* "DIR/00000000000000001200.seg", with a generation "DIR/00000000000000001200.3.seg"; "idx" is the
 * index's extension. */
char *segment_path(const char *dir, int64_t base_offset, uint32_t generation,
                   const char *extension);

/* Whether a name is one of these, of a segment or an index. */
bool segment_parse_name(const char *name, int64_t *ret_base_offset, uint32_t *ret_generation);
void segment_ref(struct segment *seg);
void segment_unref(struct segment *seg);

/* The header that its file has. */
void segment_encode_header(const struct segment *seg, uint8_t to[SEGMENT_HEADER_BYTES]);

/* From the disk. What cannot be removed takes room, no more. */
void segment_remove_files(struct segment *seg);

/* Write the header of a new file (an existing one is emptied). */
int segment_create_file(struct segment *seg, struct srt_err *err);

/* Cut the file to the size in seg->size_bytes. */
int segment_cut(struct segment *seg, struct srt_err *err);

/* Write bytes at the end, without publishing them; segment_grow does that. May be repeated. */
int segment_write(struct segment *seg, const uint8_t *data, size_t size, struct srt_err *err);
void segment_grow(struct segment *seg, size_t size, int64_t max_timestamp_ms);

/* Make it durable. Any thread; SRT_EFSYNC. Only when dirty. */
int segment_sync(struct segment *seg, struct srt_err *err);
bool segment_is_dirty(struct segment *seg);

/* --- reading; a reader between begin and end may use segment_read_at --- */

int segment_begin_read(struct segment *seg, struct srt_err *err);
void segment_end_read(struct segment *seg);
int segment_read_at(struct segment *seg, void *to, size_t size, uint64_t at, struct srt_err *err);

/* The header of the batch at a position, checked against its neighbours: it must have `expected` as
 * its base offset (-1: any) and end before the end of the segment. */
int segment_batch_at(struct segment *seg, uint64_t position, int64_t expected,
                     struct batch_info *ret_info, struct srt_err *err);

/* From a batch at *position with base offset *offset, walk to the batch that holds `target`. */
int segment_walk_to(struct segment *seg, int64_t target, uint64_t *position, int64_t *offset,
                    struct srt_err *err);

/* Read the index file, distrust it, and walk what it does not cover up to `size_bytes`. */
int segment_load_index(struct segment *seg, struct segment_index *index, uint64_t size_bytes,
                       int64_t interval_bytes, struct srt_err *err);

int segment_fail_corrupt(struct segment *seg, uint64_t at, const char *reason, struct srt_err *err);

#endif
