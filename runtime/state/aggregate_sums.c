/* sum, avg, rate, stddev, ewma: all that adds up.
 *
 * Integers whose sum fits 64 bits stay in the cell and allocate nothing; the first float, or the
 * first sum that does not fit, brings an exact sum (exact_sum.h). The whole is always both
 * together. */
#include <float.h>
#include <math.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "record/json.h"
#include "state/aggregate_impl.h"
#include "state/exact_sum.h"
#include "state/exact_wide.h"
#include "state/state_bytes.h"

enum { TAG_FITS, TAG_INTEGERS, TAG_FLOATS };

static int no_memory(struct srt_err *err)
{
    return srt_fail(err, SRT_ENOMEM, "no memory for an exact sum");
}

static void put_double(struct srt_buf *to, double value)
{
    struct state_value result = {.kind = STATE_VALUE_FLOAT, .is.number = value};
    state_value_put_json(to, &result);
}

static struct exact_term term_of(const struct state_value *value)
{
    return value->kind == STATE_VALUE_INTEGER ? exact_term_of_integer(value->is.integer)
                                              : exact_term_of_double(value->is.number);
}

/* --- an integer and an exact sum --- */

/* The integer becomes part of the exact sum. */
static int spill(int64_t *integer, struct exact_sum **sum)
{
    struct exact_term term = exact_term_of_integer(*integer);
    if (exact_sum_reserve(sum, &term) != SRT_OK) {
        return SRT_ENOMEM;
    }
    exact_sum_add(*sum, &term);
    *integer = 0;
    return SRT_OK;
}

static int add_integer(int64_t *integer, struct exact_sum **sum, int64_t value)
{
    int64_t together;
    if (__builtin_expect(!__builtin_add_overflow(*integer, value, &together), 1)) {
        *integer = together;
        return SRT_OK;
    }
    int rc = spill(integer, sum);
    if (rc == SRT_OK) {
        *integer = value;
    }
    return rc;
}

static int add_float(struct exact_sum **sum, double value)
{
    struct exact_term term = exact_term_of_double(value);
    int rc = exact_sum_reserve(sum, &term);
    if (rc == SRT_OK) {
        exact_sum_add(*sum, &term);
    }
    return rc;
}

/* All of another pair. Memory for both steps is there before the first is taken. */
static int merge_pair(int64_t *integer, struct exact_sum **sum, int64_t more,
                      const struct exact_sum *more_sum)
{
    int64_t together;
    bool fits = !__builtin_add_overflow(*integer, more, &together);
    struct exact_term term = exact_term_of_integer(*integer);
    if ((!fits && exact_sum_reserve(sum, &term) != SRT_OK) ||
        (more_sum && exact_sum_reserve_for(sum, more_sum) != SRT_OK)) {
        return SRT_ENOMEM;
    }
    if (!fits) {
        exact_sum_add(*sum, &term);
        together = more;
    }
    *integer = together;
    if (more_sum) {
        exact_sum_add_sum(*sum, more_sum);
    }
    return SRT_OK;
}

static void encode_pair(int64_t integer, const struct exact_sum *sum, struct srt_buf *to)
{
    struct exact_wide wide;
    bool has_float = sum && sum->has_float;
    if (sum) {
        exact_wide_load(&wide, sum, integer);
    }
    if (!sum || (!has_float && exact_wide_integer(&wide, &integer))) {
        srt_buf_put_u8(to, TAG_FITS);
        state_bytes_put_int(to, integer);
        return;
    }
    srt_buf_put_u8(to, has_float ? TAG_FLOATS : TAG_INTEGERS);
    exact_wide_encode(&wide, to);
}

static int decode_pair(int64_t *integer, struct exact_sum **sum, enum exact_range range,
                       const uint8_t **at, const uint8_t *end, struct srt_err *err)
{
    uint8_t tag;
    if (!state_bytes_get_u8(at, end, TAG_FLOATS, &tag) ||
        (tag == TAG_FITS && !state_bytes_get_int(at, end, INT64_MIN, INT64_MAX, integer))) {
        return srt_fail(err, SRT_ECORRUPT, "not a sum");
    }
    if (tag == TAG_FITS) {
        return SRT_OK;
    }
    if (exact_sum_decode(sum, range, at, end, err) != SRT_OK) {
        return err->code;
    }
    struct exact_wide wide;
    int64_t fits;
    (*sum)->has_float = tag == TAG_FLOATS;
    exact_wide_load(&wide, *sum, 0);
    if (tag == TAG_INTEGERS && ((*sum)->low < 0 || exact_wide_integer(&wide, &fits))) {
        return srt_fail(err, SRT_ECORRUPT, "not a sum of integers beyond 64 bits");
    }
    return SRT_OK;
}

/* --- sum, rate: a.integer and b.heap, an exact sum --- */

static void sum_fini(struct aggregate_cell *cell)
{
    srt_free(cell->b.heap);
}

static size_t sum_heap_bytes(const struct aggregate_cell *cell)
{
    return exact_sum_bytes(cell->b.heap);
}

/* A pointer of another type is another object to the compiler: in and out again. */
static int sum_add_value(struct aggregate_cell *cell, const struct state_value *value,
                         struct srt_err *err)
{
    struct exact_sum *sum = cell->b.heap;
    int rc = value->kind == STATE_VALUE_FLOAT
                 ? add_float(&sum, value->is.number)
                 : add_integer(&cell->a.integer, &sum,
                               value->kind == STATE_VALUE_INTEGER ? value->is.integer : 1);
    cell->b.heap = sum;
    return rc == SRT_OK ? SRT_OK : no_memory(err);
}

static int sum_add(const struct aggregate_def *def, struct aggregate_cell *cell,
                   const struct state_value *value, const struct state_value *by,
                   const struct aggregate_at *at, struct srt_err *err)
{
    (void)def;
    (void)by;
    (void)at;
    return sum_add_value(cell, value, err);
}

static int sum_merge(const struct aggregate_def *def, struct aggregate_cell *into,
                     const struct aggregate_cell *from, struct srt_err *err)
{
    (void)def;
    struct exact_sum *sum = into->b.heap;
    int rc = merge_pair(&into->a.integer, &sum, from->a.integer, from->b.heap);
    into->b.heap = sum;
    return rc == SRT_OK ? SRT_OK : no_memory(err);
}

static void sum_result(const struct aggregate_def *def, const struct aggregate_cell *cell,
                       int64_t span_ms, struct srt_buf *to)
{
    (void)def;
    (void)span_ms;
    const struct exact_sum *sum = cell->b.heap;
    struct exact_wide wide;
    int64_t integer = cell->a.integer;
    if (sum) {
        exact_wide_load(&wide, sum, integer);
    }
    if (!sum || (!sum->has_float && exact_wide_integer(&wide, &integer))) {
        json_put_integer(to, integer);
    } else {
        put_double(to, exact_wide_quotient(&wide, 1));
    }
}

static void sum_encode(const struct aggregate_def *def, const struct aggregate_cell *cell,
                       struct srt_buf *to)
{
    (void)def;
    encode_pair(cell->a.integer, cell->b.heap, to);
}

static int sum_decode(const struct aggregate_def *def, struct aggregate_cell *cell,
                      const uint8_t **at, const uint8_t *end, struct srt_err *err)
{
    (void)def;
    struct exact_sum *sum = NULL;
    int rc = decode_pair(&cell->a.integer, &sum, EXACT_DOUBLES, at, end, err);
    cell->b.heap = sum;
    return rc;
}

const struct aggregate_ops aggregate_sum = {
    .takes = AGGREGATE_TAKES_NUMBERS,
    .takes_what = "numbers",
    .fini = sum_fini,
    .heap_bytes = sum_heap_bytes,
    .add = sum_add,
    .merge = sum_merge,
    .result = sum_result,
    .encode = sum_encode,
    .decode = sum_decode,
};

static int rate_add(const struct aggregate_def *def, struct aggregate_cell *cell,
                    const struct state_value *value, const struct state_value *by,
                    const struct aggregate_at *at, struct srt_err *err)
{
    (void)def;
    (void)by;
    (void)at;
    return state_value_is_true(value) ? sum_add_value(cell, value, err) : SRT_OK;
}

static void rate_result(const struct aggregate_def *def, const struct aggregate_cell *cell,
                        int64_t span_ms, struct srt_buf *to)
{
    (void)def;
    if (span_ms <= 0) {
        srt_buf_put_str(to, "null");
        return;
    }
    struct exact_wide wide;
    exact_wide_load(&wide, cell->b.heap, cell->a.integer);
    exact_wide_multiply(&wide, 1000);
    put_double(to, exact_wide_quotient(&wide, (uint64_t)span_ms));
}

const struct aggregate_ops aggregate_rate = {
    .takes = AGGREGATE_TAKES_NUMBERS | AGGREGATE_TAKES(TRUE) | AGGREGATE_TAKES(FALSE),
    .takes_what = "numbers or booleans",
    .fini = sum_fini,
    .heap_bytes = sum_heap_bytes,
    .add = rate_add,
    .merge = sum_merge,
    .result = rate_result,
    .encode = sum_encode,
    .decode = sum_decode,
};

/* --- avg: a.integer; b.integer is 2 * count + 1 as long as there are integers only and their sum
 * fits, then b.heap is an exact sum, which has the count --- */

static bool avg_is_inline(const struct aggregate_cell *cell)
{
    return cell->b.integer & 1 || cell->b.integer == 0;
}

static int64_t avg_count(const struct aggregate_cell *cell)
{
    if (avg_is_inline(cell)) {
        return cell->b.integer >> 1;
    }
    const struct exact_sum *sum = cell->b.heap;
    return (int64_t)sum->count;
}

static struct exact_sum *avg_sum(const struct aggregate_cell *cell)
{
    return avg_is_inline(cell) ? NULL : cell->b.heap;
}

static void avg_set(struct aggregate_cell *cell, struct exact_sum *sum, int64_t count)
{
    if (sum) {
        sum->count = (uint64_t)count;
        cell->b.heap = sum;
    } else {
        cell->b.integer = count > INT64_MAX / 2 ? INT64_MAX : count * 2 + (count > 0);
    }
}

static void avg_fini(struct aggregate_cell *cell)
{
    srt_free(avg_sum(cell));
}

static size_t avg_heap_bytes(const struct aggregate_cell *cell)
{
    return exact_sum_bytes(avg_sum(cell));
}

static int avg_add(const struct aggregate_def *def, struct aggregate_cell *cell,
                   const struct state_value *value, const struct state_value *by,
                   const struct aggregate_at *at, struct srt_err *err)
{
    (void)def;
    (void)by;
    (void)at;
    struct exact_sum *sum = avg_sum(cell);
    int64_t count = avg_count(cell);
    int rc = value->kind == STATE_VALUE_FLOAT
                 ? add_float(&sum, value->is.number)
                 : add_integer(&cell->a.integer, &sum, value->is.integer);
    avg_set(cell, sum, state_bytes_add_counts(count, rc == SRT_OK));
    return rc == SRT_OK ? SRT_OK : no_memory(err);
}

static int avg_merge(const struct aggregate_def *def, struct aggregate_cell *into,
                     const struct aggregate_cell *from, struct srt_err *err)
{
    (void)def;
    struct exact_sum *sum = avg_sum(into);
    int64_t count = avg_count(into);
    int rc = merge_pair(&into->a.integer, &sum, from->a.integer, avg_sum(from));
    avg_set(into, sum, rc == SRT_OK ? state_bytes_add_counts(count, avg_count(from)) : count);
    return rc == SRT_OK ? SRT_OK : no_memory(err);
}

static void avg_result(const struct aggregate_def *def, const struct aggregate_cell *cell,
                       int64_t span_ms, struct srt_buf *to)
{
    (void)def;
    (void)span_ms;
    int64_t count = avg_count(cell);
    if (count == 0) {
        srt_buf_put_str(to, "null");
        return;
    }
    struct exact_wide wide;
    exact_wide_load(&wide, avg_sum(cell), cell->a.integer);
    put_double(to, exact_wide_quotient(&wide, (uint64_t)count));
}

static void avg_encode(const struct aggregate_def *def, const struct aggregate_cell *cell,
                       struct srt_buf *to)
{
    (void)def;
    int64_t count = avg_count(cell);
    state_bytes_put_int(to, count);
    if (count > 0) {
        encode_pair(cell->a.integer, avg_sum(cell), to);
    }
}

static int avg_decode(const struct aggregate_def *def, struct aggregate_cell *cell,
                      const uint8_t **at, const uint8_t *end, struct srt_err *err)
{
    (void)def;
    int64_t count;
    /* a count that the cell can hold: no more values than that were ever added */
    if (!state_bytes_get_int(at, end, 0, INT64_MAX / 2, &count)) {
        return srt_fail(err, SRT_ECORRUPT, "not a count");
    }
    if (count == 0) {
        return SRT_OK;
    }
    struct exact_sum *sum = NULL;
    int rc = decode_pair(&cell->a.integer, &sum, EXACT_DOUBLES, at, end, err);
    avg_set(cell, sum, count);
    return rc;
}

const struct aggregate_ops aggregate_avg = {
    .takes = AGGREGATE_TAKES_NUMBERS,
    .takes_what = "numbers",
    .fini = avg_fini,
    .heap_bytes = avg_heap_bytes,
    .add = avg_add,
    .merge = avg_merge,
    .result = avg_result,
    .encode = avg_encode,
    .decode = avg_decode,
};

/* --- stddev: a.heap is the exact sum of the values and has the count, b.heap that of their
 * squares --- */

static void stddev_fini(struct aggregate_cell *cell)
{
    srt_free(cell->a.heap);
    srt_free(cell->b.heap);
}

static size_t stddev_heap_bytes(const struct aggregate_cell *cell)
{
    return exact_sum_bytes(cell->a.heap) + exact_sum_bytes(cell->b.heap);
}

static int64_t stddev_count(const struct aggregate_cell *cell)
{
    const struct exact_sum *sum = cell->a.heap;
    return sum ? (int64_t)sum->count : 0;
}

static int stddev_add(const struct aggregate_def *def, struct aggregate_cell *cell,
                      const struct state_value *value, const struct state_value *by,
                      const struct aggregate_at *at, struct srt_err *err)
{
    (void)def;
    (void)by;
    (void)at;
    struct exact_term term = term_of(value);
    struct exact_term square = exact_term_square(&term);
    struct exact_sum *sum = cell->a.heap;
    struct exact_sum *squares = cell->b.heap;
    int rc = exact_sum_reserve(&sum, &term);
    cell->a.heap = sum;
    if (rc == SRT_OK) {
        rc = exact_sum_reserve(&squares, &square);
        cell->b.heap = squares;
    }
    if (rc != SRT_OK) {
        return no_memory(err);
    }
    exact_sum_add(sum, &term);
    exact_sum_add(squares, &square);
    sum->count = (uint64_t)state_bytes_add_counts((int64_t)sum->count, 1);
    return SRT_OK;
}

static int stddev_merge(const struct aggregate_def *def, struct aggregate_cell *into,
                        const struct aggregate_cell *from, struct srt_err *err)
{
    (void)def;
    if (stddev_count(from) == 0) {
        return SRT_OK;
    }
    const struct exact_sum *more = from->a.heap;
    struct exact_sum *sum = into->a.heap;
    struct exact_sum *squares = into->b.heap;
    int rc = exact_sum_reserve_for(&sum, more);
    into->a.heap = sum;
    if (rc == SRT_OK) {
        rc = exact_sum_reserve_for(&squares, from->b.heap);
        into->b.heap = squares;
    }
    if (rc != SRT_OK) {
        return no_memory(err);
    }
    exact_sum_add_sum(sum, more);
    exact_sum_add_sum(squares, from->b.heap);
    sum->count = (uint64_t)state_bytes_add_counts((int64_t)sum->count, (int64_t)more->count);
    return SRT_OK;
}

static void stddev_result(const struct aggregate_def *def, const struct aggregate_cell *cell,
                          int64_t span_ms, struct srt_buf *to)
{
    (void)def;
    (void)span_ms;
    int64_t count = stddev_count(cell);
    if (count == 0) {
        srt_buf_put_str(to, "null");
        return;
    }
    struct exact_wide sum;
    struct exact_wide squares;
    exact_wide_load(&sum, cell->a.heap, 0);
    exact_wide_load(&squares, cell->b.heap, 0);
    put_double(to, exact_wide_deviation(&squares, &sum, (uint64_t)count));
}

static void stddev_encode(const struct aggregate_def *def, const struct aggregate_cell *cell,
                          struct srt_buf *to)
{
    (void)def;
    int64_t count = stddev_count(cell);
    state_bytes_put_int(to, count);
    if (count > 0) {
        encode_pair(0, cell->a.heap, to);
        encode_pair(0, cell->b.heap, to);
    }
}

/* As a pair, of which the integer is put into the sum. */
static int decode_whole(struct exact_sum **sum, enum exact_range range, const uint8_t **at,
                        const uint8_t *end, struct srt_err *err)
{
    int64_t integer = 0;
    int rc = decode_pair(&integer, sum, range, at, end, err);
    if (rc == SRT_OK && spill(&integer, sum) != SRT_OK) {
        return no_memory(err);
    }
    return rc;
}

static int stddev_decode(const struct aggregate_def *def, struct aggregate_cell *cell,
                         const uint8_t **at, const uint8_t *end, struct srt_err *err)
{
    (void)def;
    int64_t count;
    if (!state_bytes_get_int(at, end, 0, INT64_MAX, &count)) {
        return srt_fail(err, SRT_ECORRUPT, "not a count");
    }
    if (count == 0) {
        return SRT_OK;
    }
    struct exact_sum *sum = NULL;
    struct exact_sum *squares = NULL;
    int rc = decode_whole(&sum, EXACT_DOUBLES, at, end, err);
    cell->a.heap = sum;
    if (rc == SRT_OK) {
        sum->count = (uint64_t)count;
        rc = decode_whole(&squares, EXACT_SQUARES, at, end, err);
        cell->b.heap = squares;
    }
    return rc;
}

const struct aggregate_ops aggregate_stddev = {
    .takes = AGGREGATE_TAKES_NUMBERS,
    .takes_what = "numbers",
    .fini = stddev_fini,
    .heap_bytes = stddev_heap_bytes,
    .add = stddev_add,
    .merge = stddev_merge,
    .result = stddev_result,
    .encode = stddev_encode,
    .decode = stddev_decode,
};

/* --- ewma: a.number, and b.integer is 1 when there is one --- */

static int ewma_add(const struct aggregate_def *def, struct aggregate_cell *cell,
                    const struct state_value *value, const struct state_value *by,
                    const struct aggregate_at *at, struct srt_err *err)
{
    (void)by;
    (void)at;
    (void)err;
    double number =
        value->kind == STATE_VALUE_INTEGER ? (double)value->is.integer : value->is.number;
    if (cell->b.integer != 0) {
        number = def->parameter * number + (1 - def->parameter) * cell->a.number;
    }
    /* between two numbers at the very end of the range rounding could step out of it */
    cell->a.number = isfinite(number) ? number : copysign(DBL_MAX, number);
    cell->b.integer = 1;
    return SRT_OK;
}

static void ewma_result(const struct aggregate_def *def, const struct aggregate_cell *cell,
                        int64_t span_ms, struct srt_buf *to)
{
    (void)def;
    (void)span_ms;
    if (cell->b.integer == 0) {
        srt_buf_put_str(to, "null");
    } else {
        put_double(to, cell->a.number);
    }
}

static void ewma_encode(const struct aggregate_def *def, const struct aggregate_cell *cell,
                        struct srt_buf *to)
{
    (void)def;
    srt_buf_put_u8(to, (uint8_t)cell->b.integer);
    if (cell->b.integer) {
        state_bytes_put_double(to, cell->a.number);
    }
}

static int ewma_decode(const struct aggregate_def *def, struct aggregate_cell *cell,
                       const uint8_t **at, const uint8_t *end, struct srt_err *err)
{
    (void)def;
    uint8_t is_there;
    if (!state_bytes_get_u8(at, end, 1, &is_there) ||
        (is_there && (!state_bytes_get_double(at, end, &cell->a.number) ||
                      !isfinite(cell->a.number)))) {
        return srt_fail(err, SRT_ECORRUPT, "not an average");
    }
    cell->b.integer = is_there;
    return SRT_OK;
}

const struct aggregate_ops aggregate_ewma = {
    .takes = AGGREGATE_TAKES_NUMBERS,
    .takes_what = "numbers",
    .add = ewma_add,
    .result = ewma_result,
    .encode = ewma_encode,
    .decode = ewma_decode,
};
