/* controller.h - one running pipeline as the main thread sees it: its tasks, its epochs, its end.
 *
 * Owner:   the runner.
 * Thread:  the main thread, but for what the tasks, the sink thread and the engine notify.
 * Memory:  the epoch in flight.
 * Fails:   controller_create and controller_start: what finding topics and opening sinks fails
 *          with. Later failures end the pipeline: controller_ended says so. */
#ifndef SRT_PIPELINE_CONTROLLER_H
#define SRT_PIPELINE_CONTROLLER_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/graph.h"
#include "pipeline/runner.h"
#include "pipeline/task.h"

struct controller;

int controller_create(const struct runner_options *options, const struct graph *graph,
                      uint32_t worker_count, void (*notify)(void *arg), void *notify_arg,
                      struct controller **ret, struct srt_err *err);

/* Topics, positions, sinks, group members; then the tasks, which the caller gives to workers. All
 * target topics of all pipelines exist by now. */
int controller_prepare(struct controller *ctl, struct srt_err *err);
uint32_t controller_task_count(const struct controller *ctl);
struct task *controller_task(const struct controller *ctl, uint32_t index);
void controller_start(struct controller *ctl); /* the workers run */

/* Something was notified: look at everything and go on. */
void controller_check(struct controller *ctl);

void controller_input_final(struct controller *ctl); /* what is there now is all there will be */
void controller_stop(struct controller *ctl);
void controller_abort(struct controller *ctl);

bool controller_ended(const struct controller *ctl);
const struct srt_err *controller_error(const struct controller *ctl); /* of one that ended */
const struct graph *controller_graph(const struct controller *ctl);
void controller_get_counters(const struct controller *ctl, struct runner_counters *ret);
const char *controller_explain(struct controller *ctl);

/* Its tasks do not run any more: the workers are gone, or never started. Accepts NULL. The memory
 * is dead in `on_closed`, which is called from the loop. */
void controller_destroy(struct controller *ctl, io_closed_fn on_closed, void *arg);

#endif
