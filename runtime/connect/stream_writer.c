/* A write to a pipe can wait for its reader for ever. Here every wait is a poll() on two
 * descriptors: the stream and an eventfd that an interrupt makes readable.
 *
 * For the write itself not to wait, the stream must not be blocking; but O_NONBLOCK belongs to the
 * open file, which standard output shares with other programs (a shell's terminal). So the stream
 * is opened anew through /proc/self/fd, which gives an open file of our own. Where that is not
 * possible (a socket), writes are no larger than PIPE_BUF: so much fits when the stream is said to
 * be writable. */
#include "connect/stream_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"

enum {
    OWN_PART_BYTES = 64 << 10,
    READER_WAIT_MS = 50, /* nothing tells when a named pipe gets its first reader */
};

int stream_writer_init(struct stream_writer *w, struct srt_err *err)
{
    *w = (struct stream_writer){.fd = -1};
    w->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->event_fd < 0) {
        return srt_fail_sys(err, SRT_EIO, errno, "create an eventfd");
    }
    return SRT_OK;
}

void stream_writer_fini(struct stream_writer *w)
{
    stream_writer_close(w);
    if (w->event_fd >= 0) {
        close(w->event_fd);
    }
    w->event_fd = -1;
}

void stream_writer_close(struct stream_writer *w)
{
    if (w->owned && w->fd >= 0) {
        close(w->fd);
    }
    w->fd = -1;
    w->owned = false;
}

void stream_writer_interrupt(struct stream_writer *w)
{
    uint64_t one = 1;
    ssize_t n = write(w->event_fd, &one, sizeof one);
    srt_assert(n == (ssize_t)sizeof one || errno == EAGAIN); /* full: interrupted often enough */
}

static int fail_interrupted(const char *name, struct srt_err *err)
{
    return srt_fail(err, SRT_EINTERRUPTED, "write %s: interrupted", name);
}

int stream_writer_use(struct stream_writer *w, int fd, const char *name, struct srt_err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return srt_fail_sys(err, SRT_EIO, errno, "open %s", name);
    }
    w->fd = fd;
    w->owned = false;
    w->part_bytes = PIPE_BUF;
    if (S_ISREG(st.st_mode)) {
        w->part_bytes = SIZE_MAX; /* never waits for anyone, and a new open file would begin at 0 */
        return SRT_OK;
    }
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (own >= 0) {
        w->fd = own;
        w->owned = true;
        w->part_bytes = OWN_PART_BYTES;
    }
    return SRT_OK;
}

int stream_writer_open(struct stream_writer *w, const char *path, struct srt_err *err)
{
    for (;;) {
        int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        if (fd >= 0) {
            w->fd = fd;
            w->owned = true;
            w->part_bytes = OWN_PART_BYTES;
            return SRT_OK;
        }
        if (errno != ENXIO && errno != EINTR) {
            return srt_fail_sys(err, srt_code_from_errno(errno), errno, "open '%s'", path);
        }
        struct pollfd wait = {.fd = w->event_fd, .events = POLLIN};
        if (poll(&wait, 1, READER_WAIT_MS) > 0) {
            return fail_interrupted(path, err);
        }
    }
}

/* Until the stream takes bytes, or an interrupt. */
static int wait_writable(struct stream_writer *w, const char *name, struct srt_err *err)
{
    struct pollfd fds[2] = {{.fd = w->event_fd, .events = POLLIN},
                            {.fd = w->fd, .events = POLLOUT}};
    while (poll(fds, 2, -1) < 0) {
        if (errno != EINTR) {
            return srt_fail_sys(err, SRT_EIO, errno, "write %s", name);
        }
    }
    return fds[0].revents ? fail_interrupted(name, err) : SRT_OK;
}

int stream_writer_write(struct stream_writer *w, const void *data, size_t size, const char *name,
                        struct srt_err *err)
{
    const uint8_t *at = data;
    while (size > 0) {
        int rc = wait_writable(w, name, err);
        if (rc != SRT_OK) {
            return rc;
        }
        ssize_t n = write(w->fd, at, size < w->part_bytes ? size : w->part_bytes);
        if (n >= 0) {
            at += n;
            size -= (size_t)n;
        } else if (errno == EPIPE) {
            return srt_fail_sys(err, SRT_ECLOSED, errno, "write %s: its reader is gone", name);
        } else if (errno != EINTR && errno != EAGAIN) {
            return srt_fail_sys(err, srt_code_from_errno(errno), errno, "write %s", name);
        }
    }
    return SRT_OK;
}
