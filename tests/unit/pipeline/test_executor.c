/* Errors: tries, back-off, dead letters, skipping, stopping; copies for several successors. */
#include "base/alloc.h"
#include "support/cmocka_srt.h"
#include "support/pipeline_fixture.h"
#include "support/temp_dir.h"

#include <stdio.h>

static void assert_header(struct fixture *fix, const char *name, const char *expected)
{
    char *found = fixture_header(fix, "p.dlq", name);
    assert_non_null(found);
    assert_string_equal(found, expected);
    srt_free(found);
}

static void a_dead_letter_is_the_original_record_with_the_reason(void **state)
{
    struct fixture *fix = *state;
    fix->timestamp_ms = 1234;
    fixture_produce(fix, "in", "a", "{ \"n\": \"x\" }");
    fixture_run_steps(fix, "      - key_by: \"'other'\"\n"
                           "      - update: v.changed = true\n"
                           "      - map: v.n.x.y\n"
                           "        as: broken\n"
                           "      - to: out\n");
    fixture_assert_topic(fix, "p.dlq", "a={ \"n\": \"x\" }\n");
    assert_header(fix, "streamrt-dlq-pipeline", "p");
    assert_header(fix, "streamrt-dlq-stage", "broken");
    assert_header(fix, "streamrt-dlq-topic", "in");
    assert_header(fix, "streamrt-dlq-partition", "1");
    assert_header(fix, "streamrt-dlq-offset", "0");
    assert_header(fix, "streamrt-dlq-timestamp", "1234");
    assert_header(fix, "streamrt-dlq-attempts", "1");
    char *error = fixture_header(fix, "p.dlq", "streamrt-dlq-error");
    assert_contains(error, "test.yaml:7");
    srt_free(error);
    char *traceback = fixture_header(fix, "p.dlq", "streamrt-dlq-traceback");
    assert_contains(traceback, "test.yaml:7");
    srt_free(traceback);
    char *failed_at = fixture_header(fix, "p.dlq", "streamrt-dlq-failed-at");
    assert_true(strlen(failed_at) >= 13);
    srt_free(failed_at);
    struct runner_counters counters = fixture_counters(fix, "p");
    assert_int_equal(counters.dead, 1);
    assert_int_equal(counters.out, 0);
    assert_int_equal(counters.retried, 0);
}

static void a_lua_error_is_not_tried_again_unless_told_to(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "{}");
    fixture_run_steps(fix, "      - map: error('no')\n"
                           "        on_error: { retry: 2, backoff: 1ms..2ms }\n"
                           "      - to: out\n");
    assert_header(fix, "streamrt-dlq-attempts", "3");
    assert_int_equal(fixture_counters(fix, "p").retried, 2);
}

/* Fails twice for every record, after it has changed it. */
static const char flaky[] = "local M = {}\n"
                            "local tries = {}\n"
                            "function M.update(v)\n"
                            "  local id = v.id\n"
                            "  tries[id] = (tries[id] or 0) + 1\n"
                            "  v.n = v.n + 1\n"
                            "  if tries[id] < 3 then s.retriable('not yet') end\n"
                            "end\n"
                            "function M.never(v) s.retriable('never') end\n"
                            "function M.hidden(v)\n"
                            "  M.update(v)\n"
                            "end\n"
                            "return M\n";

static void a_retriable_error_is_tried_again_with_the_value_as_it_was(void **state)
{
    struct fixture *fix = *state;
    struct temp_dir dir;
    temp_dir_make(&dir);
    temp_dir_write_file(&dir, "flaky.lua", flaky);
    fix->lua_paths[0] = dir.path;
    fixture_produce(fix, "in", "a", "{\"id\":\"a\",\"n\":1}");
    fixture_produce(fix, "in", "a", "{\"id\":\"b\",\"n\":1}");
    fixture_run_steps(fix, "      - update: v.first = true\n"
                           "      - update: { use: flaky.update }\n"
                           "        on_error: { backoff: 1ms..2ms }\n"
                           "      - to: out\n");
    fixture_assert_topic(fix, "out",
                         "a={\"id\":\"a\",\"n\":2,\"first\":true}\n"
                         "a={\"id\":\"b\",\"n\":2,\"first\":true}\n");
    assert_int_equal(fixture_counters(fix, "p").retried, 4);
    temp_dir_remove(&dir);
}

static void a_retriable_error_is_tried_three_times_by_default(void **state)
{
    struct fixture *fix = *state;
    struct temp_dir dir;
    temp_dir_make(&dir);
    temp_dir_write_file(&dir, "flaky.lua", flaky);
    fix->lua_paths[0] = dir.path;
    fixture_produce(fix, "in", "a", "{}");
    fixture_run_steps(fix, "      - update: { use: flaky.never }\n"
                           "        on_error: { backoff: 1ms..2ms }\n"
                           "      - to: out\n");
    assert_header(fix, "streamrt-dlq-attempts", "4");
    assert_int_equal(fixture_counters(fix, "p").retried, 3);
    temp_dir_remove(&dir);
}

/* Keys that all get the same place when their table grows to 2^17 places (executor_error.c). */
static const char lossy[] = "local M = {}\n"
                            "local calls = 0\n"
                            "function M.list(v)\n"
                            "  calls = calls + 1\n"
                            "  local first = { id = v.id, part = 1, calls = calls }\n"
                            "  return { first, { id = v.id, part = 2 } }\n"
                            "end\n"
                            "function M.lose(v)\n"
                            "  if v.id ~= 'b' or v.part ~= 2 then return end\n"
                            "  local t, step = {}, (1 << 17) - 1\n"
                            "  for i = 1, 1 << 16 do t[i * step] = true end\n"
                            "  t[-1] = true\n"
                            "end\n"
                            "return M\n";

static void a_call_that_costs_the_state_costs_one_record(void **state)
{
#if defined(__SANITIZE_THREAD__)
    skip(); /* it hands signals over only at calls into the C library */
#endif
    struct fixture *fix = *state;
    struct temp_dir dir;
    temp_dir_make(&dir);
    temp_dir_write_file(&dir, "lossy.lua", lossy);
    fix->lua_paths[0] = dir.path;
    fixture_load(fix, "pipelines:\n"
                      "  p:\n"
                      "    from: in\n"
                      "    steps:\n"
                      "      - flat_map: { use: lossy.list }\n"
                      "      - update: { use: lossy.lose }\n"
                      "        as: lossy\n"
                      "        on_error: { retry: 2, backoff: 1ms..2ms }\n"
                      "      - to: out\n");
    fix->graphs[0]->lua_deadline_ms = 100;
    fixture_produce(fix, "in", "k", "{\"id\":\"a\"}");
    fixture_produce(fix, "in", "k", "{\"id\":\"b\"}");
    fixture_produce(fix, "in", "k", "{\"id\":\"c\"}");
    fixture_drain(fix);
    /* what the record had emitted before is out; the module's variable begins anew */
    fixture_assert_topic(fix, "out",
                         "k={\"calls\":1,\"id\":\"a\",\"part\":1}\n"
                         "k={\"calls\":1,\"id\":\"c\",\"part\":1}\n"
                         "k={\"calls\":2,\"id\":\"b\",\"part\":1}\n"
                         "k={\"id\":\"a\",\"part\":2}\n"
                         "k={\"id\":\"c\",\"part\":2}\n");
    fixture_assert_topic(fix, "p.dlq", "k={\"id\":\"b\"}\n");
    assert_header(fix, "streamrt-dlq-stage", "lossy");
    temp_dir_remove(&dir);
}

static void a_record_has_nothing_of_the_one_before(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "{\"n\":1,\"in\":{\"x\":1}}");
    fixture_produce(fix, "in", "b", "{\"n\":2}");
    fixture_produce(fix, "in", "c", "{\"n\":\"bad\"}");
    fixture_produce(fix, "in", "d", "{\"n\":4,\"in\":{}}");
    fixture_run_steps(fix, "      - filter: v.n ~= nil\n"
                           "      - update: if v.n == 1 then v.one = v['in'].x end\n"
                           "      - map: v.next = v.n + 1 return v\n"
                           "      - to: out\n");
    fixture_assert_topic(fix, "out",
                         "a={\"n\":1,\"in\":{\"x\":1},\"next\":2,\"one\":1}\n"
                         "b={\"n\":2,\"next\":3}\n"
                         "d={\"n\":4,\"in\":{},\"next\":5}\n");
    fixture_assert_topic(fix, "p.dlq", "c={\"n\":\"bad\"}\n");
}

static void several_successors_do_not_see_each_others_changes(void **state)
{
    struct fixture *fix = *state;
    struct temp_dir dir;
    temp_dir_make(&dir);
    temp_dir_write_file(&dir, "fan.lua",
                        "local all = s.topic('in'):update('v.base = { 1 }')\n"
                        "all:update('v.base[1] = 2'):to('left')\n"
                        "all:update('v.extra = true'):to('middle')\n"
                        "all:to('right')\n");
    char *yaml = srt_xasprintf("pipelines:\n  p:\n    script: %s/fan.lua\n", dir.path);
    fixture_load(fix, yaml);
    srt_free(yaml);
    fixture_produce(fix, "in", "a", "{\"n\":1}");
    fixture_produce(fix, "in", "b", NULL);
    fixture_drain(fix);
    fixture_assert_topic(fix, "left", "a={\"n\":1,\"base\":[2]}\n");
    fixture_assert_topic(fix, "middle", "a={\"n\":1,\"base\":[1],\"extra\":true}\n");
    fixture_assert_topic(fix, "right", "a={\"n\":1,\"base\":[1]}\n");
    temp_dir_remove(&dir);
}

static void stop_ends_the_pipeline_and_leaves_the_others(void **state)
{
    struct fixture *fix = *state;
    fixture_load(fix, "pipelines:\n"
                      "  bad:\n"
                      "    from: in\n"
                      "    on_error: stop\n"
                      "    steps:\n"
                      "      - filter: v.n.x\n"
                      "      - to: bad\n"
                      "  good:\n"
                      "    from: in\n"
                      "    steps:\n"
                      "      - to: good\n");
    fixture_produce(fix, "in", "a", "{}");
    fixture_drain(fix);
    assert_int_equal(fix->stopped_count, 2);
    assert_int_equal(fix->stopped.code, SRT_ESCRIPT);
    assert_contains(fix->stopped.msg, "stage 'filter-1', in [1] @0");
    assert_contains(fix->stopped.msg, "test.yaml:6");
    fixture_assert_topic(fix, "good", "a={}\n");
    assert_int_equal(fixture_count(fix, "bad.dlq"), 0);
    assert_int_equal(fixture_counters(fix, "bad").in, 0);
}

static void skip_counts_the_record_as_dropped(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "{}");
    fixture_produce(fix, "in", "a", "{\"n\":{\"x\":1}}");
    fixture_run_steps(fix, "      - filter: v.n.x\n"
                           "        on_error: skip\n"
                           "      - to: out\n");
    fixture_assert_topic(fix, "out", "a={\"n\":{\"x\":1}}\n");
    struct runner_counters counters = fixture_counters(fix, "p");
    assert_int_equal(counters.dropped, 1);
    assert_int_equal(counters.dead, 0);
}

static void a_script_that_does_not_end_costs_its_record(void **state)
{
    struct fixture *fix = *state;
    fixture_load(fix, "pipelines:\n"
                      "  p:\n"
                      "    from: in\n"
                      "    steps:\n"
                      "      - update: while v.loop do end\n"
                      "      - to: out\n");
    fix->graphs[0]->lua_deadline_ms = 500;
    fixture_produce(fix, "in", "a", "{\"loop\":true}");
    fixture_produce(fix, "in", "a", "{\"loop\":false}");
    fixture_drain(fix);
    fixture_assert_topic(fix, "out", "a={\"loop\":false}\n");
    fixture_assert_topic(fix, "p.dlq", "a={\"loop\":true}\n");
}

static void a_script_that_allocates_without_end_costs_its_record(void **state)
{
    struct fixture *fix = *state;
    fixture_load(fix, "pipelines:\n"
                      "  p:\n"
                      "    from: in\n"
                      "    steps:\n"
                      "      - update: |\n"
                      "          local t = {}\n"
                      "          while v.loop do t[#t + 1] = ('x'):rep(1000) .. #t end\n"
                      "      - to: out\n");
    fix->graphs[0]->lua_memory_bytes = 4 << 20;
    fixture_produce(fix, "in", "a", "{\"loop\":true}");
    fixture_produce(fix, "in", "a", "{\"loop\":false}");
    fixture_drain(fix);
    fixture_assert_topic(fix, "out", "a={\"loop\":false}\n");
    fixture_assert_topic(fix, "p.dlq", "a={\"loop\":true}\n");
}

static void a_number_that_json_has_not_is_an_error_with_its_place(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "{}");
    fixture_run_steps(fix, "      - map: '{ x = { 0/0 } }'\n"
                           "      - to: out\n");
    assert_int_equal(fixture_count(fix, "out"), 0);
    assert_header(fix, "streamrt-dlq-stage", "to-1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_dead_letter_is_the_original_record_with_the_reason),
        fixture_test(a_lua_error_is_not_tried_again_unless_told_to),
        fixture_test(a_retriable_error_is_tried_again_with_the_value_as_it_was),
        fixture_test(a_retriable_error_is_tried_three_times_by_default),
        fixture_test(a_call_that_costs_the_state_costs_one_record),
        fixture_test(a_record_has_nothing_of_the_one_before),
        fixture_test(several_successors_do_not_see_each_others_changes),
        fixture_test(stop_ends_the_pipeline_and_leaves_the_others),
        fixture_test(skip_counts_the_record_as_dropped),
        fixture_test(a_script_that_does_not_end_costs_its_record),
        fixture_test(a_script_that_allocates_without_end_costs_its_record),
        fixture_test(a_number_that_json_has_not_is_an_error_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
