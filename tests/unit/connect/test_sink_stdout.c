#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "connect/connectors.h"
#include "io/thread.h"

/* Standard output is a stream of the test while a sink is open: nothing may be asserted then that
 * prints there when it fails, so results are kept and judged afterwards. */
struct out {
    int saved;
    struct sink *sink;
    struct srt_err err;
    int rc;
};

static void out_begin(struct out *out, int fd)
{
    *out = (struct out){.saved = dup(STDOUT_FILENO)};
    dup2(fd, STDOUT_FILENO);
    struct stage stage = {.kind = STAGE_TO_STDOUT};
    out->rc = sink_stdout_ops.open(&stage, io_fs_real(), NULL, &out->sink, &out->err);
}

static void out_end(struct out *out)
{
    if (out->sink) {
        out->sink->ops->close(out->sink);
    }
    dup2(out->saved, STDOUT_FILENO);
    close(out->saved);
}

static int out_write(struct out *out, const void *data, size_t size)
{
    return out->sink->ops->write(out->sink, data, size, &out->err);
}

static void a_pipe_gets_the_lines(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct out out;
    out_begin(&out, fds[1]);
    int rc = out.rc;
    int first = rc == SRT_OK ? out_write(&out, "one\n", 4) : rc;
    int second = rc == SRT_OK ? out_write(&out, "two\n", 4) : rc;
    int64_t position = 0;
    int sync = rc == SRT_OK ? out.sink->ops->sync(out.sink, &position, &out.err) : rc;
    bool blocking = !(fcntl(fds[1], F_GETFL) & O_NONBLOCK);
    out_end(&out);
    assert_int_equal(rc, SRT_OK);
    assert_int_equal(first, SRT_OK);
    assert_int_equal(second, SRT_OK);
    assert_int_equal(sync, SRT_OK);
    assert_int_equal(position, 8);
    assert_true(blocking); /* what others share was not changed */
    char got[16] = {0};
    assert_int_equal(read(fds[0], got, sizeof got), 8);
    assert_string_equal(got, "one\ntwo\n");
    close(fds[0]);
    close(fds[1]);
}

static void a_regular_file_gets_the_lines(void **state)
{
    (void)state;
    char path[] = "/tmp/srt-stdout-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "before\n", 7), 7);
    struct out out;
    out_begin(&out, fd);
    int rc = out_write(&out, "one\n", 4);
    out_end(&out);
    assert_int_equal(rc, SRT_OK);
    char got[32] = {0};
    assert_int_equal(pread(fd, got, sizeof got, 0), 11);
    assert_string_equal(got, "before\none\n");
    close(fd);
    unlink(path);
}

static void a_reader_that_went_away_is_an_error(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct out out;
    out_begin(&out, fds[1]);
    close(fds[0]);
    int rc = out_write(&out, "x\n", 2);
    out_end(&out);
    close(fds[1]);
    assert_int_equal(rc, SRT_ECLOSED);
    assert_non_null(strstr(out.err.msg, "standard output: its reader is gone"));
}

/* --- interrupting --- */

struct stall {
    int read_fd;
    size_t full_bytes;
    struct sink *sink;
};

static void interrupt_when_full(void *arg)
{
    struct stall *stall = arg;
    int pending = 0;
    while (ioctl(stall->read_fd, FIONREAD, &pending) == 0 && (size_t)pending < stall->full_bytes) {
        usleep(1000);
    }
    stall->sink->ops->interrupt(stall->sink);
}

static void stalled_write_is_interrupted(int read_fd, int write_fd, size_t full_bytes)
{
    static char large[4 << 20];
    struct out out;
    out_begin(&out, write_fd);
    struct stall stall = {.read_fd = read_fd, .full_bytes = full_bytes, .sink = out.sink};
    struct io_thread thread;
    struct srt_err err;
    int started = io_thread_start(&thread, IO_ROLE_SINK, -1, interrupt_when_full, &stall, &err);
    int rc = out_write(&out, large, sizeof large);
    io_thread_join(&thread);
    int again = out_write(&out, "x", 1); /* and stays so */
    out_end(&out);
    assert_int_equal(started, SRT_OK);
    assert_int_equal(rc, SRT_EINTERRUPTED);
    assert_int_equal(again, SRT_EINTERRUPTED);
}

static void a_stalled_pipe_can_be_interrupted(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    stalled_write_is_interrupted(fds[0], fds[1], (size_t)fcntl(fds[1], F_GETPIPE_SZ));
    close(fds[0]);
    close(fds[1]);
}

/* A socket cannot be opened anew, so the writes are small ones. */
static void a_stalled_socket_can_be_interrupted(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    stalled_write_is_interrupted(fds[0], fds[1], 4096);
    close(fds[0]);
    close(fds[1]);
}

static void drain(void *arg)
{
    struct stall *stall = arg;
    char block[5000];
    size_t got = 0;
    while (got < stall->full_bytes) {
        ssize_t n = read(stall->read_fd, block, sizeof block);
        if (n <= 0) {
            break;
        }
        got += (size_t)n;
    }
    stall->full_bytes = got;
}

static void a_slow_reader_gets_everything(void **state)
{
    (void)state;
    static char large[1 << 20];
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct out out;
    out_begin(&out, fds[1]);
    struct stall stall = {.read_fd = fds[0], .full_bytes = sizeof large};
    struct io_thread thread;
    struct srt_err err;
    int started = io_thread_start(&thread, IO_ROLE_SINK, -1, drain, &stall, &err);
    int rc = out_write(&out, large, sizeof large);
    io_thread_join(&thread);
    out_end(&out);
    assert_int_equal(started, SRT_OK);
    assert_int_equal(rc, SRT_OK);
    assert_int_equal(stall.full_bytes, sizeof large);
    close(fds[0]);
    close(fds[1]);
}

static void it_keeps_no_position(void **state)
{
    (void)state;
    struct stage stage = {.kind = STAGE_TO_STDOUT};
    assert_null(sink_stdout_ops.position_name(&stage));
    assert_ptr_equal(connector_sink(connectors_builtin(), STAGE_PRINT), &sink_stdout_ops);
    assert_ptr_equal(connector_sink(connectors_builtin(), STAGE_TO_FILE), &sink_file_ops);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the program does */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pipe_gets_the_lines),
        cmocka_unit_test(a_regular_file_gets_the_lines),
        cmocka_unit_test(a_reader_that_went_away_is_an_error),
        cmocka_unit_test(a_stalled_pipe_can_be_interrupted),
        cmocka_unit_test(a_stalled_socket_can_be_interrupted),
        cmocka_unit_test(a_slow_reader_gets_everything),
        cmocka_unit_test(it_keeps_no_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
