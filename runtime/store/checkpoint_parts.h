/* checkpoint_parts.h - the last complete checkpoint of a journal, put together while frames go by.
 *
 * Owner:   who reads the journal; zeroed to begin with.
 * Thread:  one at a time.
 * Memory:  two checkpoints.
 * Fails:   SRT_ENOMEM. */
#ifndef SRT_STORE_CHECKPOINT_PARTS_H
#define SRT_STORE_CHECKPOINT_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/frame.h"

struct checkpoint_parts {
    bool found;
    uint64_t number;
    struct srt_buf bytes; /* of the last complete one */
    bool is_last;         /* nothing was written after it */

    struct srt_buf compactions; /* all of the journal: see checkpoint_parts_compact */

    /* the one that is being put together */
    uint64_t next_number;
    uint32_t parts_seen;
    struct srt_buf parts;
};

/* To be given every frame, in order. */
int checkpoint_parts_add(struct checkpoint_parts *cp, const uint8_t *frame,
                         const struct frame_info *info);

/* Put what compaction did after the checkpoint's boundary into the checkpoint, so that it names the
 * files which are there. SRT_ECORRUPT: one does not fit what was before it; that and what comes
 * after it is left out, and is as if it had not been done, for the old files stay until a
 * checkpoint is durable. */
struct checkpoint;
int checkpoint_parts_compact(const struct checkpoint_parts *cp, struct checkpoint *to);

void checkpoint_parts_fini(struct checkpoint_parts *cp);

#endif
