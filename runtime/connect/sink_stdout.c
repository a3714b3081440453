/* Standard output: it keeps no position, so what was written for an epoch that did not commit is
 * written again after a restart. */
#include <unistd.h>

#include "base/alloc.h"
#include "connect/connectors.h"
#include "connect/stream_writer.h"

static const char name[] = "standard output";

struct sink_stdout {
    struct sink sink;
    struct stream_writer writer;
    int64_t written_bytes;
};

static char *position_name(const struct stage *stage)
{
    (void)stage;
    return NULL;
}

static int open_sink(const struct stage *stage, const struct io_fs *fs, const int64_t *at,
                     struct sink **ret, struct srt_err *err)
{
    (void)stage;
    (void)fs;
    (void)at;
    struct sink_stdout *s = srt_xcalloc(1, sizeof *s);
    s->sink.ops = &sink_stdout_ops;
    int rc = stream_writer_init(&s->writer, err);
    if (rc == SRT_OK) {
        rc = stream_writer_use(&s->writer, STDOUT_FILENO, name, err);
    }
    if (rc != SRT_OK) {
        stream_writer_fini(&s->writer);
        srt_free(s);
        return rc;
    }
    *ret = &s->sink;
    return SRT_OK;
}

static int write_sink(struct sink *sink, const void *data, size_t size, struct srt_err *err)
{
    struct sink_stdout *s = (struct sink_stdout *)sink;
    int rc = stream_writer_write(&s->writer, data, size, name, err);
    if (rc == SRT_OK) {
        s->written_bytes += (int64_t)size;
    }
    return rc;
}

static int sync_sink(struct sink *sink, int64_t *ret_position, struct srt_err *err)
{
    (void)err;
    *ret_position = ((struct sink_stdout *)sink)->written_bytes;
    return SRT_OK;
}

static void interrupt_sink(struct sink *sink)
{
    stream_writer_interrupt(&((struct sink_stdout *)sink)->writer);
}

static void close_sink(struct sink *sink)
{
    struct sink_stdout *s = (struct sink_stdout *)sink;
    stream_writer_fini(&s->writer);
    srt_free(s);
}

const struct sink_ops sink_stdout_ops = {
    .kind = STAGE_TO_STDOUT,
    .position_name = position_name,
    .open = open_sink,
    .write = write_sink,
    .sync = sync_sink,
    .interrupt = interrupt_sink,
    .close = close_sink,
};
