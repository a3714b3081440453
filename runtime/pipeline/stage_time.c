#include "pipeline/stage_time.h"

#include <inttypes.h>

#include "pipeline/stage_value.h"
#include "pipeline/window.h"

static const char how_to_fix[] = "'time' takes milliseconds since 1970 (time.parse makes them)";

/* A float with a fraction is cut: events are told apart by the millisecond. */
static int to_ms(const struct state_value *value, int64_t *ret, struct srt_err *err)
{
    if (value->kind == STATE_VALUE_NIL || value->kind == STATE_VALUE_NULL) {
        return srt_fail(err, SRT_EINVAL, "the record has no event time: %s", how_to_fix);
    }
    if (value->kind == STATE_VALUE_INTEGER) {
        *ret = value->is.integer;
    } else if (value->kind == STATE_VALUE_FLOAT) {
        if (!(value->is.number >= 0 && value->is.number <= (double)WINDOW_TIME_MAX_MS)) {
            return srt_fail(err, SRT_EINVAL, "the event time %g is no time: %s", value->is.number,
                            how_to_fix);
        }
        *ret = (int64_t)value->is.number;
    } else {
        return srt_fail(err, SRT_EINVAL, "the event time is no number: %s", how_to_fix);
    }
    if (*ret < 0 || *ret > WINDOW_TIME_MAX_MS) {
        return srt_fail(err, SRT_EINVAL, "the event time %" PRId64 " is no time: %s", *ret,
                        how_to_fix);
    }
    return SRT_OK;
}

static int find_tie(struct executor *ex, struct frame *f, const struct script_fn *fn,
                    struct srt_err *err)
{
    struct state_value value;
    int code = stage_value_call(ex, f, fn, &value, err);
    if (code == SRT_OK && value.kind != STATE_VALUE_INTEGER) {
        code = srt_fail(err, SRT_EINVAL, "'tie' gave no integer");
    }
    if (code == SRT_OK) {
        f->has_tie = true;
        f->tie = value.is.integer;
    }
    return code;
}

int stage_time_find(struct executor *ex, struct frame *f, int64_t *ret_ms, struct srt_err *err)
{
    const struct source_spec *source = ex->job->graph->stages[f->stage].source;
    const struct script_fn *fns = ex->bindings.own_fns[f->stage];
    int64_t written_ms = ex->origin.rec.timestamp_ms;
    int64_t time_ms = written_ms;
    struct state_value value;
    int code = SRT_OK;
    if (source->time.kind != GRAPH_FN_NONE) {
        code = stage_value_call(ex, f, &fns[SOURCE_FN_TIME], &value, err);
        if (code == SRT_OK) {
            code = to_ms(&value, &time_ms, err);
        }
    }
    bool limited = code == SRT_OK && source->max_ahead_ms >= 0;
    if (limited && time_ms - written_ms > source->max_ahead_ms) {
        return srt_fail(err, SRT_EINVAL,
                        "the event time %" PRId64 " is %" PRId64
                        " ms ahead of when the record was written: max_ahead allows %" PRId64,
                        time_ms, time_ms - written_ms, source->max_ahead_ms);
    }
    if (code == SRT_OK && source->tie.kind != GRAPH_FN_NONE) {
        code = find_tie(ex, f, &fns[SOURCE_FN_TIE], err);
    }
    if (code == SRT_OK) {
        *ret_ms = time_ms;
    }
    return code;
}
