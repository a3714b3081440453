/* Numbers as text, without a look at the locale: strtod is only given digits and an exponent, never
 * a decimal point, and of snprintf's result only the digits are used.
 *
 * Most numbers in records have few digits. For those both ways are exact in double arithmetic: an
 * integer below 2^53 and a power of ten up to 10^22 are doubles, and one multiplication or division
 * of two exact numbers is rounded correctly (Clinger, "How to Read Floating Point Numbers
 * Accurately", 1990). */
#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "record/json.h"

enum {
    EXACT_POWER_MAX = 22,
    /* Halfway between two doubles lies a number of at most 767 digits: of what comes after 780,
     * only matters whether it is zero. */
    DIGITS_MAX = 780,
    EXPONENT_MAX = 100000, /* far beyond both infinity and zero, with that many digits */
};

static const uint64_t exact_mantissa_max = (uint64_t)1 << DBL_MANT_DIG;

static const double powers_of_ten[EXACT_POWER_MAX + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};
static_assert(DBL_MANT_DIG == 53, "double is IEEE 754 binary64");

/* --- reading --- */

/* A number's text taken apart: digits without leading zeros, times ten to the exponent. */
struct decimal {
    uint64_t mantissa; /* the first 19 digits */
    int digit_count; /* never more than DIGITS_MAX + 1, the last of which stands for all the rest */
    int64_t exponent;
    char digits[DIGITS_MAX + 1 + 16]; /* room for an exponent behind them */
};

static const char *take_digits(const char *at, const char *end, struct decimal *d, bool fraction)
{
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        char digit = *at;
        if (d->digit_count == 0 && digit == '0') {
            d->exponent -= fraction; /* a leading zero */
        } else if (d->digit_count < DIGITS_MAX || (d->digit_count == DIGITS_MAX && digit != '0')) {
            if (d->digit_count < 19) {
                d->mantissa = d->mantissa * 10 + (uint64_t)(digit - '0');
            }
            d->digits[d->digit_count++] = digit;
            d->exponent -= fraction;
        } else {
            d->exponent += !fraction;
        }
    }
    return at;
}

/* The exponent, cut off where more would make no difference even to a text of 2^31 digits. */
static int64_t read_exponent(const char *at, const char *end)
{
    const int64_t limit = (int64_t)1 << 40;
    bool negative = *at == '-';
    at += *at == '-' || *at == '+';
    int64_t exponent = 0;
    for (; at < end; at++) {
        exponent = exponent < limit ? exponent * 10 + (*at - '0') : limit;
    }
    return negative ? -exponent : exponent;
}

static double read_double(const char *at, const char *end)
{
    struct decimal d;
    d.mantissa = 0;
    d.digit_count = 0;
    d.exponent = 0;
    at = take_digits(at, end, &d, false);
    if (at < end && *at == '.') {
        at = take_digits(at + 1, end, &d, true);
    }
    if (at < end) {
        d.exponent += read_exponent(at + 1, end);
    }
    if (d.digit_count == 0) {
        return 0.0;
    }
    if (d.digit_count <= 19 && d.mantissa <= exact_mantissa_max && d.exponent >= -EXACT_POWER_MAX &&
        d.exponent <= EXACT_POWER_MAX) {
        double mantissa = (double)d.mantissa;
        return d.exponent < 0 ? mantissa / powers_of_ten[-d.exponent]
                              : mantissa * powers_of_ten[d.exponent];
    }
    int exponent = (int)(d.exponent > EXPONENT_MAX    ? EXPONENT_MAX
                         : d.exponent < -EXPONENT_MAX ? -EXPONENT_MAX
                                                      : d.exponent);
    snprintf(d.digits + d.digit_count, sizeof d.digits - (size_t)d.digit_count, "e%d", exponent);
    return strtod(d.digits, NULL);
}

/* An integer of at most 19 digits, when it fits. */
static bool read_integer(const char *at, const char *end, bool negative, int64_t *ret)
{
    if (end - at > 19) {
        return false;
    }
    uint64_t value = 0; /* 19 digits fit */
    for (; at < end; at++) {
        unsigned digit = (unsigned)(*at - '0');
        if (digit > 9) {
            return false;
        }
        value = value * 10 + digit;
    }
    if (value > (uint64_t)INT64_MAX + negative || (value == 0 && negative)) {
        return false; /* "-0" would lose its sign */
    }
    *ret = (int64_t)(negative ? 0 - value : value);
    return true;
}

bool json_number(const char *text, size_t size, int64_t *ret_integer, double *ret_double)
{
    const char *end = text + size;
    bool negative = size > 0 && *text == '-';
    const char *at = text + negative;
    if (read_integer(at, end, negative, ret_integer)) {
        return true;
    }
    double value = read_double(at, end);
    *ret_double = negative ? -value : value;
    return false;
}

/* --- writing --- */

/* The digits of `value`, ending at `end`; returns where they begin. */
static char *write_digits(char *end, uint64_t value)
{
    do {
        *--end = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    return end;
}

void json_put_integer(struct srt_buf *to, int64_t value)
{
    char text[20];
    char *end = text + sizeof text;
    char *at = write_digits(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    if (value < 0) {
        *--at = '-';
    }
    srt_buf_put(to, at, (size_t)(end - at));
}

/* A positive double as digits, the first of which counts ten to the `exponent`. */
struct shortest {
    char digits[20];
    int count;
    int exponent;
};

/* Up to 15 digits, neither very large nor very small: the least number of decimals with which an
 * integer divided by a power of ten gives the value back. */
static bool shortest_of_few_digits(double value, struct shortest *ret)
{
    const double limit = 1e15;
    if (value < 1e-5) {
        return false;
    }
    for (int decimals = 0; decimals <= EXACT_POWER_MAX; decimals++) {
        double scaled = value * powers_of_ten[decimals];
        if (scaled >= limit) {
            return false;
        }
        uint64_t digits = (uint64_t)(scaled + 0.5);
        if ((double)digits / powers_of_ten[decimals] == value) {
            char text[20];
            char *end = text + sizeof text;
            char *at = write_digits(end, digits);
            ret->count = (int)(end - at);
            memcpy(ret->digits, at, (size_t)ret->count);
            ret->exponent = ret->count - 1 - decimals;
            return true;
        }
    }
    return false;
}

static void shortest_of_any(double value, struct shortest *ret)
{
    char text[48];
    /* Of what has so few bits that 15 digits say too much, the shortest may have a single digit. */
    int precision = value < DBL_MIN ? 0 : 14;
    for (;; precision++) {
        int len = snprintf(text, sizeof text, "%.*e", precision, value);
        srt_assert(len > 0 && len < (int)sizeof text);
        if (precision == 16 || strtod(text, NULL) == value) {
            break;
        }
    }
    const char *at = text;
    ret->count = 0;
    for (; *at != 'e'; at++) { /* all but the decimal point, whatever that looks like */
        if (*at >= '0' && *at <= '9') {
            ret->digits[ret->count++] = *at;
        }
    }
    while (ret->count > 1 && ret->digits[ret->count - 1] == '0') {
        ret->count--;
    }
    ret->exponent = (int)strtol(at + 1, NULL, 10);
}

static void put_zeros(struct srt_buf *to, int count)
{
    for (int i = 0; i < count; i++) {
        srt_buf_put_u8(to, '0');
    }
}

static void put_shortest(struct srt_buf *to, const struct shortest *s)
{
    size_t count = (size_t)s->count;
    if (s->exponent < -5 || s->exponent > 15) {
        srt_buf_put(to, s->digits, 1);
        if (count > 1) {
            srt_buf_put_u8(to, '.');
            srt_buf_put(to, s->digits + 1, count - 1);
        }
        srt_buf_printf(to, "e%+03d", s->exponent);
    } else if (s->exponent < 0) {
        srt_buf_put(to, "0.", 2);
        put_zeros(to, -s->exponent - 1);
        srt_buf_put(to, s->digits, count);
    } else if (s->exponent >= s->count - 1) {
        srt_buf_put(to, s->digits, count);
        put_zeros(to, s->exponent - s->count + 1);
        srt_buf_put(to, ".0", 2);
    } else {
        size_t whole = (size_t)s->exponent + 1;
        srt_buf_put(to, s->digits, whole);
        srt_buf_put_u8(to, '.');
        srt_buf_put(to, s->digits + whole, count - whole);
    }
}

int json_put_double(struct srt_buf *to, double value)
{
    if (!isfinite(value)) {
        return SRT_EINVAL;
    }
    if (signbit(value)) {
        srt_buf_put_u8(to, '-');
        value = -value;
    }
    struct shortest s;
    if (value == 0.0) {
        srt_buf_put(to, "0.0", 3);
        return SRT_OK;
    }
    if (!shortest_of_few_digits(value, &s)) {
        shortest_of_any(value, &s);
    }
    put_shortest(to, &s);
    return SRT_OK;
}
