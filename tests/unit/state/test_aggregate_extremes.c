#include "aggregate_fixture.h"

static void min_and_max_put_numbers_before_texts(void **state)
{
    (void)state;
    assert_string_equal(RESULT(MIN, I(3), F(-1.5), NOTHING, I(2)), "-1.5");
    assert_string_equal(RESULT(MAX, I(3), F(3.5), I(-7)), "3.5");
    assert_string_equal(RESULT(MIN, T("b"), T("a"), T("ab")), "\"a\"");
    assert_string_equal(RESULT(MAX, T("b"), T("a"), T("")), "\"b\"");
    assert_string_equal(RESULT(MIN, T("b"), I(7)), "7");
    assert_string_equal(RESULT(MAX, T("b"), I(7), T("9"), F(1e300)), "\"b\"");
    assert_string_equal(RESULT(MAX, I(9007199254740993), F(9007199254740992.0)),
                        "9007199254740993");
    assert_string_equal(RESULT(MIN, F(1.0), I(1)), "1");
    assert_string_equal(RESULT(MAX, F(1.0), I(1)), "1.0");
    assert_string_equal(RESULT(MIN, I(0), F(-0.0)), "-0.0");
}

int main(void)
{
    cmocka_srt_catch_panics();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(min_and_max_put_numbers_before_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
