/* Numbers as text, without a look at the locale: strtod is only given digits and an exponent, never
 * a decimal point. What doubles are written as is found by json_shortest.c.
 *
 * Most numbers in records have few digits. For those reading is exact in double arithmetic: an
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
#include "record/json_shortest.h"

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

/* Digits around a point, few enough to be exact: most fractions are. */
static bool read_short(const char *at, const char *end, double *ret)
{
    if (end - at > 18) {
        return false;
    }
    uint64_t mantissa = 0;
    const char *point = NULL;
    for (; at < end; at++) {
        unsigned digit = (unsigned)(*at - '0');
        if (digit <= 9) {
            mantissa = mantissa * 10 + digit;
        } else if (*at == '.') {
            point = at;
        } else {
            return false; /* an exponent */
        }
    }
    if (mantissa > exact_mantissa_max) {
        return false;
    }
    *ret = (double)mantissa / powers_of_ten[point ? end - point - 1 : 0];
    return true;
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
    double value;
    if (!read_short(at, end, &value)) {
        value = read_double(at, end);
    }
    *ret_double = negative ? -value : value;
    return false;
}

/* --- writing --- */

/* The digits of `value`, ending at `end`; returns where they begin. */
static char *write_digits(char *end, uint64_t value)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    while (value >= 100) {
        end -= 2;
        memcpy(end, pairs + 2 * (value % 100), 2);
        value /= 100;
    }
    if (value >= 10) {
        end -= 2;
        memcpy(end, pairs + 2 * value, 2);
    } else {
        *--end = (char)('0' + value);
    }
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

enum {
    WHOLE_DIGITS_MAX = 16, /* before the point, without an exponent */
    ZEROS_MAX = 4,         /* behind "0.", without an exponent */
    TEXT_MAX = 32,         /* "-", 17 digits, a point, an exponent; or zeros in place of that */
};

static char *put_exponent(char *to, int exponent)
{
    *to++ = 'e';
    *to++ = exponent < 0 ? '-' : '+';
    exponent = exponent < 0 ? -exponent : exponent;
    if (exponent >= 100) {
        *to++ = (char)('0' + exponent / 100);
        exponent %= 100;
    }
    *to++ = (char)('0' + exponent / 10);
    *to++ = (char)('0' + exponent % 10);
    return to;
}

/* Returns where the text ends. */
static char *put_decimal(char *to, const struct json_decimal *decimal)
{
    char text[20];
    char *end = text + sizeof text;
    char *at = write_digits(end, decimal->digits);
    int count = (int)(end - at);
    int whole = count + decimal->exponent; /* digits before the point */
    if (whole > WHOLE_DIGITS_MAX || whole < -ZEROS_MAX) {
        *to++ = *at;
        if (count > 1) {
            *to++ = '.';
            memcpy(to, at + 1, (size_t)count - 1);
            to += count - 1;
        }
        return put_exponent(to, whole - 1);
    }
    if (whole <= 0) {
        memcpy(to, "0.0000", 2 + ZEROS_MAX);
        to += 2 - whole;
        memcpy(to, at, (size_t)count);
        return to + count;
    }
    if (whole >= count) {
        memcpy(to, at, (size_t)count);
        memset(to + count, '0', (size_t)(whole - count));
        memcpy(to + whole, ".0", 2);
        return to + whole + 2;
    }
    memcpy(to, at, (size_t)whole);
    to[whole] = '.';
    memcpy(to + whole + 1, at + whole, (size_t)(count - whole));
    return to + count + 1;
}

int json_put_double(struct srt_buf *to, double value)
{
    if (!isfinite(value)) {
        return SRT_EINVAL;
    }
    char text[TEXT_MAX];
    char *at = text;
    if (signbit(value)) {
        *at++ = '-';
        value = -value;
    }
    if (value == 0.0) {
        memcpy(at, "0.0", 3);
        at += 3;
    } else {
        struct json_decimal decimal = json_shortest(value);
        at = put_decimal(at, &decimal);
    }
    srt_buf_put(to, text, (size_t)(at - text));
    return SRT_OK;
}
