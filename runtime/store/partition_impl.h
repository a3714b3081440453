/* partition_impl.h - a partition from the inside: for the store's own files only.
 *
 * Owner:   the store's table holds one reference until the partition is detached.
 * Thread:  fields say who may touch them.
 * Memory:  the struct, an array of segments, and the active segment's index.
 * Fails:   SRT_ENOSPC and SRT_ENOMEM may be tried again; other errors of writing are final. */
#ifndef SRT_STORE_PARTITION_IMPL_H
#define SRT_STORE_PARTITION_IMPL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/clock.h"
#include "io/thread.h"
#include "store/partition.h"
#include "store/segment.h"
#include "store/store.h"

enum {
    PARTITION_HINTS = 4,            /* readers that go on where they stopped */
    PARTITION_DIR_TOPIC_BYTES = 200, /* of the topic's name, in the directory's name */
};

/* A batch with this base offset begins at this position of this segment. */
struct partition_hint {
    int64_t offset;
    int64_t segment_base;
    uint32_t generation; /* of the segment */
    uint64_t position;
};

struct partition {
    _Atomic(int32_t) refs;
    const struct io_fs *fs;
    const struct srt_clock *clock;
    struct segment_files *files;
    struct topic_id topic_id;
    char *topic;
    int32_t index;
    char *dir;
    struct partition_config config;
    bool in_memory; /* a view: what comes after the checkpoint is kept in memory */
    bool remove_files; /* when the last reference goes (set before detaching) */

    /* under lock */
    struct io_lock lock;
    struct segment **segments; /* by base offset; the last one is active */
    size_t segment_count;
    size_t segment_cap;
    struct partition_hint hints[PARTITION_HINTS];
    uint32_t next_hint;
    struct srt_list watches;
    struct partition_watch *calling;  /* its moved() runs, on `calling_thread` */
    struct srt_list *call_next;
    const void *calling_thread;
    struct io_cond called;

    /* written by the store thread with release, read by all with acquire */
    _Atomic(int64_t) log_start;
    _Atomic(int64_t) high_watermark;
    _Atomic(uint64_t) size_bytes;
    _Atomic(bool) detached;

    /* the store thread's own */
    int64_t next_offset; /* behind the last batch in the segments, not yet the high watermark */
    int64_t assigned;    /* behind the last batch that got its offset in the frame being made */
    int64_t compacted_ms; /* when it was last looked through for what may go */
    int64_t compact_not_before_ms; /* the last time failed */
    uint64_t compact_ticket;       /* the request for which it was done */
    bool dir_missing;    /* could not be made yet: the disk was full */
    bool dir_dirty;      /* has entries that were not synced */
    bool replaying;      /* segments do not roll by age: every replay gives the same files */
    struct srt_list touched; /* on the list of partitions that a frame moved */
};

char *partition_dir_path(const char *data_dir, const struct topic_id *id, const char *topic,
                         int32_t index);

struct partition *partition_new(const struct io_fs *fs, const struct srt_clock *clock,
                                struct segment_files *files, const char *data_dir,
                                const struct topic_id *id, const char *topic, int32_t index,
                                const struct partition_config *config);

/* Remove a partition's directory with everything in it, as far as that works. */
void partition_remove_dir(const struct io_fs *fs, const char *dir);

/* Make the directory, unless it is there; a full disk only postpones that. */
int partition_make_dir(struct partition *part, bool *ret_is_new, struct srt_err *err);

/* Add a segment that is on disk, in order. Before anyone else sees the partition. */
void partition_add_segment(struct partition *part, struct segment *take_seg);

/* Write whole batches at the end, rolling before it when needed. Not visible yet. */
int partition_append(struct partition *part, const uint8_t *batches, size_t size,
                     struct srt_err *err);

/* Let readers see what was appended; then tell the watchers. */
void partition_publish(struct partition *part);
void partition_notify(struct partition *part);

/* Move the log start; returns the segments below it (their references are the caller's), in an
 * array that the caller frees; they are no longer the partition's. */
size_t partition_trim(struct partition *part, int64_t log_start, struct segment ***ret_segments);

/* Put `fresh` in the place of segments [first, first + gone_count), which are not the last. The
 * partition takes the references of the new ones and gives up those of the old ones to the caller,
 * who finds them in `ret_gone`. */
void partition_replace(struct partition *part, size_t first, size_t gone_count,
                       struct segment *const *fresh, size_t fresh_count,
                       struct segment **ret_gone);

/* End the active segment, so that it can be compacted. */
int partition_roll(struct partition *part, struct srt_err *err);

/* Where retention would move the log start to; the present one when there is nothing to do. */
int64_t partition_retention_start(struct partition *part, int64_t now_ms);

/* Bring the index file of the active segment up to date. */
void partition_write_index(struct partition *part);

/* The partition goes away: watchers are told for the last time, nothing is appended any more. */
void partition_set_detached(struct partition *part);

/* Count batches and walk them, which must be well formed: our callers checked them. Gives them
 * offsets from `base` on when base >= 0. Returns the offset after the last, relative to the
 * first when not. */
int64_t partition_assign_offsets(uint8_t *batches, size_t size, int64_t base);

#endif
