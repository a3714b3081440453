/* distinct_set.h - the different values of a window, each once.
 *
 * Owner:   the aggregator's cell.
 * Thread:  the task's.
 * Memory:  the values' bytes and 20 to 30 more for each.
 * Fails:   adding and merging: SRT_ENOMEM, or SRT_ETOOBIG beyond DISTINCT_SET_BYTES_MAX; the set is
 *          as it was. Decoding: SRT_ECORRUPT, SRT_ENOMEM.
 *
 * NULL is the empty set. */
#ifndef SRT_STATE_DISTINCT_SET_H
#define SRT_STATE_DISTINCT_SET_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "state/state_value.h"

/* A set is written as one record of the changelog, which has bounds. */
enum { DISTINCT_SET_BYTES_MAX = SRT_HOSTILE ? 64 << 10 : 64 << 20 };

struct distinct_set;

void distinct_set_destroy(struct distinct_set *set); /* accepts NULL */
size_t distinct_set_bytes(const struct distinct_set *set);
int64_t distinct_set_count(const struct distinct_set *set);

int distinct_set_add(struct distinct_set **set, const struct state_value *value,
                     struct srt_err *err);
int distinct_set_merge(struct distinct_set **into, const struct distinct_set *from,
                       struct srt_err *err);

void distinct_set_encode(const struct distinct_set *set, struct srt_buf *to);
int distinct_set_decode(struct distinct_set **ret, const uint8_t **at, const uint8_t *end,
                        struct srt_err *err);

#endif
