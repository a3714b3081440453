/* Pipelines from end to end on the memory engine: order, exchange, draining, stopping, going on.
 * What cannot be seen from outside alone is tried here too: worker.c, task.c, intake.c,
 * controller_setup.c. */
#include "base/alloc.h"
#include "base/rng.h"
#include "record/record.h"
#include "support/cmocka_srt.h"
#include "support/pipeline_fixture.h"

#include <stdio.h>

static void filter_and_map_write_to_a_topic(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "{\"n\":1}");
    fixture_produce(fix, "in", "b", "{\"n\":2}");
    fixture_produce(fix, "in", NULL, "{\"n\":3}");
    fixture_run_steps(fix, "      - filter: v.n > 1\n"
                           "      - map: \"{ n = v.n * 10 }\"\n"
                           "      - to: out\n");
    fixture_assert_topic(fix, "out", "-={\"n\":30}\nb={\"n\":20}\n");
    struct runner_counters counters = fixture_counters(fix, "p");
    assert_int_equal(counters.in, 3);
    assert_int_equal(counters.out, 2);
    assert_int_equal(counters.dropped, 1);
    assert_int_equal(fix->stopped_count, 1);
}

static void without_pipelines_the_runner_is_idle_at_once(void **state)
{
    struct fixture *fix = *state;
    fix->options.until_drained = false;
    fixture_start(fix);
    fixture_wait_idle(fix);
}

static void a_source_topic_that_does_not_exist_is_refused(void **state)
{
    struct fixture *fix = *state;
    struct srt_err err;
    fixture_load(fix, "pipelines:\n  p:\n    from: missing\n    steps:\n      - to: out\n");
    fixture_start_fails(fix, &err);
    assert_int_equal(err.code, SRT_ENOENT);
    assert_contains(err.msg, "pipeline 'p' reads topic 'missing', which does not exist");
}

/* --- order --- */

struct order {
    int64_t last[16]; /* per key */
    uint64_t wrong;
};

static void check_order(void *arg, int32_t partition, const struct record *rec)
{
    (void)partition;
    struct order *order = arg;
    char text[32];
    snprintf(text, sizeof text, "%.*s", rec->value_len, (const char *)rec->value);
    int64_t n = strtoll(text, NULL, 10);
    size_t key = (size_t)(rec->key[0] - 'a');
    order->wrong += n <= order->last[key];
    order->last[key] = n;
}

static void assert_order_per_key(struct fixture *fix, const char *topic)
{
    struct order order = {0};
    assert_int_equal(engine_memory_each(fix->engine, topic, check_order, &order), SRT_OK);
    assert_int_equal(order.wrong, 0);
}

static void produce_numbers(struct fixture *fix, const char *topic, int count)
{
    for (int i = 1; i <= count; i++) {
        char key[2] = {(char)('a' + i * 7 % 16), '\0'};
        char value[16];
        snprintf(value, sizeof value, "%d", i);
        fixture_produce(fix, topic, key, value);
    }
}

static void records_of_one_key_stay_in_order(void **state)
{
    struct fixture *fix = *state;
    produce_numbers(fix, "in", 2000);
    for (uint32_t tasks = 1; tasks <= 3; tasks += 2) {
        char yaml[256];
        snprintf(yaml, sizeof yaml,
                 "pipelines:\n  p%u:\n    from: in\n    parallelism: %u\n    steps:\n"
                 "      - filter: v ~= 0\n      - to: out%u\n",
                 tasks, tasks, tasks);
        fixture_load(fix, yaml);
        fixture_drain(fix);
        fixture_destroy_runner(fix);
        char topic[8];
        snprintf(topic, sizeof topic, "out%u", tasks);
        assert_int_equal(fixture_count(fix, topic), 2000);
        assert_order_per_key(fix, topic);
    }
}

/* --- exchange --- */

static const char exchange_yaml[] = "pipelines:\n"
                                    "  p:\n"
                                    "    from: in\n"
                                    "    parallelism: 3\n"
                                    "    steps:\n"
                                    "      - key_by: string.char(97 + v % 16)\n"
                                    "      - throttle: { by: k, rate: 1000000/s }\n"
                                    "        as: one\n"
                                    "      - flat_map: '{ v, v }'\n"
                                    "      - throttle: { by: v % 5, rate: 1000000/s }\n"
                                    "        as: two\n"
                                    "      - filter: v % 10 ~= 3\n"
                                    "      - to: out\n";

static void the_exchange_neither_loses_nor_doubles(void **state)
{
    struct fixture *fix = *state;
    struct srt_rng rng;
    srt_rng_init(&rng, 7);
    enum { COUNT = 3000 };
    for (int i = 0; i < COUNT; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", i);
        fixture_produce(fix, "in", NULL, value);
    }
    for (int round = 0; round < 6; round++) {
        fix->options.exchange_slots = (uint32_t)(2 + srt_rng_below(&rng, 6));
        fix->options.exchange_chunk_bytes = (size_t)(1 + srt_rng_below(&rng, 2000));
        fix->options.read_bytes = (size_t)(1 + srt_rng_below(&rng, 5000));
        fix->options.worker_count = (uint32_t)(1 + round % 3);
        char yaml[1024];
        snprintf(yaml, sizeof yaml, "%s", exchange_yaml);
        yaml[sizeof "pipelines:\n  " - 1] = (char)('p' + round); /* a group of its own */
        fixture_load(fix, yaml);
        fix->graphs[0]->commit_interval_ms = round % 2 ? 1 : 100;
        fix->graphs[0]->commit_bytes = 1;
        fixture_drain(fix);
        struct runner_counters counters = fixture_counters(fix, fix->graphs[0]->name);
        fixture_destroy_runner(fix);
        assert_int_equal(counters.in, COUNT);
        assert_int_equal(counters.out, COUNT * 2 * 9 / 10);
        assert_int_equal(fixture_count(fix, "out"), (uint64_t)(round + 1) * COUNT * 2 * 9 / 10);
    }
}

static void order_per_key_survives_the_exchange(void **state)
{
    struct fixture *fix = *state;
    produce_numbers(fix, "in", 3000);
    fix->options.exchange_slots = 2;
    fix->options.exchange_chunk_bytes = 300;
    fix->options.worker_count = 3;
    fixture_load(fix, "pipelines:\n"
                      "  p:\n"
                      "    from: in\n"
                      "    parallelism: 3\n"
                      "    steps:\n"
                      "      - throttle: { by: k, rate: 1000000/s }\n"
                      "        as: limit\n"
                      "      - to: out\n");
    fix->graphs[0]->commit_interval_ms = 1;
    fixture_drain(fix);
    assert_int_equal(fixture_count(fix, "out"), 3000);
    assert_order_per_key(fix, "out");
}

static bool has_come_out(struct fixture *fix, void *count)
{
    return fixture_count(fix, "out") >= *(const uint64_t *)count;
}

/* Every record of one pipeline takes its whole deadline; the other's come through while the first
 * such call still runs. */
static void a_script_that_takes_its_time_holds_up_only_its_own_pipeline(void **state)
{
#if defined(__SANITIZE_THREAD__)
    skip(); /* it hands signals over only at calls into the C library: such calls never end */
#endif
    struct fixture *fix = *state;
    fix->options.worker_count = 2;
    fix->options.until_drained = false;
    produce_numbers(fix, "slow", 32);
    produce_numbers(fix, "in", 1);
    fixture_load(fix, "pipelines:\n"
                      "  hog:\n"
                      "    from: slow\n"
                      "    steps:\n"
                      "      - peek: while true do end\n"
                      "        on_error: { give_up: skip }\n"
                      "      - to: never\n"
                      "  p:\n"
                      "    from: in\n"
                      "    steps:\n"
                      "      - to: out\n");
    fix->graphs[0]->lua_deadline_ms = 800; /* of processor time */
    fix->graphs[0]->commit_interval_ms = 1;
    fix->graphs[1]->commit_interval_ms = 1;
    fixture_start(fix);
    uint64_t expected = 1;
    for (int round = 0; round < 5; round++) {
        fixture_wait(fix, has_come_out, &expected);
        produce_numbers(fix, "in", 16);
        expected += 16;
    }
    fixture_wait(fix, has_come_out, &expected);
    assert_int_equal(fixture_counters(fix, "hog").dropped, 0);
    fixture_crash(fix);
}

static void a_dead_letter_behind_an_exchange_is_the_original_record(void **state)
{
    struct fixture *fix = *state;
    for (int i = 0; i < 20; i++) {
        char value[32];
        snprintf(value, sizeof value, "{ \"n\": %d }", i);
        fixture_produce(fix, "in", "key", value);
    }
    fixture_load(fix, "pipelines:\n"
                      "  p:\n"
                      "    from: in\n"
                      "    parallelism: 3\n"
                      "    steps:\n"
                      "      - key_by: v.n\n"
                      "      - map: '{ m = v.n }'\n"
                      "      - throttle: { by: v.m, rate: 1000000/s }\n"
                      "        as: limit\n"
                      "      - filter: v.m ~= 7 or error('seven')\n"
                      "      - to: out\n");
    fixture_drain(fix);
    assert_int_equal(fixture_count(fix, "out"), 19);
    fixture_assert_topic(fix, "p.dlq", "key={ \"n\": 7 }\n");
}

static void throttle_counts_a_key_once_whatever_task_read_it(void **state)
{
    struct fixture *fix = *state;
    for (int i = 0; i < 300; i++) {
        const struct record rec = {.key = (const uint8_t *)"k",
                                   .key_len = 1,
                                   .value = (const uint8_t *)"{}",
                                   .value_len = 2,
                                   .timestamp_ms = 5};
        fixture_produce_record(fix, "in", i % 3, &rec);
    }
    fixture_load(fix, "pipelines:\n"
                      "  p:\n"
                      "    from: in\n"
                      "    parallelism: 3\n"
                      "    steps:\n"
                      "      - throttle: { by: k, rate: 10/s }\n"
                      "        as: limit\n"
                      "      - to: out\n");
    fixture_drain(fix);
    assert_int_equal(fixture_count(fix, "out"), 10);
    assert_int_equal(fixture_counters(fix, "p").dropped, 290);
}

/* --- draining, stopping, going on --- */

static void a_chain_of_pipelines_is_drained_in_order(void **state)
{
    struct fixture *fix = *state;
    produce_numbers(fix, "in", 500);
    fixture_load(fix, "pipelines:\n"
                      "  last:\n"
                      "    from: middle\n"
                      "    steps:\n"
                      "      - to: out\n"
                      "  computes:\n"
                      "    from: first\n"
                      "    steps:\n"
                      "      - split: \"v > 0 and 'middle' or nil\"\n"
                      "  head:\n"
                      "    from: in\n"
                      "    steps:\n"
                      "      - to: first\n");
    struct srt_err err;
    assert_ok(engine_memory_create_topic(fix->engine, "middle", 2, 1 << 20, &err), &err);
    fixture_drain(fix);
    assert_int_equal(fix->stopped_count, 3);
    assert_int_equal(fixture_count(fix, "out"), 500);
}

static void a_pipeline_that_feeds_itself_cannot_be_drained(void **state)
{
    struct fixture *fix = *state;
    struct srt_err err;
    fixture_load(fix, "pipelines:\n"
                      "  a:\n    from: x\n    steps:\n      - to: y\n"
                      "  b:\n    from: y\n    steps:\n      - to: x\n");
    fixture_start_fails(fix, &err);
    assert_contains(err.msg, "pipeline 'a' cannot be drained: what it writes comes back to it");
    fix->options.until_drained = false;
    fixture_start(fix);
    runner_stop(fix->runner);
    fixture_wait_idle(fix);
}

static void a_drained_pipeline_adds_nothing_when_run_again(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "1");
    fixture_run_steps(fix, "      - to: out\n");
    fixture_destroy_runner(fix);
    uint64_t commits = engine_memory_commit_count(fix->engine);
    fixture_run_steps(fix, "      - to: out\n");
    fixture_destroy_runner(fix);
    fixture_assert_topic(fix, "out", "a=1\n");
    assert_int_equal(engine_memory_commit_count(fix->engine), commits);
    fixture_produce(fix, "in", "a", "2");
    fixture_run_steps(fix, "      - to: out\n");
    fixture_assert_topic(fix, "out", "a=1\na=2\n");
}

static bool has_records(struct fixture *fix, void *arg)
{
    return fixture_count(fix, "out") >= *(uint64_t *)arg;
}

static void a_running_pipeline_sees_what_comes_later_and_stops_when_asked(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "1");
    fixture_load(fix, "pipelines:\n  p:\n    from: in\n    steps:\n      - to: out\n");
    fix->graphs[0]->commit_interval_ms = 5;
    fix->options.until_drained = false;
    fixture_start(fix);
    uint64_t count = 1;
    fixture_wait(fix, has_records, &count);
    fixture_produce(fix, "in", "b", "2");
    count = 2;
    fixture_wait(fix, has_records, &count);
    fixture_produce(fix, "in", "c", "3");
    runner_stop(fix->runner);
    fixture_wait_idle(fix);
    assert_int_equal(fix->stopped.code, SRT_OK);
    assert_int_equal(fixture_counters(fix, "p").out, fixture_count(fix, "out"));
    assert_string_equal(runner_explain(fix->runner, "p"), "ended");
}

static void start_latest_means_the_first_start(void **state)
{
    struct fixture *fix = *state;
    const char *yaml = "pipelines:\n  p:\n    from: { topic: in, start: latest }\n"
                       "    steps:\n      - to: out\n";
    fixture_produce(fix, "in", "a", "1");
    fixture_load(fix, yaml);
    fixture_drain(fix);
    fixture_destroy_runner(fix);
    assert_int_equal(fixture_count(fix, "out"), 0);
    fixture_produce(fix, "in", "b", "2");
    fixture_load(fix, yaml);
    fixture_drain(fix);
    fixture_assert_topic(fix, "out", "b=2\n");
}

static void a_position_that_was_trimmed_stops_the_pipeline_and_says_so(void **state)
{
    struct fixture *fix = *state;
    struct srt_err err;
    assert_ok(engine_memory_create_topic(fix->engine, "in", 1, 1 << 20, &err), &err);
    fixture_produce(fix, "in", "a", "1");
    fixture_run_steps(fix, "      - to: out\n");
    fixture_destroy_runner(fix);
    for (int i = 0; i < 5; i++) {
        fixture_produce(fix, "in", "a", "2");
    }
    assert_int_equal(engine_memory_trim(fix->engine, "in", 0, 4), SRT_OK);
    fixture_drain(fix);
    assert_int_equal(fix->stopped.code, SRT_ERANGE);
    assert_contains(fix->stopped.msg, "topic 'in' partition 0 has offsets 4 to 6");
    assert_contains(fix->stopped.msg, "go on at 1");
}

static void a_rebalance_moves_partitions_between_epochs(void **state)
{
    struct fixture *fix = *state;
    fixture_load(fix, "pipelines:\n  p:\n    from: in\n    parallelism: 3\n"
                      "    steps:\n      - filter: v > 0\n      - to: out\n");
    fix->graphs[0]->commit_interval_ms = 1;
    fix->options.until_drained = false;
    produce_numbers(fix, "in", 300);
    fixture_start(fix);
    for (uint64_t count = 300; count < 3000; count += 300) {
        engine_memory_rebalance(fix->engine, "p");
        produce_numbers(fix, "in", 300);
        fixture_wait(fix, has_records, &count);
    }
    runner_stop(fix->runner);
    fixture_wait_idle(fix);
    fixture_destroy_runner(fix);
    fixture_drain(fix);
    assert_int_equal(fixture_count(fix, "out"), 3000);
}

/* --- sources that are not topics --- */

static const char file_yaml[] = "pipelines:\n"
                                "  p:\n"
                                "    from: { file: lines.txt, codec: text }\n"
                                "    steps:\n"
                                "      - to: out\n";

static void a_file_is_read_by_one_task_and_its_place_is_committed(void **state)
{
    struct fixture *fix = *state;
    static const char *const lines[] = {"l1", "l2", "l3", "l4", "l5", "l6", "l7", "l8", "l9", NULL};
    fix->source.lines = lines;
    fixture_load(fix, file_yaml);
    fixture_drain(fix);
    assert_int_equal(fixture_counters(fix, "p").in, 9);
    fixture_destroy_runner(fix);
    static const char *const more[] = {"l1", "l2", "l3", "l4", "l5", "l6",
                                       "l7", "l8", "l9", "10", NULL};
    fix->source.lines = more;
    fixture_drain(fix);
    assert_int_equal(fixture_counters(fix, "p").in, 1);
    assert_int_equal(fixture_count(fix, "out"), 10);
}

static void a_source_that_has_ended_ends_its_pipeline(void **state)
{
    struct fixture *fix = *state;
    static const char *const lines[] = {"l1", NULL};
    fix->source.lines = lines;
    fix->options.until_drained = false;
    fixture_load(fix, file_yaml);
    fixture_start(fix);
    fixture_wait_idle(fix);
    fixture_assert_topic(fix, "out", "-=l1\n");
}

static void a_line_that_is_too_long_is_dead_lettered(void **state)
{
    struct fixture *fix = *state;
    static const char *const lines[] = {"l1", "much too long", "l3", NULL};
    fix->source.lines = lines;
    fix->source.bad_line = 1;
    fixture_load(fix, file_yaml);
    fixture_drain(fix);
    fixture_assert_topic(fix, "out", "-=l1\n-=l3\n");
    fixture_assert_topic(fix, "p.dlq", "-=much too long\n");
    char *topic = fixture_header(fix, "p.dlq", "streamrt-dlq-topic");
    assert_contains(topic, "file:");
    srt_free(topic);
    char *offset = fixture_header(fix, "p.dlq", "streamrt-dlq-offset");
    assert_string_equal(offset, "10");
    srt_free(offset);
}

static void a_source_that_cannot_be_opened_ends_its_pipeline(void **state)
{
    struct fixture *fix = *state;
    fix->source.open_failures = 1;
    fixture_load(fix, file_yaml);
    fixture_drain(fix);
    assert_int_equal(fix->stopped.code, SRT_ENOENT);
    assert_contains(fix->stopped.msg, "open 'test': no such file");
}

static void a_source_that_fails_after_it_was_read_is_tried_again(void **state)
{
    struct fixture *fix = *state;
    static const char *const lines[] = {"1", "2", "3", "4", "5", "6", "7", "8", NULL};
    fix->source.lines = lines;
    fix->source.fail_polls = 1;
    fixture_load(fix, file_yaml);
    fixture_drain(fix);
    assert_int_equal(fix->stopped.code, SRT_OK);
    assert_int_equal(fixture_count(fix, "out"), 8);
}

static void an_endless_source_cannot_be_drained(void **state)
{
    struct fixture *fix = *state;
    struct srt_err err;
    fixture_load(fix, "pipelines:\n"
                      "  p:\n"
                      "    from: { generate: '{ n = n }' }\n"
                      "    steps:\n"
                      "      - to: out\n");
    fixture_start_fails(fix, &err);
    assert_contains(err.msg, "pipeline 'p' cannot be drained: its source");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(filter_and_map_write_to_a_topic),
        fixture_test(without_pipelines_the_runner_is_idle_at_once),
        fixture_test(a_source_topic_that_does_not_exist_is_refused),
        fixture_test(records_of_one_key_stay_in_order),
        fixture_test(the_exchange_neither_loses_nor_doubles),
        fixture_test(order_per_key_survives_the_exchange),
        fixture_test(a_script_that_takes_its_time_holds_up_only_its_own_pipeline),
        fixture_test(a_dead_letter_behind_an_exchange_is_the_original_record),
        fixture_test(throttle_counts_a_key_once_whatever_task_read_it),
        fixture_test(a_chain_of_pipelines_is_drained_in_order),
        fixture_test(a_pipeline_that_feeds_itself_cannot_be_drained),
        fixture_test(a_drained_pipeline_adds_nothing_when_run_again),
        fixture_test(a_running_pipeline_sees_what_comes_later_and_stops_when_asked),
        fixture_test(start_latest_means_the_first_start),
        fixture_test(a_position_that_was_trimmed_stops_the_pipeline_and_says_so),
        fixture_test(a_rebalance_moves_partitions_between_epochs),
        fixture_test(a_file_is_read_by_one_task_and_its_place_is_committed),
        fixture_test(a_source_that_has_ended_ends_its_pipeline),
        fixture_test(a_line_that_is_too_long_is_dead_lettered),
        fixture_test(a_source_that_cannot_be_opened_ends_its_pipeline),
        fixture_test(a_source_that_fails_after_it_was_read_is_tried_again),
        fixture_test(an_endless_source_cannot_be_drained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
