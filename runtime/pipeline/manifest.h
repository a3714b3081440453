/* manifest.h - what a pipeline remembers under which name: the stages that keep state, and the
 * numbers of their tables in the changelog.
 *
 * Owner:   the controller.
 * Thread:  the main thread; table_ids are constant once opened.
 * Memory:  control plane.
 * Fails:   manifest_open: SRT_ECONFIG when what is remembered does not fit the stages of today,
 *          with the ways out; SRT_ECORRUPT, SRT_EVERSION.
 *
 * It is the detail of the position named MANIFEST_POSITION in the pipeline's group, committed with
 * the first epoch after a change (docs/format/manifest.md). */
#ifndef SRT_PIPELINE_MANIFEST_H
#define SRT_PIPELINE_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "pipeline/epoch.h"
#include "pipeline/job.h"
#include "pipeline/runner.h"

#define MANIFEST_POSITION "manifest"

struct manifest {
    uint32_t *table_ids; /* per stage */
    struct srt_buf text;
    bool changed; /* to be committed */
    bool sent;    /* with the epoch at work */
};

int manifest_open(struct manifest *manifest, const struct job *job,
                  const struct runner_options *options, struct srt_err *err);
void manifest_close(struct manifest *manifest); /* accepts a zeroed one */

/* Add it to an epoch when it has changed. */
void manifest_put_position(struct manifest *manifest, struct epoch_part *part);
void manifest_committed(struct manifest *manifest);

#endif
