#include "script_fixture.h"

static void take(struct script_fixture *f, struct value_stats *ret)
{
    value_take_stats(f->script, ret);
}

static void nothing_is_decoded_until_touched(void **state)
{
    struct script_fixture *f = *state;
    struct value_stats stats;
    assert_runs(f, "function(v) kept = v return true end", "{\"a\":[1,{\"b\":2}]}", "true");
    take(f, &stats);
    assert_int_equal(stats.pushed, 1);
    assert_int_equal(stats.indexed, 0);
    assert_int_equal(stats.materialised, 0);
    assert_runs(f, "function() return kept.a[2].b end", "{}", "2");
    take(f, &stats);
    assert_int_equal(stats.indexed, 1);
    assert_int_equal(stats.materialised, 1); /* the array */
}

static void an_untouched_value_is_forwarded_as_it_came_even_when_it_is_not_json(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f, "function(v) return v end", " {\"a\" :1,} ", " {\"a\" :1,} ");
    struct value_stats stats;
    take(f, &stats);
    assert_int_equal(stats.forwarded, 1);
}

static void the_first_touch_validates_everything(void **state)
{
    struct script_fixture *f = *state;
    assert_fails(f, "v.a", "{\"a\":1,\"b\":tru}", SRT_ESCRIPT,
                 "pipelines.yaml:14: the value is not JSON: unexpected at byte 14");
    assert_fails(f, "#v", "[1,2", SRT_ESCRIPT,
                 "pipelines.yaml:14: the value is not JSON: unexpected at byte 4");
    assert_fails(f, "function(v) v.a = 1 return v end", "{\"\xff\":1}", SRT_ESCRIPT,
                 "pipelines.yaml:14: the value is not JSON: unexpected at byte 2");
    assert_fails(f, "function(v) for _ in pairs(v) do end end", "{]", SRT_ESCRIPT,
                 "pipelines.yaml:14: the value is not JSON: unexpected at byte 1");
}

static void scalars_that_are_not_json_are_refused_at_once(void **state)
{
    struct script_fixture *f = *state;
    assert_fails(f, "v", "nul", SRT_EPARSE, "the value is not JSON: unexpected at byte 3");
    assert_fails(f, "v", "", SRT_EPARSE, "the value is not JSON: unexpected at byte 0");
    assert_fails(f, "v", "1 2", SRT_EPARSE, "the value is not JSON: unexpected at byte 2");
}

static void scalars_are_values(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f, "v + 1", "41", "42");
    assert_runs(f, "math.type(v)", " 1e0", "\"float\"");
    assert_runs(f, "v == s.null", "null", "true");
    assert_runs(f, "not v", "false", "true");
    assert_runs(f, "#v", "\"\\u00e9\\n\"", "3");
    assert_runs(f, "v", "-0", "-0.0");
    assert_runs(f, "v.a", "{\"a\":-0}", "-0.0");
    assert_runs(f, "v", "9223372036854775807", "9223372036854775807");
    assert_runs(f, "math.type(v.a)", "{\"a\":9223372036854775808}", "\"float\"");
    assert_runs(f, "v.a == math.mininteger", "{\"a\":-9223372036854775808}", "true");
}

static void many_inner_containers_stay_within_the_memory_cap(void **state)
{
    struct script_fixture *f = *state;
    static char text[1 << 20];
    size_t len = 0;
    text[len++] = '[';
    while (len < sizeof text - 8) {
        memcpy(text + len, "{},", 3);
        len += 3;
    }
    memcpy(text + len, "{}]", 4);
    f->options.deadline_ms = 20000;
    fixture_reopen(f);
    assert_runs(f,
                "function(v) local n = 0 for _, x in ipairs(v) do n = n + 1 end return n == #v end",
                text, "true");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(nothing_is_decoded_until_touched),
        fixture_test(an_untouched_value_is_forwarded_as_it_came_even_when_it_is_not_json),
        fixture_test(the_first_touch_validates_everything),
        fixture_test(scalars_that_are_not_json_are_refused_at_once),
        fixture_test(scalars_are_values),
        fixture_test(many_inner_containers_stay_within_the_memory_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
