#include <math.h>

#include "aggregate_fixture.h"

static void what_is_equal_counts_once(void **state)
{
    (void)state;
    assert_string_equal(RESULT(DISTINCT, I(1), F(1.0), T("1"), I(1), NOTHING), "2");
    assert_string_equal(RESULT(DISTINCT, F(-0.0), I(0), F(0.0), FALSE_, TRUE_, T("")), "4");
    assert_string_equal(RESULT(DISTINCT, F(NAN), F(-NAN), F(INFINITY), F(-INFINITY)), "3");
    assert_string_equal(RESULT(DISTINCT, value_json("[1]"), value_json("[1]"), T("[1]"),
                               value_json("[1.0]")),
                        "3");
    assert_string_equal(RESULT(APPROX_DISTINCT, I(1), F(1.0), T("1"), F(-0.0), I(0), NOTHING), "3");
}

static void a_quantile_of_few_is_one_of_them(void **state)
{
    (void)state;
    assert_string_equal(RESULT(QUANTILE, I(3), F(3.0), I(1)), "3");
    assert_string_equal(RESULT(QUANTILE, I(3), F(2.5), I(1), F(9.0)), "3");
    assert_string_equal(RESULT(QUANTILE, F(3.0), F(2.5)), "3.0");
}

int main(void)
{
    cmocka_srt_catch_panics();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_equal_counts_once),
        cmocka_unit_test(a_quantile_of_few_is_one_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
