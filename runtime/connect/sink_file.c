/* Lines appended to a file, exactly once: the length up to which an epoch's lines are in the file
 * and synced is committed with that epoch, and whatever a crash left behind that length is cut at
 * the next start.
 *
 *     | committed lines ............... | lines of an epoch that was not committed |
 *                                       ^at: cut here
 *
 * Before the first commit there is no length to cut to, and a file with content is perhaps
 * somebody's work. So as long as nothing is committed, a note beside the file
 * ("out.jsonl.uncommitted") says by device and inode that all its content is ours. It is durable
 * before the first byte and goes with the first commit. A file with content, without a position and
 * without a note is refused.
 *
 * A named pipe or a device has no length: it is written like standard output, and its position is
 * 0. */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/fault.h"
#include "connect/connectors.h"
#include "connect/stream_writer.h"

enum { NOTE_BYTES_MAX = 128 };

struct sink_file {
    struct sink sink;
    const struct io_fs *fs;
    const char *path; /* the graph's */
    char *note_path;
    int fd;         /* -1: a stream */
    int64_t length; /* where the next byte goes */
    bool noted;     /* the note is there */
    bool stream;
    struct stream_writer writer;
};

static struct sink_file *file_of(struct sink *sink)
{
    return (struct sink_file *)sink;
}

/* Whether the path is there and neither a regular file nor a directory. */
static bool is_stream(const struct io_fs *fs, const char *path)
{
    struct io_file_info info;
    struct srt_err ignored; /* opening it will say */
    return io_path_info(fs, path, &info, &ignored) == SRT_OK && !info.is_regular && !info.is_dir;
}

static char *position_name(const struct stage *stage)
{
    return srt_xasprintf("sink:file:%s", stage->path);
}

/* --- opening --- */

/* The directory that holds the file, for its entry to be made durable. */
static int sync_parent(const struct sink_file *f, struct srt_err *err)
{
    const char *slash = strrchr(f->path, '/');
    size_t len = !slash ? 0 : slash == f->path ? 1 : (size_t)(slash - f->path);
    char *dir = len ? srt_xstrndup(f->path, len) : srt_xstrdup(".");
    int rc = io_sync_dir(f->fs, dir, err);
    srt_free(dir);
    return rc;
}

static int remove_note(struct sink_file *f, struct srt_err *err)
{
    int rc = io_unlink(f->fs, f->note_path, err);
    f->noted = false;
    return rc == SRT_ENOENT ? SRT_OK : rc;
}

static void format_note(const struct io_file_info *info, struct srt_buf *to)
{
    srt_buf_printf(to,
                   "streamrt: nothing of the file beside this one is committed (device %" PRIu64
                   ", inode %" PRIu64 ")\n",
                   info->device, info->inode);
}

static int write_note(struct sink_file *f, const struct io_file_info *info, struct srt_err *err)
{
    struct srt_buf text = {0};
    format_note(info, &text);
    int rc = io_write_file_atomic(f->fs, f->note_path, text.data, text.len, err);
    srt_buf_fini(&text);
    f->noted = rc == SRT_OK;
    return rc;
}

static bool note_is_of(const struct sink_file *f, const struct io_file_info *info)
{
    struct srt_buf found = {0};
    struct srt_buf wanted = {0};
    struct srt_err ignored;
    format_note(info, &wanted);
    int rc = io_read_file(f->fs, f->note_path, NOTE_BYTES_MAX + 64, &found, &ignored);
    bool same =
        rc == SRT_OK && found.len == wanted.len && memcmp(found.data, wanted.data, wanted.len) == 0;
    srt_buf_fini(&found);
    srt_buf_fini(&wanted);
    return same;
}

static int cut(struct sink_file *f, const struct io_file_info *info, int64_t length,
               struct srt_err *err)
{
    f->length = length;
    if (info->size_bytes == (uint64_t)length) {
        return SRT_OK;
    }
    int rc = io_truncate(f->fs, f->fd, length, f->path, err);
    return rc == SRT_OK ? io_datasync(f->fs, f->fd, f->path, err) : rc;
}

static int open_at(struct sink_file *f, const struct io_file_info *info, int64_t at,
                   struct srt_err *err)
{
    if (info->size_bytes < (uint64_t)at) {
        return srt_fail(err, SRT_ERANGE,
                        "file '%s' has %" PRIu64 " bytes, but %" PRId64
                        " were written and committed: restore it, or write to another file",
                        f->path, info->size_bytes, at);
    }
    int rc = remove_note(f, err);
    return rc == SRT_OK ? cut(f, info, at, err) : rc;
}

static int open_new(struct sink_file *f, const struct io_file_info *info, struct srt_err *err)
{
    if (info->size_bytes > 0 && !note_is_of(f, info)) {
        return srt_fail(err, SRT_EEXIST,
                        "file '%s' has content that this pipeline did not write: move it away, or "
                        "write to another file",
                        f->path);
    }
    int rc = write_note(f, info, err);
    if (rc == SRT_OK) {
        rc = cut(f, info, 0, err);
    }
    return rc == SRT_OK ? sync_parent(f, err) : rc;
}

static int open_regular(struct sink_file *f, const int64_t *at, struct srt_err *err)
{
    bool committed_before = at && *at > 0;
    int flags = O_WRONLY | (committed_before ? 0 : O_CREAT);
    int rc = io_open(f->fs, f->path, flags, 0644, &f->fd, err);
    if (rc == SRT_ENOENT && committed_before) {
        return srt_fail(
            err, SRT_ENOENT,
            "file '%s' is gone, but %" PRId64
            " bytes of it were written and committed: restore it, or write to another file",
            f->path, *at);
    }
    if (rc != SRT_OK) {
        return rc;
    }
    struct io_file_info info;
    rc = io_info(f->fs, f->fd, &info, f->path, err);
    if (rc != SRT_OK) {
        return rc;
    }
    return committed_before ? open_at(f, &info, *at, err) : open_new(f, &info, err);
}

static void close_sink(struct sink *sink)
{
    struct sink_file *f = file_of(sink);
    io_close(f->fs, &f->fd);
    stream_writer_fini(&f->writer);
    srt_free(f->note_path);
    srt_free(f);
}

static int open_sink(const struct stage *stage, const struct io_fs *fs, const int64_t *at,
                     struct sink **ret, struct srt_err *err)
{
    struct sink_file *f = srt_xcalloc(1, sizeof *f);
    f->sink.ops = &sink_file_ops;
    f->fs = fs;
    f->path = stage->path;
    f->note_path = srt_xasprintf("%s.uncommitted", stage->path);
    f->fd = -1;
    f->stream = is_stream(fs, stage->path);
    int rc = stream_writer_init(&f->writer, err);
    if (rc == SRT_OK && !f->stream) {
        rc = open_regular(f, at, err);
    }
    if (rc != SRT_OK) {
        close_sink(&f->sink);
        return rc;
    }
    *ret = &f->sink;
    return SRT_OK;
}

/* --- writing --- */

static int write_stream(struct sink_file *f, const void *data, size_t size, struct srt_err *err)
{
    int rc = f->writer.fd < 0 ? stream_writer_open(&f->writer, f->path, err) : SRT_OK;
    if (rc == SRT_OK) {
        rc = stream_writer_write(&f->writer, data, size, f->path, err);
        if (rc == SRT_ECLOSED) {
            stream_writer_close(&f->writer); /* the next write waits for another reader */
        }
    }
    return rc;
}

static int write_sink(struct sink *sink, const void *data, size_t size, struct srt_err *err)
{
    struct sink_file *f = file_of(sink);
    int sys = SRT_FAULT(sink_file_write);
    if (sys != 0) {
        return srt_fail_sys(err, srt_code_from_errno(sys), sys, "write '%s'", f->path);
    }
    /* What a failed write left behind the length is overwritten by the next. */
    int rc = f->stream ? write_stream(f, data, size, err)
                       : io_write_at(f->fs, f->fd, data, size, f->length, f->path, err);
    if (rc == SRT_OK) {
        f->length += (int64_t)size;
    }
    return rc;
}

static int sync_sink(struct sink *sink, int64_t *ret_position, struct srt_err *err)
{
    struct sink_file *f = file_of(sink);
    int sys = SRT_FAULT(sink_file_sync);
    if (sys != 0) {
        return srt_fail_sys(err, SRT_EFSYNC, sys, "sync '%s'", f->path);
    }
    int rc = f->stream ? SRT_OK : io_datasync(f->fs, f->fd, f->path, err);
    if (rc == SRT_OK) {
        *ret_position = f->stream ? 0 : f->length;
    }
    return rc;
}

static void committed(struct sink *sink)
{
    struct sink_file *f = file_of(sink);
    struct srt_err ignored;
    if (f->noted) {
        (void)remove_note(f, &ignored); /* one that stays is removed at the next start */
    }
}

static void interrupt_sink(struct sink *sink)
{
    stream_writer_interrupt(&file_of(sink)->writer);
}

const struct sink_ops sink_file_ops = {
    .kind = STAGE_TO_FILE,
    .position_name = position_name,
    .open = open_sink,
    .write = write_sink,
    .sync = sync_sink,
    .committed = committed,
    .interrupt = interrupt_sink,
    .close = close_sink,
};
