#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "connect/stream_writer.h"
#include "io/thread.h"
#include "support/connect_fixture.h"

struct reader {
    const char *path;
    char got[16];
    ssize_t count;
};

/* Opening waits until there is a writer; the writer waits until there is a reader. */
static void read_all(void *arg)
{
    struct reader *reader = arg;
    int fd = open(reader->path, O_RDONLY);
    reader->count = read(fd, reader->got, sizeof reader->got);
    close(fd);
}

static void opening_a_named_pipe_waits_for_its_reader(void **state)
{
    struct fixture *fx = *state;
    assert_int_equal(mkfifo(fx->path, 0600), 0);
    struct stream_writer writer;
    assert_int_equal(stream_writer_init(&writer, &fx->err), SRT_OK);
    struct reader reader = {.path = fx->path};
    struct io_thread thread;
    assert_int_equal(io_thread_start(&thread, IO_ROLE_SINK, -1, read_all, &reader, &fx->err),
                     SRT_OK);
    assert_int_equal(stream_writer_open(&writer, fx->path, &fx->err), SRT_OK);
    assert_int_equal(stream_writer_write(&writer, "hello", 5, fx->path, &fx->err), SRT_OK);
    io_thread_join(&thread);
    assert_int_equal(reader.count, 5);
    assert_memory_equal(reader.got, "hello", 5);
    stream_writer_fini(&writer);
}

static void an_interrupt_before_a_write_ends_it_too(void **state)
{
    struct fixture *fx = *state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct stream_writer writer;
    assert_int_equal(stream_writer_init(&writer, &fx->err), SRT_OK);
    assert_int_equal(stream_writer_use(&writer, fds[1], "the pipe", &fx->err), SRT_OK);
    assert_int_equal(stream_writer_write(&writer, "x", 1, "the pipe", &fx->err), SRT_OK);
    stream_writer_interrupt(&writer);
    stream_writer_interrupt(&writer);
    assert_int_equal(stream_writer_write(&writer, "x", 1, "the pipe", &fx->err), SRT_EINTERRUPTED);
    assert_string_equal(fx->err.msg, "write the pipe: interrupted");
    stream_writer_fini(&writer);
    close(fds[0]);
    close(fds[1]);
}

static void what_cannot_be_written_is_named(void **state)
{
    struct fixture *fx = *state;
    struct stream_writer writer;
    assert_int_equal(stream_writer_init(&writer, &fx->err), SRT_OK);
    assert_int_equal(stream_writer_open(&writer, fx->path, &fx->err), SRT_ENOENT);
    assert_non_null(strstr(fx->err.msg, fx->path));
    assert_int_equal(stream_writer_use(&writer, 987, "nothing", &fx->err), SRT_EIO);
    assert_non_null(strstr(fx->err.msg, "nothing"));
    assert_int_equal(stream_writer_open(&writer, "/dev/full", &fx->err), SRT_OK);
    assert_int_equal(stream_writer_write(&writer, "x", 1, "/dev/full", &fx->err), SRT_ENOSPC);
    stream_writer_fini(&writer);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the program does */
    const struct CMUnitTest tests[] = {
        TEST(opening_a_named_pipe_waits_for_its_reader),
        TEST(an_interrupt_before_a_write_ends_it_too),
        TEST(what_cannot_be_written_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
