/* stage_value.h - what a function gives for a record, as a plain value outside of Lua.
 *
 * Owner:   the executor.
 * Thread:  its worker.
 * Memory:  texts are in the record's arena, or borrowed from the record until its stage is left.
 * Fails:   as stage_lua_call. */
#ifndef SRT_PIPELINE_STAGE_VALUE_H
#define SRT_PIPELINE_STAGE_VALUE_H

#include "pipeline/executor.h"
#include "state/aggregate.h"

/* Call the function with (v, r, k). */
int stage_value_call(struct executor *ex, struct frame *f, const struct script_fn *fn,
                     struct state_value *ret, struct srt_err *err);

/* The Lua value at `index`. */
int stage_value_take(struct executor *ex, int index, struct state_value *ret, struct srt_err *err);

#endif
