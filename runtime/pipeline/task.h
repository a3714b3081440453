/* task.h - one share of a running pipeline: its own Lua state, its own sources, its own output.
 *
 * Owner:   the controller creates and destroys it; a worker runs it in between.
 * Thread:  "worker": on the worker it was given to; "main": on the controller's. They meet in a few
 *          atomic cells, and both ways a wake-up follows a change.
 * Memory:  executor, intake, one epoch of output.
 * Fails:   a task that cannot go on notes TASK_FAILED and stands still until it is closed. */
#ifndef SRT_PIPELINE_TASK_H
#define SRT_PIPELINE_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"
#include "pipeline/epoch.h"
#include "pipeline/job.h"

struct task;

/* task -> controller: what has happened since the last look. */
enum {
    TASK_DIRTY = 1 << 0,  /* there is something to commit */
    TASK_FULL = 1 << 1,   /* it holds as much output as it may, and has stopped reading */
    TASK_ENDED = 1 << 2,  /* its sources have nothing more */
    TASK_PART = 1 << 3,   /* its part of the epoch is ready: task_take_part */
    TASK_FAILED = 1 << 4, /* task_failure says why */
    TASK_CLOSED = 1 << 5, /* it may be destroyed */
    TASK_DRAINED = 1 << 6, /* it did something in this epoch, and now waits for input */
    TASK_OUTPUT = 1 << 7,  /* that left output, and not positions alone */
};

/* controller -> task: what to do at a barrier. */
enum task_after {
    TASK_GO_ON,
    TASK_HOLD, /* wait for an assignment */
    TASK_END,
};

struct task *task_create(const struct job *job, uint32_t index);
void task_destroy(struct task *task); /* noted TASK_CLOSED, or never ran; accepts NULL */

/* Before the worker runs it. `wake` may be called from any thread. */
void task_set_worker(struct task *task, struct io_loop *loop, void (*wake)(void *arg), void *arg);

/* --- main --- */

/* Read these partitions (srt_xalloc'ed), when it starts and whenever it holds. */
void task_assign(struct task *task, struct engine_split *take_splits, uint32_t count);
void task_ask_epoch(struct task *task, uint64_t epoch, enum task_after after);
void task_ask_close(struct task *task);
void task_poke(struct task *task); /* something of the job changed: look at it */

uint32_t task_take_notes(struct task *task);
/* main: its memory is the task's to use again. */
void task_give_back(struct task *task, struct epoch_part *take_part);
struct epoch_part *task_take_part(struct task *task); /* NULL: none */
const struct srt_err *task_failure(const struct task *task);
/* What it waits for just now, the more telling the larger. A hint. */
enum task_wait {
    TASK_WAITS_NOT,
    TASK_WAITS_INPUT,
    TASK_WAITS_COMMIT,
    TASK_WAITS_EXCHANGE,
    TASK_WAITS_BACKOFF, /* of a record, at *ret_stage */
};
enum task_wait task_waits_for(const struct task *task, uint32_t *ret_stage);

/* --- worker --- */

/* A slice of work; true when there is more to do at once. */
bool task_run(struct task *task);
/* When task_run is to be called again though nothing woke it, on the job's clock; 0: never. */
int64_t task_due_ns(const struct task *task);
bool task_is_closed(const struct task *task);

#endif
