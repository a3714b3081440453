/* Epochs: what is committed, what is tried again, what a crash costs, and that a stalled sink costs
 * no memory: controller.c with its sink_writer.c. */
#include "base/alloc.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/rng.h"
#include "record/record.h"
#include "support/cmocka_srt.h"
#include "support/pipeline_fixture.h"

#include <errno.h>
#include <stdio.h>

static void produce_numbers(struct fixture *fix, int from, int count)
{
    for (int i = from; i < from + count; i++) {
        char key[4];
        char value[16];
        snprintf(key, sizeof key, "%d", i % 50);
        snprintf(value, sizeof value, "%d", i);
        fixture_produce(fix, "in", key, value);
    }
}

/* Or nothing was left to commit. */
static bool has_committed(struct fixture *fix, void *arg)
{
    return fix->idle || engine_memory_commit_count(fix->engine) >= *(uint64_t *)arg;
}

static bool has_out(struct fixture *fix, void *arg)
{
    return fixture_count(fix, "out") >= *(uint64_t *)arg;
}

static bool explains(struct fixture *fix, void *arg)
{
    return strstr(runner_explain(fix->runner, "p"), arg) != NULL;
}

static const char copy_yaml[] = "pipelines:\n  p:\n    from: in\n    parallelism: 2\n"
                                "    steps:\n      - filter: v >= 0\n      - to: out\n";

static void a_commit_that_fails_for_now_is_tried_again(void **state)
{
    struct fixture *fix = *state;
    produce_numbers(fix, 0, 100);
    engine_memory_fail_commits(fix->engine, 2, SRT_ENOSPC);
    fixture_load(fix, copy_yaml);
    fixture_drain(fix);
    assert_int_equal(fix->stopped.code, SRT_OK);
    assert_int_equal(fixture_count(fix, "out"), 100);
    assert_int_equal(fixture_counters(fix, "p").out, 100);
}

static void a_commit_that_fails_for_good_stops_the_pipeline(void **state)
{
    struct fixture *fix = *state;
    produce_numbers(fix, 0, 100);
    engine_memory_fail_commits(fix->engine, 1, SRT_EFSYNC);
    fixture_load(fix, copy_yaml);
    fixture_drain(fix);
    assert_int_equal(fix->stopped.code, SRT_EFSYNC);
    assert_int_equal(fixture_count(fix, "out"), 0);
    assert_int_equal(fixture_counters(fix, "p").in, 0);
    fixture_destroy_runner(fix);
    fixture_drain(fix);
    assert_int_equal(fixture_count(fix, "out"), 100);
}

static void a_fault_before_the_hand_over_is_tried_again(void **state)
{
    struct fixture *fix = *state;
    produce_numbers(fix, 0, 10);
    srt_fault_arm(SRT_FAULT_commit_begin, 1, SRT_FAULT_ERRNO, ENOSPC);
    fixture_load(fix, copy_yaml);
    fixture_drain(fix);
    srt_fault_disarm();
    assert_int_equal(fix->stopped.code, SRT_OK);
    assert_int_equal(fixture_count(fix, "out"), 10);
}

static void nothing_is_seen_of_an_epoch_before_it_is_committed(void **state)
{
    struct fixture *fix = *state;
    produce_numbers(fix, 0, 10);
    engine_memory_hold_commits(fix->engine, true);
    fixture_load(fix, copy_yaml);
    fixture_start(fix);
    fixture_wait(fix, explains, (void *)"waiting for a commit");
    assert_int_equal(fixture_count(fix, "out"), 0);
    assert_int_equal(fixture_counters(fix, "p").in, 0);
    engine_memory_hold_commits(fix->engine, false);
    fixture_wait_idle(fix);
    assert_int_equal(fixture_count(fix, "out"), 10);
    assert_int_equal(fixture_counters(fix, "p").in, 10);
}

static void an_epoch_in_flight_counts_when_the_pipeline_is_aborted(void **state)
{
    struct fixture *fix = *state;
    produce_numbers(fix, 0, 10);
    engine_memory_hold_commits(fix->engine, true);
    fixture_load(fix, copy_yaml);
    fixture_start(fix);
    fixture_wait(fix, explains, (void *)"waiting for a commit");
    runner_abort(fix->runner);
    engine_memory_hold_commits(fix->engine, false);
    fixture_wait_idle(fix);
    fixture_destroy_runner(fix);
    fixture_drain(fix);
    assert_int_equal(fixture_count(fix, "out"), 10);
}

/* Many crashes at random moments, with an exchange in between: each record is there once. */
static void every_record_is_there_once_whatever_crashed(void **state)
{
    struct fixture *fix = *state;
    enum { COUNT = 4000 };
    struct srt_rng rng;
    srt_rng_init(&rng, 11);
    produce_numbers(fix, 0, COUNT);
    fixture_load(fix, "pipelines:\n"
                      "  p:\n"
                      "    from: in\n"
                      "    parallelism: 3\n"
                      "    steps:\n"
                      "      - key_by: v % 17\n"
                      "      - throttle: { by: k, rate: 1000000/s }\n"
                      "        as: limit\n"
                      "      - filter: v % 4 ~= 0\n"
                      "      - map: '{ n = v }'\n"
                      "      - to: out\n");
    fix->graphs[0]->commit_interval_ms = 1;
    fix->graphs[0]->commit_bytes = 1;
    fix->options.exchange_slots = 2;
    fix->options.exchange_chunk_bytes = 500;
    fix->options.read_bytes = 2000;
    fix->options.until_drained = true;
    int crashes = 0;
    for (; crashes < 200 && fixture_count(fix, "out") < COUNT * 3 / 4; crashes++) {
        uint64_t commits = engine_memory_commit_count(fix->engine) + srt_rng_below(&rng, 3);
        fixture_start(fix);
        fixture_wait(fix, has_committed, &commits);
        fixture_crash(fix);
    }
    fixture_drain(fix);
    assert_true(crashes > 3);
    assert_int_equal(fixture_count(fix, "out"), COUNT * 3 / 4);
    char *found = fixture_dump(fix, "out");
    for (int i = 0; i < COUNT; i++) {
        if (i % 4 != 0) {
            char line[64];
            snprintf(line, sizeof line, "%d={\"n\":%d}\n", i % 17, i);
            assert_contains(found, line);
        }
    }
    srt_free(found);
}

static void a_commit_fits_what_the_engine_takes(void **state)
{
    struct fixture *fix = *state;
    produce_numbers(fix, 0, 3000);
    engine_memory_limit_commits(fix->engine, 32768);
    fixture_load(fix, copy_yaml);
    fixture_drain(fix);
    assert_int_equal(fix->stopped.code, SRT_OK);
    assert_int_equal(fixture_count(fix, "out"), 3000);
    assert_true(engine_memory_commit_count(fix->engine) > 1);
}

static void the_output_of_one_record_is_bounded(void **state)
{
    struct fixture *fix = *state;
    produce_numbers(fix, 0, 1);
    engine_memory_limit_commits(fix->engine, 400000);
    fixture_load(fix, "pipelines:\n  p:\n    from: in\n    steps:\n"
                      "      - flat_map: |\n"
                      "          local list = {}\n"
                      "          for i = 1, 1000 do list[i] = ('x'):rep(1000) end\n"
                      "          return list\n"
                      "      - to: out\n");
    fixture_drain(fix);
    assert_int_equal(fix->stopped.code, SRT_OK);
    char *error = fixture_header(fix, "p.dlq", "streamrt-dlq-error");
    assert_non_null(error);
    assert_contains(error, "of 1000: the output of one record takes more than 100000 bytes");
    srt_free(error);
    assert_in_range(fixture_count(fix, "out"), 90, 110);
    fixture_assert_topic(fix, "p.dlq", "0=0\n");
}

/* --- sinks --- */

static const char sink_yaml[] = "pipelines:\n  p:\n    from: in\n    parallelism: 1\n"
                                "    steps:\n      - to_file: out.jsonl\n        as: file\n";

static int count_lines(const struct fixture *fix)
{
    int count = 0;
    for (size_t i = 0; i < fix->sink.len; i++) {
        count += fix->sink.data[i] == '\n';
    }
    return count;
}

/* The interval is for those who have company to wait for. */
static void output_is_committed_at_once_where_the_input_ends(void **state)
{
    struct fixture *fix = *state;
    fixture_load(fix, "pipelines:\n"
                      "  p:\n"
                      "    from: in\n"
                      "    parallelism: 3\n"
                      "    steps: [ { key_by: v % 17 }, { throttle: { by: k, rate: 1000000/s } },\n"
                      "             { to: out } ]\n");
    fix->graphs[0]->commit_interval_ms = 3600000;
    fix->options.until_drained = false;
    produce_numbers(fix, 0, 5);
    fixture_start(fix);
    for (uint64_t count = 5; count <= 100; count += 5) {
        fixture_wait(fix, has_out, &count);
        produce_numbers(fix, (int)count, 5);
    }
    runner_stop(fix->runner);
    fixture_wait_idle(fix);
}

static bool sink_waits(struct fixture *fix, void *arg)
{
    (void)arg;
    return atomic_load(&fix->sink.waiting) != 0;
}

static void a_stalled_sink_stops_the_reading_and_loses_nothing(void **state)
{
    struct fixture *fix = *state;
    enum { COUNT = 20000 };
    produce_numbers(fix, 0, COUNT);
    fixture_load(fix, sink_yaml);
    fix->graphs[0]->commit_interval_ms = 1;
    fix->graphs[0]->commit_bytes = 8192;
    fix->options.read_bytes = 1000;
    fix->options.until_drained = true;
    atomic_store(&fix->sink.stalled, true);
    fixture_start(fix);
    fixture_wait(fix, sink_waits, NULL);
    fixture_wait(fix, explains, (void *)"sink 'file' takes no bytes");
    assert_int_equal(engine_memory_commit_count(fix->engine), 0);
    atomic_store(&fix->sink.stalled, false);
    fixture_wait_idle(fix);
    assert_int_equal(count_lines(fix), COUNT);
    /* One epoch never held more than its share and one record: so many commits were needed. */
    assert_true(engine_memory_commit_count(fix->engine) >= fix->sink.len / 8192 / 2);
}

static void aborting_does_not_wait_for_a_stalled_sink(void **state)
{
    struct fixture *fix = *state;
    produce_numbers(fix, 0, 100);
    fixture_load(fix, sink_yaml);
    fix->graphs[0]->commit_interval_ms = 1;
    atomic_store(&fix->sink.stalled, true);
    fix->options.until_drained = false;
    fixture_start(fix);
    fixture_wait(fix, sink_waits, NULL);
    runner_stop(fix->runner); /* would wait */
    runner_abort(fix->runner);
    fixture_wait_idle(fix);
    assert_int_equal(fix->stopped.code, SRT_OK);
    fixture_destroy_runner(fix);
    atomic_store(&fix->sink.stalled, false);
    fixture_drain(fix);
    assert_int_equal(count_lines(fix), 100);
}

static void a_write_that_failed_halfway_is_done_again_from_what_was_committed(void **state)
{
    struct fixture *fix = *state;
    produce_numbers(fix, 0, 100);
    fixture_load(fix, sink_yaml);
    atomic_store(&fix->sink.fail_writes, 2);
    fix->sink.fail_code = SRT_ENOSPC;
    fixture_drain(fix);
    assert_int_equal(fix->stopped.code, SRT_OK);
    assert_int_equal(count_lines(fix), 100);
}

static void a_sink_is_not_written_twice_when_only_the_commit_failed(void **state)
{
    struct fixture *fix = *state;
    produce_numbers(fix, 0, 100);
    fixture_load(fix, sink_yaml);
    engine_memory_fail_commits(fix->engine, 2, SRT_EAGAIN);
    fixture_drain(fix);
    assert_int_equal(fix->stopped.code, SRT_OK);
    assert_int_equal(count_lines(fix), 100);
}

static void a_sink_that_fails_for_good_stops_the_pipeline(void **state)
{
    struct fixture *fix = *state;
    produce_numbers(fix, 0, 100);
    fixture_load(fix, sink_yaml);
    atomic_store(&fix->sink.fail_writes, 1);
    fix->sink.fail_code = SRT_EIO;
    fixture_drain(fix);
    assert_int_equal(fix->stopped.code, SRT_EIO);
    fixture_destroy_runner(fix);
    fixture_drain(fix);
    assert_int_equal(count_lines(fix), 100);
}

/* --- stopping --- */

static void stopping_finishes_a_record_in_back_off(void **state)
{
    struct fixture *fix = *state;
    produce_numbers(fix, 0, 1);
    fixture_load(fix, "pipelines:\n  p:\n    from: in\n    steps:\n"
                      "      - map: error('no')\n"
                      "        as: stage\n"
                      "        on_error: { retry: 3, backoff: 20ms..40ms }\n"
                      "      - to: out\n");
    fix->options.until_drained = false;
    fixture_start(fix);
    fixture_wait(fix, explains, (void *)"record in back-off at stage 'stage'");
    runner_stop(fix->runner);
    fixture_wait_idle(fix);
    assert_int_equal(fixture_count(fix, "p.dlq"), 1);
    assert_int_equal(fixture_counters(fix, "p").retried, 3);
}

/* A wait that is over before the worker falls asleep: its timer fires before the loop waits, and
 * must not leave it waiting for ever. */
static void a_back_off_of_no_time_at_all_ends(void **state)
{
    struct fixture *fix = *state;
    produce_numbers(fix, 0, 1);
    fixture_load(fix, "pipelines:\n  p:\n    from: in\n    steps:\n"
                      "      - map: error('no')\n"
                      "      - to: out\n");
    struct on_error at_once = {.retry = 50, .give_up = GIVE_UP_DLQ};
    for (uint32_t i = 0; i < fix->graphs[0]->stage_count; i++) {
        fix->graphs[0]->stages[i].on_error = &at_once;
    }
    fixture_drain(fix);
    assert_int_equal(fixture_counters(fix, "p").retried, 50);
    assert_int_equal(fixture_count(fix, "p.dlq"), 1);
}

static void aborting_drops_a_record_in_back_off(void **state)
{
    struct fixture *fix = *state;
    produce_numbers(fix, 0, 1);
    fixture_load(fix, "pipelines:\n  p:\n    from: in\n    steps:\n"
                      "      - map: error('no')\n"
                      "        as: stage\n"
                      "        on_error: { retry: 3, backoff: 1h..1h }\n"
                      "      - to: out\n");
    fix->options.until_drained = false;
    fixture_start(fix);
    fixture_wait(fix, explains, (void *)"record in back-off at stage 'stage'");
    runner_abort(fix->runner);
    fixture_wait_idle(fix);
    assert_int_equal(fixture_count(fix, "p.dlq"), 0);
}

static void a_record_in_back_off_does_not_hold_other_tasks(void **state)
{
    struct fixture *fix = *state;
    fix->options.worker_count = 1;
    fix->options.until_drained = false;
    fixture_load(fix, "pipelines:\n  slow:\n    from: in\n    steps:\n"
                      "      - map: error('no')\n"
                      "        on_error: { retry: 3, backoff: 1h..1h }\n"
                      "      - to: never\n"
                      "  fast:\n    from: in\n    steps:\n      - to: out\n");
    produce_numbers(fix, 0, 10);
    fixture_start(fix);
    uint64_t count = 10;
    fixture_wait(fix, has_out, &count);
    fixture_crash(fix);
}

int main(void)
{
    srt_log_set_level(SRT_LOG_ERROR);
    const struct CMUnitTest tests[] = {
        fixture_test(a_commit_that_fails_for_now_is_tried_again),
        fixture_test(a_commit_that_fails_for_good_stops_the_pipeline),
        fixture_test(a_fault_before_the_hand_over_is_tried_again),
        fixture_test(nothing_is_seen_of_an_epoch_before_it_is_committed),
        fixture_test(an_epoch_in_flight_counts_when_the_pipeline_is_aborted),
        fixture_test(every_record_is_there_once_whatever_crashed),
        fixture_test(a_commit_fits_what_the_engine_takes),
        fixture_test(the_output_of_one_record_is_bounded),
        fixture_test(output_is_committed_at_once_where_the_input_ends),
        fixture_test(a_stalled_sink_stops_the_reading_and_loses_nothing),
        fixture_test(aborting_does_not_wait_for_a_stalled_sink),
        fixture_test(a_write_that_failed_halfway_is_done_again_from_what_was_committed),
        fixture_test(a_sink_is_not_written_twice_when_only_the_commit_failed),
        fixture_test(a_sink_that_fails_for_good_stops_the_pipeline),
        fixture_test(stopping_finishes_a_record_in_back_off),
        fixture_test(a_back_off_of_no_time_at_all_ends),
        fixture_test(aborting_drops_a_record_in_back_off),
        fixture_test(a_record_in_back_off_does_not_hold_other_tasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
