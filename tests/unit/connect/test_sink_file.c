#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "connect/connectors.h"
#include "support/connect_fixture.h"

static struct stage stage_of(struct fixture *fx)
{
    return (struct stage){.kind = STAGE_TO_FILE, .path = fx->path};
}

static struct sink *open_ok(struct fixture *fx, const int64_t *at)
{
    struct stage stage = stage_of(fx);
    struct sink *sink = NULL;
    if (sink_file_ops.open(&stage, io_fs_real(), at, &sink, &fx->err) != SRT_OK) {
        fail_msg("%s", fx->err.msg);
    }
    return sink;
}

static int open_failing(struct fixture *fx, const int64_t *at)
{
    struct stage stage = stage_of(fx);
    struct sink *sink = NULL;
    int rc = sink_file_ops.open(&stage, io_fs_real(), at, &sink, &fx->err);
    assert_null(sink);
    assert_non_null(strstr(fx->err.msg, fx->path));
    return rc;
}

static void write_ok(struct fixture *fx, struct sink *sink, const char *text)
{
    assert_int_equal(sink->ops->write(sink, text, strlen(text), &fx->err), SRT_OK);
}

static int64_t sync_ok(struct fixture *fx, struct sink *sink)
{
    int64_t position = -1;
    assert_int_equal(sink->ops->sync(sink, &position, &fx->err), SRT_OK);
    return position;
}

static bool note_exists(struct fixture *fx)
{
    char note[200];
    snprintf(note, sizeof note, "%s.uncommitted", fx->path);
    return access(note, F_OK) == 0;
}

/* Another file at the path, made while the first is still there so that its inode is another. */
static void replace_by_anothers(struct fixture *fx)
{
    char other[200];
    snprintf(other, sizeof other, "%s.other", fx->path);
    fixture_write(other, "precious\n");
    assert_int_equal(rename(other, fx->path), 0);
}

static void lines_are_appended_and_counted(void **state)
{
    struct fixture *fx = *state;
    struct sink *sink = open_ok(fx, NULL);
    assert_int_equal(sync_ok(fx, sink), 0);
    write_ok(fx, sink, "one\n");
    write_ok(fx, sink, "two\n");
    assert_int_equal(sync_ok(fx, sink), 8);
    write_ok(fx, sink, "three\n");
    assert_int_equal(sync_ok(fx, sink), 14);
    sink->ops->close(sink);
    assert_string_equal(fixture_file(fx, fx->path), "one\ntwo\nthree\n");
}

static void what_was_not_committed_is_cut(void **state)
{
    struct fixture *fx = *state;
    struct sink *sink = open_ok(fx, NULL);
    write_ok(fx, sink, "one\n");
    int64_t at = sync_ok(fx, sink);
    write_ok(fx, sink, "two\n");
    sync_ok(fx, sink);
    write_ok(fx, sink, "thr");
    sink->ops->close(sink);

    sink = open_ok(fx, &at);
    assert_string_equal(fixture_file(fx, fx->path), "one\n");
    write_ok(fx, sink, "again\n");
    assert_int_equal(sync_ok(fx, sink), 10);
    sink->ops->close(sink);
    assert_string_equal(fixture_file(fx, fx->path), "one\nagain\n");
}

static void a_crash_before_the_first_commit_begins_anew(void **state)
{
    struct fixture *fx = *state;
    struct sink *sink = open_ok(fx, NULL);
    write_ok(fx, sink, "one\n");
    sync_ok(fx, sink);
    sink->ops->close(sink);
    assert_true(note_exists(fx));

    sink = open_ok(fx, NULL);
    assert_string_equal(fixture_file(fx, fx->path), "");
    write_ok(fx, sink, "one again\n");
    sync_ok(fx, sink);
    sink->ops->close(sink);
    assert_string_equal(fixture_file(fx, fx->path), "one again\n");
}

static void the_note_goes_with_the_first_commit(void **state)
{
    struct fixture *fx = *state;
    struct sink *sink = open_ok(fx, NULL);
    assert_true(note_exists(fx));
    write_ok(fx, sink, "one\n");
    sync_ok(fx, sink);
    assert_true(note_exists(fx));
    sink->ops->committed(sink);
    assert_false(note_exists(fx));
    sink->ops->committed(sink);
    sink->ops->close(sink);
    assert_int_equal(open_failing(fx, NULL), SRT_EEXIST); /* and is not ours without a position */
}

static void a_note_that_stayed_is_removed_at_the_next_start(void **state)
{
    struct fixture *fx = *state;
    struct sink *sink = open_ok(fx, NULL);
    write_ok(fx, sink, "one\n");
    int64_t at = sync_ok(fx, sink);
    sink->ops->close(sink);
    assert_true(note_exists(fx));
    sink = open_ok(fx, &at);
    assert_false(note_exists(fx));
    sink->ops->close(sink);
    assert_string_equal(fixture_file(fx, fx->path), "one\n");
}

static void the_work_of_others_is_not_touched(void **state)
{
    struct fixture *fx = *state;
    fixture_write(fx->path, "precious\n");
    assert_int_equal(open_failing(fx, NULL), SRT_EEXIST);
    assert_string_equal(fixture_file(fx, fx->path), "precious\n");
    assert_false(note_exists(fx));
}

static void a_note_of_another_file_does_not_count(void **state)
{
    struct fixture *fx = *state;
    struct sink *sink = open_ok(fx, NULL);
    write_ok(fx, sink, "one\n");
    sink->ops->close(sink);
    replace_by_anothers(fx);
    assert_int_equal(open_failing(fx, NULL), SRT_EEXIST);
    assert_string_equal(fixture_file(fx, fx->path), "precious\n");
}

static void an_empty_file_may_be_there_already(void **state)
{
    struct fixture *fx = *state;
    fixture_write(fx->path, "");
    struct sink *sink = open_ok(fx, NULL);
    write_ok(fx, sink, "one\n");
    assert_int_equal(sync_ok(fx, sink), 4);
    sink->ops->close(sink);
}

static void a_committed_position_of_nothing_creates_the_file(void **state)
{
    struct fixture *fx = *state;
    int64_t at = 0;
    struct sink *sink = open_ok(fx, &at);
    write_ok(fx, sink, "one\n");
    sink->ops->close(sink);
    sink = open_ok(fx, &at);
    assert_string_equal(fixture_file(fx, fx->path), "");
    sink->ops->close(sink);
    replace_by_anothers(fx);
    assert_int_equal(open_failing(fx, &at), SRT_EEXIST); /* never written, so not ours to cut */
}

static void a_file_that_lost_committed_bytes_is_refused(void **state)
{
    struct fixture *fx = *state;
    fixture_write(fx->path, "one\n");
    int64_t at = 8;
    assert_int_equal(open_failing(fx, &at), SRT_ERANGE);
    assert_non_null(strstr(fx->err.msg, "has 4 bytes, but 8 were written and committed"));
    assert_string_equal(fixture_file(fx, fx->path), "one\n");
    assert_int_equal(unlink(fx->path), 0);
    assert_int_equal(open_failing(fx, &at), SRT_ENOENT);
    assert_int_equal(access(fx->path, F_OK), -1);
}

static void a_missing_directory_is_named(void **state)
{
    struct fixture *fx = *state;
    struct stage stage = {.kind = STAGE_TO_FILE, .path = "/nonexistent/dir/out.jsonl"};
    struct sink *sink;
    assert_int_equal(sink_file_ops.open(&stage, io_fs_real(), NULL, &sink, &fx->err), SRT_ENOENT);
    assert_non_null(strstr(fx->err.msg, "/nonexistent/dir/out.jsonl"));
}

static void a_failed_write_can_be_tried_again(void **state)
{
    struct fixture *fx = *state;
    struct sink *sink = open_ok(fx, NULL);
    write_ok(fx, sink, "one\n");
    srt_fault_arm(SRT_FAULT_sink_file_write, 1, SRT_FAULT_ERRNO, ENOSPC);
    assert_int_equal(sink->ops->write(sink, "two\n", 4, &fx->err), SRT_ENOSPC);
    assert_non_null(strstr(fx->err.msg, fx->path));
    write_ok(fx, sink, "two\n");
    srt_fault_arm(SRT_FAULT_sink_file_sync, 1, SRT_FAULT_ERRNO, EIO);
    int64_t position = -1;
    assert_int_equal(sink->ops->sync(sink, &position, &fx->err), SRT_EFSYNC);
    assert_int_equal(position, -1);
    sink->ops->close(sink);
    assert_string_equal(fixture_file(fx, fx->path), "one\ntwo\n");
}

/* --- named pipes --- */

static void a_named_pipe_keeps_no_position_and_takes_lines(void **state)
{
    struct fixture *fx = *state;
    assert_int_equal(mkfifo(fx->path, 0600), 0);
    struct sink *sink = open_ok(fx, NULL);
    int reader = open(fx->path, O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    write_ok(fx, sink, "one\n");
    write_ok(fx, sink, "two\n");
    assert_int_equal(sync_ok(fx, sink), 0);
    char got[16] = {0};
    assert_int_equal(read(reader, got, sizeof got), 8);
    assert_string_equal(got, "one\ntwo\n");

    close(reader);
    assert_int_equal(sink->ops->write(sink, "x\n", 2, &fx->err), SRT_ECLOSED);
    assert_non_null(strstr(fx->err.msg, "its reader is gone"));
    reader = open(fx->path, O_RDONLY | O_NONBLOCK); /* another one may come */
    write_ok(fx, sink, "three\n");
    assert_int_equal(read(reader, got, sizeof got), 6);
    close(reader);
    sink->ops->close(sink);
}

static void waiting_for_the_reader_of_a_pipe_can_be_interrupted(void **state)
{
    struct fixture *fx = *state;
    assert_int_equal(mkfifo(fx->path, 0600), 0);
    struct sink *sink = open_ok(fx, NULL);
    sink->ops->interrupt(sink);
    assert_int_equal(sink->ops->write(sink, "x\n", 2, &fx->err), SRT_EINTERRUPTED);
    sink->ops->close(sink);
}

static void positions_are_named_after_the_path(void **state)
{
    struct fixture *fx = *state;
    struct stage stage = stage_of(fx);
    char expected[200];
    snprintf(expected, sizeof expected, "sink:file:%s", fx->path);
    char *name = sink_file_ops.position_name(&stage);
    assert_string_equal(name, expected);
    srt_free(name);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the program does */
    const struct CMUnitTest tests[] = {
        TEST(lines_are_appended_and_counted),
        TEST(what_was_not_committed_is_cut),
        TEST(a_crash_before_the_first_commit_begins_anew),
        TEST(the_note_goes_with_the_first_commit),
        TEST(a_note_that_stayed_is_removed_at_the_next_start),
        TEST(the_work_of_others_is_not_touched),
        TEST(a_note_of_another_file_does_not_count),
        TEST(an_empty_file_may_be_there_already),
        TEST(a_committed_position_of_nothing_creates_the_file),
        TEST(a_file_that_lost_committed_bytes_is_refused),
        TEST(a_missing_directory_is_named),
        TEST(a_failed_write_can_be_tried_again),
        TEST(a_named_pipe_keeps_no_position_and_takes_lines),
        TEST(waiting_for_the_reader_of_a_pipe_can_be_interrupted),
        TEST(positions_are_named_after_the_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
