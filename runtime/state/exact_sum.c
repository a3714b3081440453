/* A sum of doubles depends on the order of adding because each addition rounds. Here nothing is
 * rounded: the sum is an integer in units of the smallest bit that was ever added, as long as that
 * takes, and only the result is rounded, once.
 *
 *       12.34 = 0x18ae147ae147ae * 2^-49
 *
 *       limb  1 (sign)   |  limb 0: the 12           |  limb -1: the .34
 *       000000000000000  |  000000000000000c         |  570a3d70a3d70000
 *
 * Doubles of everyday size take two or three limbs; the widest sum that there is 35 (70 for
 * squares). One limb above the highest bit of all terms is kept as the sign: a term can change it
 * by one at most, so that it does not overflow as long as it is not near the highest or the lowest
 * number; when it is, another limb is put on top. */
#include "state/exact_sum.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "state/state_bytes.h"

__extension__ typedef unsigned __int128 wide;

enum {
    /* What was reserved may be added twice (a merge reserves for an integer and a sum first). */
    SIGN_ROOM = 2,
    FIRST_CAP = 3, /* with the head 40 bytes: what a small block of malloc holds */
    MANTISSA_BITS = 52,
    EXPONENT_BIAS = 1075, /* of a mantissa that is an integer */
};

/* --- terms --- */

struct exact_term exact_term_of_integer(int64_t value)
{
    return (struct exact_term){
        .low = value < 0 ? 0 - (uint64_t)value : (uint64_t)value,
        .negative = value < 0,
    };
}

struct exact_term exact_term_of_double(double value)
{
    srt_assert(isfinite(value));
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t mantissa = bits & (((uint64_t)1 << MANTISSA_BITS) - 1);
    int exponent = (int)(bits >> MANTISSA_BITS & 0x7ff);
    if (exponent == 0) {
        exponent = 1; /* subnormal: without the leading one */
    } else {
        mantissa |= (uint64_t)1 << MANTISSA_BITS;
    }
    if (mantissa == 0) {
        return (struct exact_term){.is_float = true};
    }
    int zeros = __builtin_ctzll(mantissa); /* without them whole numbers need no limb below 2^0 */
    return (struct exact_term){
        .low = mantissa >> zeros,
        .exponent = exponent - EXPONENT_BIAS + zeros,
        .negative = bits >> 63,
        .is_float = true,
    };
}

struct exact_term exact_term_square(const struct exact_term *term)
{
    srt_assert(term->high == 0);
    wide square = (wide)term->low * term->low;
    return (struct exact_term){
        .low = (uint64_t)square,
        .high = (uint64_t)(square >> 64),
        .exponent = 2 * term->exponent,
        .is_float = term->is_float,
    };
}

/* In which limb a bit is: floor(bit / 64). */
static int limb_of(int bit)
{
    return bit >> 6;
}

static int top_bit(const struct exact_term *term)
{
    int bits = term->high ? 127 - __builtin_clzll(term->high)
               : term->low ? 63 - __builtin_clzll(term->low)
                           : 0;
    return term->exponent + bits;
}

/* --- room --- */

static uint64_t sign_of(const struct exact_sum *sum)
{
    return sum->limb_count > 0 && sum->limbs[sum->limb_count - 1] >> 63 ? UINT64_MAX : 0;
}

static int grow(struct exact_sum **sum, int limb_count)
{
    struct exact_sum *old = *sum;
    if (old && old->cap >= limb_count) {
        return SRT_OK;
    }
    int cap = limb_count < FIRST_CAP ? FIRST_CAP : limb_count;
    struct exact_sum *grown =
        srt_realloc(old, sizeof *grown + (size_t)cap * sizeof grown->limbs[0]);
    if (!grown) {
        return SRT_ENOMEM;
    }
    if (!old) {
        *grown = (struct exact_sum){0};
    }
    grown->cap = (uint16_t)cap;
    *sum = grown;
    return SRT_OK;
}

/* The limbs from `low` to `high` and a sign above them that has room. */
static int reserve(struct exact_sum **sum, int low, int high)
{
    const struct exact_sum *now = *sum;
    high++;
    if (now && now->limb_count > 0) {
        uint64_t top = now->limbs[now->limb_count - 1];
        int now_high = now->low + now->limb_count - 1;
        bool is_full = top - (INT64_MAX - SIGN_ROOM + 1) < 2 * SIGN_ROOM;
        if (now->low <= low && now_high >= high && !is_full) {
            return SRT_OK;
        }
        low = now->low < low ? now->low : low;
        high = now_high + is_full > high ? now_high + is_full : high;
    }
    int count = high - low + 1;
    if (grow(sum, count) != SRT_OK) {
        return SRT_ENOMEM;
    }
    struct exact_sum *wider = *sum;
    uint64_t sign = sign_of(wider);
    int below = wider->limb_count > 0 ? wider->low - low : 0;
    memmove(wider->limbs + below, wider->limbs, wider->limb_count * sizeof wider->limbs[0]);
    for (int i = 0; i < count; i++) {
        if (i < below) {
            wider->limbs[i] = 0;
        } else if (i >= below + wider->limb_count) {
            wider->limbs[i] = sign;
        }
    }
    wider->low = (int16_t)low;
    wider->limb_count = (uint16_t)count;
    return SRT_OK;
}

int exact_sum_reserve(struct exact_sum **sum, const struct exact_term *term)
{
    return reserve(sum, limb_of(term->exponent), limb_of(top_bit(term)));
}

int exact_sum_reserve_for(struct exact_sum **sum, const struct exact_sum *from)
{
    int top = from->limb_count - 1;
    uint64_t sign = sign_of(from);
    while (top > 0 && from->limbs[top] == sign && from->limbs[top - 1] >> 63 == sign >> 63) {
        top--; /* room only: with it each merge would make the sum longer */
    }
    return reserve(sum, from->low, from->low + top);
}

/* --- adding --- */

void exact_sum_add(struct exact_sum *sum, const struct exact_term *term)
{
    sum->has_float |= term->is_float;
    int shift = term->exponent & 63;
    wide magnitude = (wide)term->high << 64 | term->low;
    uint64_t words[3] = {(uint64_t)(magnitude << shift), (uint64_t)(magnitude << shift >> 64),
                         shift ? (uint64_t)(magnitude >> (128 - shift)) : 0};
    int at = limb_of(term->exponent) - sum->low;
    srt_assert(at >= 0);
    uint64_t carry = 0;
    for (int i = 0; at < sum->limb_count && (i < 3 || carry); i++, at++) {
        uint64_t limb = sum->limbs[at];
        uint64_t word = i < 3 ? words[i] : 0;
        wide result = term->negative ? (wide)limb - word - carry : (wide)limb + word + carry;
        sum->limbs[at] = (uint64_t)result;
        carry = (uint64_t)(result >> 64) & 1;
    }
}

void exact_sum_add_sum(struct exact_sum *sum, const struct exact_sum *from)
{
    sum->has_float |= from->has_float;
    uint64_t sign = sign_of(from);
    uint64_t carry = 0;
    for (int at = from->low - sum->low, i = 0; at < sum->limb_count; at++, i++) {
        wide result = (wide)sum->limbs[at] + (i < from->limb_count ? from->limbs[i] : sign) + carry;
        sum->limbs[at] = (uint64_t)result;
        carry = (uint64_t)(result >> 64);
    }
}

size_t exact_sum_bytes(const struct exact_sum *sum)
{
    return sum ? sizeof *sum + sum->cap * sizeof sum->limbs[0] : 0;
}

/* --- bytes --- */

int exact_sum_decode(struct exact_sum **ret, enum exact_range range, const uint8_t **at,
                     const uint8_t *end, struct srt_err *err)
{
    int bound = range == EXACT_SQUARES ? 34 : 17;
    int64_t low;
    size_t count;
    if (!state_bytes_get_int(at, end, -bound, bound, &low) ||
        !state_bytes_get_count(at, end, 8, (uint64_t)(2 * bound + 1), &count) ||
        low + (int64_t)count - 1 > bound || (count == 0 && low != 0)) {
        return srt_fail(err, SRT_ECORRUPT, "not an exact sum");
    }
    struct exact_sum *sum = NULL;
    if (grow(&sum, (int)count) != SRT_OK) {
        return srt_fail(err, SRT_ENOMEM, "no memory for an exact sum");
    }
    sum->low = (int16_t)low;
    sum->limb_count = (uint16_t)count;
    for (size_t i = 0; i < count; i++) {
        (void)state_bytes_get_u64(at, end, &sum->limbs[i]); /* counted above */
    }
    const uint64_t *top = count ? &sum->limbs[count - 1] : NULL;
    bool longer = count > 1 && ((*top == 0 && !(top[-1] >> 63)) ||
                                (*top == UINT64_MAX && top[-1] >> 63));
    if (count > 0 && (sum->limbs[0] == 0 || longer)) {
        srt_free(sum);
        return srt_fail(err, SRT_ECORRUPT, "an exact sum is longer than it need be");
    }
    *ret = sum;
    return SRT_OK;
}
