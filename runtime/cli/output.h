/* output.h - standard output: data only, in large writes, and quiet when the reader has had enough.
 *
 * Owner:   the command that runs.
 * Thread:  main.
 * Memory:  the caller's buffers.
 * Fails:   SRT_EEND: the other end of the pipe is closed (`| head`): stop, it is not a failure.
 * SRT_EIO and SRT_ENOSPC. */
#ifndef SRT_CLI_OUTPUT_H
#define SRT_CLI_OUTPUT_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { OUTPUT_FLUSH_BYTES = 64 << 10 };

/* Write all of it to standard output and clear the buffer. */
int output_flush(struct srt_buf *buf, struct srt_err *err);

/* The same once the buffer holds OUTPUT_FLUSH_BYTES. */
int output_flush_large(struct srt_buf *buf, struct srt_err *err);

/* Lines for standard error, as they are; without memory one that says so. */
void output_errors(const struct srt_buf *text);

/* One line for people, whole, on standard error. */
void output_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Write all bytes to a descriptor, for what must not be cut in two. Returns 0 or an errno. */
int output_write_fd(int fd, const void *data, size_t size);

/* Whether text for people may be coloured on this descriptor: a terminal, TERM not "dumb", no
 * NO_COLOR. CLICOLOR_FORCE says yes to anything; `refused` (--no-color) says no to everything. */
bool output_color(int fd, bool refused);

#endif
