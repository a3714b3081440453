/* Stages that keep state, from end to end on the memory engine, over restarts: stage_aggregate.c,
 * stage_dedupe.c, stage_join.c, stage_process.c, what they share (stage_state.c, stage_bytes.c,
 * stage_codec.c, stage_value.c), event time on its way (stage_time.c, intake_time.c, time_flow.c),
 * and what is remembered (keyed_state.c, manifest.c). */
#include "base/alloc.h"
#include "base/rng.h"
#include "state/changelog.h"
#include "support/cmocka_srt.h"
#include "support/pipeline_fixture.h"

#include <stdio.h>

/* Pipeline `p` from `in`, by the field t, drained. `steps` as in fixture_run_steps(). */
static void run(struct fixture *fix, const char *source, const char *steps)
{
    char *yaml = srt_xasprintf(
        "pipelines:\n  p:\n    from: { topic: in, time: v.t, max_ahead: none%s }\n    steps:\n%s",
        source, steps);
    fixture_destroy_runner(fix);
    fixture_load(fix, yaml);
    srt_free(yaml);
    fixture_drain(fix);
    if (fix->stopped.code != SRT_OK) {
        fail_msg("the pipeline stopped: %s", fix->stopped.msg);
    }
}

static void put(struct fixture *fix, const char *user, int t, int x)
{
    char value[96];
    snprintf(value, sizeof value, "{\"u\":\"%s\",\"t\":%d,\"x\":%d}", user, t, x);
    fixture_produce(fix, "in", user, value);
}

/* --- windows --- */

static const char tumbling[] = "      - group_by: v.u\n"
                               "      - window: { tumbling: 10ms }\n"
                               "      - as: w\n"
                               "        aggregate: { n: count(), s: sum(v.x) }\n"
                               "      - to: out\n";

static void a_window_gives_one_result_for_each_key(void **state)
{
    struct fixture *fix = *state;
    put(fix, "a", 1, 1);
    put(fix, "a", 9, 2);
    put(fix, "a", 10, 4);
    put(fix, "b", 3, 8);
    run(fix, ", out_of_order: 20ms", tumbling);
    fixture_assert_topic(fix, "out",
                         "a={\"n\":1,\"s\":4,\"window_start\":10,\"window_end\":20}\n"
                         "a={\"n\":2,\"s\":3,\"window_start\":0,\"window_end\":10}\n"
                         "b={\"n\":1,\"s\":8,\"window_start\":0,\"window_end\":10}\n");
}

static void what_an_ended_input_closed_stays_closed(void **state)
{
    struct fixture *fix = *state;
    put(fix, "a", 1, 1);
    run(fix, "", tumbling);
    put(fix, "a", 2, 1);
    put(fix, "a", 12, 1);
    run(fix, "", tumbling);
    fixture_assert_topic(fix, "out",
                         "a={\"n\":1,\"s\":1,\"window_start\":0,\"window_end\":10}\n"
                         "a={\"n\":1,\"s\":1,\"window_start\":10,\"window_end\":20}\n");
    assert_int_equal(fixture_counters(fix, "p").late, 1);
}

static void what_is_kept_open_goes_on_after_a_restart(void **state)
{
    struct fixture *fix = *state;
    fix->options.keep_open = true;
    put(fix, "a", 1, 1);
    put(fix, "b", 1, 1);
    run(fix, "", tumbling);
    assert_int_equal(fixture_count(fix, "out"), 0);
    fix->options.worker_count = 3; /* the keys go to other tasks */
    put(fix, "a", 2, 2);
    run(fix, "", tumbling);
    assert_int_equal(fixture_count(fix, "out"), 0);
    fix->options.keep_open = false;
    run(fix, "", tumbling);
    fixture_assert_topic(fix, "out",
                         "a={\"n\":2,\"s\":3,\"window_start\":0,\"window_end\":10}\n"
                         "b={\"n\":1,\"s\":1,\"window_start\":0,\"window_end\":10}\n");
}

static void a_window_that_was_given_out_is_not_there_any_more(void **state)
{
    struct fixture *fix = *state;
    fix->options.keep_open = true;
    fix->options.worker_count = 1; /* others might end before they hear how late it is */
    put(fix, "a", 1, 1);           /* its row is written down */
    run(fix, "", tumbling);
    static const char later[] = "{\"u\":\"z\",\"t\":15,\"x\":0}"; /* closes it, in all partitions */
    for (int32_t partition = 0; partition < 3; partition++) {
        fixture_produce_record(fix, "in", partition,
                               &(struct record){.key = (const uint8_t *)"z",
                                                .key_len = 1,
                                                .value = (const uint8_t *)later,
                                                .value_len = sizeof later - 1});
    }
    run(fix, "", tumbling);
    assert_int_equal(fixture_count(fix, "out"), 1);
    fix->options.keep_open = false;
    run(fix, "", tumbling);
    fixture_assert_topic(fix, "out",
                         "a={\"n\":1,\"s\":1,\"window_start\":0,\"window_end\":10}\n"
                         "z={\"n\":3,\"s\":0,\"window_start\":10,\"window_end\":20}\n");
}

static void late_records_go_where_they_are_wanted(void **state)
{
    struct fixture *fix = *state;
    put(fix, "a", 50, 1);
    put(fix, "a", 39, 2); /* of [30, 40), which 50 has closed but for its grace */
    put(fix, "a", 29, 4);
    run(fix, "",
        "      - window: { tumbling: 10ms, grace: 11ms, late: lost }\n"
        "      - as: w\n"
        "        aggregate: { s: sum(v.x) }\n"
        "      - to: out\n");
    fixture_assert_topic(fix, "lost", "a={\"u\":\"a\",\"t\":29,\"x\":4}\n");
    fixture_assert_topic(fix, "out",
                         "a={\"s\":1,\"window_start\":50,\"window_end\":60}\n"
                         "a={\"s\":2,\"window_start\":30,\"window_end\":40}\n");
}

static void sessions_grow_together(void **state)
{
    struct fixture *fix = *state;
    static const int times[] = {100, 120, 110, 200, 131};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        put(fix, "a", times[i], 1);
    }
    run(fix, ", out_of_order: 100ms",
        "      - window: { session: 11ms }\n"
        "      - as: w\n"
        "        aggregate:\n"
        "          n: count()\n"
        "          own:\n"
        "            init: 0\n"
        "            add: function(acc, v) return acc + v.t end\n"
        "            merge: function(a, b) return a + b end\n"
        "            result: function(acc) return -acc end\n"
        "      - to: out\n");
    fixture_assert_topic(
        fix, "out",
        "a={\"n\":1,\"own\":-200,\"window_start\":200,\"window_end\":201}\n"
        "a={\"n\":4,\"own\":-461,\"window_start\":100,\"window_end\":132}\n");
}

static void sliding_windows_look_back_from_each_event(void **state)
{
    struct fixture *fix = *state;
    put(fix, "a", 10, 1);
    put(fix, "a", 15, 2);
    put(fix, "a", 15, 4);
    put(fix, "a", 20, 8);
    run(fix, "",
        "      - window: { sliding: 10ms }\n"
        "      - as: w\n"
        "        aggregate: { s: sum(v.x) }\n"
        "      - to: out\n");
    fixture_assert_topic(fix, "out",
                         "a={\"s\":1,\"window_start\":1,\"window_end\":11}\n"
                         "a={\"s\":14,\"window_start\":11,\"window_end\":21}\n"
                         "a={\"s\":7,\"window_start\":6,\"window_end\":16}\n");
}

static void counted_windows_and_running_results(void **state)
{
    struct fixture *fix = *state;
    for (int i = 1; i <= 5; i++) {
        put(fix, "a", i, i);
    }
    run(fix, "",
        "      - window: { count: 2 }\n"
        "      - as: pairs\n"
        "        aggregate: { s: sum(v.x) }\n"
        "      - filter: v.s > 1\n"
        "      - as: total\n"
        "        reduce: function(acc, v) return { s = acc.s + v.s } end\n"
        "      - to: out\n");
    /* 3, 7, and at the end what is left */
    char *found = fixture_dump_ordered(fix, "out");
    assert_string_equal(found, "a={\"s\":3,\"window_start\":1,\"window_end\":3}\n"
                               "a={\"s\":10}\na={\"s\":15}\n");
    srt_free(found);
}

/* Every key's sums do not depend on how the work is shared out. */
static void any_number_of_workers_gives_the_same(void **state)
{
    struct fixture *fix = *state;
    struct srt_rng rng;
    srt_rng_init(&rng, 11);
    for (int i = 0; i < 3000; i++) {
        char user[8];
        snprintf(user, sizeof user, "u%d", (int)srt_rng_below(&rng, 40));
        put(fix, user, i + (int)srt_rng_below(&rng, 20), (int)srt_rng_below(&rng, 100));
    }
    char *first = NULL;
    for (uint32_t round = 0; round < 6; round++) {
        char yaml[512];
        snprintf(yaml, sizeof yaml,
                 "pipelines:\n  q%u:\n"
                 "    from: { topic: in, time: v.t, out_of_order: 20ms, max_ahead: none }\n"
                 "    steps:\n"
                 "      - group_by: v.u\n      - window: { hopping: 50ms, every: 20ms }\n"
                 "      - as: w\n        aggregate: { n: count(), m: max(v.x) }\n"
                 "      - group_by: v.m\n      - window: { tumbling: 100ms }\n"
                 "      - as: z\n        aggregate: { n: sum(v.n) }\n      - to: out%u\n",
                 round, round);
        fixture_destroy_runner(fix);
        fix->options.worker_count = 1 + round % 4;
        fix->options.exchange_slots = 2;
        fix->options.exchange_chunk_bytes = 1 + srt_rng_below(&rng, 1000);
        fix->options.read_bytes = 1 + srt_rng_below(&rng, 3000);
        fixture_load(fix, yaml);
        fix->graphs[0]->commit_interval_ms = round % 2 ? 1 : 100;
        fixture_drain(fix);
        char topic[8];
        snprintf(topic, sizeof topic, "out%u", round);
        char *found = fixture_dump(fix, topic);
        assert_true(strlen(found) > 1000);
        if (!first) {
            first = found;
        } else {
            assert_string_equal(found, first);
            srt_free(found);
        }
    }
    srt_free(first);
}

static void times_that_are_none_become_dead_letters(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "{\"u\":1}");
    fixture_produce(fix, "in", "a", "{\"t\":-1}");
    fixture_produce(fix, "in", "a", "{\"t\":\"1\"}");
    fixture_produce(fix, "in", "a", "{\"t\":1e300}");
    fixture_produce(fix, "in", "a", "{\"t\":5}");
    run(fix, "", tumbling);
    assert_int_equal(fixture_counters(fix, "p").dead, 5); /* and the last one has no key v.u */
    char *why = fixture_header(fix, "p.dlq", "streamrt-dlq-error");
    assert_non_null(why);
    srt_free(why);
    fixture_destroy_runner(fix);
    fixture_load(fix, "pipelines:\n  far:\n    from: { topic: in, time: v.t, max_ahead: 1ms }\n"
                      "    steps:\n      - to: out\n");
    fixture_produce(fix, "in", "a", "{\"t\":4000000000000}");
    fixture_drain(fix);
    assert_int_equal(fixture_count(fix, "out"), 1);
}

/* --- dedupe, process --- */

static void only_the_first_of_equal_records_passes(void **state)
{
    struct fixture *fix = *state;
    static const char steps[] = "      - as: d\n        dedupe: { by: v.u, within: 10ms }\n"
                                "      - to: out\n";
    put(fix, "a", 1, 1);
    put(fix, "a", 10, 2);
    put(fix, "b", 5, 3);
    run(fix, "", steps);
    put(fix, "a", 10, 4); /* also after a restart */
    put(fix, "a", 11, 5);
    run(fix, "", steps);
    fixture_assert_topic(fix, "out",
                         "a={\"u\":\"a\",\"t\":1,\"x\":1}\na={\"u\":\"a\",\"t\":11,\"x\":5}\n"
                         "b={\"u\":\"b\",\"t\":5,\"x\":3}\n");
}

static const char alarms[] =
    "      - as: p\n"
    "        process:\n"
    "          init: \"{ n = 0 }\"\n"
    "          on_record: |\n"
    "            function(v, st, ctx)\n"
    "              if v.x < 0 then\n"
    "                st.n = 100; ctx:timer(\"wrong\", 1); ctx:emit { lost = true }; error \"no\"\n"
    "              end\n"
    "              st.n = st.n + 1\n"
    "              ctx:timer(\"silent\", \"10ms\")\n"
    "              ctx:emit { n = st.n, now = ctx.now, key = ctx.key }\n"
    "            end\n"
    "          on_timer: |\n"
    "            function(st, ctx, name)\n"
    "              ctx:emit({ [name] = st.n, now = ctx.now }, { key = \"timers\" })\n"
    "            end\n"
    "      - to: out\n";

static void a_timer_stands_between_the_records_of_its_key(void **state)
{
    struct fixture *fix = *state;
    put(fix, "a", 1, 1);
    put(fix, "a", 5, 1);
    put(fix, "a", 6, -1); /* fails: nothing of it stays */
    put(fix, "a", 30, 1);
    run(fix, "", alarms);
    fixture_assert_topic(fix, "out",
                         "a={\"key\":\"a\",\"n\":1,\"now\":1}\n"
                         "a={\"key\":\"a\",\"n\":2,\"now\":5}\n"
                         "a={\"key\":\"a\",\"n\":3,\"now\":30}\ntimers={\"now\":15,\"silent\":2}\n"
                         "timers={\"now\":40,\"silent\":3}\n");
    assert_int_equal(fixture_counters(fix, "p").dead, 1);
    put(fix, "a", 50, 1); /* the state is there after a restart */
    run(fix, "", alarms);
    char *found = fixture_dump(fix, "out");
    assert_contains(found, "a={\"key\":\"a\",\"n\":4,\"now\":50}\n");
    srt_free(found);
}

/* --- joins --- */

static void a_stream_finds_the_rows_of_a_table(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "names", "a", "{\"name\":\"Ada\"}");
    fixture_produce(fix, "names", "b", "{\"name\":\"Bob\"}");
    fixture_produce_record(fix, "names", -1,
                           &(struct record){.key = (const uint8_t *)"b",
                                            .key_len = 1,
                                            .value_len = RECORD_ABSENT});
    for (int round = 0; round < 2; round++) { /* the second time from its changelog */
        put(fix, "a", 1, round);
        put(fix, "b", 1, round);
        fix->options.worker_count = 1 + (uint32_t)round;
        run(fix, "",
            "      - as: j\n"
            "        join: { table: names, by: v.u, how: left }\n"
            "      - to: out\n");
    }
    fixture_assert_topic(fix, "out",
                         "a={\"u\":\"a\",\"t\":1,\"x\":0,\"name\":\"Ada\"}\n"
                         "a={\"u\":\"a\",\"t\":1,\"x\":1,\"name\":\"Ada\"}\n"
                         "b={\"u\":\"b\",\"t\":1,\"x\":0}\nb={\"u\":\"b\",\"t\":1,\"x\":1}\n");
}

static void two_streams_meet_within_a_time(void **state)
{
    struct fixture *fix = *state;
    put(fix, "a", 10, 1);
    put(fix, "b", 10, 2);
    fixture_produce(fix, "paid", "a", "{\"u\":\"a\",\"t\":15,\"p\":1}");
    fixture_produce(fix, "paid", "a", "{\"u\":\"a\",\"t\":4,\"p\":2}");
    fixture_produce(fix, "paid", "c", "{\"u\":\"c\",\"t\":4,\"p\":3}");
    run(fix, "",
        "      - as: j\n"
        "        join:\n"
        "          topic: { topic: paid, time: v.t, out_of_order: 1h, max_ahead: none }\n"
        "          by: v.u\n"
        "          how: outer\n"
        "          within: 5ms\n"
        "          with: \"function(l, r) return { l = l and l.x, r = r and r.p } end\"\n"
        "      - to: out\n");
    fixture_assert_topic(fix, "out",
                         "a={\"l\":1,\"r\":1}\na={\"r\":2}\nb={\"l\":2}\nc={\"r\":3}\n");
}

/* --- what is remembered --- */

static void state_that_no_longer_fits_is_refused_with_the_ways_out(void **state)
{
    struct fixture *fix = *state;
    static const char *const resets[] = {"p.w", NULL};
    struct srt_err err;
    put(fix, "a", 1, 1);
    run(fix, "", tumbling);
    fixture_destroy_runner(fix);
    static const char other[] = "pipelines:\n  p:\n    from: { topic: in, time: v.t }\n    steps:\n"
                                "      - group_by: v.u\n      - window: { tumbling: 20ms }\n"
                                "      - as: w\n        aggregate: { n: count(), s: sum(v.x) }\n"
                                "      - to: out\n";
    fixture_load(fix, other);
    fixture_start_fails(fix, &err);
    assert_contains(err.msg, "was made by another definition");
    assert_contains(err.msg, "--reset-state p.w");
    fixture_destroy_runner(fix);
    fixture_load(fix, "pipelines:\n  p:\n    from: in\n    steps:\n      - as: v\n"
                      "        dedupe: { within: forever }\n      - to: out\n");
    fixture_start_fails(fix, &err);
    assert_contains(err.msg, "remembers stage 'w', which is gone");
    fixture_destroy_runner(fix);
    fix->options.reset_state = resets;
    fixture_load(fix, other);
    fixture_drain(fix);
    assert_int_equal(fix->stopped.code, SRT_OK);
}

static void a_row_that_no_stage_has_made_stops_the_pipeline(void **state)
{
    struct fixture *fix = *state;
    put(fix, "a", 1, 1);
    run(fix, "", tumbling);
    fixture_destroy_runner(fix);
    const struct changelog_row row = {.table_id = 1, /* of 'w', whose rows have longer subkeys */
                                      .key = (const uint8_t *)"a",
                                      .key_len = 1,
                                      .subkey = (const uint8_t *)"?",
                                      .subkey_len = 1};
    struct srt_buf key = {0};
    struct srt_buf value = {0};
    changelog_put_key(&row, &key);
    changelog_put_value_head(1, &value);
    fixture_produce_record(fix, "__streamrt-p-state", 0,
                           &(struct record){.key = key.data,
                                            .key_len = (int32_t)key.len,
                                            .value = value.data,
                                            .value_len = (int32_t)value.len});
    srt_buf_fini(&key);
    srt_buf_fini(&value);
    fix->options.worker_count = 1;
    char *yaml = srt_xasprintf("pipelines:\n  p:\n"
                               "    from: { topic: in, time: v.t, max_ahead: none }\n"
                               "    steps:\n%s",
                               tumbling);
    fixture_load(fix, yaml);
    srt_free(yaml);
    fixture_drain(fix);
    assert_int_equal(fix->stopped.code, SRT_ECORRUPT);
    assert_contains(fix->stopped.msg, "is no row of stage 'w'");
}

static void a_pipeline_that_remembers_too_much_stops_and_says_so(void **state)
{
    struct fixture *fix = *state;
    for (int i = 0; i < 20000; i++) {
        char user[16];
        snprintf(user, sizeof user, "user-%d", i);
        put(fix, user, 1, 1);
    }
    char *yaml = srt_xasprintf("pipelines:\n  p:\n    state_memory: 1MiB\n"
                               "    from: { topic: in, time: v.t }\n    steps:\n%s",
                               tumbling);
    fixture_load(fix, yaml);
    srt_free(yaml);
    fixture_drain(fix);
    assert_contains(fix->stopped.msg, "state_memory");
    assert_int_equal(fixture_count(fix, "p.dlq"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_window_gives_one_result_for_each_key),
        fixture_test(what_an_ended_input_closed_stays_closed),
        fixture_test(what_is_kept_open_goes_on_after_a_restart),
        fixture_test(a_window_that_was_given_out_is_not_there_any_more),
        fixture_test(late_records_go_where_they_are_wanted),
        fixture_test(sessions_grow_together),
        fixture_test(sliding_windows_look_back_from_each_event),
        fixture_test(counted_windows_and_running_results),
        fixture_test(any_number_of_workers_gives_the_same),
        fixture_test(times_that_are_none_become_dead_letters),
        fixture_test(only_the_first_of_equal_records_passes),
        fixture_test(a_timer_stands_between_the_records_of_its_key),
        fixture_test(a_stream_finds_the_rows_of_a_table),
        fixture_test(two_streams_meet_within_a_time),
        fixture_test(state_that_no_longer_fits_is_refused_with_the_ways_out),
        fixture_test(a_row_that_no_stage_has_made_stops_the_pipeline),
        fixture_test(a_pipeline_that_remembers_too_much_stops_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
