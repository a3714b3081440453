/* stage_process.h - PROCESS: a function with a state of its own for each key, and timers.
 *
 * Owner:   the executor.
 * Thread:  its worker.
 * Memory:  for each key one row with its state as JSON, and one for each timer; `ctx` in the Lua
 *          state.
 * Fails:   as stage_state.h. */
#ifndef SRT_PIPELINE_STAGE_PROCESS_H
#define SRT_PIPELINE_STAGE_PROCESS_H

#include "pipeline/executor.h"
#include "pipeline/stage_lua.h"

int stage_process_invoke(struct executor *ex, struct frame *f, struct stage_result *ret,
                         struct srt_err *err);
int stage_process_run_due(struct executor *ex, struct frame *f, struct state_row *row,
                          struct srt_err *err);

/* A timer of the frame's key that comes before the frame's record: its time has been reached where
 * the record comes from. */
bool stage_process_due_before(struct executor *ex, const struct frame *f, struct state_row *ret);

/* After loading: rows that the end of an earlier run put to rest are due again. */
void stage_process_wake(struct state_table *table, const struct stage *stage);

#endif
