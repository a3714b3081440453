#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "io/thread.h"
#include "support/child.h"
#include "support/cmocka_srt.h"

static struct {
    int count;
    enum srt_log_level level;
    char line[1024];
} last;

static void keep_line(void *arg, enum srt_log_level level, const char *line)
{
    (void)arg;
    last.count++;
    last.level = level;
    snprintf(last.line, sizeof last.line, "%s", line);
}

static int setup(void **state)
{
    (void)state;
    memset(&last, 0, sizeof last);
    srt_log_set_sink(keep_line, NULL);
    srt_log_set_level(SRT_LOG_INFO);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    srt_log_set_sink(NULL, NULL);
    return 0;
}

static void line_has_time_level_and_category(void **state)
{
    (void)state;
    log_warn(LOG_STORE, "segment '%s' truncated to %d bytes", "x", 7);
    assert_int_equal(last.count, 1);
    assert_int_equal(last.level, SRT_LOG_WARN);
    int year, month, day, hour, minute, second, ms, used = 0;
    assert_int_equal(sscanf(last.line, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ %n", &year, &month, &day,
                            &hour, &minute, &second, &ms, &used),
                     7);
    assert_string_equal(last.line + used, "warn  store: segment 'x' truncated to 7 bytes");
}

static void levels_below_the_threshold_are_not_said(void **state)
{
    (void)state;
    log_debug(LOG_IO, "no");
    assert_int_equal(last.count, 0);
    log_info(LOG_IO, "yes");
    assert_int_equal(last.count, 1);
    srt_log_set_level(SRT_LOG_ERROR);
    log_warn(LOG_IO, "no");
    assert_int_equal(last.count, 1);
    assert_false(srt_log_enabled(SRT_LOG_WARN));
    srt_log_set_level(SRT_LOG_DEBUG);
    log_debug(LOG_IO, "yes");
    assert_int_equal(last.count, 2);
}

static void long_line_is_cut_and_stays_one_line(void **state)
{
    (void)state;
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_error(LOG_APP, "%s", text);
    assert_int_equal(last.count, 1);
    assert_in_range(strlen(last.line), 400, 512);
}

static void line_breaks_in_a_message_do_not_make_lines(void **state)
{
    (void)state;
    log_error(LOG_SCRIPT, "one\ntwo\r\n\x1b[31mthree");
    assert_contains(last.line, "one two   [31mthree");
}

static void write_two(void *arg)
{
    (void)arg;
    srt_log_set_sink(NULL, NULL);
    log_info(LOG_APP, "first");
    log_error(LOG_APP, "second");
}

static void lines_go_to_standard_error(void **state)
{
    (void)state;
    char said[2000];
    assert_int_equal(child_run(write_two, NULL, said, sizeof said), 0);
    assert_contains(said, "info  app: first\n");
    assert_contains(said, "error app: second\n");
}

static void write_100_and_dump(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++) {
        log_info(LOG_APP, "number %d.", i);
    }
    srt_log_dump_recent(STDERR_FILENO);
}

static void dump_gives_the_last_64_lines_in_order(void **state)
{
    (void)state;
    char said[20000];
    assert_int_equal(child_run(write_100_and_dump, NULL, said, sizeof said), 0);
    assert_null(strstr(said, "number 35."));
    const char *at = said;
    int count = 0;
    for (int i = 36; i < 100; i++) {
        char text[32];
        snprintf(text, sizeof text, "number %d.\n", i);
        at = strstr(at, text);
        assert_non_null(at);
        count++;
    }
    assert_int_equal(count, 64);
}

enum { THREADS = 3, LINES = 500 };

static void write_lines(void *arg)
{
    for (int i = 0; i < LINES; i++) {
        log_info(LOG_PIPELINE, "%s", (const char *)arg);
    }
}

static int whole_lines;

static void count_whole(void *arg, enum srt_log_level level, const char *line)
{
    (void)arg;
    (void)level;
    whole_lines += strstr(line, "pipeline: aaaaaaaa") || strstr(line, "pipeline: bbbbbbbb") ||
                   strstr(line, "pipeline: cccccccc");
}

static void threads_do_not_mix_their_lines(void **state)
{
    (void)state;
    static char texts[THREADS][9] = {"aaaaaaaa", "bbbbbbbb", "cccccccc"};
    struct srt_err err;
    struct io_thread threads[THREADS];
    srt_log_set_sink(count_whole, NULL);
    for (int i = 0; i < THREADS; i++) {
        assert_ok(io_thread_start(&threads[i], IO_ROLE_WORK, i, write_lines, texts[i], &err), &err);
    }
    for (int i = 0; i < THREADS; i++) {
        io_thread_join(&threads[i]);
    }
    assert_int_equal(whole_lines, THREADS * LINES);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(line_has_time_level_and_category),
        TEST(levels_below_the_threshold_are_not_said),
        TEST(long_line_is_cut_and_stays_one_line),
        TEST(line_breaks_in_a_message_do_not_make_lines),
        TEST(lines_go_to_standard_error),
        TEST(dump_gives_the_last_64_lines_in_order),
        TEST(threads_do_not_mix_their_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
