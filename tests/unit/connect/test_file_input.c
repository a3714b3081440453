/* file_input.c, alone and under the source: plain files and files that gzip compressed. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "connect/connectors.h"
#include "connect/file_input.h"
#include "record/gzip.h"
#include "support/cmocka_srt.h"
#include "support/connect_fixture.h"

static const char *text_of(struct fixture *fx)
{
    return srt_buf_cstr(&fx->text);
}

/* Append a member that holds the text. */
static void put_member(struct srt_buf *to, const char *text)
{
    uint8_t packed[4096];
    size_t size;
    assert_int_equal(gzip_encode((const uint8_t *)text, strlen(text), packed, sizeof packed, &size),
                     SRT_OK);
    srt_buf_put(to, packed, size);
}

static void write_gzip(struct fixture *fx, const char *text)
{
    struct srt_buf file = {0};
    put_member(&file, text);
    fixture_write_bytes(fx->path, file.data, file.len);
    srt_buf_fini(&file);
}

static void open_ok(struct fixture *fx, bool resume)
{
    if (fixture_open(fx, &source_file_ops, resume) != SRT_OK) {
        fail_msg("%s", fx->err.msg);
    }
}

/* --- alone --- */

static void every_offset_of_a_compressed_file_can_be_begun_at(void **state)
{
    struct fixture *fx = *state;
    const struct io_fs *fs = io_fs_real();
    static const char text[] = "0123456789abcdef";
    write_gzip(fx, text);
    for (int64_t offset = 0; offset <= 16; offset++) {
        for (size_t step = 1; step < 18; step++) {
            int fd = -1;
            bool gzip = false;
            struct file_input in;
            assert_int_equal(io_open(fs, fx->path, O_RDONLY, 0, &fd, &fx->err), SRT_OK);
            assert_int_equal(file_input_is_gzip(fs, fd, fx->path, &gzip, &fx->err), SRT_OK);
            assert_true(gzip);
            assert_int_equal(file_input_open(&in, fs, fx->path, fd, gzip, offset, &fx->err),
                             SRT_OK);
            char got[40] = "";
            size_t have = 0;
            size_t size = 0;
            bool again = false;
            do {
                assert_int_equal(
                    file_input_read(&in, (uint8_t *)got + have, step, &size, &again, &fx->err),
                    SRT_OK);
                have += size;
            } while (size > 0 || again);
            got[have] = '\0';
            assert_string_equal(got, text + offset);
            assert_int_equal(file_input_check_end(&in, &fx->err), SRT_OK);
            file_input_close(&in);
        }
    }
}

/* --- under the source --- */

static void a_compressed_file_is_read_as_what_it_holds(void **state)
{
    struct fixture *fx = *state;
    write_gzip(fx, "one\ntwo\nthree");
    open_ok(fx, false);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    assert_string_equal(text_of(fx), "0:one|4:two|8:three|");
    assert_int_equal(fx->position, 13);
}

static void members_are_one_stream_and_lines_go_across_them(void **state)
{
    struct fixture *fx = *state;
    struct srt_buf file = {0};
    put_member(&file, "one\ntw");
    put_member(&file, "");
    put_member(&file, "o\nthree\n");
    srt_buf_put(&file, "\0\0\0", 3);
    fixture_write_bytes(fx->path, file.data, file.len);
    open_ok(fx, false);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    assert_string_equal(text_of(fx), "0:one|4:two|8:three|");
    srt_buf_fini(&file);
}

static void a_restart_goes_on_in_what_the_file_holds(void **state)
{
    struct fixture *fx = *state;
    struct srt_buf file = {0};
    put_member(&file, "one\ntwo\nthree\n");
    fixture_write_bytes(fx->path, file.data, file.len);
    open_ok(fx, false);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    fixture_close(fx);
    fx->position = 4;
    open_ok(fx, true);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    assert_string_equal(text_of(fx), "4:two|8:three|");
    fixture_close(fx);

    put_member(&file, "four\n"); /* it got another member */
    fixture_write_bytes(fx->path, file.data, file.len);
    open_ok(fx, true);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    assert_string_equal(text_of(fx), "14:four|");
    fixture_close(fx);

    write_gzip(fx, "other\n");
    open_ok(fx, true);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    assert_string_equal(text_of(fx), "0:other|");
    srt_buf_fini(&file);
}

static void a_large_one_is_begun_far_behind_its_beginning(void **state)
{
    struct fixture *fx = *state;
    struct srt_buf text = {0};
    for (int i = 0; i < 300000; i++) {
        srt_buf_printf(&text, "line %d of many\n", i);
    }
    uint8_t *packed = malloc(text.len);
    size_t size;
    assert_int_equal(gzip_encode(text.data, text.len, packed, text.len, &size), SRT_OK);
    fixture_write_bytes(fx->path, packed, size);
    open_ok(fx, false);
    struct source_batch batch;
    assert_int_equal(fx->source->ops->poll(fx->source, 100, &batch, &fx->err), SRT_OK);
    const uint8_t *detail;
    fx->source->ops->detail(fx->source, &detail, &fx->detail_len);
    memcpy(fx->detail, detail, fx->detail_len);
    fixture_close(fx);
    fx->position = (int64_t)text.len - 40;
    open_ok(fx, true);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    char expected[100];
    snprintf(expected, sizeof expected, "%d:line 299998 of many|%d:line 299999 of many|",
             (int)text.len - 40, (int)text.len - 20);
    assert_string_equal(text_of(fx), expected);
    free(packed);
    srt_buf_fini(&text);
}

static void damage_comes_after_what_stands_before_it(void **state)
{
    struct fixture *fx = *state;
    struct srt_buf file = {0};
    put_member(&file, "one\ntwo\n");
    size_t end = file.len;
    srt_buf_put_str(&file, "rubbish");
    fixture_write_bytes(fx->path, file.data, file.len);
    open_ok(fx, false);
    assert_int_equal(fixture_read(fx), SRT_ECORRUPT);
    assert_string_equal(text_of(fx), "0:one|4:two|");
    char expected[64];
    snprintf(expected, sizeof expected, "the gzip data is damaged at byte %zu: ", end + 2);
    assert_non_null(strstr(fx->err.msg, expected));
    assert_non_null(strstr(fx->err.msg, fx->path));
    srt_buf_fini(&file);
}

static void what_ends_early_is_told_with_its_place(void **state)
{
    struct fixture *fx = *state;
    struct srt_buf file = {0};
    put_member(&file, "one\ntwo\n");
    fixture_write_bytes(fx->path, file.data, file.len - 3);
    open_ok(fx, false);
    assert_int_equal(fixture_read(fx), SRT_ECORRUPT);
    char expected[64];
    snprintf(expected, sizeof expected, "the gzip data ends too early, at byte %zu", file.len - 3);
    assert_non_null(strstr(fx->err.msg, expected));
    srt_buf_fini(&file);
}

static void one_that_became_shorter_is_refused(void **state)
{
    struct fixture *fx = *state;
    struct srt_buf file = {0};
    put_member(&file, "one\ntwo\n");
    size_t first = file.len;
    put_member(&file, "three\n");
    fixture_write_bytes(fx->path, file.data, file.len);
    open_ok(fx, false);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    fixture_close(fx);
    fixture_write_bytes(fx->path, file.data, first);
    fx->detail[17] = 0; /* the identity looks at fewer bytes, as that of a large file would */
    fx->detail[18] = 0;
    memset(fx->detail + 19, 0, 4);
    open_ok(fx, true);
    assert_int_equal(fixture_read(fx), SRT_ERANGE);
    assert_non_null(strstr(fx->err.msg, "holds 6 bytes less"));
    srt_buf_fini(&file);
}

static void a_compressed_file_cannot_be_followed(void **state)
{
    struct fixture *fx = *state;
    fx->spec.follow = true;
    write_gzip(fx, "one\n");
    assert_int_equal(fixture_open(fx, &source_file_ops, false), SRT_EINVAL);
    assert_non_null(strstr(fx->err.msg, "is compressed by gzip and cannot be followed"));

    /* also when it becomes one */
    fixture_write(fx->path, "");
    open_ok(fx, false);
    assert_int_equal(fixture_read(fx), SRT_OK);
    write_gzip(fx, "one\n");
    assert_int_equal(fixture_read_count(fx, 1), SRT_EINVAL);
    assert_string_equal(text_of(fx), "");
}

static void a_failed_read_can_be_tried_again(void **state)
{
    struct fixture *fx = *state;
    write_gzip(fx, "one\ntwo\n");
    open_ok(fx, false);
    srt_fault_arm(SRT_FAULT_source_file_read, 1, SRT_FAULT_ERRNO, EIO);
    assert_int_equal(fixture_read(fx), SRT_EIO);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    assert_string_equal(text_of(fx), "0:one|4:two|");
}

static void almost_the_magic_is_plain_text(void **state)
{
    struct fixture *fx = *state;
    fixture_write_bytes(fx->path, "\x1f\x8b", 2);
    open_ok(fx, false);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    assert_string_equal(text_of(fx), "0:\x1f\x8b|");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_offset_of_a_compressed_file_can_be_begun_at),
        TEST(a_compressed_file_is_read_as_what_it_holds),
        TEST(members_are_one_stream_and_lines_go_across_them),
        TEST(a_restart_goes_on_in_what_the_file_holds),
        TEST(a_large_one_is_begun_far_behind_its_beginning),
        TEST(damage_comes_after_what_stands_before_it),
        TEST(what_ends_early_is_told_with_its_place),
        TEST(one_that_became_shorter_is_refused),
        TEST(a_compressed_file_cannot_be_followed),
        TEST(a_failed_read_can_be_tried_again),
        TEST(almost_the_magic_is_plain_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
