#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "connect/connectors.h"
#include "support/connect_fixture.h"

static int saved = -1;

static int setup(void **state)
{
    saved = dup(STDIN_FILENO);
    return fixture_setup(state);
}

static int teardown(void **state)
{
    int rc = fixture_teardown(state);
    if (saved >= 0) {
        dup2(saved, STDIN_FILENO);
        close(saved);
    }
    return rc;
}

static void open_as_stdin(struct fixture *fx, int fd)
{
    assert_true(dup2(fd, STDIN_FILENO) >= 0);
    close(fd);
    if (fixture_open(fx, &source_stdin_ops, false) != SRT_OK) {
        fail_msg("%s", fx->err.msg);
    }
}

static void put(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static const char *text_of(struct fixture *fx)
{
    return srt_buf_cstr(&fx->text);
}

/* The other end of what is standard input now. */
static void assert_lines_come_as_they_are_written(struct fixture *fx, int writer)
{
    assert_int_equal(fixture_read(fx), SRT_OK);
    assert_string_equal(text_of(fx), "");
    assert_true(fx->source->ops->drained(fx->source));
    put(writer, "one\ntw");
    assert_int_equal(fixture_read_count(fx, 1), SRT_OK);
    assert_string_equal(text_of(fx), "0:one|");
    put(writer, "o\nthree");
    assert_int_equal(fixture_read_count(fx, 1), SRT_OK);
    assert_string_equal(text_of(fx), "4:two|");
    close(writer);
    assert_int_equal(fixture_read_count(fx, 2), SRT_EEND);
    assert_string_equal(text_of(fx), "8:three|");
    assert_true(fx->source->ops->drained(fx->source));
    assert_int_equal(fixture_read(fx), SRT_EEND);
}

static void lines_of_a_pipe_come_as_they_are_written(void **state)
{
    struct fixture *fx = *state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    open_as_stdin(fx, fds[0]);
    assert_false(fcntl(STDIN_FILENO, F_GETFL) & O_NONBLOCK); /* what others share is as it was */
    assert_lines_come_as_they_are_written(fx, fds[1]);
}

static void lines_of_a_socket_come_as_they_are_written(void **state)
{
    struct fixture *fx = *state;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    open_as_stdin(fx, fds[0]);
    assert_lines_come_as_they_are_written(fx, fds[1]);
}

static void a_regular_file_is_read_from_where_it_stands(void **state)
{
    struct fixture *fx = *state;
    fixture_write(fx->path, "skipped\none\ntwo");
    int fd = open(fx->path, O_RDONLY);
    assert_int_equal(lseek(fd, 8, SEEK_SET), 8);
    open_as_stdin(fx, fd);
    assert_int_equal(fixture_read(fx), SRT_EEND);
    assert_string_equal(text_of(fx), "0:one|4:two|");
}

static void nothing_ends_at_once(void **state)
{
    struct fixture *fx = *state;
    open_as_stdin(fx, open("/dev/null", O_RDONLY));
    assert_int_equal(fixture_read(fx), SRT_EEND);
    assert_string_equal(text_of(fx), "");
}

static void a_directory_is_refused(void **state)
{
    struct fixture *fx = *state;
    int fd = open(fx->dir, O_RDONLY);
    assert_true(dup2(fd, STDIN_FILENO) >= 0);
    close(fd);
    assert_int_equal(fixture_open(fx, &source_stdin_ops, false), SRT_EINVAL);
    assert_string_equal(fx->err.msg, "standard input is a directory");
}

static void it_has_no_position_and_an_end(void **state)
{
    struct fixture *fx = *state;
    assert_null(source_stdin_ops.position_name(&fx->spec));
    assert_false(source_stdin_ops.endless(&fx->spec));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_of_a_pipe_come_as_they_are_written),
        TEST(lines_of_a_socket_come_as_they_are_written),
        TEST(a_regular_file_is_read_from_where_it_stands),
        TEST(nothing_ends_at_once),
        TEST(a_directory_is_refused),
        TEST(it_has_no_position_and_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
