/* worker.h - a thread that runs tasks in turn, and sleeps in its loop when none can go on.
 *
 * Owner:   the runner.
 * Thread:  create, add, start, stop and destroy on the main thread; everything else on its own.
 * Memory:  a loop, a list of tasks.
 * Fails:   SRT_EIO when the system gives no more threads or handles. */
#ifndef SRT_PIPELINE_WORKER_H
#define SRT_PIPELINE_WORKER_H

#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "pipeline/task.h"

struct worker;

int worker_create(const struct srt_clock *clock, uint32_t index, struct worker **ret,
                  struct srt_err *err);
/* Before start. */
void worker_add(struct worker *worker, struct task *task);
int worker_start(struct worker *worker, struct srt_err *err);
/* All its tasks were asked to close: wait for that, end the thread, free everything. Accepts NULL,
 * and one never started. */
void worker_destroy(struct worker *worker);

#endif
