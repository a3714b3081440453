/* The table of aggregators. A new one: a row in AGGREGATE_KIND_MAP, a struct aggregate_ops in the
 * file of its kin, its bytes in docs/format/aggregate.md, a row in docs/reference/aggregates.md. */
#include "state/aggregate.h"

#include <math.h>
#include <string.h>

#include "base/assert.h"
#include "state/aggregate_impl.h"

static const struct aggregate_ops *const table[AGGREGATE_KIND_COUNT] = {
    [AGGREGATE_COUNT] = &aggregate_count,
    [AGGREGATE_SUM] = &aggregate_sum,
    [AGGREGATE_AVG] = &aggregate_avg,
    [AGGREGATE_MIN] = &aggregate_min,
    [AGGREGATE_MAX] = &aggregate_max,
    [AGGREGATE_FIRST] = &aggregate_first,
    [AGGREGATE_LAST] = &aggregate_last,
    [AGGREGATE_ANY] = &aggregate_any,
    [AGGREGATE_ALL] = &aggregate_all,
    [AGGREGATE_DISTINCT] = &aggregate_distinct,
    [AGGREGATE_APPROX_DISTINCT] = &aggregate_approx_distinct,
    [AGGREGATE_QUANTILE] = &aggregate_quantile,
    [AGGREGATE_HISTOGRAM] = &aggregate_histogram,
    [AGGREGATE_STDDEV] = &aggregate_stddev,
    [AGGREGATE_TOP] = &aggregate_top,
    [AGGREGATE_COLLECT] = &aggregate_collect,
    [AGGREGATE_EWMA] = &aggregate_ewma,
    [AGGREGATE_RATE] = &aggregate_rate,
};

static const char *const names[AGGREGATE_KIND_COUNT] = {
#define AGGREGATE_NAME(name, text) [AGGREGATE_##name] = text,
    AGGREGATE_KIND_MAP(AGGREGATE_NAME)
#undef AGGREGATE_NAME
};

const char *aggregate_kind_name(enum aggregate_kind kind)
{
    srt_assert(kind < AGGREGATE_KIND_COUNT);
    return names[kind];
}

int aggregate_kind_find(const char *name)
{
    for (int kind = 0; kind < AGGREGATE_KIND_COUNT; kind++) {
        if (strcmp(names[kind], name) == 0) {
            return kind;
        }
    }
    return -1;
}

bool aggregate_is_ordered(enum aggregate_kind kind)
{
    return kind == AGGREGATE_EWMA;
}

bool aggregate_can_merge(enum aggregate_kind kind)
{
    srt_assert(kind < AGGREGATE_KIND_COUNT);
    return table[kind]->merge != NULL;
}

bool aggregate_takes_by(enum aggregate_kind kind)
{
    return kind == AGGREGATE_TOP;
}

/* --- definitions --- */

static int check_bounds(const struct aggregate_def *def, struct srt_err *err)
{
    if (def->bound_count == 0 || def->bound_count > AGGREGATE_BOUNDS_MAX) {
        return srt_fail(err, SRT_EINVAL, "histogram takes 1 to %d bounds, not %u",
                        AGGREGATE_BOUNDS_MAX, def->bound_count);
    }
    for (uint32_t i = 0; i < def->bound_count; i++) {
        if (!isfinite(def->bounds[i])) {
            return srt_fail(err, SRT_EINVAL, "a bound of a histogram is a finite number");
        }
        if (i > 0 && def->bounds[i] <= def->bounds[i - 1]) {
            return srt_fail(err, SRT_EINVAL, "the bounds of a histogram ascend: %g after %g",
                            def->bounds[i], def->bounds[i - 1]);
        }
    }
    return SRT_OK;
}

static int check_limit(const struct aggregate_def *def, int64_t min, struct srt_err *err)
{
    if (def->limit < min || def->limit > AGGREGATE_LIMIT_MAX) {
        return srt_fail(err, SRT_EINVAL, "%s keeps 1 to %d values, not %lld", names[def->kind],
                        AGGREGATE_LIMIT_MAX, (long long)def->limit);
    }
    return SRT_OK;
}

int aggregate_def_check(const struct aggregate_def *def, struct srt_err *err)
{
    double parameter = def->parameter;
    if (def->kind == AGGREGATE_QUANTILE && !(parameter >= 0 && parameter <= 1)) {
        return srt_fail(err, SRT_EINVAL, "quantile takes a part from 0 to 1, not %g", parameter);
    }
    if (def->kind == AGGREGATE_EWMA && !(parameter > 0 && parameter <= 1)) {
        return srt_fail(err, SRT_EINVAL, "ewma takes a weight above 0 and up to 1, not %g",
                        parameter);
    }
    if (def->kind == AGGREGATE_TOP) {
        return check_limit(def, 1, err);
    }
    if (def->kind == AGGREGATE_COLLECT) {
        return check_limit(def, 0, err);
    }
    return def->kind == AGGREGATE_HISTOGRAM ? check_bounds(def, err) : SRT_OK;
}

/* --- values --- */

static const char *what_it_is(const struct state_value *value)
{
    switch (value->kind) {
    case STATE_VALUE_NIL:
    case STATE_VALUE_NULL:
        return "nothing";
    case STATE_VALUE_FALSE:
    case STATE_VALUE_TRUE:
        return "a boolean";
    case STATE_VALUE_INTEGER:
        return "an integer";
    case STATE_VALUE_FLOAT:
        return isnan(value->is.number) ? "nan" : value->is.number > 0 ? "inf" : "-inf";
    case STATE_VALUE_TEXT:
        return "a string";
    case STATE_VALUE_JSON:
        return value->is.text.len > 0 && value->is.text.data[0] == '[' ? "a list" : "an object";
    }
    srt_unreachable("a kind of value");
}

/* What is ranked or calculated with is finite: JSON has no word for what would come of it. */
static int check_value(const struct aggregate_def *def, const struct state_value *value,
                       uint32_t takes, const char *what, struct srt_err *err)
{
    if (takes == AGGREGATE_TAKES_ALL || state_value_is_absent(value)) {
        return SRT_OK;
    }
    if (!(takes >> value->kind & 1)) {
        return srt_fail(err, SRT_ESCRIPT, "%s takes %s, this is %s", names[def->kind], what,
                        what_it_is(value));
    }
    if (value->kind == STATE_VALUE_FLOAT && !isfinite(value->is.number)) {
        return srt_fail(err, SRT_ESCRIPT, "%s takes finite numbers, this is %s", names[def->kind],
                        what_it_is(value));
    }
    return SRT_OK;
}

int aggregate_check(const struct aggregate_def *def, const struct state_value *value,
                    const struct state_value *by, struct srt_err *err)
{
    const struct aggregate_ops *ops = table[def->kind];
    if (by) {
        srt_assert(aggregate_takes_by(def->kind));
        return check_value(def, by, AGGREGATE_TAKES_RANKED, AGGREGATE_TAKES_RANKED_WHAT, err);
    }
    return check_value(def, value, ops->takes, ops->takes_what, err);
}

/* --- cells --- */

void aggregate_fini(const struct aggregate_def *def, struct aggregate_cell *cell)
{
    const struct aggregate_ops *ops = table[def->kind];
    if (ops->fini) {
        ops->fini(cell);
    }
    *cell = (struct aggregate_cell){0};
}

int aggregate_add(const struct aggregate_def *def, struct aggregate_cell *cell,
                  const struct state_value *value, const struct state_value *by,
                  const struct aggregate_at *at, struct srt_err *err)
{
    if (state_value_is_absent(value)) {
        return SRT_OK;
    }
    return table[def->kind]->add(def, cell, value, by, at, err);
}

int aggregate_merge(const struct aggregate_def *def, struct aggregate_cell *into,
                    const struct aggregate_cell *from, struct srt_err *err)
{
    srt_assert(aggregate_can_merge(def->kind));
    srt_assert(into != from);
    return table[def->kind]->merge(def, into, from, err);
}

void aggregate_result(const struct aggregate_def *def, const struct aggregate_cell *cell,
                      int64_t span_ms, struct srt_buf *to)
{
    table[def->kind]->result(def, cell, span_ms, to);
}

size_t aggregate_heap_bytes(const struct aggregate_def *def, const struct aggregate_cell *cell)
{
    const struct aggregate_ops *ops = table[def->kind];
    return ops->heap_bytes ? ops->heap_bytes(cell) : 0;
}

void aggregate_encode(const struct aggregate_def *def, const struct aggregate_cell *cell,
                      struct srt_buf *to)
{
    table[def->kind]->encode(def, cell, to);
}

int aggregate_decode(const struct aggregate_def *def, struct aggregate_cell *cell,
                     const uint8_t **at, const uint8_t *end, struct srt_err *err)
{
    int rc = table[def->kind]->decode(def, cell, at, end, err);
    if (rc != SRT_OK) {
        aggregate_fini(def, cell);
        return srt_err_wrap(err, "the cell of '%s'", names[def->kind]);
    }
    return SRT_OK;
}
