/* store_survey.h - a data directory looked through from end to end: what is damaged, and what the
 * rest says. A check reports it, a repair acts on it.
 *
 * Owner:   offline commands.
 * Thread:  one at a time.
 * Memory:  a row for each frame of the journal and for each damaged place.
 * Fails:   SRT_ENOENT (no data directory), SRT_EVERSION, SRT_EIO, SRT_ENOMEM. Changes nothing. */
#ifndef SRT_STORE_STORE_SURVEY_H
#define SRT_STORE_STORE_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/fs.h"
#include "store/checkpoint.h"
#include "store/journal_salvage.h"
#include "store/journal_witness.h"
#include "store/segment_audit.h"

enum store_survey_kind {
    STORE_SURVEY_NODE,
    STORE_SURVEY_JOURNAL,
    STORE_SURVEY_SEGMENT,
    STORE_SURVEY_INDEX,
    STORE_SURVEY_COPY, /* of the checkpoint */
};

/* Bytes [from, to) of a file that are wrong; from == to: missing. */
struct store_survey_damage {
    enum store_survey_kind kind;
    char *path;
    uint64_t from;
    uint64_t to;
    char *reason;
};

/* A segment of the checkpoint in which something is wrong. */
struct store_survey_segment {
    size_t row_index;
    size_t segment_index;
    struct segment_audit audit;
};

struct store_survey {
    const struct io_fs *fs;
    char *data_dir;
    struct store_survey_damage *damages;
    size_t damage_count;
    struct journal_witness witness;
    struct journal_salvage journal;
    bool has_checkpoint;
    bool from_copy; /* the journal has none that is whole */
    uint64_t checkpoint_number;
    bool clean; /* the store was closed, and that is the last that the journal says */
    struct checkpoint checkpoint;
    int64_t *log_starts; /* one for each partition of the checkpoint, after later trims */
    struct store_survey_segment *segments;
    size_t segment_count;
};

int store_survey_open(struct store_survey *survey, const struct io_fs *fs, const char *data_dir,
                      struct srt_err *err);
void store_survey_close(struct store_survey *survey);

/* Whether there is damage of a kind. */
bool store_survey_has(const struct store_survey *survey, enum store_survey_kind kind);

#endif
