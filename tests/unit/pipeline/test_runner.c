/* Pipelines from end to end on the memory engine. */
#include "support/cmocka_srt.h"
#include "support/pipeline_fixture.h"

static int set_up(void **state)
{
    struct fixture *fix = calloc(1, sizeof *fix);
    fixture_init(fix, 3);
    *state = fix;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fix = *state;
    fixture_fini(fix);
    free(fix);
    return 0;
}

static void filter_and_map_write_to_a_topic(void **state)
{
    struct fixture *fix = *state;
    fixture_load(fix, "pipelines:\n"
                      "  orders:\n"
                      "    from: in\n"
                      "    steps:\n"
                      "      - filter: v.n > 1\n"
                      "      - map: \"{ n = v.n * 10 }\"\n"
                      "      - to: out\n");
    fixture_produce(fix, "in", "a", "{\"n\":1}");
    fixture_produce(fix, "in", "b", "{\"n\":2}");
    fixture_produce(fix, "in", NULL, "{\"n\":3}");
    fixture_drain(fix);
    assert_string_equal(fix->stopped.msg, "");
    fixture_assert_topic(fix, "out", "-={\"n\":30}\nb={\"n\":20}\n");
    struct runner_counters counters = fixture_counters(fix, "orders");
    assert_int_equal(counters.in, 3);
    assert_int_equal(counters.out, 2);
    assert_int_equal(counters.dropped, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(filter_and_map_write_to_a_topic, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
