#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/rng.h"
#include "record/json.h"

static int64_t integer_of(const char *text)
{
    int64_t integer = 0;
    double number = 0;
    char *exact = malloc(strlen(text));
    memcpy(exact, text, strlen(text));
    assert_true(json_number(exact, strlen(text), &integer, &number));
    free(exact);
    return integer;
}

static double double_of(const char *text)
{
    int64_t integer = 0;
    double number = 0;
    char *exact = malloc(strlen(text));
    memcpy(exact, text, strlen(text));
    assert_false(json_number(exact, strlen(text), &integer, &number));
    free(exact);
    return number;
}

static void integers_that_fit_stay_integers(void **state)
{
    (void)state;
    assert_true(integer_of("0") == 0);
    assert_true(integer_of("7") == 7);
    assert_true(integer_of("-7") == -7);
    assert_true(integer_of("1700000000123") == 1700000000123);
    assert_true(integer_of("9007199254740993") == 9007199254740993);
    assert_true(integer_of("9223372036854775807") == INT64_MAX);
    assert_true(integer_of("-9223372036854775807") == -INT64_MAX);
    assert_true(integer_of("-9223372036854775808") == INT64_MIN);
}

static void integers_that_do_not_fit_become_doubles(void **state)
{
    (void)state;
    assert_true(double_of("9223372036854775808") == 9223372036854775808.0);
    assert_true(double_of("-9223372036854775809") == -9223372036854775808.0);
    assert_true(double_of("10000000000000000000") == 1e19);
    assert_true(double_of("18446744073709551616") == 18446744073709551616.0);
    assert_true(double_of("123456789012345678901234567890") == 123456789012345678901234567890.0);
}

static void minus_zero_keeps_its_sign(void **state)
{
    (void)state;
    assert_true(double_of("-0") == 0.0);
    assert_true(signbit(double_of("-0")));
    assert_true(signbit(double_of("-0.0")));
    assert_true(signbit(double_of("-0e5")));
    assert_false(signbit(double_of("0.0")));
    assert_true(signbit(double_of("-1e-400")));
}

static void fractions_and_exponents_make_doubles(void **state)
{
    (void)state;
    assert_true(double_of("1.0") == 1.0);
    assert_true(double_of("12.34") == 12.34);
    assert_true(double_of("0.1") == 0.1);
    assert_true(double_of("-0.001") == -0.001);
    assert_true(double_of("1e3") == 1000.0);
    assert_true(double_of("1E+3") == 1000.0);
    assert_true(double_of("25e-1") == 2.5);
    assert_true(double_of("1e22") == 1e22);
    assert_true(double_of("1e23") == 1e23);
    assert_true(double_of("1.7976931348623157e308") == 1.7976931348623157e308);
    assert_true(double_of("2.2250738585072014e-308") == 2.2250738585072014e-308);
    assert_true(double_of("5e-324") == 5e-324);
    assert_true(double_of("0.30000000000000004") == 0.1 + 0.2);
    assert_true(double_of("9007199254740993.0") == 9007199254740992.0);
    assert_true(double_of("0e999999999999") == 0.0);
}

static void beyond_the_range_are_infinity_and_zero(void **state)
{
    (void)state;
    assert_true(isinf(double_of("1e309")));
    assert_true(double_of("-1e309") == -(double)INFINITY);
    assert_true(isinf(double_of("1e99999999999999999999")));
    assert_true(double_of("1e-99999999999999999999") == 0.0);
}

/* Halfway between 1 and its successor, and hardly more: the last of a thousand digits decides. */
static void very_many_digits_are_rounded_right(void **state)
{
    (void)state;
    char text[2000] = "1.00000000000000011102230246251565404236316680908203125";
    size_t len = strlen(text);
    assert_true(double_of(text) == 1.0);
    memset(text + len, '0', 1000);
    assert_true(double_of(text) == 1.0);
    text[len + 999] = '1';
    assert_true(double_of(text) == 1.0000000000000002);

    memset(text, '0', 1500); /* an exponent undoes many zeros */
    memcpy(text, "0.", 2);
    memcpy(text + 1500, "125e1501", 9);
    assert_true(double_of(text) == 125.0);
    memset(text, '0', 1500);
    memcpy(text, "125", 3);
    memcpy(text + 1500, "e-1498", 7);
    assert_true(double_of(text) == 12.5);
    memset(text, '7', 1500);
    memcpy(text + 1500, "e-1499", 7);
    assert_true(double_of(text) == 7.777777777777777777777);
}

static void reading_agrees_with_strtod(void **state)
{
    (void)state;
    struct srt_rng rng;
    srt_rng_init(&rng, 11);
    for (int round = 0; round < 200000; round++) {
        char text[64];
        int digits = 1 + (int)srt_rng_below(&rng, 19);
        int n = snprintf(text, sizeof text, "%s%d.", srt_rng_below(&rng, 2) ? "-" : "",
                         (int)srt_rng_below(&rng, 1000));
        for (int i = 0; i < digits; i++) {
            text[n++] = (char)('0' + srt_rng_below(&rng, 10));
        }
        text[n] = '\0';
        if (srt_rng_below(&rng, 2)) {
            snprintf(text + n, sizeof text - (size_t)n, "e%d", (int)srt_rng_below(&rng, 700) - 350);
        }
        double ours = double_of(text);
        double expected = strtod(text, NULL);
        assert_memory_equal(&ours, &expected, sizeof ours);
    }
}

/* --- writing --- */

static void assert_written(double value, const char *expected)
{
    struct srt_buf buf = {0};
    assert_int_equal(json_put_double(&buf, value), SRT_OK);
    assert_string_equal(srt_buf_cstr(&buf), expected);
    srt_buf_fini(&buf);
}

static void doubles_are_written_shortest_and_stay_doubles(void **state)
{
    (void)state;
    assert_written(0.0, "0.0");
    assert_written(-0.0, "-0.0");
    assert_written(1.0, "1.0");
    assert_written(-1.0, "-1.0");
    assert_written(10.0, "10.0");
    assert_written(1000000.0, "1000000.0");
    assert_written(12.34, "12.34");
    assert_written(-12.34, "-12.34");
    assert_written(0.1, "0.1");
    assert_written(0.5, "0.5");
    assert_written(0.001, "0.001");
    assert_written(0.00001, "0.00001");
    assert_written(0.000001, "1e-06");
    assert_written(1.5e-7, "1.5e-07");
    assert_written(0.1 + 0.2, "0.30000000000000004");
    assert_written(1.0 / 3.0, "0.3333333333333333");
    assert_written(2.0 / 3.0, "0.6666666666666666");
    assert_written(123456789.125, "123456789.125");
    assert_written(99999999999999.9, "99999999999999.9");
    assert_written(1e15, "1000000000000000.0");
    assert_written(9007199254740992.0, "9007199254740992.0");
    assert_written(1e16, "1e+16");
    assert_written(1.2345e17, "1.2345e+17");
    assert_written(1e300, "1e+300");
    assert_written(1e22, "1e+22");
    assert_written(1.7976931348623157e308, "1.7976931348623157e+308");
    assert_written(2.2250738585072014e-308, "2.2250738585072014e-308");
    assert_written(5e-324, "5e-324");
    assert_written(1e-310, "1e-310");
    assert_written(3.141592653589793, "3.141592653589793");
    assert_written(5e-5, "0.00005");
    assert_written(1.7000000000000002, "1.7000000000000002");
}

static void what_is_not_finite_is_refused(void **state)
{
    (void)state;
    struct srt_buf buf = {0};
    assert_int_equal(json_put_double(&buf, (double)NAN), SRT_EINVAL);
    assert_int_equal(json_put_double(&buf, (double)INFINITY), SRT_EINVAL);
    assert_int_equal(json_put_double(&buf, -(double)INFINITY), SRT_EINVAL);
    assert_int_equal(buf.len, 0);
    srt_buf_fini(&buf);
}

static void integers_are_written(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *text;
    } cases[] = {{0, "0"},
                 {1, "1"},
                 {-1, "-1"},
                 {1234567890123, "1234567890123"},
                 {INT64_MAX, "9223372036854775807"},
                 {INT64_MIN, "-9223372036854775808"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct srt_buf buf = {0};
        json_put_integer(&buf, cases[i].value);
        assert_string_equal(srt_buf_cstr(&buf), cases[i].text);
        srt_buf_fini(&buf);
    }
}

/* How many digits a text has before its exponent, zeros at both ends not counted. */
static int significant(const char *text)
{
    int count = 0;
    int zeros = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text == '0') {
            zeros += count > 0;
        } else if (*text > '0' && *text <= '9') {
            count += zeros + 1;
            zeros = 0;
        }
    }
    return count;
}

/* Reads back as the same bits, as a double, is valid, and no %.*g with fewer digits would have
 * done. */
static void assert_round_trip(double value)
{
    struct srt_buf buf = {0};
    assert_int_equal(json_put_double(&buf, value), SRT_OK);
    const char *text = srt_buf_cstr(&buf);
    size_t at;
    assert_int_equal(json_validate(text, buf.len, &at), SRT_OK);
    double back = double_of(text);
    assert_memory_equal(&back, &value, sizeof value);
    int digits = significant(text);
    if (digits > 1) {
        char shorter[400];
        snprintf(shorter, sizeof shorter, "%.*g", digits - 1, value);
        assert_true(strtod(shorter, NULL) != value);
    }
    srt_buf_fini(&buf);
}

static void doubles_of_all_kinds_come_back(void **state)
{
    (void)state;
    struct srt_rng rng;
    srt_rng_init(&rng, 3);
    for (int round = 0; round < 100000; round++) {
        uint64_t bits = srt_rng_next(&rng);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) {
            assert_round_trip(value);
        }
        assert_round_trip((double)srt_rng_below(&rng, 1000000) / 100.0);
        assert_round_trip(-(double)srt_rng_below(&rng, 100000000) / 10000.0);
        assert_round_trip(srt_rng_double(&rng));
        assert_round_trip(srt_rng_double(&rng) * 1e-305 * 1e-10); /* few bits left */
        assert_round_trip((double)(int64_t)(srt_rng_next(&rng) >> srt_rng_below(&rng, 63)));
    }
}

/* Under a locale whose decimal point is a comma, nothing changes. */
static void the_locale_does_not_matter(void **state)
{
    (void)state;
    static const char *const with_comma[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE",
                                             "fr_FR"};
    bool found = false;
    for (size_t i = 0; i < sizeof with_comma / sizeof with_comma[0] && !found; i++) {
        found = setlocale(LC_ALL, with_comma[i]) && strcmp(localeconv()->decimal_point, ",") == 0;
    }
    if (!found) {
        skip(); /* none is installed */
    }
    assert_written(12.34, "12.34");
    assert_written(0.1 + 0.2, "0.30000000000000004");
    assert_written(1.25e-300, "1.25e-300");
    assert_true(double_of("12.34") == 0x1.8ae147ae147aep+3);
    assert_true(double_of("0.30000000000000004") == 0x1.3333333333334p-2);
    setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_that_fit_stay_integers),
        cmocka_unit_test(integers_that_do_not_fit_become_doubles),
        cmocka_unit_test(minus_zero_keeps_its_sign),
        cmocka_unit_test(fractions_and_exponents_make_doubles),
        cmocka_unit_test(beyond_the_range_are_infinity_and_zero),
        cmocka_unit_test(very_many_digits_are_rounded_right),
        cmocka_unit_test(reading_agrees_with_strtod),
        cmocka_unit_test(doubles_are_written_shortest_and_stay_doubles),
        cmocka_unit_test(what_is_not_finite_is_refused),
        cmocka_unit_test(integers_are_written),
        cmocka_unit_test(doubles_of_all_kinds_come_back),
        cmocka_unit_test(the_locale_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
