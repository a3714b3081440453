#include "aggregate_fixture.h"

static void count_counts_what_is_true(void **state)
{
    (void)state;
    assert_string_equal(RESULT(COUNT, TRUE_, FALSE_, NOTHING, I(0), T(""), value_json("[]")), "4");
}

static void any_and_all_go_by_truth(void **state)
{
    (void)state;
    assert_string_equal(RESULT(ANY, FALSE_, NOTHING), "false");
    assert_string_equal(RESULT(ANY, FALSE_, I(0)), "true");
    assert_string_equal(RESULT(ALL, TRUE_, NOTHING, T("")), "true");
    assert_string_equal(RESULT(ALL, TRUE_, FALSE_, TRUE_), "false");
}

static void a_bound_of_a_histogram_belongs_to_it(void **state)
{
    (void)state;
    assert_string_equal(RESULT(HISTOGRAM, I(1), F(1.0), F(1.0000000000000002), I(2), F(2.5), I(3),
                               I(11), F(-1e300)),
                        "[{\"le\":1,\"count\":3},{\"le\":2.5,\"count\":3},"
                        "{\"le\":10,\"count\":1},{\"le\":null,\"count\":1}]");
}

int main(void)
{
    cmocka_srt_catch_panics();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(count_counts_what_is_true),
        cmocka_unit_test(any_and_all_go_by_truth),
        cmocka_unit_test(a_bound_of_a_histogram_belongs_to_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
