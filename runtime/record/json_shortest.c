/* Raffaello Giulietti's Schubfach ("The Schubfach way to render doubles", 2020). A double c * 2^q
 * owns the interval halfway to its neighbours; any decimal in there reads back as it:
 *
 *       cbl = (4c - 2) 2^(q-2)      cb = 4c 2^(q-2)       cbr = (4c + 2) 2^(q-2)
 *     ------[-------------------------|--------------------------]------
 *            ^         ^         ^         ^         ^         ^           multiples of 10^k
 *                                u'                                        one of 10^(k+1), or none
 *
 * k is chosen such that the interval is at least 10^k long and shorter than 10^(k+1): so it holds
 * at least one multiple of 10^k and at most one of 10^(k+1) (hence the pigeonhole of the name). If
 * there is one of 10^(k+1), that is the shortest; else of the two multiples of 10^k beside the
 * value the one inside, or the nearer one.
 *
 * All three bounds are scaled by 10^-k with one 64 x 128 bit multiplication each. The table's power
 * is rounded up to 128 bits; the paper proves that this, with the bits cut off collected in the
 * last one ("round to odd"), never changes a comparison. The interval's ends belong to it when c is
 * even, as reading rounds halves to even. */
#include "record/json_shortest.h"

#include <assert.h>
#include <float.h>
#include <stdbool.h>
#include <string.h>

#include "base/assert.h"
#include "record/json_powers.h"

static_assert(DBL_MANT_DIG == 53 && DBL_MAX_EXP == 1024, "double is IEEE 754 binary64");

enum {
    FRACTION_BITS = 52,
    EXPONENT_BIAS = 1075, /* of the significand as an integer */
};

__extension__ typedef unsigned __int128 wide;

/* floor(e * log2(10)) for |e| <= 1233; the shift of a negative number rounds down. */
static int floor_log2_pow10(int e)
{
    return (e * 1741647) >> 19;
}

/* floor(q * log10(2)), or of 3/4 * 2^q where the interval is one-sided. */
static int floor_log10_pow2(int q, bool is_lower_closer)
{
    return (q * 1262611 - (is_lower_closer ? 524031 : 0)) >> 22;
}

/* power * factor / 2^128, the bits cut off collected in the last one. */
static uint64_t scale(const struct json_power *power, uint64_t factor)
{
    wide low = (wide)power->low * factor;
    wide high = (wide)power->high * factor + (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

static struct json_decimal without_zeros(uint64_t digits, int exponent)
{
    const uint64_t ten_8 = 100000000;
    if (digits % ten_8 == 0) {
        digits /= ten_8;
        exponent += 8;
    }
    while (digits % 10 == 0) {
        digits /= 10;
        exponent++;
    }
    return (struct json_decimal){.digits = digits, .exponent = exponent};
}

/* The decimal for the significand c at 2^q. */
static struct json_decimal shortest(uint64_t c, int q, bool is_lower_closer)
{
    uint64_t outside = c & 1; /* 1: the interval's ends are not in it */
    int k = floor_log10_pow2(q, is_lower_closer);
    int h = q + floor_log2_pow10(-k) + 1;
    srt_assert_slow(h >= 1 && h <= 4 && -k >= JSON_POWER_MIN && -k <= JSON_POWER_MAX);
    const struct json_power *power = &json_powers[-k - JSON_POWER_MIN];
    uint64_t lower = scale(power, (4 * c - 2 + is_lower_closer) << h) + outside;
    uint64_t value = scale(power, 4 * c << h);
    uint64_t upper = scale(power, (4 * c + 2) << h) - outside;

    uint64_t below = value / 4; /* in units of 10^k, as all that follows */
    if (below >= 10) {
        uint64_t tens = below / 10;
        bool below_inside = lower <= 40 * tens;
        bool above_inside = 40 * tens + 40 <= upper;
        if (below_inside != above_inside) {
            return without_zeros(tens + above_inside, k + 1);
        }
    }
    bool below_inside = lower <= 4 * below;
    bool above_inside = 4 * below + 4 <= upper;
    if (below_inside != above_inside) {
        return without_zeros(below + above_inside, k);
    }
    uint64_t middle = 4 * below + 2;
    bool up = value > middle || (value == middle && (below & 1));
    return without_zeros(below + up, k);
}

struct json_decimal json_shortest(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t fraction = bits & ((UINT64_C(1) << FRACTION_BITS) - 1);
    int biased = (int)(bits >> FRACTION_BITS & 0x7ff);
    srt_assert_slow(bits >> 63 == 0 && bits != 0 && biased < 0x7ff);
    if (biased == 0) {
        return shortest(fraction, 1 - EXPONENT_BIAS, false);
    }
    uint64_t c = fraction | UINT64_C(1) << FRACTION_BITS;
    int q = biased - EXPONENT_BIAS;
    if (q <= 0 && q >= -FRACTION_BITS && (c & ((UINT64_C(1) << -q) - 1)) == 0) {
        return without_zeros(c >> -q, 0); /* an integer below 2^53 */
    }
    return shortest(c, q, fraction == 0 && biased > 1);
}
