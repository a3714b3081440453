/* While any task has work, the loop is only polled between two rounds; else the thread waits in it.
 * What changes a task's mind (a request, a chunk in a ring, bytes in a topic) always sends the
 * wake-up after the change, so a round that saw nothing is followed by another one if it looked too
 * early. */
#include "pipeline/worker.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "io/loop.h"
#include "io/thread.h"

static const int64_t NS_PER_MS = 1000000;

struct worker {
    const struct srt_clock *clock;
    uint32_t index;
    struct io_loop loop;
    struct io_wake wake;
    struct io_timer timer; /* the next task that waits for a time */
    struct task **tasks;
    uint32_t task_count;
    struct io_thread thread;
    bool started;
    _Atomic bool stop_asked; /* main sets, the thread reads */
};

static void on_wake(void *arg)
{
    (void)arg; /* the tasks look for themselves */
}

static void send_wake(void *arg)
{
    struct worker *worker = arg;
    io_wake_send(&worker->wake);
}

int worker_create(const struct srt_clock *clock, uint32_t index, struct worker **ret,
                  struct srt_err *err)
{
    struct worker *worker = srt_xcalloc(1, sizeof *worker);
    worker->clock = clock;
    worker->index = index;
    int code = io_loop_init(&worker->loop, err);
    if (code != SRT_OK) {
        srt_free(worker);
        return code;
    }
    code = io_wake_init(&worker->wake, &worker->loop, on_wake, worker, err);
    if (code != SRT_OK) {
        io_loop_fini(&worker->loop);
        srt_free(worker);
        return code;
    }
    io_timer_init(&worker->timer, &worker->loop, on_wake, worker);
    *ret = worker;
    return SRT_OK;
}

void worker_add(struct worker *worker, struct task *task)
{
    srt_assert(!worker->started);
    worker->tasks = srt_xrealloc(worker->tasks, (worker->task_count + 1) * sizeof(struct task *));
    worker->tasks[worker->task_count++] = task;
    task_set_worker(task, &worker->loop, send_wake, worker);
}

/* Sleep until something happens or the first waiting task is due. */
static void wait_for_events(struct worker *worker)
{
    int64_t due = 0;
    for (uint32_t i = 0; i < worker->task_count; i++) {
        int64_t task_due = task_due_ns(worker->tasks[i]);
        if (task_due != 0 && (due == 0 || task_due < due)) {
            due = task_due;
        }
    }
    if (due == 0) {
        io_timer_stop(&worker->timer);
        io_loop_run_once(&worker->loop);
        return;
    }
    int64_t delay = due - srt_clock_mono_ns(worker->clock);
    if (delay <= 0) {
        io_loop_poll(&worker->loop);
        return;
    }
    /* The loop runs timers before it waits. One that is over by then (we may not have run for a
     * while) would leave nothing to wake us: so it repeats until the next round sets it anew. */
    io_timer_start(&worker->timer, delay / NS_PER_MS + 1, 1);
    io_loop_run_once(&worker->loop);
}

static void run(void *arg)
{
    struct worker *worker = arg;
    for (;;) {
        bool busy = false;
        bool all_closed = true;
        for (uint32_t i = 0; i < worker->task_count; i++) {
            busy = task_run(worker->tasks[i]) || busy;
            all_closed = all_closed && task_is_closed(worker->tasks[i]);
        }
        if (all_closed && srt_load_acquire(&worker->stop_asked)) { /* release in worker_destroy */
            return;
        }
        if (busy) {
            io_loop_poll(&worker->loop);
        } else {
            wait_for_events(worker);
        }
    }
}

int worker_start(struct worker *worker, struct srt_err *err)
{
    int code = io_thread_start(&worker->thread, IO_ROLE_WORK, (int)worker->index, run, worker, err);
    worker->started = code == SRT_OK;
    return code;
}

void worker_destroy(struct worker *worker)
{
    if (!worker) {
        return;
    }
    if (worker->started) {
        srt_store_release(&worker->stop_asked, true);
        send_wake(worker);
        io_thread_join(&worker->thread);
    }
    io_timer_close(&worker->timer, NULL);
    io_wake_close(&worker->wake, NULL);
    io_loop_fini(&worker->loop);
    srt_free(worker->tasks);
    srt_free(worker);
}
