/* What happens to a record that failed. An error of the record itself is tried again as its
 * stage's on_error says, with growing pauses, and then becomes a dead letter, is skipped or ends
 * the pipeline. An error of the world around (a full disk) is no record's fault: the same step is
 * repeated until it works.
 *
 * A call that was left in the middle took the whole Lua state with it, and so every value of the
 * record at work: the record is given up as it came from its source, and the functions are loaded
 * anew. */
#include <inttypes.h>
#include <lua.h>
#include <stdio.h>

#include "base/log.h"
#include "pipeline/dead_letter.h"
#include "pipeline/executor_impl.h"
#include "pipeline/record_error.h"
#include "pipeline/stage_state.h"

enum {
    PAUSE_FROM_MS = 100, /* first wait for the world around, doubling */
    PAUSE_TO_MS = 5000,
    LOG_INTERVAL_MS = 1000,
};

static const int64_t NS_PER_MS = 1000000;

/* --- trying again --- */

static int64_t now_ns(const struct executor *ex)
{
    return srt_clock_mono_ns(ex->job->clock);
}

static void log_failure(struct executor *ex, const struct frame *f, const char *what)
{
    int64_t now = now_ns(ex);
    if (now < ex->log.next_ns) {
        ex->log.suppressed++;
        return;
    }
    char more[64] = "";
    if (ex->log.suppressed > 0) {
        snprintf(more, sizeof more, " (and %" PRIu64 " more since the last such line)",
                 ex->log.suppressed);
    }
    log_warn(LOG_PIPELINE, "pipeline '%s' stage '%s': %s, %s [%d] @%" PRId64 ": %s%s",
             ex->job->graph->name, executor_stage_of(ex, f)->name, what, ex->origin.topic,
             (int)ex->origin.partition, ex->origin.rec.offset, ex->failure.msg, more);
    ex->log.next_ns = now + LOG_INTERVAL_MS * NS_PER_MS;
    ex->log.suppressed = 0;
}

/* The world around is not as it should be: the same again in a while, or the end. */
static enum executor_result pause_or_stop(struct executor *ex, struct frame *f)
{
    if (!srt_code_retriable(ex->failure.code)) {
        return EXECUTOR_STOP;
    }
    ex->pause_ms = ex->pause_ms ? ex->pause_ms * 2 : PAUSE_FROM_MS;
    ex->pause_ms = ex->pause_ms > PAUSE_TO_MS ? PAUSE_TO_MS : ex->pause_ms;
    log_failure(ex, f, "waiting");
    ex->due_ns = now_ns(ex) + ex->pause_ms * NS_PER_MS;
    return EXECUTOR_WAIT;
}

static void restore_value(struct executor *ex, struct frame *f)
{
    if (f->has_restore) {
        if (f->value_index != 0) {
            lua_settop(script_state(ex->script), f->value_index - 1);
        }
        f->value_index = 0;
        f->rec.value = f->restore;
        f->rec.value_len = f->restore_len;
        f->value_codec = f->restore_codec;
    }
}

enum executor_result executor_error_handle(struct executor *ex, struct frame *f)
{
    if (!record_error_is(ex->failure.code)) {
        return pause_or_stop(ex, f);
    }
    const struct on_error *policy = executor_stage_of(ex, f)->on_error;
    bool from_script = ex->failure.code == SRT_ESCRIPT || ex->failure.code == SRT_EBUDGET;
    bool retriable = from_script && script_error_retriable(ex->script);
    const char *traceback = from_script ? script_traceback(ex->script) : NULL;
    snprintf(ex->traceback, sizeof ex->traceback, "%s", traceback ? traceback : "");
    ex->snapshots[f->stage] = ex->snapshots[f->stage] || retriable;
    f->attempts++;
    bool again = f->phase == FRAME_INVOKE || f->phase == FRAME_ROUTE || f->phase == FRAME_TIME ||
                 f->phase == FRAME_DUE;
    if (again && f->attempts <= record_error_tries(policy, retriable)) {
        int64_t delay_ms = record_error_delay_ms(policy, f->attempts, &ex->rng);
        ex->counters.retried++;
        restore_value(ex, f);
        ex->due_ns = now_ns(ex) + delay_ms * NS_PER_MS;
        return EXECUTOR_WAIT;
    }
    f->phase = FRAME_GIVE_UP;
    return EXECUTOR_DONE;
}

/* --- giving up --- */

static int put_dead_letter(struct executor *ex, struct frame *f, struct srt_err *err)
{
    const struct graph *graph = ex->job->graph;
    struct target *target;
    int code = target_set_find(&ex->target_set, graph->dlq, &target, err);
    if (code != SRT_OK) {
        return code;
    }
    const struct dead_letter letter = {
        .pipeline = graph->name,
        .stage = executor_stage_of(ex, f)->name,
        .origin = &ex->origin,
        .attempts = f->attempts,
        .error = &ex->failure,
        .traceback = ex->traceback,
        .failed_at_ms = srt_clock_wall_ms(ex->job->clock),
    };
    struct record rec;
    dead_letter_make(&letter, &ex->headers, &rec);
    if (srt_buf_failed(&ex->headers)) {
        return srt_fail(err, SRT_ENOMEM, "no memory for a dead letter");
    }
    return target_put(&ex->target_set, target, &rec, true, err);
}

enum executor_result executor_error_give_up(struct executor *ex, struct frame *f)
{
    switch (executor_stage_of(ex, f)->on_error->give_up) {
    case GIVE_UP_STOP:
        srt_err_wrap(&ex->failure, "stage '%s', %s [%d] @%" PRId64, executor_stage_of(ex, f)->name,
                     ex->origin.topic, (int)ex->origin.partition, ex->origin.rec.offset);
        return EXECUTOR_STOP;
    case GIVE_UP_SKIP:
        ex->counters.dropped++;
        log_failure(ex, f, "skipped");
        break;
    case GIVE_UP_DLQ: {
        /* The letter quotes ex->failure: what goes wrong with the letter is noted elsewhere. */
        struct srt_err why;
        int code = put_dead_letter(ex, f, &why);
        if (code != SRT_OK) {
            struct srt_err reason = ex->failure;
            ex->failure = why;
            enum executor_result result =
                record_error_is(code) ? EXECUTOR_STOP : pause_or_stop(ex, f);
            if (result == EXECUTOR_WAIT) {
                ex->failure = reason; /* it goes into the dead letter, later */
            } else {
                srt_err_wrap(&ex->failure, "dead letter to '%s'", ex->job->graph->dlq);
            }
            return result;
        }
        ex->counters.dead++;
        log_failure(ex, f, "dead letter");
        break;
    }
    }
    if (f->due_subkey) {
        stage_state_drop_due(ex, f);
    }
    executor_pop(ex);
    return EXECUTOR_DONE;
}

/* --- a state that was given up --- */

bool executor_error_lost_state(const struct executor *ex)
{
    return ex->generation != script_generation(ex->script);
}

int executor_error_reload(struct executor *ex, struct srt_err *err)
{
    log_warn(LOG_PIPELINE,
             "pipeline '%s': a call could only be ended by giving up its Lua state: what its "
             "modules and variables held is gone",
             ex->job->graph->name);
    ex->generation = script_generation(ex->script);
    int code = graph_rebind(ex->job->graph, ex->script, &ex->bindings, err);
    return code == SRT_OK ? code : srt_err_wrap(err, "pipeline '%s'", ex->job->graph->name);
}

enum executor_result executor_error_abandon(struct executor *ex)
{
    const struct frame last = *executor_top(ex);
    const struct frame first = ex->frames[0];
    ex->depth = 0;
    struct frame *f = executor_push(ex);
    f->stage = last.stage;
    f->attempts = last.attempts + 1;
    f->phase = FRAME_GIVE_UP;
    f->group_key = first.group_key;
    f->group_key_len = first.group_key_len;
    f->due_subkey = first.due_subkey;
    f->due_subkey_len = first.due_subkey_len;
    struct srt_err why;
    if (executor_error_reload(ex, &why) != SRT_OK) {
        ex->failure = why;
        return EXECUTOR_STOP;
    }
    ex->traceback[0] = '\0';
    return EXECUTOR_DONE;
}
