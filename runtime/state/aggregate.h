/* aggregate.h - the native aggregators of `aggregate:`: what one window of one key knows.
 *
 * Owner:   a row of a state table (table.h) has one cell for each aggregator of its stage.
 * Thread:  the task's.
 * Memory:  16 bytes inline; what an aggregator needs beyond them it allocates, and
 *          aggregate_heap_bytes() says how much.
 * Fails:   aggregate_check: SRT_ESCRIPT for a value that the aggregator cannot take. Adding and
 *          merging: SRT_ENOMEM, or SRT_ETOOBIG where values are kept that together have no bound of
 *          their own; the cell is as it was before.
 *
 * docs/reference/aggregates.md says what each of them does. */
#ifndef SRT_STATE_AGGREGATE_H
#define SRT_STATE_AGGREGATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "state/state_value.h"

/* One row per aggregator: kind, its name in YAML and Lua. */
#define AGGREGATE_KIND_MAP(X)                                                                      \
    X(COUNT, "count")                                                                              \
    X(SUM, "sum")                                                                                  \
    X(AVG, "avg")                                                                                  \
    X(MIN, "min")                                                                                  \
    X(MAX, "max")                                                                                  \
    X(FIRST, "first")                                                                              \
    X(LAST, "last")                                                                                \
    X(ANY, "any")                                                                                  \
    X(ALL, "all")                                                                                  \
    X(DISTINCT, "distinct")                                                                        \
    X(APPROX_DISTINCT, "approx_distinct")                                                          \
    X(QUANTILE, "quantile")                                                                        \
    X(HISTOGRAM, "histogram")                                                                      \
    X(STDDEV, "stddev")                                                                            \
    X(TOP, "top")                                                                                  \
    X(COLLECT, "collect")                                                                          \
    X(EWMA, "ewma")                                                                                \
    X(RATE, "rate")

enum aggregate_kind {
#define AGGREGATE_ENUM(name, text) AGGREGATE_##name,
    AGGREGATE_KIND_MAP(AGGREGATE_ENUM)
#undef AGGREGATE_ENUM
    AGGREGATE_KIND_COUNT
};

const char *aggregate_kind_name(enum aggregate_kind kind);
/* -1: no such aggregator. */
int aggregate_kind_find(const char *name);

enum {
    AGGREGATE_BOUNDS_MAX = 64,
    AGGREGATE_COLLECT_DEFAULT = 10000, /* where no limit is given */
    AGGREGATE_LIMIT_MAX = 100000,      /* of TOP and COLLECT: a result is one record */
};

/* What an aggregator was declared with. */
struct aggregate_def {
    enum aggregate_kind kind;
    double parameter; /* QUANTILE: p in 0..1; EWMA: alpha in (0, 1] */
    int64_t limit;    /* TOP: n; COLLECT: how many at most, 0: AGGREGATE_COLLECT_DEFAULT */
    double bounds[AGGREGATE_BOUNDS_MAX]; /* HISTOGRAM: upper bounds, ascending */
    uint32_t bound_count;
};

/* Whether it can be: SRT_EINVAL with a sentence for who wrote the configuration. All that follows
 * expects a definition that passed. */
int aggregate_def_check(const struct aggregate_def *def, struct srt_err *err);

/* Whether the order in which values are added may change the result, and whether two cells can be
 * made one (sessions that grow together need that of every aggregator). EWMA: ordered, no merge. */
bool aggregate_is_ordered(enum aggregate_kind kind);
bool aggregate_can_merge(enum aggregate_kind kind);
/* Whether values are added under a second one, `by` (TOP). */
bool aggregate_takes_by(enum aggregate_kind kind);

/* --- values (state_value.h) --- */

/* When a value came, for FIRST, LAST, TOP and COLLECT: they order by (time, tie, topic, partition,
 * offset), so that who read what first does not matter. */
struct aggregate_at {
    int64_t time_ms;
    const char *tie; /* `tie:`, as text that sorts; NULL: none */
    size_t tie_len;
    uint32_t topic; /* its number in the pipeline */
    int32_t partition;
    int64_t offset;
};

/* --- cells --- */

struct aggregate_cell {
    union {
        int64_t integer;
        double number;
        void *heap;
    } a, b;
};

/* An empty cell is all zeroes. */
void aggregate_fini(const struct aggregate_def *def, struct aggregate_cell *cell);

/* Whether `value` can be added: so that one record's values go into all cells of a row or none.
 * `by` is NULL unless aggregate_takes_by(). */
int aggregate_check(const struct aggregate_def *def, const struct state_value *value,
                    const struct state_value *by, struct srt_err *err);
/* `value` passed aggregate_check(). */
int aggregate_add(const struct aggregate_def *def, struct aggregate_cell *cell,
                  const struct state_value *value, const struct state_value *by,
                  const struct aggregate_at *at, struct srt_err *err);
/* Everything of `from` into `into`; `from` stays as it is. */
int aggregate_merge(const struct aggregate_def *def, struct aggregate_cell *into,
                    const struct aggregate_cell *from, struct srt_err *err);

/* Append the result as JSON; out of memory makes the buffer `failed`, as everywhere. This and
 * encoding may put a cell's lists in order, which changes nothing that is seen. `span_ms`: how long
 * the window is (RATE); 0: unknown. */
void aggregate_result(const struct aggregate_def *def, const struct aggregate_cell *cell,
                      int64_t span_ms, struct srt_buf *to);

size_t aggregate_heap_bytes(const struct aggregate_def *def, const struct aggregate_cell *cell);

/* docs/format/aggregate.md. Two cells that hold the same encode alike. Decoding begins with a
 * zeroed cell, moves *at behind what it read, and checks everything: SRT_ECORRUPT. */
void aggregate_encode(const struct aggregate_def *def, const struct aggregate_cell *cell,
                      struct srt_buf *to);
int aggregate_decode(const struct aggregate_def *def, struct aggregate_cell *cell,
                     const uint8_t **at, const uint8_t *end, struct srt_err *err);

#endif
