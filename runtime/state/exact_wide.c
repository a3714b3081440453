/* Arithmetic of results: it runs once for a result, not for a value, and is plain long arithmetic
 * on sign and magnitude. */
#include "state/exact_wide.h"

#include <math.h>
#include <string.h>

#include "base/assert.h"
#include "state/state_bytes.h"

__extension__ typedef unsigned __int128 wide_limb;

enum {
    DOUBLE_BITS = 53,
    LOWEST_BIT = -1074, /* of a double */
    FIRST_NORMAL = -1022,
};

static const int unit = -EXACT_WIDE_LOW; /* where the limb of 2^0 is */

static void negate(uint64_t limbs[EXACT_WIDE_LIMBS])
{
    uint64_t carry = 1;
    for (int i = 0; i < EXACT_WIDE_LIMBS; i++) {
        limbs[i] = ~limbs[i] + carry;
        carry = carry && limbs[i] == 0;
    }
}

void exact_wide_load(struct exact_wide *wide, const struct exact_sum *sum, int64_t integer)
{
    int first = sum && sum->limb_count > 0 ? sum->low - EXACT_WIDE_LOW : 0;
    int count = sum ? sum->limb_count : 0;
    srt_assert(first >= 0 && first + count < EXACT_WIDE_LIMBS);
    bool minus = count > 0 && sum->limbs[count - 1] >> 63;
    memset(wide->limbs, minus ? 0xff : 0, sizeof wide->limbs);
    memset(wide->limbs, 0, (size_t)first * sizeof wide->limbs[0]);
    if (count > 0) {
        memcpy(wide->limbs + first, sum->limbs, (size_t)count * sizeof wide->limbs[0]);
    }
    uint64_t carry = 0;
    for (int i = unit; i < EXACT_WIDE_LIMBS && integer != 0; i++) {
        uint64_t word = i == unit ? (uint64_t)integer : integer < 0 ? UINT64_MAX : 0;
        wide_limb result = (wide_limb)wide->limbs[i] + word + carry;
        wide->limbs[i] = (uint64_t)result;
        carry = (uint64_t)(result >> 64);
    }
    wide->negative = wide->limbs[EXACT_WIDE_LIMBS - 1] >> 63;
    if (wide->negative) {
        negate(wide->limbs);
    }
}

void exact_wide_multiply(struct exact_wide *wide, uint64_t factor)
{
    uint64_t carry = 0;
    for (int i = 0; i < EXACT_WIDE_LIMBS; i++) {
        wide_limb product = (wide_limb)wide->limbs[i] * factor + carry;
        wide->limbs[i] = (uint64_t)product;
        carry = (uint64_t)(product >> 64);
    }
    srt_assert(carry == 0);
}

static int top_of(const uint64_t limbs[EXACT_WIDE_LIMBS])
{
    int top = EXACT_WIDE_LIMBS - 1;
    while (top >= 0 && limbs[top] == 0) {
        top--;
    }
    return top;
}

bool exact_wide_integer(const struct exact_wide *wide, int64_t *ret)
{
    uint64_t magnitude = wide->limbs[unit];
    if (top_of(wide->limbs) > unit || magnitude > (uint64_t)INT64_MAX + wide->negative) {
        return false;
    }
    for (int i = 0; i < unit; i++) {
        if (wide->limbs[i] != 0) {
            return false;
        }
    }
    *ret = (int64_t)(wide->negative ? 0 - magnitude : magnitude);
    return true;
}

/* --- rounding --- */

/* The 64 highest bits of a magnitude, the highest of them set, and whether anything is below. */
struct head {
    uint64_t bits;
    int exponent; /* of the lowest of the 64 */
    bool rest;
};

/* limbs[top] is not 0; limbs below `from` are not looked at. */
static struct head head_of(const uint64_t *limbs, int top, int from)
{
    int shift = __builtin_clzll(limbs[top]);
    uint64_t below = top > from ? limbs[top - 1] : 0;
    struct head head = {
        .bits = shift ? limbs[top] << shift | below >> (64 - shift) : limbs[top],
        .exponent = (top + EXACT_WIDE_LOW) * 64 - shift,
        .rest = (shift ? below << shift : below) != 0,
    };
    for (int i = top - 2; i >= from && !head.rest; i--) {
        head.rest = limbs[i] != 0;
    }
    return head;
}

static double round_head(const struct head *head)
{
    int highest = head->exponent + 63;
    int drop = 64 - DOUBLE_BITS;
    if (highest < FIRST_NORMAL) {
        drop = LOWEST_BIT - head->exponent;
    }
    if (drop > 64) {
        return 0.0;
    }
    uint64_t kept = drop < 64 ? head->bits >> drop : 0;
    uint64_t dropped = drop < 64 ? head->bits << (64 - drop) : head->bits;
    uint64_t half = (uint64_t)1 << 63;
    if (dropped > half || (dropped == half && (head->rest || (kept & 1)))) {
        kept++;
    }
    return ldexp((double)kept, head->exponent + drop);
}

double exact_wide_quotient(const struct exact_wide *wide, uint64_t divisor)
{
    srt_assert(divisor > 0);
    int top = top_of(wide->limbs);
    if (top < 0) {
        return 0.0;
    }
    uint64_t quotient[EXACT_WIDE_LIMBS];
    uint64_t rest = 0;
    int first = -1; /* the highest limb that is not 0 */
    int at = top;
    for (; at >= 0 && (first < 0 || first - at < 2); at--) { /* two are more than a double has */
        wide_limb part = (wide_limb)rest << 64 | wide->limbs[at];
        quotient[at] = (uint64_t)(part / divisor);
        rest = (uint64_t)(part % divisor);
        first = first < 0 && quotient[at] != 0 ? at : first;
    }
    if (first < 0) {
        return 0.0; /* far below the smallest double */
    }
    struct head head = head_of(quotient, first, at + 1);
    head.rest |= rest != 0;
    for (; at >= 0 && !head.rest; at--) {
        head.rest = wide->limbs[at] != 0;
    }
    double result = round_head(&head);
    return wide->negative ? -result : result;
}

/* --- spread --- */

/* limbs -= factor^2, in two's complement. */
static void subtract_square(uint64_t limbs[EXACT_WIDE_LIMBS], const struct exact_wide *factor)
{
    int top = top_of(factor->limbs);
    int bottom = 0;
    while (bottom < top && factor->limbs[bottom] == 0) {
        bottom++;
    }
    for (int i = bottom; i <= top; i++) {
        uint64_t carry = 0;
        uint64_t borrow = 0;
        int at = i + bottom - unit;
        srt_assert(at >= 0);
        for (int k = bottom; at < EXACT_WIDE_LIMBS; k++, at++) {
            wide_limb product = carry;
            if (k <= top) {
                product += (wide_limb)factor->limbs[i] * factor->limbs[k];
            }
            carry = (uint64_t)(product >> 64);
            wide_limb difference = (wide_limb)limbs[at] - (uint64_t)product - borrow;
            limbs[at] = (uint64_t)difference;
            borrow = (uint64_t)(difference >> 64) & 1;
        }
        srt_assert(carry == 0);
    }
}

double exact_wide_deviation(const struct exact_wide *squares, const struct exact_wide *sum,
                            uint64_t n)
{
    srt_assert(n > 0);
    struct exact_wide difference = *squares;
    exact_wide_multiply(&difference, n);
    subtract_square(difference.limbs, sum);
    if (difference.limbs[EXACT_WIDE_LIMBS - 1] >> 63 || squares->negative) {
        return 0.0; /* of no values that there are: bytes from outside */
    }
    int top = top_of(difference.limbs);
    if (top < 0) {
        return 0.0;
    }
    struct head head = head_of(difference.limbs, top, 0);
    double mantissa = (double)head.bits;
    if (head.exponent & 1) {
        mantissa *= 2;
        head.exponent--;
    }
    return ldexp(sqrt(mantissa) / (double)n, head.exponent / 2);
}

/* --- bytes --- */

void exact_wide_encode(const struct exact_wide *wide, struct srt_buf *to)
{
    struct exact_wide signed_one = *wide;
    uint64_t *limbs = signed_one.limbs;
    uint64_t sign = 0;
    if (wide->negative) {
        negate(limbs);
        sign = UINT64_MAX;
    }
    int top = EXACT_WIDE_LIMBS - 1;
    while (top > 0 && limbs[top] == sign && limbs[top - 1] >> 63 == sign >> 63) {
        top--;
    }
    int low = 0;
    while (low <= top && limbs[low] == 0) {
        low++;
    }
    int count = top - low + 1;
    state_bytes_put_int(to, count > 0 ? low + EXACT_WIDE_LOW : 0);
    state_bytes_put_count(to, (uint64_t)count);
    for (int i = low; i <= top; i++) {
        srt_buf_put_be64(to, limbs[i]);
    }
}
