/* quantile.h - which value stands at a part of all values: exact for few, a sketch for many.
 *
 * Owner:   the aggregator's cell.
 * Thread:  the task's.
 * Memory:  8 bytes a value up to QUANTILE_EXACT_MAX; beyond 1 KiB for each power of two between the
 *          smallest and the largest that has values.
 * Fails:   adding and merging: SRT_ENOMEM, and it is as it was. Decoding: SRT_ECORRUPT, SRT_ENOMEM.
 *
 * No order of adding and no merging changes it. NULL is the one without values. */
#ifndef SRT_STATE_QUANTILE_H
#define SRT_STATE_QUANTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "state/state_value.h"

enum { QUANTILE_EXACT_MAX = 10000 };

struct quantile;

void quantile_destroy(struct quantile *q); /* accepts NULL */
size_t quantile_bytes(const struct quantile *q);

int quantile_add(struct quantile **q, const struct state_value *number); /* finite */
int quantile_merge(struct quantile **into, const struct quantile *from);

/* The value at min(floor(p * n), n - 1) in ascending order; NIL without values. It may put values
 * in order, which nobody sees. */
struct state_value quantile_value(const struct quantile *q, double p);

void quantile_encode(const struct quantile *q, struct srt_buf *to);
int quantile_decode(struct quantile **ret, const uint8_t **at, const uint8_t *end,
                    struct srt_err *err);

#endif
