/* exact_wide.h - what is made of an exact sum in the end: a number rounded once, an average, a
 * spread, bytes.
 *
 * Owner:   the caller; it lives on a stack.
 * Thread:  any.
 * Memory:  fixed, 608 bytes.
 * Fails:   never. */
#ifndef SRT_STATE_EXACT_WIDE_H
#define SRT_STATE_EXACT_WIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "state/exact_sum.h"

enum {
    EXACT_WIDE_LOW = -34, /* the limb of the smallest square's lowest bit */
    EXACT_WIDE_LIMBS = 75, /* up to the square of the widest sum, and some above */
};

/* limb i counts 2^(64 * (EXACT_WIDE_LOW + i)) */
struct exact_wide {
    bool negative; /* never of zero */
    uint64_t limbs[EXACT_WIDE_LIMBS]; /* the magnitude */
};

/* sum + integer; `sum` may be NULL. */
void exact_wide_load(struct exact_wide *wide, const struct exact_sum *sum, int64_t integer);

/* wide *= factor; the result must fit, as that of every sum does. */
void exact_wide_multiply(struct exact_wide *wide, uint64_t factor);

bool exact_wide_integer(const struct exact_wide *wide, int64_t *ret); /* false: it is none */

/* wide / divisor, rounded once, to nearest, ties to even; beyond the range of doubles infinity.
 * Zero is 0.0. */
double exact_wide_quotient(const struct exact_wide *wide, uint64_t divisor);

/* sqrt((n * squares - sum^2) / n^2), the difference without rounding: the standard deviation of a
 * population of n. */
double exact_wide_deviation(const struct exact_wide *squares, const struct exact_wide *sum,
                            uint64_t n);

/* The limbs as exact_sum_decode() reads them. */
void exact_wide_encode(const struct exact_wide *wide, struct srt_buf *to);

#endif
