/* The main thread of `run`.
 *
 * The first SIGINT or SIGTERM asks the runner to finish what was read and to commit it (interrupt.h
 * says what the second SIGINT does). A store that failed for good (a sync, a disk that cannot be
 * read) ends the process at once: nothing can be committed any more, and what is in doubt is
 * decided by the next recovery.
 *
 * A full disk ends nothing. Beginning is tried again until there is room; a pipeline that meets one
 * later pauses by itself; a write that is durable in the journal and waits for room in its segment
 * is what on_expire speaks of. */
#include "app/lifecycle.h"

#include "app/interrupt.h"
#include "app/ready_file.h"
#include "app/summary.h"
#include "base/log.h"
#include "broker/group.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "io/loop.h"
#include "pipeline/runner.h"

#include <signal.h>
#include <unistd.h>

enum {
    EXPIRE_INTERVAL_MS = 1000,
    ROOM_INTERVAL_MS = 1000, /* how often beginning is tried again on a full disk */
    /* A drain that a full disk or a stuck reader holds up is given up after this: nothing is lost,
     * it is done again at the next start. Service managers kill after 30 s to 90 s. */
    DRAIN_LIMIT_MS = 25000,
    ABORT_LIMIT_MS = 2000, /* and then nobody is waited for any more */
};

struct lifecycle {
    const struct lifecycle_options *options;
    struct io_loop loop;
    struct io_wake interrupt_wake;
    struct io_wake fatal_wake;
    struct io_signal terminate;
    struct io_signal hang_up;
    struct io_timer expire;
    struct io_timer drain_limit;
    struct io_timer room;
    int open_count; /* of handles, in the order of open_handles */
    struct assembly assembly;
    struct ready_file ready;
    struct srt_err fatal; /* written on the store thread before fatal_wake is sent */
    bool draining;
    bool aborted;        /* the drain took too long */
    bool waits_for_room; /* as it was said last */
    bool ready_late;     /* there is no room for the ready file yet */
    size_t failed_count; /* pipelines that stopped with an error */
    int failed_exit;     /* what the worst of them ends with */
};

/* --- signals --- */

static void on_drain_limit(void *arg)
{
    struct lifecycle *life = arg;
    const struct settings *settings = life->options->settings;
    if (life->aborted) {
        log_error(LOG_APP, "a pipeline does not let go; ending without it");
        ready_file_remove_now(&life->ready);
        _exit(EXIT_FAILED);
    }
    life->aborted = true;
    for (size_t i = 0; i < settings->graph_count; i++) {
        const char *name = settings->graphs[i]->name;
        log_error(LOG_APP, "pipeline '%s' cannot finish: %s; the next start does it again", name,
                  runner_explain(life->assembly.runner, name));
    }
    runner_abort(life->assembly.runner);
}

static void drain(struct lifecycle *life, const char *why)
{
    if (life->draining) {
        return;
    }
    life->draining = true;
    interrupt_expect();
    log_info(LOG_APP, "%s: finishing what was read; SIGINT ends at once", why);
    if (life->assembly.runner) {
        io_timer_start(&life->drain_limit, DRAIN_LIMIT_MS, ABORT_LIMIT_MS);
        runner_stop(life->assembly.runner);
    } else {
        io_loop_stop(&life->loop);
    }
}

static void on_interrupt(void *arg)
{
    drain(arg, "SIGINT");
}

static void on_terminate(void *arg, int signal_number)
{
    (void)signal_number;
    drain(arg, "SIGTERM");
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

/* Say it when a durable write waits for room in its segment, and when that is over. */
static void tell_of_room(struct lifecycle *life)
{
    struct store *store = broker_store(life->assembly.broker);
    bool waits = store_waits_for_room(store);
    if (waits == life->waits_for_room) {
        return;
    }
    life->waits_for_room = waits;
    if (waits) {
        struct srt_err why;
        store_get_refusal(store, &why);
        log_warn(LOG_APP, "writes wait until there is room: %s", why.msg);
    } else {
        log_info(LOG_APP, "there is room again: writes go on");
    }
}

/* The ready file is for others to wait for: without room for it, it comes later. */
static int write_ready_file(struct lifecycle *life, struct srt_err *err)
{
    bool late_before = life->ready_late;
    int code =
        ready_file_write(&life->ready, settings_data_dir(life->options->settings), err);
    life->ready_late = code == SRT_ENOSPC;
    if (life->ready_late && !late_before) {
        log_warn(LOG_APP, "%s; trying again until there is room", err->msg);
    } else if (late_before && code == SRT_OK) {
        log_info(LOG_APP, "'%s' is written", life->ready.path);
    }
    return life->ready_late ? SRT_OK : code;
}

static void on_expire(void *arg)
{
    struct lifecycle *life = arg;
    struct srt_err err;
    group_expire_members(life->assembly.broker);
    tell_of_room(life);
    if (life->ready_late && write_ready_file(life, &err) != SRT_OK) {
        log_error(LOG_APP, "%s", err.msg);
    }
}

static void on_pipeline_stopped(void *arg, const char *pipeline, const struct srt_err *err)
{
    struct lifecycle *life = arg;
    if (err->code != SRT_OK) {
        life->failed_count++;
        bool sync = err->code == SRT_EFSYNC; /* what it covered is in doubt: that must be seen */
        life->failed_exit = sync ? exit_code_of(err->code) : life->failed_exit;
        log_error(LOG_APP, "pipeline '%s' stopped: %s", pipeline, err->msg);
    }
}

static void on_idle(void *arg)
{
    struct lifecycle *life = arg;
    io_loop_stop(&life->loop);
}

/* --- beginning and ending --- */

/* Before the store is opened: a recovery may take a while, and signals must count meanwhile. */
static int open_handles(struct lifecycle *life, struct srt_err *err)
{
    struct io_loop *loop = &life->loop;
    int code = io_wake_init(&life->interrupt_wake, loop, on_interrupt, life, err);
    if (code != SRT_OK) {
        return code;
    }
    life->open_count++;
    code = io_wake_init(&life->fatal_wake, loop, on_fatal_wake, life, err);
    if (code != SRT_OK) {
        return code;
    }
    life->open_count++;
    code = io_signal_init(&life->terminate, loop, SIGTERM, on_terminate, life, err);
    if (code != SRT_OK) {
        return code;
    }
    life->open_count++;
    code = io_signal_init(&life->hang_up, loop, SIGHUP, on_hang_up, life, err);
    if (code != SRT_OK) {
        return code;
    }
    io_timer_init(&life->expire, loop, on_expire, life);
    io_timer_init(&life->drain_limit, loop, on_drain_limit, life);
    io_timer_init(&life->room, loop, on_idle, life);
    life->open_count += 3;
    interrupt_install(&life->interrupt_wake, &life->ready);
    return SRT_OK;
}

/* As far as they were opened. */
static void close_handles(struct lifecycle *life)
{
    interrupt_uninstall();
    if (life->open_count > 0) {
        io_wake_close(&life->interrupt_wake, NULL);
    }
    if (life->open_count > 1) {
        io_wake_close(&life->fatal_wake, NULL);
    }
    if (life->open_count > 2) {
        io_signal_close(&life->terminate, NULL);
    }
    if (life->open_count > 3) {
        io_signal_close(&life->hang_up, NULL);
        io_timer_close(&life->expire, NULL);
        io_timer_close(&life->drain_limit, NULL);
        io_timer_close(&life->room, NULL);
    }
}

/* Whatever was opened before an error is closed by the next attempt, or at the end. */
static int try_begin(struct lifecycle *life, struct srt_err *err)
{
    const struct lifecycle_options *o = life->options;
    const struct assemble_options assemble = {.settings = o->settings,
                                              .loop = &life->loop,
                                              .until_drained = o->until_drained,
                                              .keep_open = o->keep_open,
                                              .reset_state = o->reset_state,
                                              .on_store_fatal = on_store_fatal,
                                              .on_stopped = on_pipeline_stopped,
                                              .on_idle = on_idle,
                                              .arg = life};
    int code = assemble_open(&assemble, &life->assembly, err);
    if (code == SRT_OK && !life->ready.path) {
        code = ready_file_init(&life->ready, settings_data_dir(o->settings), err);
    }
    if (code == SRT_OK && life->assembly.runner) {
        code = runner_start(life->assembly.runner, err);
    }
    return code;
}

/* What has begun to run ends before it is closed: nothing is committed of it. */
static void abort_begun(struct lifecycle *life)
{
    life->aborted = true;
    io_timer_start(&life->drain_limit, ABORT_LIMIT_MS, 0);
    runner_abort(life->assembly.runner);
    io_loop_run(&life->loop);
    io_timer_stop(&life->drain_limit);
}

/* Up to the moment before "ready" is said. */
static int begin(struct lifecycle *life, struct srt_err *err)
{
    int code = open_handles(life, err);
    code = code == SRT_OK ? try_begin(life, err) : code;
    if (code == SRT_ENOSPC) {
        log_warn(LOG_APP, "cannot begin: %s; trying again until there is room", err->msg);
    }
    while (code == SRT_ENOSPC && !life->draining) {
        struct srt_err ignored;
        (void)assemble_close(&life->assembly, &ignored);
        io_timer_start(&life->room, ROOM_INTERVAL_MS, 0);
        io_loop_run(&life->loop); /* until then, or a signal */
        code = life->draining ? code : try_begin(life, err);
    }
    if (code == SRT_OK) {
        code = write_ready_file(life, err);
        if (code != SRT_OK && life->assembly.runner) {
            abort_begun(life);
        }
    }
    if (code == SRT_OK) {
        io_timer_start(&life->expire, EXPIRE_INTERVAL_MS, EXPIRE_INTERVAL_MS);
    }
    return code;
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
    summary_init(&summary);
    code = begin(&life, err);
    if (code == SRT_OK) {
        output_note("ready"); /* with addresses, once there are listeners */
        if (life.assembly.runner || !options->until_drained) {
            io_loop_run(&life.loop);
        }
        tell_of_room(&life); /* the end may come before the next look */
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
    close_handles(&life); /* first: the handler of SIGINT looks at the ready file */
    ready_file_fini(&life.ready);
    io_loop_fini(&life.loop);
    if (code == SRT_OK) {
        output_note("%s", summary_line(&summary));
        bool failed = life.aborted || life.failed_exit || (life.failed_count > 0 && !life.draining);
        *ret_exit = !failed ? EXIT_DONE : life.failed_exit ? life.failed_exit : EXIT_FAILED;
    }
    summary_fini(&summary);
    return code;
}
