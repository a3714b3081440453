/* exact_sum.h - a sum of numbers without any rounding: of integers, doubles and their squares.
 *
 * Owner:   the aggregator's cell.
 * Thread:  the task's.
 * Memory:  one block; it grows with the distance of the highest bit from the lowest.
 * Fails:   exact_sum_reserve and exact_sum_reserve_for: SRT_ENOMEM, and the sum is as it was. What
 *          was reserved for is added without fail. exact_sum_decode: SRT_ECORRUPT, SRT_ENOMEM.
 *
 * No order of adding and no merging changes it. exact_wide.h makes results of it. */
#ifndef SRT_STATE_EXACT_SUM_H
#define SRT_STATE_EXACT_SUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* A two's complement number: limb i counts 2^(64 * (low + i)), the highest limb is signed. NULL is
 * the sum of nothing. */
struct exact_sum {
    uint64_t count; /* for those who need one: how many values; not touched here */
    int16_t low;
    uint16_t limb_count;
    uint16_t cap;
    bool has_float;
    uint64_t limbs[];
};

/* What a sum's limbs may be when they come from outside: doubles lie from 2^-1074 to 2^1024, their
 * squares from 2^-2148 to 2^2048, and 2^63 of them may be added. */
enum exact_range { EXACT_DOUBLES, EXACT_SQUARES };

/* What is added: magnitude * 2^exponent. */
struct exact_term {
    uint64_t low;
    uint64_t high;
    int exponent;
    bool negative;
    bool is_float;
};

struct exact_term exact_term_of_integer(int64_t value);
struct exact_term exact_term_of_double(double value); /* finite */
struct exact_term exact_term_square(const struct exact_term *term); /* of one of these two */

/* Make room for one term, or for all of `from`; makes the sum when there is none. */
int exact_sum_reserve(struct exact_sum **sum, const struct exact_term *term);
int exact_sum_reserve_for(struct exact_sum **sum, const struct exact_sum *from);

void exact_sum_add(struct exact_sum *sum, const struct exact_term *term);
void exact_sum_add_sum(struct exact_sum *sum, const struct exact_sum *from);

size_t exact_sum_bytes(const struct exact_sum *sum); /* accepts NULL */

/* Reads limbs as exact_wide_encode() writes them. */
int exact_sum_decode(struct exact_sum **ret, enum exact_range range, const uint8_t **at,
                     const uint8_t *end, struct srt_err *err);

#endif
