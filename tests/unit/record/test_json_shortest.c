#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "record/json_powers.h"
#include "record/json_shortest.h"

static void assert_decimal(double value, uint64_t digits, int exponent)
{
    struct json_decimal got = json_shortest(value);
    assert_true(got.digits == digits);
    assert_int_equal(got.exponent, exponent);
}

static void few_digits_are_found(void **state)
{
    (void)state;
    assert_decimal(1.0, 1, 0);
    assert_decimal(100.0, 1, 2);
    assert_decimal(0.1, 1, -1);
    assert_decimal(59.849999999999994, 59849999999999994, -15);
    assert_decimal(9007199254740991.0, 9007199254740991, 0);
    assert_decimal(9007199254740992.0, 9007199254740992, 0);
    assert_decimal(1e23, 1, 23);
    assert_decimal(9.5e-320, 95, -321);
    assert_decimal(5e-324, 5, -324);
    assert_decimal(1e-323, 1, -323);
    assert_decimal(2.2250738585072014e-308, 22250738585072014, -324);
    assert_decimal(1.7976931348623157e308, 17976931348623157, 292);
}

/* Below a power of two the doubles lie twice as close. */
static void the_interval_below_a_power_of_two_is_half_as_long(void **state)
{
    (void)state;
    assert_decimal(0x1p-44, 5684341886080802, -29);
    assert_decimal(0x1p-1022, 22250738585072014, -324);
    assert_decimal(0x1p89, 6189700196426902, 11);
}

/* Reads back as the same; and the nearest decimal with as many digits is this one, or, next to a
 * power of two, does not read back. None with fewer digits reads back. */
static void assert_shortest(double value)
{
    struct json_decimal got = json_shortest(value);
    char text[64];
    char nearest[64];
    int count = snprintf(text, sizeof text, "%llu", (unsigned long long)got.digits);
    assert_true(got.digits % 10 != 0);
    snprintf(text, sizeof text, "%llue%d", (unsigned long long)got.digits, got.exponent);
    assert_true(strtod(text, NULL) == value);
    snprintf(nearest, sizeof nearest, "%.*e", count - 1, value);
    if (strtod(nearest, NULL) == value) {
        char digits[32] = {nearest[0]};
        memcpy(digits + 1, nearest + 2, count > 1 ? (size_t)count - 1 : 0);
        assert_true(strtoull(digits, NULL, 10) == got.digits);
    } else {
        int exponent;
        assert_true(frexp(value, &exponent) == 0.5);
    }
    if (count > 1) {
        snprintf(nearest, sizeof nearest, "%.*e", count - 2, value);
        assert_true(strtod(nearest, NULL) != value);
    }
}

static void assert_shortest_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    if (isfinite(value) && value > 0) {
        assert_shortest(value);
    }
}

/* Every exponent, with the significands at both ends and some in between: the neighbours of
 * powers of two and of ten, and what has few bits left. */
static void doubles_of_every_exponent_are_shortest(void **state)
{
    (void)state;
    struct srt_rng rng;
    srt_rng_init(&rng, 5);
    for (uint64_t exponent = 0; exponent < 2047; exponent++) {
        const uint64_t ones = (UINT64_C(1) << 52) - 1;
        for (uint64_t i = 0; i < 4; i++) {
            assert_shortest_bits(exponent << 52 | i);
            assert_shortest_bits(exponent << 52 | (ones - i));
            assert_shortest_bits(exponent << 52 | (ones / 2 + i));
            assert_shortest_bits(exponent << 52 | (srt_rng_next(&rng) & ones));
        }
    }
    for (int power = -323; power <= 308; power++) {
        char text[16];
        snprintf(text, sizeof text, "1e%d", power);
        double value = strtod(text, NULL);
        assert_shortest(value);
        assert_shortest(nextafter(value, (double)INFINITY));
    }
}

static void random_doubles_are_shortest(void **state)
{
    (void)state;
    struct srt_rng rng;
    srt_rng_init(&rng, 9);
    for (int round = 0; round < 200000; round++) {
        assert_shortest_bits(srt_rng_next(&rng) >> 1);
        assert_shortest((double)(1 + srt_rng_below(&rng, 100000)) * 0.01);
    }
}

/* --- the table of powers --- */

enum { WORDS = 40 }; /* 1280 bits: 10^324 has 1077 */

/* number = number * factor; least significant word first */
static void multiply(uint32_t number[WORDS], uint32_t factor)
{
    uint64_t carry = 0;
    for (int i = 0; i < WORDS; i++) {
        carry += (uint64_t)number[i] * factor;
        number[i] = (uint32_t)carry;
        carry >>= 32;
    }
    assert_int_equal(carry, 0);
}

static int bit_count(const uint32_t number[WORDS])
{
    int i = WORDS - 1;
    while (i > 0 && number[i] == 0) {
        i--;
    }
    return 32 * i + (number[i] ? 32 - __builtin_clz(number[i]) : 0);
}

static int bit_at(const uint32_t number[WORDS], int at)
{
    return at < 0 ? 0 : (int)(number[at / 32] >> (at % 32) & 1);
}

static void subtract(uint32_t from[WORDS], const uint32_t what[WORDS])
{
    int64_t borrow = 0;
    for (int i = 0; i < WORDS; i++) {
        borrow += (int64_t)from[i] - what[i];
        from[i] = (uint32_t)borrow;
        borrow >>= 32;
    }
    assert_true(borrow == 0);
}

static int compare(const uint32_t a[WORDS], const uint32_t b[WORDS])
{
    for (int i = WORDS; i-- > 0;) {
        if (a[i] != b[i]) {
            return a[i] < b[i] ? -1 : 1;
        }
    }
    return 0;
}

static void push_bit(struct json_power *to, int bit)
{
    to->high = to->high << 1 | to->low >> 63;
    to->low = to->low << 1 | (uint64_t)bit;
}

static void round_up(struct json_power *to, bool is_inexact)
{
    to->low += is_inexact;
    to->high += is_inexact && to->low == 0;
}

/* The first 128 bits of a number, rounded up. */
static struct json_power first_bits(const uint32_t number[WORDS])
{
    struct json_power got = {0, 0};
    int bits = bit_count(number);
    for (int i = 1; i <= 128; i++) {
        push_bit(&got, bit_at(number, bits - i));
    }
    bool is_inexact = false;
    for (int i = 0; i < bits - 128; i++) {
        is_inexact |= bit_at(number, i);
    }
    round_up(&got, is_inexact);
    return got;
}

/* The first 128 bits of 1/number, rounded up: division by hand. */
static struct json_power first_bits_of_inverse(const uint32_t number[WORDS])
{
    struct json_power got = {0, 0};
    uint32_t rest[WORDS] = {1};
    while (!(got.high >> 63)) {
        multiply(rest, 2);
        int bit = compare(rest, number) >= 0;
        if (bit) {
            subtract(rest, number);
        }
        push_bit(&got, bit);
    }
    round_up(&got, bit_count(rest) > 0);
    return got;
}

static void the_table_of_powers_is_right(void **state)
{
    (void)state;
    uint32_t power[WORDS] = {1};
    for (int k = 0; k <= JSON_POWER_MAX; k++) {
        struct json_power expected = first_bits(power);
        assert_memory_equal(&json_powers[k - JSON_POWER_MIN], &expected, sizeof expected);
        if (k > 0 && -k >= JSON_POWER_MIN) {
            expected = first_bits_of_inverse(power);
            assert_memory_equal(&json_powers[-k - JSON_POWER_MIN], &expected, sizeof expected);
        }
        multiply(power, 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_digits_are_found),
        cmocka_unit_test(the_interval_below_a_power_of_two_is_half_as_long),
        cmocka_unit_test(doubles_of_every_exponent_are_shortest),
        cmocka_unit_test(random_doubles_are_shortest),
        cmocka_unit_test(the_table_of_powers_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
