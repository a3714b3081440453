/* stage_join.h - JOIN: a stream with a table, or with another stream within a time.
 *
 * Owner:   the executor.
 * Thread:  its worker.
 * Memory:  a row for each key of a table; a row for each record of a stream that may still find a
 *          partner.
 * Fails:   as stage_state.h. */
#ifndef SRT_PIPELINE_STAGE_JOIN_H
#define SRT_PIPELINE_STAGE_JOIN_H

#include "pipeline/executor.h"
#include "pipeline/stage_lua.h"

int stage_join_invoke(struct executor *ex, struct frame *f, struct stage_result *ret,
                      struct srt_err *err);
int stage_join_run_due(struct executor *ex, struct frame *f, struct state_row *row,
                       struct srt_err *err);

/* The function that gives the key of a record on that side; NULL: the record's own key. */
const struct script_fn *stage_join_key_fn(const struct executor *ex, const struct frame *f);

#endif
