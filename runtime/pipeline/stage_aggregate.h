/* stage_aggregate.h - AGGREGATE, REDUCE: what each window of each key comes to.
 *
 * Owner:   the executor.
 * Thread:  its worker.
 * Memory:  one row for each key and window (stage_codec.h).
 * Fails:   as stage_state.h. */
#ifndef SRT_PIPELINE_STAGE_AGGREGATE_H
#define SRT_PIPELINE_STAGE_AGGREGATE_H

#include "pipeline/executor.h"
#include "pipeline/stage_lua.h"

int stage_aggregate_invoke(struct executor *ex, struct frame *f, struct stage_result *ret,
                           struct srt_err *err);
int stage_aggregate_run_due(struct executor *ex, struct frame *f, struct state_row *row,
                            struct srt_err *err);

#endif
