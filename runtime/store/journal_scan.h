/* journal_scan.h - the reading end of the journal: which files belong to it, which frames are
 * whole, and whether what is not whole is a torn write or damage.
 *
 * Owner:   recovery, and offline checks.
 * Thread:  one at a time.
 * Memory:  one frame, a table of files, the last checkpoint.
 * Fails:   SRT_ECORRUPT with path and byte, SRT_EVERSION, SRT_EIO. Changes nothing on disk. */
#ifndef SRT_STORE_JOURNAL_SCAN_H
#define SRT_STORE_JOURNAL_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/fs.h"
#include "store/checkpoint_parts.h"
#include "store/frame.h"
#include "store/journal.h"

struct journal_scan_file {
    char *path;
    struct journal_header header;
    uint64_t size_bytes;
    uint64_t last_frame;   /* header.first_frame - 1 when it has none */
    uint64_t end_position; /* behind the last whole frame */
};

struct journal_scan {
    const struct io_fs *fs;
    char *dir;
    struct journal_scan_file *files; /* by sequence; the journal is files[first..count) */
    size_t count;
    size_t first;

    struct checkpoint_parts checkpoint; /* the last complete one */

    uint64_t frame_count; /* whole frames seen */

    /* where the journal is damaged, when open says so */
    struct {
        char *path;
        uint64_t at;
    } damage;
};

/* List, read and judge everything. `settle`: sync the files and drop their cached pages first,
 * so that what is read is what the disk has (needs write access). On an error the scan is to be
 * closed, too. */
int journal_scan_open(struct journal_scan *scan, const struct io_fs *fs, const char *data_dir,
                      bool settle, struct srt_err *err);
void journal_scan_close(struct journal_scan *scan);

/* The last frame completes a checkpoint of a store that closed: nothing can have been written
 * since. */
bool journal_scan_is_clean(const struct journal_scan *scan);

/* Whether frames of it were acknowledged before they were synced: some may be missing. */
bool journal_scan_has_unsynced(const struct journal_scan *scan);

/* The sequence after the last whole frame: 1 for an empty journal. */
uint64_t journal_scan_next_frame(const struct journal_scan *scan);
uint64_t journal_scan_last_file(const struct journal_scan *scan); /* 0: none */

/* "00000000000000000007.jnl": 7; 0 for any other name. */
uint64_t journal_scan_sequence_of(const char *name);

/* Visit every whole frame above `boundary`, in order. */
typedef int (*journal_scan_fn)(void *arg, const uint8_t *frame, const struct frame_info *info,
                               struct srt_err *err);
int journal_scan_frames(struct journal_scan *scan, uint64_t boundary, journal_scan_fn visit,
                        void *arg, struct srt_err *err);

/* Where the frames above the boundary trim a partition to, if that is above *log_start. */
int journal_scan_log_start(struct journal_scan *scan, uint64_t boundary, const struct topic_id *id,
                           int32_t index, int64_t *log_start, struct srt_err *err);

/* Whether the files are still what they were when they were read: for readers beside a running
 * store. */
bool journal_scan_unchanged(struct journal_scan *scan);

#endif
