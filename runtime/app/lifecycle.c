/* The main thread of `run`.
 *
 * Signals are handled on the loop: the first SIGINT or SIGTERM asks the runner to finish what was read and
 * to commit it. From then on SIGINT has a handler of its own that ends the process at once, whatever the
 * main thread is waiting for: ending without a commit is always safe, because what was not committed is
 * done again at the next start. Before the store is recovered the default disposition does the same.
 *
 * A store that failed for good (a sync, an unreadable disk) ends the process at once too: nothing can be
 * committed any more, and what is in doubt is decided by the next recovery. */
#include "app/lifecycle.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "app/ready_file.h"
#include "app/summary.h"
#include "base/assert.h"
#include "base/log.h"
#include "broker/group.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "io/loop.h"
#include "pipeline/runner.h"

enum { EXPIRE_INTERVAL_MS = 1000 };

struct lifecycle {
    const struct lifecycle_options *options;
    struct io_loop loop;
    struct io_signal interrupt;
    struct io_signal terminate;
    struct io_signal hang_up;
    struct io_wake fatal_wake;
    struct io_timer expire;
    struct assembly assembly;
    struct ready_file ready;
    struct srt_err fatal; /* written on the store thread before fatal_wake is sent */
    int handle_count; /* signals that are open, in the order of open_handles */
    bool draining;
    size_t failed_count; /* pipelines that stopped with an error */
};

/* For the handler of the second SIGINT: the only thing that it has to tidy up. */
static const struct ready_file *volatile ready_now;

static void end_at_once(int signal_number)
{
    (void)signal_number;
    const struct ready_file *ready = ready_now;
    if (ready) {
        ready_file_remove_now(ready);
    }
    _exit(EXIT_INTERRUPTED);
}

/* --- signals --- */

static void interrupt_ends_from_now_on(struct lifecycle *life)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = end_at_once;
    sigemptyset(&action.sa_mask);
    io_signal_close(&life->interrupt, NULL); /* the loop lets go of the signal here */
    sigaction(SIGINT, &action, NULL);        /* cannot fail for a valid signal */
}

static void on_stop_signal(void *arg, int signal_number)
{
    struct lifecycle *life = arg;
    if (life->draining) {
        return;
    }
    life->draining = true;
    log_info(LOG_APP, "%s: finishing what was read; %s",
             signal_number == SIGINT ? "interrupted" : "asked to end", "SIGINT ends at once");
    interrupt_ends_from_now_on(life);
    if (life->assembly.runner) {
        runner_stop(life->assembly.runner);
    } else {
        io_loop_stop(&life->loop);
    }
}

static void on_hang_up(void *arg, int signal_number)
{
    (void)arg;
    (void)signal_number;
    log_warn(LOG_APP, "reload is not available in this version; the configuration stays as it is");
}

/* --- the world --- */

/* Store thread. */
static void on_store_fatal(void *arg, const struct srt_err *err)
{
    struct lifecycle *life = arg;
    life->fatal = *err;
    io_wake_send(&life->fatal_wake);
}

static void on_fatal_wake(void *arg)
{
    struct lifecycle *life = arg;
    if (life->fatal.code == SRT_OK) {
        return;
    }
    log_error(LOG_APP, "the data directory can no longer be written: %s", life->fatal.msg);
    ready_file_remove_now(&life->ready);
    _exit(exit_code_of(life->fatal.code));
}

static void on_expire(void *arg)
{
    struct lifecycle *life = arg;
    group_expire_members(life->assembly.broker);
}

static void on_pipeline_stopped(void *arg, const char *pipeline, const struct srt_err *err)
{
    struct lifecycle *life = arg;
    if (err->code != SRT_OK) {
        life->failed_count++;
        log_error(LOG_APP, "pipeline '%s' stopped: %s", pipeline, err->msg);
    }
}

static void on_idle(void *arg)
{
    struct lifecycle *life = arg;
    io_loop_stop(&life->loop);
}

/* --- beginning and ending --- */

static int open_handles(struct lifecycle *life, struct srt_err *err)
{
    struct io_signal *const signals[] = {&life->interrupt, &life->terminate, &life->hang_up};
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        io_signal_fn fn = numbers[i] == SIGHUP ? on_hang_up : on_stop_signal;
        int code = io_signal_init(signals[i], &life->loop, numbers[i], fn, life, err);
        if (code != SRT_OK) {
            return code;
        }
        life->handle_count++;
    }
    io_timer_init(&life->expire, &life->loop, on_expire, life);
    io_timer_start(&life->expire, EXPIRE_INTERVAL_MS, EXPIRE_INTERVAL_MS);
    return SRT_OK;
}

/* Up to the moment before "ready" is said. */
static int begin(struct lifecycle *life, struct srt_err *err)
{
    const struct lifecycle_options *o = life->options;
    const struct assemble_options assemble = {.settings = o->settings,
                                              .loop = &life->loop,
                                              .until_drained = o->until_drained,
                                              .on_store_fatal = on_store_fatal,
                                              .on_stopped = on_pipeline_stopped,
                                              .on_idle = on_idle,
                                              .arg = life};
    int code = assemble_open(&assemble, &life->assembly, err);
    if (code != SRT_OK) {
        return code;
    }
    code = ready_file_init(&life->ready, settings_data_dir(o->settings), err);
    if (code != SRT_OK) {
        return code;
    }
    ready_now = &life->ready;
    code = open_handles(life, err);
    if (code == SRT_OK && life->assembly.runner) {
        code = runner_start(life->assembly.runner, err);
    }
    if (code == SRT_OK) {
        code = ready_file_write(&life->ready, settings_data_dir(o->settings), err);
    }
    return code;
}

/* Everything that hangs on the loop, as far as it was opened. */
static void close_handles(struct lifecycle *life)
{
    if (life->handle_count > 0 && !life->draining) {
        io_signal_close(&life->interrupt, NULL);
    }
    if (life->handle_count > 1) {
        io_signal_close(&life->terminate, NULL);
    }
    if (life->handle_count > 2) {
        io_signal_close(&life->hang_up, NULL);
        io_timer_close(&life->expire, NULL);
    }
    io_wake_close(&life->fatal_wake, NULL);
}

static void sum_up(struct lifecycle *life, struct summary *summary)
{
    const struct settings *settings = life->options->settings;
    for (size_t i = 0; i < settings->graph_count; i++) {
        struct runner_counters counters = {0};
        runner_get_counters(life->assembly.runner, settings->graphs[i]->name, &counters);
        summary_add(summary, settings->graphs[i]->name, &counters);
    }
}

int lifecycle_run(const struct lifecycle_options *options, int *ret_exit, struct srt_err *err)
{
    struct lifecycle life = {.options = options};
    struct summary summary;
    struct srt_err close_err = {0};
    int code = io_loop_init(&life.loop, err);
    if (code != SRT_OK) {
        return code;
    }
    code = io_wake_init(&life.fatal_wake, &life.loop, on_fatal_wake, &life, err);
    if (code != SRT_OK) {
        io_loop_fini(&life.loop);
        return code;
    }
    summary_init(&summary);
    code = begin(&life, err);
    if (code == SRT_OK) {
        output_note("ready"); /* with addresses, once there are listeners */
        if (life.assembly.runner || !options->until_drained) {
            io_loop_run(&life.loop);
        }
        sum_up(&life, &summary);
    }
    int closed = assemble_close(&life.assembly, &close_err);
    if (life.fatal.code != SRT_OK) { /* the store thread, which wrote it, has ended */
        close_err = life.fatal;
        closed = life.fatal.code;
    }
    if (code == SRT_OK && closed != SRT_OK) {
        *err = close_err;
        code = closed;
    }
    ready_now = NULL;
    ready_file_fini(&life.ready);
    close_handles(&life);
    io_loop_fini(&life.loop);
    if (code == SRT_OK) {
        output_note("%s", summary_line(&summary));
        *ret_exit = life.failed_count > 0 && !life.draining ? EXIT_FAILED : EXIT_DONE;
    }
    summary_fini(&summary);
    return code;
}
