#include "aggregate_fixture.h"

/* The same values with the same `at` in any order give this. */
static const char *result_in_any_order(const struct aggregate_def *def,
                                       const struct sample *samples, size_t count)
{
    struct aggregate_cell first = {0};
    for (size_t i = 0; i < count; i++) {
        fixture_add(def, &first, &samples[i]);
    }
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct srt_rng rng;
        struct aggregate_cell cell = {0};
        srt_rng_init(&rng, seed);
        fixture_add_somehow(def, &cell, samples, count, &rng);
        fixture_assert_same(def, &first, &cell, seed);
        aggregate_fini(def, &cell);
    }
    const char *result = fixture_result(def, &first, 0);
    aggregate_fini(def, &first);
    return result;
}

static struct aggregate_at came(int64_t time_ms, const char *tie, uint32_t topic, int32_t partition,
                                int64_t offset)
{
    return (struct aggregate_at){time_ms, tie, tie ? strlen(tie) : 0, topic, partition, offset};
}

static void when_a_value_came_decides(void **state)
{
    (void)state;
    const struct sample samples[] = {
        {.value = T("time"), .at = came(1, "z", 9, 9, 9)},
        {.value = T("no tie"), .at = came(2, NULL, 9, 9, 9)},
        {.value = T("empty tie"), .at = came(2, "", 9, 9, 9)},
        {.value = T("tie a"), .at = came(2, "a", 9, 9, 9)},
        {.value = T("topic"), .at = came(2, "ab", 1, 9, 9)},
        {.value = T("partition"), .at = came(2, "ab", 2, 1, 9)},
        {.value = T("offset"), .at = came(2, "ab", 2, 2, 1)},
        {.value = FALSE_, .at = came(2, "ab", 2, 2, 2)},
        {.value = I(1), .at = came(2, "ab", 2, 2, 2)},
        {.value = T("last"), .at = came(2, "ab", 2, 2, 2)},
    };
    size_t count = sizeof samples / sizeof *samples;
    struct aggregate_def def = {.kind = AGGREGATE_COLLECT};
    assert_string_equal(result_in_any_order(&def, samples, count),
                        "[\"time\",\"no tie\",\"empty tie\",\"tie a\",\"topic\",\"partition\","
                        "\"offset\",false,1,\"last\"]");
    def.limit = 3;
    assert_string_equal(result_in_any_order(&def, samples, count),
                        "[\"time\",\"no tie\",\"empty tie\"]");
    def.kind = AGGREGATE_FIRST;
    assert_string_equal(result_in_any_order(&def, samples, count), "\"time\"");
    def.kind = AGGREGATE_LAST;
    assert_string_equal(result_in_any_order(&def, samples, count), "\"last\"");
}

static void the_largest_come_first_and_of_equal_ones_the_earlier(void **state)
{
    (void)state;
    const struct sample samples[] = {
        {.value = T("c"), .by = I(2), .has_by = true, .at.offset = 1},
        {.value = T("d"), .by = F(2.0), .has_by = true, .at.offset = 2},
        {.value = T("e"), .by = I(1), .has_by = true, .at.offset = 0},
        {.value = FALSE_, .by = T(""), .has_by = true, .at.offset = 5},
        {.value = value_json("{\"a\":1}"), .by = T("x"), .has_by = true, .at.offset = 9},
        {.value = T("nothing"), .by = {.kind = STATE_VALUE_NULL}, .has_by = true},
        {.value = {.kind = STATE_VALUE_NULL}, .by = I(99), .has_by = true},
    };
    size_t count = sizeof samples / sizeof *samples;
    struct aggregate_def def = {.kind = AGGREGATE_TOP, .limit = 10};
    assert_string_equal(result_in_any_order(&def, samples, count),
                        "[{\"a\":1},false,\"c\",\"d\",\"e\"]");
    def.limit = 3;
    assert_string_equal(result_in_any_order(&def, samples, count), "[{\"a\":1},false,\"c\"]");
    assert_string_equal(RESULT(TOP, I(5), F(7.5), I(-1), I(6), NOTHING), "[7.5,6,5]");
}

static void top_refuses_what_it_cannot_rank(void **state)
{
    (void)state;
    struct aggregate_def def = {.kind = AGGREGATE_TOP, .limit = 1};
    struct state_value value = FALSE_;
    struct state_value by = value_json("[]");
    struct srt_err err;
    assert_int_equal(aggregate_check(&def, &value, NULL, &err), SRT_ESCRIPT);
    assert_contains(err.msg, "top takes numbers or strings, this is a boolean");
    assert_int_equal(aggregate_check(&def, &value, &by, &err), SRT_ESCRIPT);
    assert_contains(err.msg, "top takes numbers or strings, this is a list");
    by = I(1);
    assert_ok(aggregate_check(&def, &value, &by, &err), &err);
}

int main(void)
{
    cmocka_srt_catch_panics();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_a_value_came_decides),
        cmocka_unit_test(the_largest_come_first_and_of_equal_ones_the_earlier),
        cmocka_unit_test(top_refuses_what_it_cannot_rank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
