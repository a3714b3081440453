/* keyed_state.h - the state of one task: a table for each stage that keeps some, read back from the
 * pipeline's changelog and written to it epoch by epoch.
 *
 * Owner:   the task's executor.
 * Thread:  its worker.
 * Memory:  the tables; bounded by the task's share of `state_memory`.
 * Fails:   loading: what the engine fails with; SRT_ECORRUPT for a row that cannot be read.
 *          Writing: SRT_ENOMEM. */
#ifndef SRT_PIPELINE_KEYED_STATE_H
#define SRT_PIPELINE_KEYED_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "pipeline/engine.h"
#include "pipeline/job.h"
#include "pipeline/target.h"
#include "state/table.h"

enum { KEYED_STATE_PARTITIONS = 8 }; /* of the changelog; a key group g is in g mod that */

struct keyed_state {
    const struct job *job;
    uint32_t task;
    struct target_set *target_set;
    struct state_table **tables; /* per stage; NULL: it keeps none */
    char **origins;              /* per stage: "stage:NAME" */
    struct target *changelog;
    struct srt_buf key;   /* of a changelog record, for a moment */
    struct srt_buf value;
    struct srt_err err;   /* of taking changes */
    /* loading */
    struct engine_reader *reader;
    int32_t partition; /* that is being read */
    struct srt_buf batches;
    struct srt_buf unpacked;
};

/* The name of a pipeline's changelog topic; srt_xalloc'ed. */
char *keyed_state_topic(const char *pipeline);

int keyed_state_open(struct keyed_state *state, const struct job *job, uint32_t task,
                     struct target_set *target_set, struct srt_err *err);
void keyed_state_close(struct keyed_state *state); /* accepts a zeroed one */

/* Read some more of the changelog; *ret_done when all of it was. */
int keyed_state_load(struct keyed_state *state, bool *ret_done, struct srt_err *err);

/* Write what changed in this epoch as records of the changelog. */
int keyed_state_write(struct keyed_state *state, struct srt_err *err);

/* What a record would be said to come from when the stage's state made it. */
const char *keyed_state_origin(const struct keyed_state *state, uint32_t stage);

uint64_t keyed_state_bytes(const struct keyed_state *state);

#endif
