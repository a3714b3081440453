#include "aggregate_fixture.h"

static void integers_add_up_to_an_integer_as_long_as_it_fits(void **state)
{
    (void)state;
    assert_string_equal(RESULT(SUM, I(1), I(2), NOTHING), "3");
    assert_string_equal(RESULT(SUM, I(INT64_MAX), I(1)), "9.223372036854776e+18");
    assert_string_equal(RESULT(SUM, I(INT64_MAX), I(1), I(-1)), "9223372036854775807");
    assert_string_equal(RESULT(SUM, I(INT64_MIN), I(INT64_MIN), I(INT64_MAX)),
                        "-9.223372036854776e+18");
    assert_string_equal(RESULT(SUM, I(INT64_MIN), I(INT64_MIN), I(INT64_MAX), I(INT64_MAX), I(2)),
                        "0");
}

static void one_float_makes_the_sum_a_float(void **state)
{
    (void)state;
    assert_string_equal(RESULT(SUM, I(1), F(2.0)), "3.0");
    assert_string_equal(RESULT(SUM, F(0.1), F(0.2)), "0.30000000000000004");
    assert_string_equal(RESULT(SUM, F(0.1), F(0.1), F(0.1), F(0.1), F(0.1), F(0.1), F(0.1), F(0.1),
                               F(0.1), F(0.1)),
                        "1.0");
    assert_string_equal(RESULT(SUM, F(1e300), I(1), F(-1e300)), "1.0");
    assert_string_equal(RESULT(SUM, F(-0.0)), "0.0");
    /* 2^53 + 1 is no double, an exact sum still knows it */
    assert_string_equal(RESULT(SUM, I(9007199254740993), F(0.0), I(-9007199254740992)), "1.0");
}

static void a_sum_comes_back_from_beyond_the_range(void **state)
{
    (void)state;
    assert_string_equal(RESULT(SUM, F(1.7e308), F(1.7e308)), "null");
    assert_string_equal(RESULT(SUM, F(1.7e308), F(1.7e308), F(-1.7e308)), "1.7e+308");
    assert_string_equal(RESULT(SUM, F(5e-324), F(5e-324)), "1e-323");
}

static void an_average_is_rounded_once(void **state)
{
    (void)state;
    assert_string_equal(RESULT(AVG, I(1), I(2), NOTHING), "1.5");
    assert_string_equal(RESULT(AVG, I(1), I(1), I(2)), "1.3333333333333333");
    assert_string_equal(RESULT(AVG, F(1.7e308), F(1.7e308)), "1.7e+308");
    assert_string_equal(RESULT(AVG, I(INT64_MAX), I(INT64_MAX)), "9.223372036854776e+18");
    assert_string_equal(RESULT(AVG, F(0.1), F(0.1), F(0.1)), "0.1");
}

static void stddev_is_that_of_a_population(void **state)
{
    (void)state;
    assert_string_equal(RESULT(STDDEV, I(5)), "0.0");
    assert_string_equal(RESULT(STDDEV, I(2), I(4), I(4), I(4), I(5), I(5), I(7), I(9)), "2.0");
    assert_string_equal(RESULT(STDDEV, F(1e15 + 0.25), F(1e15 + 0.75)), "0.25");
    assert_string_equal(RESULT(STDDEV, I(INT64_MAX), I(INT64_MAX - 2)), "1.0");
    assert_string_equal(RESULT(STDDEV, F(1e308), F(-1e308)), "1e+308");
    assert_string_equal(RESULT(STDDEV, F(5e-324), F(-5e-324)), "5e-324");
    assert_string_equal(RESULT(STDDEV, F(0.1), F(0.1), F(0.1)), "0.0");
}

static void ewma_goes_by_the_order(void **state)
{
    (void)state;
    assert_string_equal(RESULT(EWMA, I(4)), "4.0");
    assert_string_equal(RESULT(EWMA, I(4), I(8), NOTHING, F(1.0)), "3.5");
    assert_string_equal(RESULT(EWMA, I(1), I(8), I(4)), "4.25");
    assert_string_equal(RESULT(EWMA, F(1.7976931348623157e308), F(1.7976931348623157e308)),
                        "1.7976931348623157e+308");
}

static void rate_is_for_a_second(void **state)
{
    (void)state;
    const struct aggregate_def def = {.kind = AGGREGATE_RATE};
    struct aggregate_cell cell = {0};
    assert_string_equal(RESULT(RATE, TRUE_, TRUE_, TRUE_, NOTHING, FALSE_), "2.0");
    assert_string_equal(RESULT(RATE, I(5), F(0.5), F(0.5)), "4.0");
    assert_string_equal(fixture_result(&def, &cell, 0), "null");
    assert_string_equal(fixture_result(&def, &cell, 1000), "0.0");
}

/* Counts and sums that no values could give do not overflow anything. */
static void bytes_at_their_limits_are_borne(void **state)
{
    (void)state;
    struct aggregate_def def = {.kind = AGGREGATE_AVG};
    struct srt_buf bytes = {0};
    struct srt_err err;
    uint8_t number[SRT_VARLONG_MAX_BYTES];
    srt_buf_put(&bytes, number, srt_put_varlong(number, INT64_MAX / 2));
    srt_buf_put_u8(&bytes, 0);
    srt_buf_put(&bytes, number, srt_put_varlong(number, INT64_MAX));
    struct aggregate_cell cells[2] = {{{0}, {0}}, {{0}, {0}}};
    for (int i = 0; i < 2; i++) {
        const uint8_t *at = bytes.data;
        assert_ok(aggregate_decode(&def, &cells[i], &at, bytes.data + bytes.len, &err), &err);
    }
    for (int i = 0; i < 70; i++) {
        assert_ok(aggregate_merge(&def, &cells[i % 2], &cells[1 - i % 2], &err), &err);
        (void)fixture_result(&def, &cells[i % 2], 0);
    }
    aggregate_fini(&def, &cells[0]);
    aggregate_fini(&def, &cells[1]);
    srt_buf_fini(&bytes);
}

int main(void)
{
    cmocka_srt_catch_panics();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_add_up_to_an_integer_as_long_as_it_fits),
        cmocka_unit_test(one_float_makes_the_sum_a_float),
        cmocka_unit_test(a_sum_comes_back_from_beyond_the_range),
        cmocka_unit_test(an_average_is_rounded_once),
        cmocka_unit_test(stddev_is_that_of_a_population),
        cmocka_unit_test(ewma_goes_by_the_order),
        cmocka_unit_test(rate_is_for_a_second),
        cmocka_unit_test(bytes_at_their_limits_are_borne),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
