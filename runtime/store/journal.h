/* journal.h - the writing end of the journal: frames appended to a row of preallocated files.
 *
 * Owner:   the store; one for each data directory.
 * Thread:  all on the store thread (before it runs: on the opening one), except what is marked
 *          "back".
 * Memory:  paths and a small table of older files.
 * Fails:   SRT_ENOSPC, SRT_ENOMEM: the frame was not written and the call may be repeated.
 *          Anything else means that the disk's state is unknown: the caller must stop for good. */
#ifndef SRT_STORE_JOURNAL_H
#define SRT_STORE_JOURNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "io/fs.h"
#include "store/frame.h"

enum {
    JOURNAL_HEADER_BYTES = 4096,
    JOURNAL_FILE_BYTES_MIN = 64 << 10,
    JOURNAL_FLAG_OS = 1, /* acknowledged before synced */
    JOURNAL_NAME_MAX = 40,
    /* A checkpoint frees several files at once when writing is fast; making them again costs more
     * than keeping them. */
    JOURNAL_SPARES_MAX = 3,
};

/* A file that is full or from an earlier process; freed when a checkpoint has passed its last
 * frame. */
struct journal_old {
    uint64_t file_sequence;
    uint64_t last_frame;
};

struct journal {
    const struct io_fs *fs;
    char *dir;
    uint64_t file_bytes;
    bool sync_each; /* false: durability os */

    int fd; /* -1: the first frame begins a file */
    char *path;
    uint64_t id;
    uint64_t file_sequence; /* of the file being written, or of the last one there was */
    uint64_t position;
    uint64_t next_frame;

    struct journal_old *olds;
    size_t old_count;
    size_t old_cap;

    _Atomic(char *) spares[JOURNAL_SPARES_MAX]; /* paths of files to use next: back puts them in,
                                                   store takes them out */
};

void journal_init(struct journal *j, const struct io_fs *fs, const char *data_dir,
                  uint64_t file_bytes, bool sync_each, uint64_t last_file_sequence,
                  uint64_t next_frame);
void journal_fini(struct journal *j); /* closes the file; the journal stays as it is */

/* Begin a new file now rather than with the first frame. `last`: only little will follow before the
 * journal is closed, so the file is not given its full size. */
int journal_begin_file(struct journal *j, bool last, struct srt_err *err);

/* Finish the frame, write it and make it durable. */
int journal_write(struct journal *j, struct frame_builder *b, struct srt_err *err);

/* Sync what was written, for `durability: os` before something relies on it. */
int journal_sync(struct journal *j, struct srt_err *err);

/* The largest frame there can be. */
static inline uint64_t journal_frame_bytes_max(const struct journal *j)
{
    return j->file_bytes - JOURNAL_HEADER_BYTES;
}

void journal_add_old(struct journal *j, uint64_t file_sequence, uint64_t last_frame);

/* Take one old file whose frames are all at or below `boundary`: 0 when there is none. */
uint64_t journal_take_freeable(struct journal *j, uint64_t boundary);

/* Back: put the file away: kept as a spare when there are few, otherwise removed. */
int journal_free_file(struct journal *j, uint64_t file_sequence, struct srt_err *err);

/* Back: when there is no spare, make one whose blocks are written, so that syncs of frames
 * change no metadata of the file system. */
int journal_make_spare(struct journal *j, struct srt_err *err);

bool journal_has_spare(const struct journal *j); /* any thread */

/* At open: keep usable spares of an earlier process, remove the others and unfinished ones. */
int journal_adopt_spares(struct journal *j, struct srt_err *err);

char *journal_file_path(const char *dir, uint64_t file_sequence); /* the caller frees */

/* --- the file header --- */

struct journal_header {
    uint16_t flags;
    uint64_t file_sequence;
    uint64_t id;
    uint64_t first_frame;
};
void journal_header_encode(uint8_t to[JOURNAL_HEADER_BYTES], const struct journal_header *header);
/* SRT_ECORRUPT, SRT_EVERSION. */
int journal_header_decode(const uint8_t *data, size_t size, struct journal_header *ret);

#endif
