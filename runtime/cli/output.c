#include "cli/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int output_write_fd(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return errno;
        }
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

int output_flush(struct srt_buf *buf, struct srt_err *err)
{
    if (srt_buf_failed(buf)) {
        return srt_fail(err, SRT_ENOMEM, "output does not fit memory");
    }
    int sys = output_write_fd(STDOUT_FILENO, buf->data, buf->len);
    srt_buf_clear(buf);
    if (sys == EPIPE) {
        return srt_fail(err, SRT_EEND, "standard output is closed");
    }
    if (sys != 0) {
        return srt_fail_sys(err, srt_code_from_errno(sys), sys, "write to standard output");
    }
    return SRT_OK;
}

int output_flush_large(struct srt_buf *buf, struct srt_err *err)
{
    return buf->len >= OUTPUT_FLUSH_BYTES || buf->failed ? output_flush(buf, err) : SRT_OK;
}

/* Nobody is left to tell if this fails. */
void output_errors(const struct srt_buf *text)
{
    static const char none[] = "error: out of memory\n";
    if (srt_buf_failed(text)) {
        output_write_fd(STDERR_FILENO, none, sizeof none - 1);
    } else {
        output_write_fd(STDERR_FILENO, text->data, text->len);
    }
}

void output_note(const char *format, ...)
{
    struct srt_buf line;
    srt_buf_init(&line);
    va_list args;
    va_start(args, format);
    srt_buf_vprintf(&line, format, args);
    va_end(args);
    srt_buf_put_u8(&line, '\n');
    output_errors(&line);
    srt_buf_fini(&line);
}

bool output_color(int fd, bool refused)
{
    const char *force = getenv("CLICOLOR_FORCE");
    const char *never = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    if (refused || (never && never[0] != '\0')) {
        return false;
    }
    if (force && force[0] != '\0' && strcmp(force, "0") != 0) {
        return true;
    }
    return isatty(fd) && (!term || strcmp(term, "dumb") != 0);
}
