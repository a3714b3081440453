#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fault.h"
#include "connect/connectors.h"
#include "support/connect_fixture.h"

static const char *text_of(struct fixture *fx)
{
    return srt_buf_cstr(&fx->text);
}

static void assert_logged(struct fixture *fx, const char *part)
{
    if (!strstr(srt_buf_cstr(&fx->warnings), part)) {
        fail_msg("not logged: %s", part);
    }
}

static void open_ok(struct fixture *fx, bool resume)
{
    int rc = fixture_open(fx, &source_file_ops, resume);
    if (rc != SRT_OK) {
        fail_msg("%s", fx->err.msg);
    }
}

/* --- once --- */

static void a_file_is_read_to_its_end(void **state)
{
    struct fixture *fx = *state;
    fixture_write(fx->path, "one\ntwo\nthree");
    open_ok(fx, false);
    assert_false(fx->source->ops->drained(fx->source));
    assert_int_equal(fixture_read(fx), SRT_EEND);
    assert_string_equal(text_of(fx), "0:one|4:two|8:three|");
    assert_int_equal(fx->position, 13);
    assert_true(fx->source->ops->drained(fx->source));
    assert_int_equal(fixture_read(fx), SRT_EEND);
    assert_string_equal(text_of(fx), "");
}

static void an_empty_file_ends_at_once(void **state)
{
    struct fixture *fx = *state;
    fixture_write(fx->path, "");
    open_ok(fx, false);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    assert_string_equal(text_of(fx), "");
}

static void a_restart_goes_on_at_the_position(void **state)
{
    struct fixture *fx = *state;
    fixture_write(fx->path, "one\ntwo\n");
    open_ok(fx, false);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    fixture_close(fx);

    open_ok(fx, true);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    assert_string_equal(text_of(fx), "");
    fixture_close(fx);

    fixture_append(fx->path, "three\n");
    open_ok(fx, true);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    assert_string_equal(text_of(fx), "8:three|");
    fixture_close(fx);

    fx->position = 4;
    open_ok(fx, true);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    assert_string_equal(text_of(fx), "4:two|8:three|");
}

static void another_file_is_read_from_its_beginning(void **state)
{
    struct fixture *fx = *state;
    fixture_write(fx->path, "one\ntwo\n");
    open_ok(fx, false);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    fixture_close(fx);
    fixture_write(fx->path, "other one\nother two\n");
    open_ok(fx, true);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    assert_string_equal(text_of(fx), "0:other one|10:other two|");
    assert_logged(fx, "is not the one that was read up to byte 8 before");
}

static void a_shorter_other_file_is_read_from_its_beginning(void **state)
{
    struct fixture *fx = *state;
    fixture_write(fx->path, "one\ntwo\nthree\n");
    open_ok(fx, false);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    fixture_close(fx);
    fixture_write(fx->path, "new\n");
    open_ok(fx, true);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    assert_string_equal(text_of(fx), "0:new|");
}

static void the_same_content_in_a_copy_goes_on(void **state)
{
    struct fixture *fx = *state;
    fixture_write(fx->path, "one\ntwo\n");
    open_ok(fx, false);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    fixture_close(fx);
    assert_int_equal(unlink(fx->path), 0);
    fixture_write(fx->path, "one\ntwo\nthree\n");
    open_ok(fx, true);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    assert_string_equal(text_of(fx), "8:three|");
}

static void a_file_that_was_cut_off_is_refused(void **state)
{
    struct fixture *fx = *state;
    char large[1000];
    memset(large, 'x', sizeof large);
    large[999] = '\n';
    fixture_write_bytes(fx->path, large, sizeof large);
    open_ok(fx, false);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    fixture_close(fx);
    assert_int_equal(truncate(fx->path, 500), 0);
    assert_int_equal(fixture_open(fx, &source_file_ops, true), SRT_ERANGE);
    assert_non_null(strstr(fx->err.msg, fx->path));
    assert_non_null(strstr(fx->err.msg, "has 500 bytes, but was read up to byte 1000 before"));
}

static void a_damaged_position_is_refused(void **state)
{
    struct fixture *fx = *state;
    fixture_write(fx->path, "one\n");
    fx->position = 4;
    fx->detail_len = 3;
    fx->detail[0] = 1;
    assert_int_equal(fixture_open(fx, &source_file_ops, true), SRT_ECORRUPT);
    fx->detail[0] = 9;
    assert_int_equal(fixture_open(fx, &source_file_ops, true), SRT_EVERSION);
    assert_non_null(strstr(fx->err.msg, fx->path));
}

static void what_is_missing_or_no_file_is_refused_by_name(void **state)
{
    struct fixture *fx = *state;
    assert_int_equal(fixture_open(fx, &source_file_ops, false), SRT_ENOENT);
    assert_non_null(strstr(fx->err.msg, fx->path));
    fx->spec.path = fx->dir;
    assert_int_equal(fixture_open(fx, &source_file_ops, false), SRT_EINVAL);
    assert_non_null(strstr(fx->err.msg, "is a directory"));
    fx->spec.path = fx->path;
    assert_int_equal(mkfifo(fx->path, 0600), 0);
    assert_int_equal(fixture_open(fx, &source_file_ops, false), SRT_EINVAL);
    assert_non_null(strstr(fx->err.msg, "is a pipe or device"));
}

static void what_may_not_be_read_is_refused_by_name(void **state)
{
    struct fixture *fx = *state;
    if (geteuid() == 0) {
        skip(); /* root may read all */
    }
    fixture_write(fx->path, "x\n");
    assert_int_equal(chmod(fx->path, 0), 0);
    assert_int_equal(fixture_open(fx, &source_file_ops, false), SRT_EDENIED);
    assert_non_null(strstr(fx->err.msg, fx->path));
}

static void a_failed_read_can_be_tried_again(void **state)
{
    struct fixture *fx = *state;
    fixture_write(fx->path, "one\ntwo\n");
    open_ok(fx, false);
    srt_fault_arm(SRT_FAULT_source_file_read, 1, SRT_FAULT_ERRNO, EIO);
    assert_int_equal(fixture_read(fx), SRT_EIO);
    assert_non_null(strstr(fx->err.msg, fx->path));
    assert_int_equal(fixture_read(fx), SRT_EEND);
    assert_string_equal(text_of(fx), "0:one|4:two|");
}

static void a_line_that_is_too_long_is_reported_and_passed_over(void **state)
{
    struct fixture *fx = *state;
    fx->spec.max_record_bytes = 5;
    fixture_write(fx->path, "short\nmuch too long\nnext\nagain too long\nend");
    open_ok(fx, false);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    assert_string_equal(text_of(fx), "0:short|6!much |20:next|25!again|40:end|");
    assert_int_equal(fx->bad.code, SRT_ETOOBIG);
}

static void a_large_file_comes_whole_and_in_order(void **state)
{
    struct fixture *fx = *state;
    struct srt_buf text = {0};
    for (int i = 0; i < 50000; i++) {
        srt_buf_printf(&text, "line %d of many\n", i);
    }
    fixture_write_bytes(fx->path, text.data, text.len);
    open_ok(fx, false);
    int next = 0;
    int64_t offset = 0;
    for (;;) {
        struct source_batch batch;
        int rc = fx->source->ops->poll(fx->source, 10000, &batch, &fx->err);
        if (rc == SRT_EEND) {
            break;
        }
        assert_int_equal(rc, SRT_OK);
        for (uint32_t i = 0; i < batch.count; i++) {
            char expected[40];
            int len = snprintf(expected, sizeof expected, "line %d of many", next++);
            assert_int_equal(batch.records[i].value_len, len);
            assert_memory_equal(batch.records[i].value, expected, (size_t)len);
            assert_true(batch.records[i].offset == offset);
            assert_int_equal(batch.records[i].timestamp_ms, 1000);
            offset += len + 1;
        }
        assert_true(batch.next_offset == offset);
    }
    assert_int_equal(next, 50000);
    srt_buf_fini(&text);
}

/* --- following --- */

static void follow(struct fixture *fx)
{
    fx->spec.follow = true;
    assert_true(source_file_ops.endless(&fx->spec));
}

static void following_waits_for_more_and_for_the_end_of_a_line(void **state)
{
    struct fixture *fx = *state;
    follow(fx);
    fixture_write(fx->path, "one\ntw");
    open_ok(fx, false);
    assert_int_equal(fixture_read(fx), SRT_OK);
    assert_string_equal(text_of(fx), "0:one|");
    assert_int_equal(fx->position, 4);
    assert_true(fx->source->ops->drained(fx->source));
    fixture_append(fx->path, "o\nthree\n");
    assert_int_equal(fixture_read_count(fx, 2), SRT_OK);
    assert_string_equal(text_of(fx), "4:two|8:three|");
}

static void following_waits_for_a_file_that_is_not_there_yet(void **state)
{
    struct fixture *fx = *state;
    follow(fx);
    open_ok(fx, false);
    assert_int_equal(fixture_read(fx), SRT_OK);
    assert_string_equal(text_of(fx), "");
    assert_int_equal(fx->detail_len, 0);
    fixture_write(fx->path, "late\n");
    assert_int_equal(fixture_read_count(fx, 1), SRT_OK);
    assert_string_equal(text_of(fx), "0:late|");
}

/* More than what an identity looks at: the same again is no chance. */
static void following_goes_on_in_a_file_that_comes_back(void **state)
{
    struct fixture *fx = *state;
    struct srt_buf text = {0};
    follow(fx);
    for (int i = 0; i < 50; i++) {
        srt_buf_printf(&text, "line %d\n", i);
    }
    int64_t end = (int64_t)text.len;
    assert_true(end > 256);
    fixture_write_bytes(fx->path, text.data, text.len);
    open_ok(fx, false);
    assert_int_equal(fixture_read(fx), SRT_OK);
    fixture_close(fx);
    assert_int_equal(unlink(fx->path), 0);

    open_ok(fx, true);
    assert_int_equal(fixture_read(fx), SRT_OK);
    assert_int_equal(fx->position, end); /* and the position is kept meanwhile */
    fixture_close(fx);
    open_ok(fx, true);
    assert_int_equal(fixture_read(fx), SRT_OK);
    srt_buf_put_str(&text, "one more\n");
    fixture_write_bytes(fx->path, text.data, text.len);
    assert_int_equal(fixture_read_count(fx, 1), SRT_OK);
    assert_string_equal(text_of(fx), "390:one more|");
    srt_buf_fini(&text);
}

static void following_finishes_a_renamed_file_before_the_new_one(void **state)
{
    struct fixture *fx = *state;
    char old[200];
    snprintf(old, sizeof old, "%s.1", fx->path);
    follow(fx);
    fixture_write(fx->path, "one\n");
    open_ok(fx, false);
    assert_int_equal(fixture_read(fx), SRT_OK);
    assert_int_equal(rename(fx->path, old), 0);
    fixture_append(old, "two\nlast without end");
    fixture_write(fx->path, "new one\n");
    assert_int_equal(fixture_read_count(fx, 3), SRT_OK);
    assert_string_equal(text_of(fx), "4:two|8:last without end|0:new one|");
    assert_int_equal(fx->position, 8);
    fixture_append(fx->path, "new two\n");
    assert_int_equal(fixture_read_count(fx, 1), SRT_OK);
    assert_string_equal(text_of(fx), "8:new two|");
    fixture_close(fx);

    open_ok(fx, true); /* the position belongs to the new file */
    fixture_append(fx->path, "new three\n");
    assert_int_equal(fixture_read_count(fx, 1), SRT_OK);
    assert_string_equal(text_of(fx), "16:new three|");
}

static void following_reads_what_the_old_file_still_gets(void **state)
{
    struct fixture *fx = *state;
    char old[200];
    snprintf(old, sizeof old, "%s.1", fx->path);
    follow(fx);
    fixture_write(fx->path, "one\n");
    open_ok(fx, false);
    assert_int_equal(fixture_read(fx), SRT_OK);
    assert_int_equal(rename(fx->path, old), 0);
    fixture_append(old, "two\n"); /* its writer has not noticed, and there is no new file */
    assert_int_equal(fixture_read_count(fx, 1), SRT_OK);
    assert_string_equal(text_of(fx), "4:two|");
}

static void following_begins_again_when_the_file_is_cut(void **state)
{
    struct fixture *fx = *state;
    follow(fx);
    fixture_write(fx->path, "one\ntwo\npart");
    open_ok(fx, false);
    assert_int_equal(fixture_read(fx), SRT_OK);
    assert_string_equal(text_of(fx), "0:one|4:two|");
    fixture_write(fx->path, "new\n");
    assert_int_equal(fixture_read_count(fx, 1), SRT_OK);
    assert_string_equal(text_of(fx), "0:new|");
    assert_int_equal(fx->position, 4);
    assert_logged(fx, "was cut to 4 bytes while it was followed");
}

static void a_file_being_cut_while_it_is_read_once_is_an_error(void **state)
{
    struct fixture *fx = *state;
    fixture_write(fx->path, "one\ntwo\n");
    open_ok(fx, false);
    struct source_batch batch;
    assert_int_equal(fx->source->ops->poll(fx->source, 100, &batch, &fx->err), SRT_OK);
    assert_int_equal(truncate(fx->path, 2), 0);
    assert_int_equal(fx->source->ops->poll(fx->source, 100, &batch, &fx->err), SRT_ERANGE);
    assert_non_null(strstr(fx->err.msg, fx->path));
}

static void positions_are_named_after_the_path(void **state)
{
    (void)state;
    struct source_spec spec = {.path = "/var/log/x"};
    char *name = source_file_ops.position_name(&spec);
    assert_string_equal(name, "file:/var/log/x");
    free(name);
    assert_false(source_file_ops.endless(&spec));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_read_to_its_end),
        TEST(an_empty_file_ends_at_once),
        TEST(a_restart_goes_on_at_the_position),
        TEST(another_file_is_read_from_its_beginning),
        TEST(a_shorter_other_file_is_read_from_its_beginning),
        TEST(the_same_content_in_a_copy_goes_on),
        TEST(a_file_that_was_cut_off_is_refused),
        TEST(a_damaged_position_is_refused),
        TEST(what_is_missing_or_no_file_is_refused_by_name),
        TEST(what_may_not_be_read_is_refused_by_name),
        TEST(a_failed_read_can_be_tried_again),
        TEST(a_line_that_is_too_long_is_reported_and_passed_over),
        TEST(a_large_file_comes_whole_and_in_order),
        TEST(following_waits_for_more_and_for_the_end_of_a_line),
        TEST(following_waits_for_a_file_that_is_not_there_yet),
        TEST(following_goes_on_in_a_file_that_comes_back),
        TEST(following_finishes_a_renamed_file_before_the_new_one),
        TEST(following_reads_what_the_old_file_still_gets),
        TEST(following_begins_again_when_the_file_is_cut),
        TEST(a_file_being_cut_while_it_is_read_once_is_an_error),
        cmocka_unit_test(positions_are_named_after_the_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
