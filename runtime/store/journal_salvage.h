/* journal_salvage.h - every whole frame of a journal that may be damaged, and every byte range that
 * should have been one and is not.
 *
 * Owner:   offline checks and repairs.
 * Thread:  one at a time.
 * Memory:  a row for each frame, the last checkpoint, one window.
 * Fails:   SRT_EVERSION, SRT_EIO, SRT_ENOMEM. Damage is no error but the answer. Changes nothing on
 *          disk. */
#ifndef SRT_STORE_JOURNAL_SALVAGE_H
#define SRT_STORE_JOURNAL_SALVAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/fs.h"
#include "store/checkpoint_parts.h"
#include "store/frame.h"
#include "store/journal.h"

struct journal_salvage_file {
    char *path;
    uint64_t sequence; /* by its name */
    uint64_t size_bytes;
    bool header_valid;
    struct journal_header header;
    uint64_t end_position; /* behind the last whole frame */
    uint64_t last_frame;   /* of all files up to this one */
};

struct journal_salvage_frame {
    size_t file_index;
    uint64_t at;
    uint64_t sequence;
    uint32_t size_bytes;
};

struct journal_salvage {
    const struct io_fs *fs;
    char *dir;
    struct journal_salvage_file *files; /* by sequence */
    size_t file_count;
    struct journal_salvage_frame *frames; /* whole ones; their sequences rise */
    size_t frame_count;
    size_t frame_cap;
    struct checkpoint_parts checkpoint;
};

/* Told of each damaged range: where it is, and why. from == to: bytes that are missing. */
typedef void (*journal_salvage_damage_fn)(void *arg, const char *path, uint64_t from, uint64_t to,
                                          const char *reason);

int journal_salvage_open(struct journal_salvage *salvage, const struct io_fs *fs,
                         const char *data_dir, journal_salvage_damage_fn damage, void *arg,
                         struct srt_err *err);
void journal_salvage_close(struct journal_salvage *salvage);

/* What is behind the last whole frame of the last file, up to the last byte that is not zero. */
int journal_salvage_rest(struct journal_salvage *salvage, uint64_t *ret_from, uint64_t *ret_to,
                         struct srt_err *err);

/* Visit the whole frames above `boundary` in order; `missing`: there should be others before
 * it. */
typedef int (*journal_salvage_fn)(void *arg, const uint8_t *frame, const struct frame_info *info,
                                  uint64_t missing, struct srt_err *err);
int journal_salvage_frames(struct journal_salvage *salvage, uint64_t boundary,
                           journal_salvage_fn visit, void *arg, struct srt_err *err);

static inline uint64_t journal_salvage_last_frame(const struct journal_salvage *salvage)
{
    return salvage->frame_count ? salvage->frames[salvage->frame_count - 1].sequence : 0;
}

#endif
