/* aggregate_impl.h - what one aggregator is made of: a row of the table in aggregate.c.
 *
 * Owner:   aggregate.c and the files aggregate_*.c.
 * Thread:  the task's.
 * Memory:  see aggregate.h.
 * Fails:   see aggregate.h; a decoder that fails leaves what it made in the cell, and aggregate.c
 *          frees it. */
#ifndef SRT_STATE_AGGREGATE_IMPL_H
#define SRT_STATE_AGGREGATE_IMPL_H

#include "state/aggregate.h"

/* Sets of value kinds. */
#define AGGREGATE_TAKES(kind)   (1u << STATE_VALUE_##kind)
#define AGGREGATE_TAKES_NUMBERS (AGGREGATE_TAKES(INTEGER) | AGGREGATE_TAKES(FLOAT))
/* What can be put in order: numbers, then texts. */
#define AGGREGATE_TAKES_RANKED      (AGGREGATE_TAKES_NUMBERS | AGGREGATE_TAKES(TEXT))
#define AGGREGATE_TAKES_RANKED_WHAT "numbers or strings"
#define AGGREGATE_TAKES_ALL     UINT32_MAX

struct aggregate_ops {
    uint32_t takes;    /* kinds of values; NIL and NULL always pass, and are ignored */
    const char *takes_what; /* "numbers", for the message; NULL: takes all */

    /* All NULL where the cell has nothing on the heap. `value` is neither NIL nor NULL. */
    void (*fini)(struct aggregate_cell *cell);
    size_t (*heap_bytes)(const struct aggregate_cell *cell);

    int (*add)(const struct aggregate_def *def, struct aggregate_cell *cell,
               const struct state_value *value, const struct state_value *by,
               const struct aggregate_at *at, struct srt_err *err);
    /* NULL: cannot be merged */
    int (*merge)(const struct aggregate_def *def, struct aggregate_cell *into,
                 const struct aggregate_cell *from, struct srt_err *err);
    void (*result)(const struct aggregate_def *def, const struct aggregate_cell *cell,
                   int64_t span_ms, struct srt_buf *to);
    void (*encode)(const struct aggregate_def *def, const struct aggregate_cell *cell,
                   struct srt_buf *to);
    int (*decode)(const struct aggregate_def *def, struct aggregate_cell *cell, const uint8_t **at,
                  const uint8_t *end, struct srt_err *err);
};

/* aggregate_counts.c */
extern const struct aggregate_ops aggregate_count;
extern const struct aggregate_ops aggregate_any;
extern const struct aggregate_ops aggregate_all;
extern const struct aggregate_ops aggregate_histogram;
/* aggregate_sums.c */
extern const struct aggregate_ops aggregate_sum;
extern const struct aggregate_ops aggregate_avg;
extern const struct aggregate_ops aggregate_stddev;
extern const struct aggregate_ops aggregate_rate;
extern const struct aggregate_ops aggregate_ewma;
/* aggregate_extremes.c */
extern const struct aggregate_ops aggregate_min;
extern const struct aggregate_ops aggregate_max;
/* aggregate_sketches.c */
extern const struct aggregate_ops aggregate_distinct;
extern const struct aggregate_ops aggregate_approx_distinct;
extern const struct aggregate_ops aggregate_quantile;
/* aggregate_lists.c */
extern const struct aggregate_ops aggregate_first;
extern const struct aggregate_ops aggregate_last;
extern const struct aggregate_ops aggregate_top;
extern const struct aggregate_ops aggregate_collect;

#endif
