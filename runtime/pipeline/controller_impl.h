/* controller_impl.h - what controller.c (epochs) and controller_setup.c (birth and death) share.
 *
 * Owner:   these two files.
 * Thread:  the main thread, but for the cells marked otherwise.
 * Memory:  see controller.h.
 * Fails:   see controller.h. */
#ifndef SRT_PIPELINE_CONTROLLER_IMPL_H
#define SRT_PIPELINE_CONTROLLER_IMPL_H

#include "base/atomic.h"
#include "io/loop.h"
#include "pipeline/controller.h"
#include "pipeline/epoch.h"
#include "pipeline/job.h"
#include "pipeline/manifest.h"
#include "pipeline/sink_writer.h"
#include "pipeline/task.h"

enum controller_life {
    LIFE_NEW,
    LIFE_RUNNING,
    LIFE_FINISHING, /* the last epoch was asked for */
    LIFE_CLOSING,   /* tasks are being closed */
    LIFE_ENDED,
};

enum controller_phase { PHASE_IDLE, PHASE_ALIGNING, PHASE_WRITING, PHASE_COMMITTING, PHASE_PAUSED };

enum { CONTROLLER_EXPLAIN_BYTES = 256 };

struct controller {
    const struct runner_options *options;
    struct job job;
    void (*notify)(void *arg); /* any thread: controller_check is to be called */
    void *notify_arg;
    struct task **tasks;
    bool *task_ended;
    bool *task_closed;
    struct engine_member **members; /* per task; NULL when no topic is read */
    struct sink_spec *sink_specs;   /* until the writer takes them */
    struct sink_writer *sinks;      /* NULL: none */
    struct manifest manifest;       /* of what stages remember */
    struct io_timer timer;          /* the commit interval, or a pause */
    bool timer_runs;
    enum controller_life life;
    enum controller_phase phase;
    uint64_t epoch;
    enum task_after after; /* of the epoch that was asked for */
    bool due;              /* the timer has passed */
    bool dirty;            /* there is something to commit */
    bool full;             /* a task has stopped reading until there was a commit */
    bool has_output;       /* a task that has run dry has output to commit */
    bool stop_asked;
    bool written;              /* the sinks have the epoch at work already */
    _Atomic bool reassign;     /* the engine sets it, from any thread */
    struct epoch_part **parts; /* of the epoch at work, per task */
    uint32_t part_count;
    struct epoch_part *joined; /* their appends and positions together */
    struct engine_commit commit;
    struct srt_err commit_err; /* written before commit_done */
    _Atomic bool commit_done;  /* the engine sets it, from any thread */
    int64_t pause_ms;
    struct runner_counters counters;
    struct srt_err err;
    char explanation[CONTROLLER_EXPLAIN_BYTES];
    io_closed_fn on_closed;
    void *on_closed_arg;
};

void controller_on_timer(void *arg);
void controller_free_parts(struct controller *ctl);
void controller_leave_group(struct controller *ctl);

#endif
