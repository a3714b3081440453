/* distinct, approx_distinct, quantile: a.heap has what distinct_set.h, hyperloglog.h and quantile.h
 * make of the values. */
#include "record/json.h"
#include "state/aggregate_impl.h"
#include "state/distinct_set.h"
#include "state/hyperloglog.h"
#include "state/quantile.h"

/* --- distinct --- */

static void distinct_fini(struct aggregate_cell *cell)
{
    distinct_set_destroy(cell->a.heap);
}

static size_t distinct_heap_bytes(const struct aggregate_cell *cell)
{
    return distinct_set_bytes(cell->a.heap);
}

static int distinct_add(const struct aggregate_def *def, struct aggregate_cell *cell,
                        const struct state_value *value, const struct state_value *by,
                        const struct aggregate_at *at, struct srt_err *err)
{
    (void)def;
    (void)by;
    (void)at;
    struct distinct_set *set = cell->a.heap;
    int rc = distinct_set_add(&set, value, err);
    cell->a.heap = set;
    return rc;
}

static int distinct_merge(const struct aggregate_def *def, struct aggregate_cell *into,
                          const struct aggregate_cell *from, struct srt_err *err)
{
    (void)def;
    struct distinct_set *set = into->a.heap;
    int rc = distinct_set_merge(&set, from->a.heap, err);
    into->a.heap = set;
    return rc;
}

static void distinct_result(const struct aggregate_def *def, const struct aggregate_cell *cell,
                            int64_t span_ms, struct srt_buf *to)
{
    (void)def;
    (void)span_ms;
    json_put_integer(to, distinct_set_count(cell->a.heap));
}

static void distinct_encode(const struct aggregate_def *def, const struct aggregate_cell *cell,
                            struct srt_buf *to)
{
    (void)def;
    distinct_set_encode(cell->a.heap, to);
}

static int distinct_decode(const struct aggregate_def *def, struct aggregate_cell *cell,
                           const uint8_t **at, const uint8_t *end, struct srt_err *err)
{
    (void)def;
    struct distinct_set *set = NULL;
    int rc = distinct_set_decode(&set, at, end, err);
    cell->a.heap = set;
    return rc;
}

const struct aggregate_ops aggregate_distinct = {
    .takes = AGGREGATE_TAKES_ALL,
    .fini = distinct_fini,
    .heap_bytes = distinct_heap_bytes,
    .add = distinct_add,
    .merge = distinct_merge,
    .result = distinct_result,
    .encode = distinct_encode,
    .decode = distinct_decode,
};

/* --- approx_distinct --- */

static void approx_fini(struct aggregate_cell *cell)
{
    hyperloglog_destroy(cell->a.heap);
}

static size_t approx_heap_bytes(const struct aggregate_cell *cell)
{
    return hyperloglog_bytes(cell->a.heap);
}

static int no_memory(int rc, struct srt_err *err)
{
    return rc == SRT_OK ? SRT_OK : srt_fail(err, rc, "no memory for a sketch");
}

static int approx_add(const struct aggregate_def *def, struct aggregate_cell *cell,
                      const struct state_value *value, const struct state_value *by,
                      const struct aggregate_at *at, struct srt_err *err)
{
    (void)def;
    (void)by;
    (void)at;
    struct hyperloglog *hll = cell->a.heap;
    struct state_value canonical = state_value_canonical(value);
    int rc = hyperloglog_add(&hll, state_value_hash(&canonical));
    cell->a.heap = hll;
    return no_memory(rc, err);
}

static int approx_merge(const struct aggregate_def *def, struct aggregate_cell *into,
                        const struct aggregate_cell *from, struct srt_err *err)
{
    (void)def;
    struct hyperloglog *hll = into->a.heap;
    int rc = hyperloglog_merge(&hll, from->a.heap);
    into->a.heap = hll;
    return no_memory(rc, err);
}

static void approx_result(const struct aggregate_def *def, const struct aggregate_cell *cell,
                          int64_t span_ms, struct srt_buf *to)
{
    (void)def;
    (void)span_ms;
    json_put_integer(to, hyperloglog_count(cell->a.heap));
}

static void approx_encode(const struct aggregate_def *def, const struct aggregate_cell *cell,
                          struct srt_buf *to)
{
    (void)def;
    hyperloglog_encode(cell->a.heap, to);
}

static int approx_decode(const struct aggregate_def *def, struct aggregate_cell *cell,
                         const uint8_t **at, const uint8_t *end, struct srt_err *err)
{
    (void)def;
    struct hyperloglog *hll = NULL;
    int rc = hyperloglog_decode(&hll, at, end, err);
    cell->a.heap = hll;
    return rc;
}

const struct aggregate_ops aggregate_approx_distinct = {
    .takes = AGGREGATE_TAKES_ALL,
    .fini = approx_fini,
    .heap_bytes = approx_heap_bytes,
    .add = approx_add,
    .merge = approx_merge,
    .result = approx_result,
    .encode = approx_encode,
    .decode = approx_decode,
};

/* --- quantile --- */

static void quantile_fini(struct aggregate_cell *cell)
{
    quantile_destroy(cell->a.heap);
}

static size_t quantile_heap_bytes(const struct aggregate_cell *cell)
{
    return quantile_bytes(cell->a.heap);
}

static int add_to_quantile(const struct aggregate_def *def, struct aggregate_cell *cell,
                           const struct state_value *value, const struct state_value *by,
                           const struct aggregate_at *at, struct srt_err *err)
{
    (void)def;
    (void)by;
    (void)at;
    struct quantile *q = cell->a.heap;
    int rc = quantile_add(&q, value);
    cell->a.heap = q;
    return no_memory(rc, err);
}

static int merge_quantiles(const struct aggregate_def *def, struct aggregate_cell *into,
                           const struct aggregate_cell *from, struct srt_err *err)
{
    (void)def;
    struct quantile *q = into->a.heap;
    int rc = quantile_merge(&q, from->a.heap);
    into->a.heap = q;
    return no_memory(rc, err);
}

static void quantile_result(const struct aggregate_def *def, const struct aggregate_cell *cell,
                            int64_t span_ms, struct srt_buf *to)
{
    (void)span_ms;
    struct state_value value = quantile_value(cell->a.heap, def->parameter);
    state_value_put_json(to, &value);
}

static void encode_quantile(const struct aggregate_def *def, const struct aggregate_cell *cell,
                            struct srt_buf *to)
{
    (void)def;
    quantile_encode(cell->a.heap, to);
}

static int decode_quantile(const struct aggregate_def *def, struct aggregate_cell *cell,
                           const uint8_t **at, const uint8_t *end, struct srt_err *err)
{
    (void)def;
    struct quantile *q = NULL;
    int rc = quantile_decode(&q, at, end, err);
    cell->a.heap = q;
    return rc;
}

const struct aggregate_ops aggregate_quantile = {
    .takes = AGGREGATE_TAKES_NUMBERS,
    .takes_what = "numbers",
    .fini = quantile_fini,
    .heap_bytes = quantile_heap_bytes,
    .add = add_to_quantile,
    .merge = merge_quantiles,
    .result = quantile_result,
    .encode = encode_quantile,
    .decode = decode_quantile,
};
