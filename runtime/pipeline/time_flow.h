/* time_flow.h - a task's step of event time: from its sources through its stages to other tasks.
 *
 * Owner:   the task.
 * Thread:  its worker.
 * Memory:  none.
 * Fails:   SRT_ENOMEM when the other tasks cannot be told. */
#ifndef SRT_PIPELINE_TIME_FLOW_H
#define SRT_PIPELINE_TIME_FLOW_H

#include "pipeline/executor.h"
#include "pipeline/intake.h"

/* Bring all stages up to date. When something is due on the way, the executor has begun with it
 * (*ret_begun), and the step is to be made again after that. `spilled`: the most downstream edge
 * on which chunks wait for room, -1 for none: nothing is added to edges up to it. */
int time_flow_step(struct executor *ex, struct intake *in, bool final, int32_t spilled,
                   bool *ret_begun, struct srt_err *err);

/* Nothing is open, and nothing will come. */
bool time_flow_ended(const struct executor *ex);

/* When to make a step though nothing came, on the job's clock; 0: never. */
int64_t time_flow_due_ns(const struct executor *ex, const struct intake *in);

#endif
