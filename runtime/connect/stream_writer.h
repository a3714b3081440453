/* stream_writer.h - writing to a pipe, terminal or socket that may stall, so that another thread
 * can end the wait.
 *
 * Owner:   a sink embeds it.
 * Thread:  the sink's; stream_writer_interrupt: any, until fini.
 * Memory:  an eventfd.
 * Fails:   SRT_EINTERRUPTED after an interrupt, for good; SRT_ECLOSED when the reader went away;
 *          SRT_EIO. */
#ifndef SRT_CONNECT_STREAM_WRITER_H
#define SRT_CONNECT_STREAM_WRITER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct stream_writer {
    int fd;
    int event_fd;   /* readable once interrupted */
    bool owned;     /* fd is ours to close */
    size_t part_bytes; /* what can be written at once without blocking when fd is writable */
};

int stream_writer_init(struct stream_writer *w, struct srt_err *err);
void stream_writer_fini(struct stream_writer *w);

/* Write through fd, which stays the caller's. What others share (a terminal's O_NONBLOCK) is not
 * changed. */
int stream_writer_use(struct stream_writer *w, int fd, const char *name, struct srt_err *err);

/* Open a named pipe or a device; waits for a pipe's reader. */
int stream_writer_open(struct stream_writer *w, const char *path, struct srt_err *err);
void stream_writer_close(struct stream_writer *w);

/* All of it. */
int stream_writer_write(struct stream_writer *w, const void *data, size_t size, const char *name,
                        struct srt_err *err);
void stream_writer_interrupt(struct stream_writer *w);

#endif
