/* A pipeline's epochs, one at a time:
 *
 *     IDLE --interval, full, drained, stop--> ALIGNING --all parts--> WRITING --> COMMITTING --+
 *      ^                                      (tasks)               (sink thread)  (engine)    |
 *      |                                                               ^  PAUSED <-- error ----+
 *      +---------------------------------------------------------------|--------- durable -----+
 *
 * While an epoch is written and committed the tasks already work on the next one, until they hold
 * as much output as they may. An error that may pass (a full disk) keeps the epoch and tries again;
 * any other ends the pipeline, which costs nothing that was committed.
 *
 * Sinks come first: an epoch's bytes are in the file, synced, before the frame says how long the
 * file is. A crash in between leaves bytes that no frame vouches for; opening the sink cuts them
 * off. */
#include "pipeline/controller.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/fault.h"
#include "base/log.h"
#include "pipeline/controller_impl.h"

enum { PAUSE_FROM_MS = 100, PAUSE_TO_MS = 5000 };

static const char *name_of(const struct controller *ctl)
{
    return ctl->job.graph->name;
}

/* --- the end --- */

static void begin_closing(struct controller *ctl)
{
    ctl->life = LIFE_CLOSING;
    io_timer_stop(&ctl->timer);
    ctl->timer_runs = false;
    for (uint32_t i = 0; i < ctl->job.task_count; i++) {
        task_ask_close(ctl->tasks[i]);
    }
}

static void fail(struct controller *ctl, const struct srt_err *why)
{
    if (ctl->life == LIFE_CLOSING || ctl->life == LIFE_ENDED) {
        return;
    }
    ctl->err = *why;
    begin_closing(ctl);
}

static void free_joined(struct controller *ctl)
{
    epoch_part_destroy(ctl->joined);
    ctl->joined = NULL;
}

void controller_free_parts(struct controller *ctl)
{
    for (uint32_t i = 0; i < ctl->job.task_count; i++) {
        epoch_part_destroy(ctl->parts[i]);
        ctl->parts[i] = NULL;
    }
    ctl->part_count = 0;
    free_joined(ctl);
}

void controller_leave_group(struct controller *ctl)
{
    for (uint32_t i = 0; i < ctl->job.task_count; i++) {
        if (ctl->members[i]) {
            ctl->job.engine->ops->leave(ctl->members[i]);
            ctl->members[i] = NULL;
        }
    }
}

/* When all tasks are closed and nothing of an epoch is in other hands. */
static void try_end(struct controller *ctl)
{
    if (ctl->phase == PHASE_WRITING || ctl->phase == PHASE_COMMITTING) {
        return;
    }
    for (uint32_t i = 0; i < ctl->job.task_count; i++) {
        if (!ctl->task_closed[i]) {
            return;
        }
    }
    controller_leave_group(ctl);
    sink_writer_close(ctl->sinks);
    ctl->sinks = NULL;
    controller_free_parts(ctl);
    ctl->life = LIFE_ENDED;
}

/* --- timer --- */

void controller_on_timer(void *arg)
{
    struct controller *ctl = arg;
    ctl->timer_runs = false;
    ctl->due = true;
    controller_check(ctl);
    ctl->notify(ctl->notify_arg); /* the runner looks whether this was the end */
}

static void start_timer(struct controller *ctl, int64_t delay_ms)
{
    if (!ctl->timer_runs) {
        ctl->timer_runs = true;
        ctl->due = false;
        io_timer_start(&ctl->timer, delay_ms, 0);
    }
}

/* --- an epoch --- */

static void ask_epoch(struct controller *ctl, enum task_after after)
{
    ctl->epoch++;
    ctl->after = after;
    ctl->phase = PHASE_ALIGNING;
    ctl->dirty = false;
    ctl->full = false;
    ctl->has_output = false;
    ctl->due = false;
    io_timer_stop(&ctl->timer);
    ctl->timer_runs = false;
    if (after == TASK_END) {
        ctl->life = LIFE_FINISHING;
    }
    for (uint32_t i = 0; i < ctl->job.task_count; i++) {
        task_ask_epoch(ctl->tasks[i], ctl->epoch, after);
    }
}

static bool all_ended(const struct controller *ctl)
{
    for (uint32_t i = 0; i < ctl->job.task_count; i++) {
        if (!ctl->task_ended[i]) {
            return false;
        }
    }
    return true;
}

/* Whether a commit may come before its time: nobody has input, so waiting would gain no company for
 * the output that is there (positions alone are nothing that anybody waits for). A task's wait is a
 * hint: if it has input again, that is in the next epoch. */
static bool is_drained(const struct controller *ctl)
{
    uint32_t stage;
    if (!ctl->has_output) {
        return false;
    }
    for (uint32_t i = 0; i < ctl->job.task_count; i++) {
        if (!ctl->task_ended[i] && task_waits_for(ctl->tasks[i], &stage) != TASK_WAITS_INPUT) {
            return false;
        }
    }
    return true;
}

static void check_idle(struct controller *ctl)
{
    if (ctl->life != LIFE_RUNNING) {
        return;
    }
    if (ctl->stop_asked || all_ended(ctl)) {
        ask_epoch(ctl, TASK_END);
    } else if (srt_load_acquire(&ctl->reassign)) { /* release in on_changed */
        ask_epoch(ctl, TASK_HOLD);
    } else if (ctl->full || (ctl->dirty && (ctl->due || is_drained(ctl)))) {
        ask_epoch(ctl, TASK_GO_ON);
    } else if (ctl->dirty) {
        start_timer(ctl, ctl->job.graph->commit_interval_ms);
    }
}

static void join_parts(struct controller *ctl)
{
    struct epoch_part *joined = epoch_part_create(0);
    for (uint32_t i = 0; i < ctl->job.task_count; i++) {
        epoch_part_join(joined, ctl->parts[i]);
    }
    if (ctl->sinks) {
        sink_writer_positions(ctl->sinks, joined);
    }
    if (ctl->job.stateful) {
        manifest_put_position(&ctl->manifest, joined);
    }
    ctl->joined = joined;
}

/* Whatever failed, it is the epoch's: keep it and try again, or end. */
static void pause_or_fail(struct controller *ctl, const struct srt_err *why)
{
    if (ctl->life == LIFE_CLOSING || !srt_code_retriable(why->code)) {
        ctl->phase = PHASE_IDLE;
        fail(ctl, why);
        return;
    }
    ctl->pause_ms = ctl->pause_ms ? ctl->pause_ms * 2 : PAUSE_FROM_MS;
    ctl->pause_ms = ctl->pause_ms > PAUSE_TO_MS ? PAUSE_TO_MS : ctl->pause_ms;
    if (strcmp(ctl->err.msg, why->msg) != 0) { /* once, not at each attempt */
        log_warn(LOG_PIPELINE, "pipeline '%s' pauses: cannot commit: %s; trying again until it can",
                 name_of(ctl), why->msg);
    }
    ctl->err = *why; /* for the explanation; cleared by the next success */
    ctl->phase = PHASE_PAUSED;
    start_timer(ctl, ctl->pause_ms);
}

/* Any thread. */
static void on_commit_done(struct engine_commit *commit, const struct srt_err *err)
{
    struct controller *ctl = commit->arg;
    ctl->commit_err = *err;
    srt_store_release(&ctl->commit_done, true); /* acquire in check_committing */
    ctl->notify(ctl->notify_arg);
}

static void finish_epoch(struct controller *ctl)
{
    epoch_counters_add(&ctl->counters, &ctl->joined->counters);
    manifest_committed(&ctl->manifest);
    if (ctl->sinks) {
        sink_writer_committed(ctl->sinks);
    }
    for (uint32_t i = 0; i < ctl->job.task_count; i++) {
        task_give_back(ctl->tasks[i], ctl->parts[i]);
        ctl->parts[i] = NULL;
    }
    controller_free_parts(ctl);
    if (ctl->pause_ms > 0) {
        log_info(LOG_PIPELINE, "pipeline '%s' goes on", name_of(ctl));
    }
    srt_err_clear(&ctl->err);
    ctl->pause_ms = 0;
    ctl->written = false;
    ctl->phase = PHASE_IDLE;
}

/* All tasks hold: give each what is its own now. */
static void reassign(struct controller *ctl)
{
    const struct engine_ops *ops = ctl->job.engine->ops;
    srt_store_release(&ctl->reassign, false); /* a change that comes now asks again */
    for (uint32_t i = 0; i < ctl->job.task_count; i++) {
        struct engine_split *splits = NULL;
        uint32_t count = 0;
        struct srt_err err;
        if (ctl->members[i] && ops->assignment(ctl->members[i], &splits, &count, &err) != SRT_OK) {
            fail(ctl, &err);
            return;
        }
        ctl->task_ended[i] = false;
        task_assign(ctl->tasks[i], splits, count);
    }
}

static void after_epoch(struct controller *ctl)
{
    if (ctl->life == LIFE_FINISHING) {
        begin_closing(ctl);
    } else if (ctl->life == LIFE_RUNNING && ctl->after == TASK_HOLD) {
        reassign(ctl);
    }
}

static void send_commit(struct controller *ctl)
{
    join_parts(ctl);
    if (ctl->joined->append_count == 0 && ctl->joined->position_count == 0) {
        finish_epoch(ctl);
        after_epoch(ctl);
        return;
    }
    struct srt_err err;
    ctl->commit = (struct engine_commit){
        .group = name_of(ctl),
        .appends = ctl->joined->appends,
        .append_count = ctl->joined->append_count,
        .positions = ctl->joined->positions,
        .position_count = ctl->joined->position_count,
        .done = on_commit_done,
        .arg = ctl,
    };
    srt_store_relaxed(&ctl->commit_done, false);
    ctl->phase = PHASE_COMMITTING;
    int sys = SRT_FAULT(commit_begin);
    int code = sys ? srt_fail_sys(&err, srt_code_from_errno(sys), sys, "hand an epoch over")
                   : ctl->job.engine->ops->commit(ctl->job.engine, &ctl->commit, &err);
    if (code != SRT_OK) {
        free_joined(ctl);
        pause_or_fail(ctl, &err);
        return;
    }
    (void)SRT_FAULT(commit_sent);
}

static void begin_writing(struct controller *ctl)
{
    bool any = false;
    for (uint32_t i = 0; i < ctl->job.task_count; i++) {
        for (uint32_t s = 0; s < ctl->parts[i]->sink_count; s++) {
            any = any || ctl->parts[i]->sinks[s].len > 0;
        }
    }
    if (any && !ctl->written) {
        ctl->phase = PHASE_WRITING;
        sink_writer_write(ctl->sinks, ctl->parts, ctl->job.task_count);
    } else {
        send_commit(ctl);
    }
}

static void check_writing(struct controller *ctl)
{
    struct srt_err err;
    if (!sink_writer_take_result(ctl->sinks, &err)) {
        return;
    }
    if (err.code != SRT_OK) {
        pause_or_fail(ctl, &err);
    } else if (ctl->life == LIFE_CLOSING) {
        ctl->phase = PHASE_IDLE;
    } else {
        ctl->written = true;
        send_commit(ctl);
    }
}

static void check_committing(struct controller *ctl)
{
    if (!srt_load_acquire(&ctl->commit_done)) { /* release in on_commit_done */
        return;
    }
    if (ctl->commit_err.code != SRT_OK) {
        free_joined(ctl);
        pause_or_fail(ctl, &ctl->commit_err);
        return;
    }
    (void)SRT_FAULT(commit_done);
    finish_epoch(ctl);
    after_epoch(ctl);
}

static void check_phase(struct controller *ctl)
{
    switch (ctl->phase) {
    case PHASE_IDLE:
        check_idle(ctl);
        break;
    case PHASE_ALIGNING:
        if (ctl->part_count == ctl->job.task_count && ctl->life != LIFE_CLOSING) {
            begin_writing(ctl);
        }
        break;
    case PHASE_WRITING:
        check_writing(ctl);
        break;
    case PHASE_COMMITTING:
        check_committing(ctl);
        break;
    case PHASE_PAUSED:
        if (ctl->due && ctl->life != LIFE_CLOSING) {
            ctl->due = false;
            begin_writing(ctl);
        }
        break;
    }
}

static void take_notes(struct controller *ctl)
{
    for (uint32_t i = 0; i < ctl->job.task_count; i++) {
        uint32_t notes = task_take_notes(ctl->tasks[i]);
        ctl->dirty = ctl->dirty || (notes & TASK_DIRTY);
        ctl->full = ctl->full || (notes & TASK_FULL);
        ctl->has_output = ctl->has_output || (notes & TASK_OUTPUT);
        ctl->task_ended[i] = ctl->task_ended[i] || (notes & TASK_ENDED);
        ctl->task_closed[i] = ctl->task_closed[i] || (notes & TASK_CLOSED);
        if (notes & TASK_PART) {
            srt_assert(!ctl->parts[i]);
            ctl->parts[i] = task_take_part(ctl->tasks[i]);
            ctl->part_count++;
        }
        if (notes & TASK_FAILED) {
            fail(ctl, task_failure(ctl->tasks[i]));
        }
    }
}

void controller_check(struct controller *ctl)
{
    if (ctl->life == LIFE_NEW || ctl->life == LIFE_ENDED) {
        return;
    }
    take_notes(ctl);
    check_phase(ctl);
    if (ctl->phase == PHASE_IDLE) {
        check_phase(ctl); /* an epoch that is over may be followed by the next at once */
    }
    if (ctl->life == LIFE_CLOSING) {
        try_end(ctl);
    }
}

void controller_start(struct controller *ctl)
{
    srt_assert(ctl->life == LIFE_NEW);
    ctl->life = LIFE_RUNNING;
    reassign(ctl);
}

void controller_input_final(struct controller *ctl)
{
    srt_store_release(&ctl->job.input_final, true); /* acquire in note_ended of task.c */
    for (uint32_t i = 0; i < ctl->job.task_count; i++) {
        task_poke(ctl->tasks[i]);
    }
}

void controller_stop(struct controller *ctl)
{
    ctl->stop_asked = true;
    controller_check(ctl);
}

void controller_abort(struct controller *ctl)
{
    if (ctl->life == LIFE_NEW || ctl->life == LIFE_ENDED) {
        return;
    }
    if (ctl->sinks) {
        sink_writer_interrupt(ctl->sinks);
    }
    if (ctl->life != LIFE_CLOSING) {
        srt_err_clear(&ctl->err);
        begin_closing(ctl);
    }
    controller_check(ctl);
}

bool controller_ended(const struct controller *ctl)
{
    return ctl->life == LIFE_ENDED;
}

const struct srt_err *controller_error(const struct controller *ctl)
{
    return &ctl->err;
}

const struct graph *controller_graph(const struct controller *ctl)
{
    return ctl->job.graph;
}

uint32_t controller_task_count(const struct controller *ctl)
{
    return ctl->job.task_count;
}

struct task *controller_task(const struct controller *ctl, uint32_t index)
{
    return ctl->tasks[index];
}

void controller_get_counters(const struct controller *ctl, struct runner_counters *ret)
{
    *ret = ctl->counters;
}

/* --- why it makes no progress --- */

static const char *explain_tasks(struct controller *ctl)
{
    enum task_wait most = TASK_WAITS_NOT;
    uint32_t at = 0;
    for (uint32_t i = 0; i < ctl->job.task_count; i++) {
        uint32_t stage;
        enum task_wait wait = task_waits_for(ctl->tasks[i], &stage);
        at = wait > most ? stage : at;
        most = wait > most ? wait : most;
    }
    switch (most) {
    case TASK_WAITS_BACKOFF:
        snprintf(ctl->explanation, sizeof ctl->explanation, "record in back-off at stage '%s'",
                 ctl->job.graph->stages[at].name);
        return ctl->explanation;
    case TASK_WAITS_EXCHANGE:
        return "an exchange is full: the task behind it is slower";
    case TASK_WAITS_COMMIT:
        return "as much output as commit_bytes allows waits to be committed";
    case TASK_WAITS_INPUT:
        return "waiting for input";
    case TASK_WAITS_NOT:
        break;
    }
    return "running";
}

const char *controller_explain(struct controller *ctl)
{
    const char *sink;
    switch (ctl->life) {
    case LIFE_NEW:
        return "not started";
    case LIFE_ENDED:
        return ctl->err.code == SRT_OK ? "ended" : ctl->err.msg;
    case LIFE_RUNNING:
    case LIFE_FINISHING:
    case LIFE_CLOSING:
        break;
    }
    switch (ctl->phase) {
    case PHASE_WRITING:
        sink = sink_writer_busy_with(ctl->sinks);
        snprintf(ctl->explanation, sizeof ctl->explanation, "sink '%s' takes no bytes",
                 sink ? sink : "?");
        return ctl->explanation;
    case PHASE_COMMITTING:
        return "waiting for a commit to become durable";
    case PHASE_PAUSED:
        snprintf(ctl->explanation, sizeof ctl->explanation, "cannot commit: %s", ctl->err.msg);
        return ctl->explanation;
    case PHASE_IDLE:
    case PHASE_ALIGNING:
        break;
    }
    return explain_tasks(ctl);
}
