/* ordered_list.h - the first values of an order: by when they came, or by how large they are.
 *
 * Owner:   the aggregator's cell.
 * Thread:  the task's.
 * Memory:  some 90 bytes for each value, and its text.
 * Fails:   adding and merging: SRT_ENOMEM, or SRT_ETOOBIG beyond ORDERED_LIST_BYTES_MAX; the list
 *          is as it was. Decoding: SRT_ECORRUPT, SRT_ENOMEM.
 *
 * NULL is the empty list. */
#ifndef SRT_STATE_ORDERED_LIST_H
#define SRT_STATE_ORDERED_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "state/aggregate.h"

/* A list is written as one record of the changelog, which has bounds. */
enum { ORDERED_LIST_BYTES_MAX = SRT_HOSTILE ? 64 << 10 : 64 << 20 };

enum ordered_by {
    ORDERED_EARLIEST, /* by struct aggregate_at, then by the value */
    ORDERED_LATEST,   /* the reverse of it */
    ORDERED_LARGEST,  /* by `by`, the largest first, then as ORDERED_EARLIEST */
};

struct ordered_list;

void ordered_list_destroy(struct ordered_list *list); /* accepts NULL */
size_t ordered_list_bytes(const struct ordered_list *list);
size_t ordered_list_count(const struct ordered_list *list);
const struct state_value *ordered_list_value(const struct ordered_list *list, size_t index);

/* Keep at most `limit`. `by` NULL: the value itself. */
int ordered_list_add(struct ordered_list **list, enum ordered_by order, size_t limit,
                     const struct state_value *value, const struct state_value *by,
                     const struct aggregate_at *at, struct srt_err *err);
int ordered_list_merge(struct ordered_list **into, enum ordered_by order, size_t limit,
                       const struct ordered_list *from, struct srt_err *err);

void ordered_list_encode(const struct ordered_list *list, enum ordered_by order,
                         struct srt_buf *to);
/* One entry; it must belong behind those that are there. */
int ordered_list_decode_entry(struct ordered_list **list, enum ordered_by order,
                              const uint8_t **at, const uint8_t *end, struct srt_err *err);

#endif
