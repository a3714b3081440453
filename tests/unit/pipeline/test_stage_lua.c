/* What each operator does with a record. */
#include "base/alloc.h"
#include "support/cmocka_srt.h"
#include "support/pipeline_fixture.h"

static void filter_keeps_what_is_truthy(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "{\"ok\":true}");
    fixture_produce(fix, "in", "b", "{\"ok\":false}");
    fixture_produce(fix, "in", "c", "{}");
    fixture_produce(fix, "in", "d", "{\"ok\":0}");
    fixture_run_steps(fix, "      - filter: v.ok\n"
                           "      - to: out\n");
    fixture_assert_topic(fix, "out", "a={\"ok\":true}\nd={\"ok\":0}\n");
    assert_int_equal(fixture_counters(fix, "p").dropped, 2);
}

static void reject_drops_what_is_truthy(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "{\"bot\":true}");
    fixture_produce(fix, "in", "b", "{}");
    fixture_run_steps(fix, "      - reject: v.bot\n"
                           "      - to: out\n");
    fixture_assert_topic(fix, "out", "b={}\n");
}

static void an_untouched_value_is_forwarded_byte_for_byte(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "{ \"b\" : 1.0 ,\"a\":[] }");
    fixture_produce(fix, "in", "b", "not json at all");
    fixture_produce(fix, "in", "c", NULL);
    fixture_produce(fix, "in", "d", "");
    fixture_run_steps(fix, "      - sample: 1.0\n"
                           "      - to: out\n");
    fixture_assert_topic(fix, "out", "a={ \"b\" : 1.0 ,\"a\":[] }\nb=not json at all\nc=-\nd=\n");
}

static void what_a_stage_only_looks_at_is_forwarded_byte_for_byte(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "{ \"b\" : 1.0 ,\"a\":[] }");
    fixture_produce(fix, "in", "b", "[1,");
    fixture_produce(fix, "in", "c", NULL);
    fixture_run_steps(fix, "      - filter: k == 'c' or v.b == 1\n"
                           "      - to: out\n");
    fixture_assert_topic(fix, "out", "a={ \"b\" : 1.0 ,\"a\":[] }\nc=-\n");
    fixture_assert_topic(fix, "p.dlq", "b=[1,\n");
}

static void map_returning_nil_is_an_error_that_says_what_to_do(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "{}");
    fixture_run_steps(fix, "      - map: v.missing\n"
                           "      - to: out\n");
    assert_int_equal(fixture_count(fix, "out"), 0);
    fixture_assert_topic(fix, "p.dlq", "a={}\n");
    char *error = fixture_header(fix, "p.dlq", "streamrt-dlq-error");
    assert_contains(error,
                    "map returned nil: use filter to drop a record, or s.null for JSON null");
    srt_free(error);
}

static void map_may_return_any_json_value(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "{\"x\":\"text\"}");
    fixture_produce(fix, "in", "b", "{\"x\":1.0}");
    fixture_produce(fix, "in", "c", "{\"x\":null}");
    fixture_produce(fix, "in", "d", "{\"x\":[]}");
    fixture_produce(fix, "in", "e", "{\"x\":false}");
    fixture_run_steps(fix, "      - map: v.x\n"
                           "      - to: out\n");
    fixture_assert_topic(fix, "out", "a=\"text\"\nb=1.0\nc=null\nd=[]\ne=false\n");
}

static void update_changes_in_place_and_ignores_what_is_returned(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "{\"n\":1,\"kept\":[ 1 ]}");
    fixture_run_steps(fix, "      - update: |\n"
                           "          v.n = v.n + 1\n"
                           "          return 'ignored'\n"
                           "      - to: out\n");
    fixture_assert_topic(fix, "out", "a={\"n\":2,\"kept\":[ 1 ]}\n");
}

static void functions_see_value_and_metadata_and_bodies_the_key_too(void **state)
{
    struct fixture *fix = *state;
    fix->timestamp_ms = 5000;
    fixture_produce(fix, "in", "a", "{}");
    fixture_run_steps(fix, "      - map: |\n"
                           "          function(v, r)\n"
                           "            return { key = r.key, at = r.timestamp, topic = r.topic }\n"
                           "          end\n"
                           "      - update: v.again = k .. r.offset\n"
                           "      - map: v.key .. v.at .. v.topic .. v.again\n"
                           "      - to: out\n");
    fixture_assert_topic(fix, "out", "a=\"a5000ina0\"\n");
}

static void flat_map_emits_each_element(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "{\"items\":[1,{\"x\":[]},null,\"s\"]}");
    fixture_produce(fix, "in", "b", "{\"items\":[]}");
    fixture_run_steps(fix, "      - flat_map: v.items\n"
                           "      - to: out\n");
    fixture_assert_topic(fix, "out", "a=\"s\"\na=1\na=null\na={\"x\":[]}\n");
    assert_int_equal(fixture_counters(fix, "p").dropped, 1);
}

static void flat_map_wants_a_list(void **state)
{
    struct fixture *fix = *state;
    static const struct {
        const char *value;
        const char *error;
    } cases[] = {
        {"{\"x\":1}", "flat_map returned number: it must return a list"},
        {"{\"x\":{\"a\":1}}", "a table with keys: it must return a list"},
        {"{}", "flat_map returned nil: it must return a list"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture_produce(fix, "in", "a", cases[i].value);
        fixture_run_steps(fix, "      - flat_map: v.x\n"
                               "      - to: out\n"
                               "    dlq: errors\n");
        fixture_destroy_runner(fix);
        assert_int_equal(fixture_count(fix, "out"), 0);
        assert_int_equal(fixture_count(fix, "errors"), i + 1);
    }
}

static void flat_map_has_a_limit(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "{}");
    fixture_run_steps(fix, "      - flat_map: |\n"
                           "          local list = {}\n"
                           "          for i = 1, 100001 do list[i] = i end\n"
                           "          return list\n"
                           "      - to: out\n");
    assert_int_equal(fixture_count(fix, "out"), 0);
    char *error = fixture_header(fix, "p.dlq", "streamrt-dlq-error");
    assert_contains(error, "100001 elements: the limit is 100000");
    srt_free(error);
}

static void an_error_behind_flat_map_costs_only_that_element(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "[1,0,2]");
    fixture_run_steps(fix, "      - flat_map: v\n"
                           "      - map: 10 // v\n"
                           "      - to: out\n");
    fixture_assert_topic(fix, "out", "a=10\na=5\n");
    fixture_assert_topic(fix, "p.dlq", "a=[1,0,2]\n");
}

static void peek_lets_everything_pass(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "{\"n\":1}");
    fixture_run_steps(fix, "      - peek: return false\n"
                           "      - to: out\n");
    fixture_assert_topic(fix, "out", "a={\"n\":1}\n");
}

static void key_by_sets_the_key(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "x", "{\"id\":1}");
    fixture_produce(fix, "in", "x", "{\"id\":1.0}");
    fixture_produce(fix, "in", "x", "{\"id\":\"s\"}");
    fixture_produce(fix, "in", "x", "{}");
    fixture_run_steps(fix, "      - key_by: v.id\n"
                           "      - to: out\n");
    fixture_assert_topic(fix, "out", "1={\"id\":1.0}\n1={\"id\":1}\ns={\"id\":\"s\"}\n");
    assert_int_equal(fixture_count(fix, "p.dlq"), 1);
}

static void branch_takes_the_first_arm_that_holds(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "{\"n\":5}");
    fixture_produce(fix, "in", "b", "{\"n\":50}");
    fixture_produce(fix, "in", "c", "{\"n\":500}");
    fixture_run_steps(fix, "      - branch:\n"
                           "          - { when: v.n < 10, to: small }\n"
                           "          - { when: v.n < 100, to: medium }\n");
    fixture_assert_topic(fix, "small", "a={\"n\":5}\n");
    fixture_assert_topic(fix, "medium", "b={\"n\":50}\n");
    assert_int_equal(fixture_counters(fix, "p").dropped, 1);
}

static void branch_without_a_condition_takes_the_rest(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "{\"n\":5}");
    fixture_produce(fix, "in", "b", "{\"n\":50}");
    fixture_run_steps(fix, "      - branch:\n"
                           "          - { when: v.n < 10, to: small }\n"
                           "          - { to: rest }\n");
    fixture_assert_topic(fix, "small", "a={\"n\":5}\n");
    fixture_assert_topic(fix, "rest", "b={\"n\":50}\n");
}

static void split_sends_to_the_topic_it_names_or_drops(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "{\"t\":\"one\"}");
    fixture_produce(fix, "in", "b", "{\"t\":\"two\"}");
    fixture_produce(fix, "in", "c", "{}");
    fixture_produce(fix, "in", "d", "{\"t\":\"no good\"}");
    fixture_produce(fix, "in", "e", "{\"t\":7}");
    fixture_run_steps(fix, "      - split: v.t\n");
    fixture_assert_topic(fix, "one", "a={\"t\":\"one\"}\n");
    fixture_assert_topic(fix, "two", "b={\"t\":\"two\"}\n");
    fixture_assert_topic(fix, "p.dlq", "d={\"t\":\"no good\"}\ne={\"t\":7}\n");
    assert_int_equal(fixture_counters(fix, "p").dropped, 1);
}

static void sample_takes_the_same_records_again(void **state)
{
    struct fixture *fix = *state;
    for (int i = 0; i < 400; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", i);
        fixture_produce(fix, "in", "a", value);
    }
    fixture_run_steps(fix, "      - sample: 0.25\n"
                           "      - to: first\n");
    fixture_destroy_runner(fix);
    fixture_load(fix, "pipelines:\n"
                      "  again:\n"
                      "    from: in\n"
                      "    steps:\n"
                      "      - sample: 0.25\n"
                      "      - to: second\n");
    fixture_drain(fix);
    char *first = fixture_dump(fix, "first");
    fixture_assert_topic(fix, "second", first);
    srt_free(first);
    assert_in_range(fixture_count(fix, "first"), 60, 140);
}

static void throttle_lets_so_many_through_per_key_and_period(void **state)
{
    struct fixture *fix = *state;
    for (int i = 0; i < 10; i++) {
        fixture_produce(fix, "in", i % 2 ? "a" : "b", "{}");
    }
    fix->timestamp_ms = 2000;
    fixture_produce(fix, "in", "a", "{\"later\":1}");
    fixture_run_steps(fix, "      - throttle: { by: k, rate: 2/s }\n"
                           "        as: limit\n"
                           "      - to: out\n");
    fixture_assert_topic(fix, "out", "a={\"later\":1}\na={}\na={}\nb={}\nb={}\n");
    assert_int_equal(fixture_counters(fix, "p").dropped, 6);
}

/* Each of these expressions is answered without Lua for some of the records only. */
static void what_is_decided_without_lua_and_what_is_not_go_the_same_ways(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", " {\"n\" : 5}");
    fixture_produce(fix, "in", "b", "{\"n\":\"text\"}");
    fixture_produce(fix, "in", "c", "{\"n\":5");
    fixture_produce(fix, "in", "d", "7");
    fixture_produce(fix, "in", "e", NULL);
    fixture_produce(fix, "in", "f", "{\"n\":1}");
    fixture_produce(fix, "in", "g", "{\"n\":7,\"id\":\"\\u0041\"}");
    fixture_produce(fix, "in", "h", "{\"n\":7,\"id\":2.0}");
    fixture_produce(fix, "in", "i", "{\"n\":7,\"id\":\"\",\"m\":[1]}");
    fixture_run_steps(fix, "      - filter: v.n > 3\n"
                           "      - key_by: v.id or 'none'\n"
                           "      - reject: v.n == 8\n"
                           "      - update: 'v.z = v.m and #v.m'\n"
                           "      - filter: v.n ~= 9\n"
                           "      - to: out\n");
    fixture_assert_topic(fix, "out",
                         "2={\"n\":7,\"id\":2.0}\n"
                         "={\"n\":7,\"id\":\"\",\"m\":[1],\"z\":1}\n"
                         "A={\"n\":7,\"id\":\"\\u0041\"}\n"
                         "none= {\"n\" : 5}\n");
    fixture_assert_topic(fix, "p.dlq", "b={\"n\":\"text\"}\nc={\"n\":5\nd=7\ne=-\n");
    struct runner_counters counters = fixture_counters(fix, "p");
    assert_int_equal(counters.in, 9);
    assert_int_equal(counters.out, 4);
    assert_int_equal(counters.dropped, 1);
    assert_int_equal(counters.dead, 4);
}

static void errors_name_the_line_also_where_lua_is_seldom_asked(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "{\"n\":5}");
    fixture_produce(fix, "in", "b", "{\"n\":null}");
    fixture_run_steps(fix, "      - branch:\n"
                           "          - { when: v.n > 3, to: large }\n"
                           "          - { to: small }\n");
    fixture_assert_topic(fix, "large", "a={\"n\":5}\n");
    char *error = fixture_header(fix, "p.dlq", "streamrt-dlq-error");
    assert_contains(error, "attempt to compare number with userdata");
    srt_free(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(filter_keeps_what_is_truthy),
        fixture_test(reject_drops_what_is_truthy),
        fixture_test(an_untouched_value_is_forwarded_byte_for_byte),
        fixture_test(what_a_stage_only_looks_at_is_forwarded_byte_for_byte),
        fixture_test(map_returning_nil_is_an_error_that_says_what_to_do),
        fixture_test(map_may_return_any_json_value),
        fixture_test(update_changes_in_place_and_ignores_what_is_returned),
        fixture_test(functions_see_value_and_metadata_and_bodies_the_key_too),
        fixture_test(flat_map_emits_each_element),
        fixture_test(flat_map_wants_a_list),
        fixture_test(flat_map_has_a_limit),
        fixture_test(an_error_behind_flat_map_costs_only_that_element),
        fixture_test(peek_lets_everything_pass),
        fixture_test(key_by_sets_the_key),
        fixture_test(branch_takes_the_first_arm_that_holds),
        fixture_test(branch_without_a_condition_takes_the_rest),
        fixture_test(split_sends_to_the_topic_it_names_or_drops),
        fixture_test(sample_takes_the_same_records_again),
        fixture_test(throttle_lets_so_many_through_per_key_and_period),
        fixture_test(what_is_decided_without_lua_and_what_is_not_go_the_same_ways),
        fixture_test(errors_name_the_line_also_where_lua_is_seldom_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
