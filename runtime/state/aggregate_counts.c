/* count, any, all, histogram: all that only counts. */
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "record/json.h"
#include "state/aggregate_impl.h"
#include "state/state_bytes.h"

/* --- count: a.integer --- */

static int count_add(const struct aggregate_def *def, struct aggregate_cell *cell,
                     const struct state_value *value, const struct state_value *by,
                     const struct aggregate_at *at, struct srt_err *err)
{
    (void)def;
    (void)by;
    (void)at;
    (void)err;
    if (state_value_is_true(value)) {
        cell->a.integer = state_bytes_add_counts(cell->a.integer, 1);
    }
    return SRT_OK;
}

static int count_merge(const struct aggregate_def *def, struct aggregate_cell *into,
                       const struct aggregate_cell *from, struct srt_err *err)
{
    (void)def;
    (void)err;
    into->a.integer = state_bytes_add_counts(into->a.integer, from->a.integer);
    return SRT_OK;
}

static void count_result(const struct aggregate_def *def, const struct aggregate_cell *cell,
                         int64_t span_ms, struct srt_buf *to)
{
    (void)def;
    (void)span_ms;
    json_put_integer(to, cell->a.integer);
}

static void count_encode(const struct aggregate_def *def, const struct aggregate_cell *cell,
                         struct srt_buf *to)
{
    (void)def;
    state_bytes_put_int(to, cell->a.integer);
}

static int count_decode(const struct aggregate_def *def, struct aggregate_cell *cell,
                        const uint8_t **at, const uint8_t *end, struct srt_err *err)
{
    (void)def;
    if (!state_bytes_get_int(at, end, 0, INT64_MAX, &cell->a.integer)) {
        return srt_fail(err, SRT_ECORRUPT, "not a count");
    }
    return SRT_OK;
}

const struct aggregate_ops aggregate_count = {
    .takes = AGGREGATE_TAKES_ALL,
    .add = count_add,
    .merge = count_merge,
    .result = count_result,
    .encode = count_encode,
    .decode = count_decode,
};

/* --- any, all: a.integer is 1 when the value that decides was seen --- */

static int seen_add(const struct aggregate_def *def, struct aggregate_cell *cell,
                    const struct state_value *value, const struct state_value *by,
                    const struct aggregate_at *at, struct srt_err *err)
{
    (void)by;
    (void)at;
    (void)err;
    cell->a.integer |= state_value_is_true(value) == (def->kind == AGGREGATE_ANY);
    return SRT_OK;
}

static int seen_merge(const struct aggregate_def *def, struct aggregate_cell *into,
                      const struct aggregate_cell *from, struct srt_err *err)
{
    (void)def;
    (void)err;
    into->a.integer |= from->a.integer;
    return SRT_OK;
}

static void seen_result(const struct aggregate_def *def, const struct aggregate_cell *cell,
                        int64_t span_ms, struct srt_buf *to)
{
    (void)span_ms;
    bool seen = cell->a.integer != 0;
    srt_buf_put_str(to, seen == (def->kind == AGGREGATE_ANY) ? "true" : "false");
}

static void seen_encode(const struct aggregate_def *def, const struct aggregate_cell *cell,
                        struct srt_buf *to)
{
    (void)def;
    srt_buf_put_u8(to, (uint8_t)cell->a.integer);
}

static int seen_decode(const struct aggregate_def *def, struct aggregate_cell *cell,
                       const uint8_t **at, const uint8_t *end, struct srt_err *err)
{
    (void)def;
    uint8_t seen;
    if (!state_bytes_get_u8(at, end, 1, &seen)) {
        return srt_fail(err, SRT_ECORRUPT, "neither 0 nor 1");
    }
    cell->a.integer = seen;
    return SRT_OK;
}

const struct aggregate_ops aggregate_any = {
    .takes = AGGREGATE_TAKES_ALL,
    .add = seen_add,
    .merge = seen_merge,
    .result = seen_result,
    .encode = seen_encode,
    .decode = seen_decode,
};

const struct aggregate_ops aggregate_all = {
    .takes = AGGREGATE_TAKES_ALL,
    .add = seen_add,
    .merge = seen_merge,
    .result = seen_result,
    .encode = seen_encode,
    .decode = seen_decode,
};

/* --- histogram: a.heap has the counts, b.integer how many they are --- */

static void histogram_fini(struct aggregate_cell *cell)
{
    srt_free(cell->a.heap);
}

static size_t histogram_heap_bytes(const struct aggregate_cell *cell)
{
    return (size_t)cell->b.integer * sizeof(int64_t);
}

static int histogram_make(const struct aggregate_def *def, struct aggregate_cell *cell,
                          struct srt_err *err)
{
    if (cell->a.heap) {
        return SRT_OK;
    }
    size_t count = def->bound_count + 1;
    int64_t *counts = srt_alloc(count * sizeof *counts);
    if (!counts) {
        return srt_fail(err, SRT_ENOMEM, "no memory for a histogram");
    }
    memset(counts, 0, count * sizeof *counts);
    cell->a.heap = counts;
    cell->b.integer = (int64_t)count;
    return SRT_OK;
}

static bool is_within(const struct state_value *value, double bound)
{
    return value->kind == STATE_VALUE_INTEGER
               ? state_value_compare_number(value->is.integer, bound) <= 0
               : value->is.number <= bound;
}

static int histogram_add(const struct aggregate_def *def, struct aggregate_cell *cell,
                         const struct state_value *value, const struct state_value *by,
                         const struct aggregate_at *at, struct srt_err *err)
{
    (void)by;
    (void)at;
    if (histogram_make(def, cell, err) != SRT_OK) {
        return err->code;
    }
    uint32_t first = 0; /* of the bounds that hold it */
    uint32_t end = def->bound_count;
    while (first < end) {
        uint32_t middle = first + (end - first) / 2;
        if (is_within(value, def->bounds[middle])) {
            end = middle;
        } else {
            first = middle + 1;
        }
    }
    int64_t *counts = cell->a.heap;
    counts[first] = state_bytes_add_counts(counts[first], 1);
    return SRT_OK;
}

static int histogram_merge(const struct aggregate_def *def, struct aggregate_cell *into,
                           const struct aggregate_cell *from, struct srt_err *err)
{
    if (!from->a.heap) {
        return SRT_OK;
    }
    if (histogram_make(def, into, err) != SRT_OK) {
        return err->code;
    }
    srt_assert(into->b.integer == from->b.integer);
    int64_t *counts = into->a.heap;
    const int64_t *more = from->a.heap;
    for (uint32_t i = 0; i <= def->bound_count; i++) {
        counts[i] = state_bytes_add_counts(counts[i], more[i]);
    }
    return SRT_OK;
}

/* A bound was written in a configuration: 10 shall read as 10 again. */
static void put_bound(struct srt_buf *to, double bound)
{
    struct state_value value = {.kind = STATE_VALUE_FLOAT, .is.number = bound};
    value = state_value_canonical(&value);
    state_value_put_json(to, &value);
}

static void histogram_result(const struct aggregate_def *def, const struct aggregate_cell *cell,
                             int64_t span_ms, struct srt_buf *to)
{
    (void)span_ms;
    const int64_t *counts = cell->a.heap;
    for (uint32_t i = 0; i <= def->bound_count; i++) {
        srt_buf_put_str(to, i == 0 ? "[{\"le\":" : ",{\"le\":");
        if (i < def->bound_count) {
            put_bound(to, def->bounds[i]);
        } else {
            srt_buf_put_str(to, "null");
        }
        srt_buf_put_str(to, ",\"count\":");
        json_put_integer(to, counts ? counts[i] : 0);
        srt_buf_put_u8(to, '}');
    }
    srt_buf_put_u8(to, ']');
}

static void histogram_encode(const struct aggregate_def *def, const struct aggregate_cell *cell,
                             struct srt_buf *to)
{
    const int64_t *counts = cell->a.heap;
    srt_buf_put_u8(to, counts != NULL);
    if (counts) {
        state_bytes_put_count(to, def->bound_count + 1);
        for (uint32_t i = 0; i <= def->bound_count; i++) {
            state_bytes_put_int(to, counts[i]);
        }
    }
}

static int histogram_decode(const struct aggregate_def *def, struct aggregate_cell *cell,
                            const uint8_t **at, const uint8_t *end, struct srt_err *err)
{
    uint8_t is_there;
    size_t count;
    if (!state_bytes_get_u8(at, end, 1, &is_there)) {
        return srt_fail(err, SRT_ECORRUPT, "not a histogram");
    }
    if (!is_there) {
        return SRT_OK;
    }
    if (!state_bytes_get_count(at, end, 1, AGGREGATE_BOUNDS_MAX + 1, &count) ||
        count != def->bound_count + 1) {
        return srt_fail(err, SRT_ECORRUPT, "a histogram of other bounds");
    }
    if (histogram_make(def, cell, err) != SRT_OK) {
        return err->code;
    }
    int64_t *counts = cell->a.heap;
    for (size_t i = 0; i < count; i++) {
        if (!state_bytes_get_int(at, end, 0, INT64_MAX, &counts[i])) {
            return srt_fail(err, SRT_ECORRUPT, "not a count of a histogram");
        }
    }
    return SRT_OK;
}

const struct aggregate_ops aggregate_histogram = {
    .takes = AGGREGATE_TAKES_NUMBERS,
    .takes_what = "numbers",
    .fini = histogram_fini,
    .heap_bytes = histogram_heap_bytes,
    .add = histogram_add,
    .merge = histogram_merge,
    .result = histogram_result,
    .encode = histogram_encode,
    .decode = histogram_decode,
};
