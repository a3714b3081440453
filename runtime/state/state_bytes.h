/* state_bytes.h - numbers in encoded cells: written without fail, read with every check.
 *
 * Owner:   none; pure.
 * Thread:  any.
 * Memory:  appends to the caller's buffer.
 * Fails:   the readers return false and leave *at where it was. */
#ifndef SRT_STATE_STATE_BYTES_H
#define SRT_STATE_STATE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* The sum of two counts; those that come from damaged bytes stop at the top. */
static inline int64_t state_bytes_add_counts(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

void state_bytes_put_int(struct srt_buf *to, int64_t value);
void state_bytes_put_count(struct srt_buf *to, uint64_t count); /* at most INT64_MAX */
void state_bytes_put_double(struct srt_buf *to, double value);

bool state_bytes_get_u8(const uint8_t **at, const uint8_t *end, uint8_t max, uint8_t *ret);
bool state_bytes_get_u64(const uint8_t **at, const uint8_t *end, uint64_t *ret);
bool state_bytes_get_double(const uint8_t **at, const uint8_t *end, double *ret);
bool state_bytes_get_int(const uint8_t **at, const uint8_t *end, int64_t min, int64_t max,
                         int64_t *ret);
/* How many items of at least `item_bytes` follow: never more than there is room for. */
bool state_bytes_get_count(const uint8_t **at, const uint8_t *end, size_t item_bytes, uint64_t max,
                           size_t *ret);
/* A length and that many bytes, borrowed. */
bool state_bytes_get_bytes(const uint8_t **at, const uint8_t *end, const uint8_t **ret_data,
                           size_t *ret_len);

#endif
