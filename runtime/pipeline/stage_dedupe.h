/* stage_dedupe.h - DEDUPE: lets the first of equal records pass, by a key and within a time.
 *
 * Owner:   the executor.
 * Thread:  its worker.
 * Memory:  one row for each key that was seen within the time.
 * Fails:   as stage_state.h. */
#ifndef SRT_PIPELINE_STAGE_DEDUPE_H
#define SRT_PIPELINE_STAGE_DEDUPE_H

#include "pipeline/executor.h"
#include "pipeline/stage_lua.h"

int stage_dedupe_invoke(struct executor *ex, struct frame *f, struct stage_result *ret,
                        struct srt_err *err);
int stage_dedupe_run_due(struct executor *ex, struct frame *f, struct state_row *row,
                         struct srt_err *err);

#endif
