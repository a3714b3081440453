/* Standard input, line by line. It has no position: what was read is gone, so its offsets only
 * count bytes and a restart goes on with whatever comes then.
 *
 * A pipe or terminal is read when the loop says that it has bytes. For the read not to wait, its
 * open file must not be blocking; but that flag is shared with every program that has the same open
 * file, so it is opened anew through /proc/self/fd. A regular file or a device that cannot be
 * waited for is always readable and is read directly. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "connect/connectors.h"
#include "connect/line_splitter.h"

enum {
    READ_BYTES = SRT_HOSTILE ? 23 : 256 << 10,
    READS_PER_POLL = 64,
};

struct source_stdin {
    struct source source;
    struct source_context context;
    int fd;
    bool owned;
    bool waits; /* has `readable`: a pipe, terminal or socket */
    bool at_end;
    bool drained;
    struct line_splitter lines;
    struct io_readable readable;
    io_closed_fn on_closed;
    void *on_closed_arg;
};

static struct source_stdin *stdin_of(struct source *source)
{
    return (struct source_stdin *)source;
}

static char *position_name(const struct source_spec *spec)
{
    (void)spec;
    return NULL;
}

static bool endless(const struct source_spec *spec)
{
    (void)spec;
    return false; /* it may take long, but its writer ends it */
}

static void on_readable(void *arg)
{
    struct source_stdin *s = arg;
    io_readable_stop(&s->readable);
    s->context.wake(s->context.wake_arg);
}

static void free_stdin(struct source_stdin *s)
{
    if (s->owned) {
        close(s->fd);
    }
    line_splitter_fini(&s->lines);
    srt_free(s);
}

static int open_source(const struct source_context *context, const int64_t *at,
                       const uint8_t *detail, uint32_t detail_len, struct source **ret,
                       struct srt_err *err)
{
    (void)at;
    (void)detail;
    (void)detail_len;
    struct stat st;
    if (fstat(STDIN_FILENO, &st) != 0) {
        return srt_fail_sys(err, SRT_EIO, errno, "open standard input");
    }
    if (S_ISDIR(st.st_mode)) {
        return srt_fail(err, SRT_EINVAL, "standard input is a directory");
    }
    struct source_stdin *s = srt_xcalloc(1, sizeof *s);
    s->source.ops = &source_stdin_ops;
    s->context = *context;
    s->fd = STDIN_FILENO;
    line_splitter_init(&s->lines, context->spec->codec, context->spec->max_record_bytes);
    if (!S_ISREG(st.st_mode)) {
        if (!S_ISSOCK(st.st_mode)) {
            char path[32];
            snprintf(path, sizeof path, "/proc/self/fd/%d", STDIN_FILENO);
            int own = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
            s->fd = own >= 0 ? own : s->fd;
            s->owned = own >= 0;
        }
        struct srt_err ignored; /* /dev/null and its like cannot be waited for, and need not be */
        s->waits = io_readable_init(&s->readable, context->loop, s->fd, on_readable, s, &ignored) ==
                   SRT_OK;
    }
    *ret = &s->source;
    return SRT_OK;
}

/* Bytes read, 0 at the end, or -EAGAIN, or another negative errno. */
static ssize_t read_some(struct source_stdin *s, uint8_t *to, size_t size)
{
    ssize_t n;
    do {
        n = read(s->fd, to, size);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static int poll_source(struct source *source, size_t max_bytes, struct source_batch *ret,
                       struct srt_err *err)
{
    struct source_stdin *s = stdin_of(source);
    size_t size = max_bytes < READ_BYTES ? max_bytes : READ_BYTES;
    int64_t now_ms = srt_clock_wall_ms(s->context.clock);
    s->drained = false;
    for (int reads = 0; reads < READS_PER_POLL; reads++) {
        line_splitter_take(&s->lines, max_bytes, s->at_end, now_ms, ret);
        if (ret->count > 0) {
            return SRT_OK;
        }
        if (s->at_end) {
            s->drained = true;
            return SRT_EEND;
        }
        uint8_t *to = line_splitter_space(&s->lines, size);
        if (!to) {
            return srt_fail(err, SRT_ENOMEM, "no memory to read standard input");
        }
        ssize_t n = read_some(s, to, size);
        if (n == -EAGAIN && s->waits) {
            s->drained = true;
            io_readable_start(&s->readable);
            return SRT_OK;
        }
        if (n < 0) {
            return srt_fail_sys(err, SRT_EIO, (int)-n, "read standard input");
        }
        line_splitter_filled(&s->lines, (size_t)n);
        s->at_end = n == 0;
    }
    s->context.wake(s->context.wake_arg); /* a line that is too long goes on and on */
    return SRT_OK;
}

static void detail(const struct source *source, const uint8_t **ret, uint32_t *ret_len)
{
    (void)source;
    *ret = NULL;
    *ret_len = 0;
}

static bool drained(const struct source *source)
{
    return ((const struct source_stdin *)source)->drained;
}

static void on_readable_closed(void *arg)
{
    struct source_stdin *s = arg;
    io_closed_fn on_closed = s->on_closed;
    void *on_closed_arg = s->on_closed_arg;
    free_stdin(s);
    on_closed(on_closed_arg);
}

static void close_source(struct source *source, io_closed_fn on_closed, void *arg)
{
    struct source_stdin *s = stdin_of(source);
    s->on_closed = on_closed;
    s->on_closed_arg = arg;
    if (s->waits) {
        io_readable_close(&s->readable, on_readable_closed);
    } else {
        on_readable_closed(s);
    }
}

const struct source_ops source_stdin_ops = {
    .kind = SOURCE_STDIN,
    .position_name = position_name,
    .open = open_source,
    .poll = poll_source,
    .detail = detail,
    .endless = endless,
    .drained = drained,
    .close = close_source,
};
