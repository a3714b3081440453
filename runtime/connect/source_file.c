/* A file, line by line: once to its end, or followed as it grows.
 *
 *     poll --> records that are split already --yes--> give them out
 *               `--no--> read a chunk, split --> again
 *                         `--at the end--> once: the rest is the last line; then SRT_EEND
 *                                          following: look again in FOLLOW_MS
 *
 * A position is the offset of a line's first byte, and beside it stands the file's identity, so
 * that a restart goes on in the same file, begins at 0 in another one that took its place, and
 * refuses to guess when the same file has become shorter than what was read of it.
 *
 * While following, the path may get another file (a rotation by rename): the old one is read to its
 * end first, one look later than the new one was seen, because its writer may still be finishing. A
 * file that was cut in place (copytruncate) is begun again. A path that is not there yet is waited
 * for. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/fault.h"
#include "base/log.h"
#include "connect/connectors.h"
#include "connect/file_identity.h"
#include "connect/line_splitter.h"

enum {
    FOLLOW_MS = 200,
    READ_BYTES = SRT_HOSTILE ? 23 : 256 << 10,
    STEPS_PER_POLL = 64, /* then let others run: a line that is too long may go on for gigabytes */
};

struct source_file {
    struct source source;
    struct source_context context; /* its spec lives as long as the graph */
    int fd;                        /* -1: not there yet */
    bool at_end;                   /* nothing more will come: what is left is the last line */
    bool drained;
    bool replaced;     /* following: another file was seen at the path */
    int64_t resume_at; /* following: where to go on in a file that is not there yet */
    struct line_splitter lines;
    struct file_identity identity;
    uint8_t detail[FILE_IDENTITY_CODED_BYTES];
    struct io_timer timer;
    io_closed_fn on_closed;
    void *on_closed_arg;
};

static struct source_file *file_of(struct source *source)
{
    return (struct source_file *)source;
}

static char *position_name(const struct source_spec *spec)
{
    return srt_xasprintf("file:%s", spec->path);
}

static bool endless(const struct source_spec *spec)
{
    return spec->follow;
}

static void on_timer(void *arg)
{
    struct source_file *f = arg;
    f->context.wake(f->context.wake_arg);
}

/* --- opening --- */

static int read_identity(struct source_file *f, struct srt_err *err)
{
    int rc = file_identity_read(f->context.fs, f->fd, f->context.spec->path,
                                FILE_IDENTITY_HEAD_BYTES, &f->identity, err);
    if (rc == SRT_OK) {
        file_identity_encode(&f->identity, f->detail);
    }
    return rc;
}

/* Opened without waiting, since a named pipe would wait for its writer. */
static int open_regular(const struct source_context *context, int *ret_fd, struct srt_err *err)
{
    const struct io_fs *fs = context->fs;
    const char *path = context->spec->path;
    int fd = -1;
    int rc = io_open(fs, path, O_RDONLY | O_NONBLOCK, 0, &fd, err);
    if (rc != SRT_OK) {
        return rc;
    }
    struct io_file_info info;
    int sys = fs->info(fs, fd, &info);
    if (sys < 0) {
        rc = srt_fail_sys(err, srt_code_from_errno(-sys), -sys, "open '%s'", path);
    } else if (!info.is_regular) {
        rc = srt_fail(err, SRT_EINVAL, "'%s' is %s, not a regular file%s", path,
                      info.is_dir ? "a directory" : "a pipe or device",
                      info.is_dir ? "" : "; read it through `from: {stdin: {}}`");
    }
    if (rc != SRT_OK) {
        io_close(fs, &fd);
        return rc;
    }
    *ret_fd = fd;
    return SRT_OK;
}

static int fail_position(const struct source_file *f, int code, struct srt_err *err)
{
    return srt_fail(err, code, "the stored position in '%s' cannot be read (%s)",
                    f->context.spec->path, srt_code_text(code));
}

/* Where to go on in the file that is open now, after it was read up to `at` before. */
static int find_place(struct source_file *f, int64_t at, const uint8_t *detail, uint32_t detail_len,
                      int64_t *ret_offset, struct srt_err *err)
{
    const char *path = f->context.spec->path;
    struct file_identity then;
    int rc = file_identity_decode(detail, detail_len, &then);
    if (rc != SRT_OK) {
        return fail_position(f, rc, err);
    }
    bool same;
    rc = file_identity_same_content(f->context.fs, f->fd, path, &then, &same, err);
    if (rc != SRT_OK) {
        return rc;
    }
    if (!same) {
        log_warn(LOG_CONNECT,
                 "file '%s' is not the one that was read up to byte %" PRId64
                 " before (its first bytes differ): reading it from the beginning; what the "
                 "other one got since then is not read",
                 path, at);
        *ret_offset = 0;
        return SRT_OK;
    }
    struct io_file_info info;
    int sys = f->context.fs->info(f->context.fs, f->fd, &info);
    if (sys < 0) {
        return srt_fail_sys(err, srt_code_from_errno(-sys), -sys, "read '%s'", path);
    }
    if (info.size_bytes < (uint64_t)at) {
        return srt_fail(err, SRT_ERANGE,
                        "file '%s' has %" PRIu64 " bytes, but was read up to byte %" PRId64
                        " before: it was cut off; restore it, or reset the pipeline's positions",
                        path, info.size_bytes, at);
    }
    *ret_offset = at;
    return SRT_OK;
}

/* Go on in the file that was just opened: at `at` if that is still the place, else at its
 * beginning. */
static int begin_file(struct source_file *f, int64_t at, const uint8_t *detail, uint32_t detail_len,
                      struct srt_err *err)
{
    int64_t offset = 0;
    int rc = at > 0 ? find_place(f, at, detail, detail_len, &offset, err) : SRT_OK;
    if (rc == SRT_OK) {
        rc = read_identity(f, err);
    }
    if (rc == SRT_OK) {
        line_splitter_reset(&f->lines, offset);
    }
    return rc;
}

static int open_first(struct source_file *f, int64_t at, const uint8_t *detail, uint32_t detail_len,
                      struct srt_err *err)
{
    int rc = open_regular(&f->context, &f->fd, err);
    if (rc == SRT_OK) {
        return begin_file(f, at, detail, detail_len, err);
    }
    if (rc != SRT_ENOENT || !f->context.spec->follow) {
        return rc;
    }
    if (at > 0) {
        rc = file_identity_decode(detail, detail_len, &f->identity);
        if (rc != SRT_OK) {
            return fail_position(f, rc, err);
        }
        file_identity_encode(&f->identity, f->detail);
        f->resume_at = at;
        line_splitter_reset(&f->lines, at);
    }
    log_info(LOG_CONNECT, "file '%s' does not exist yet: waiting for it", f->context.spec->path);
    return SRT_OK;
}

static void free_file(struct source_file *f)
{
    io_close(f->context.fs, &f->fd);
    line_splitter_fini(&f->lines);
    srt_free(f);
}

static int open_source(const struct source_context *context, const int64_t *at,
                       const uint8_t *detail, uint32_t detail_len, struct source **ret,
                       struct srt_err *err)
{
    struct source_file *f = srt_xcalloc(1, sizeof *f);
    f->source.ops = &source_file_ops;
    f->context = *context;
    f->fd = -1;
    line_splitter_init(&f->lines, context->spec->codec, context->spec->max_record_bytes);
    int rc = open_first(f, at ? *at : 0, detail, detail_len, err);
    if (rc != SRT_OK) {
        free_file(f);
        return rc;
    }
    io_timer_init(&f->timer, context->loop, on_timer, f);
    *ret = &f->source;
    return SRT_OK;
}

/* --- following --- */

static bool path_has_another_file(const struct source_file *f)
{
    struct io_file_info info;
    const struct io_fs *fs = f->context.fs;
    return fs->path_info(fs, f->context.spec->path, &info) == 0 && info.is_regular &&
           (info.inode != f->identity.inode || info.device != f->identity.device);
}

/* The file that was waited for. SRT_ENOENT: not yet. */
static int open_late(struct source_file *f, struct srt_err *err)
{
    int rc = open_regular(&f->context, &f->fd, err);
    if (rc != SRT_OK) {
        return rc;
    }
    rc = begin_file(f, f->resume_at, f->detail, sizeof f->detail, err);
    if (rc != SRT_OK) {
        io_close(f->context.fs, &f->fd);
        return rc;
    }
    f->resume_at = 0;
    return SRT_OK;
}

/* The old file is read: on to the one that took its place. SRT_ENOENT: it went away again. */
static int open_next(struct source_file *f, struct srt_err *err)
{
    int fd = -1;
    int rc = open_regular(&f->context, &fd, err);
    if (rc != SRT_OK) {
        return rc;
    }
    int old = f->fd;
    f->fd = fd;
    rc = begin_file(f, 0, NULL, 0, err);
    if (rc != SRT_OK) {
        f->fd = old;
        io_close(f->context.fs, &fd);
        return rc;
    }
    io_close(f->context.fs, &old);
    f->replaced = false;
    f->at_end = false;
    return SRT_OK;
}

/* At the end of a file that is followed. Sets *ret_again when there may be more at once. */
static int follow_on(struct source_file *f, bool *ret_again, struct srt_err *err)
{
    const char *path = f->context.spec->path;
    struct io_file_info info;
    int sys = f->context.fs->info(f->context.fs, f->fd, &info);
    if (sys < 0) {
        return srt_fail_sys(err, srt_code_from_errno(-sys), -sys, "read '%s'", path);
    }
    if ((int64_t)info.size_bytes < line_splitter_end(&f->lines)) {
        log_warn(LOG_CONNECT,
                 "file '%s' was cut to %" PRIu64
                 " bytes while it was followed: reading it from the "
                 "beginning",
                 path, info.size_bytes);
        line_splitter_reset(&f->lines, 0);
        *ret_again = true;
        return read_identity(f, err);
    }
    bool replaced_before = f->replaced;
    f->replaced = path_has_another_file(f);
    f->at_end = replaced_before && f->replaced; /* this one has had its time */
    *ret_again = f->at_end;
    return SRT_OK;
}

/* --- polling --- */

static int read_chunk(struct source_file *f, size_t max_bytes, size_t *ret_size,
                      struct srt_err *err)
{
    const char *path = f->context.spec->path;
    size_t size = max_bytes < READ_BYTES ? max_bytes : READ_BYTES;
    uint8_t *to = line_splitter_space(&f->lines, size);
    if (!to) {
        return srt_fail(err, SRT_ENOMEM, "no memory to read '%s'", path);
    }
    int sys = SRT_FAULT(source_file_read);
    ssize_t n;
    do {
        n = sys ? -sys
                : f->context.fs->pread(f->context.fs, f->fd, to, size,
                                       line_splitter_end(&f->lines));
    } while (n == -EINTR);
    if (n < 0) {
        return srt_fail_sys(err, srt_code_from_errno((int)-n), (int)-n, "read '%s'", path);
    }
    line_splitter_filled(&f->lines, (size_t)n);
    *ret_size = (size_t)n;
    return SRT_OK;
}

/* The file has no more bytes now. Sets *ret_wait when there is nothing to do before the timer. */
static int reach_end(struct source_file *f, bool *ret_wait, struct srt_err *err)
{
    *ret_wait = false;
    if (f->context.spec->follow) {
        bool again = false;
        int rc = follow_on(f, &again, err);
        *ret_wait = !again;
        return rc;
    }
    struct io_file_info info;
    int sys = f->context.fs->info(f->context.fs, f->fd, &info);
    if (sys == 0 && (int64_t)info.size_bytes < line_splitter_end(&f->lines)) {
        return srt_fail(err, SRT_ERANGE,
                        "file '%s' was cut to %" PRIu64 " bytes while it was read (byte %" PRId64
                        ")",
                        f->context.spec->path, info.size_bytes, line_splitter_end(&f->lines));
    }
    f->at_end = true;
    return SRT_OK;
}

/* Nothing now: look again later. */
static int wait_for_more(struct source_file *f, struct source_batch *ret)
{
    f->drained = true;
    *ret = (struct source_batch){.next_offset = f->lines.offset, .bad_index = -1};
    io_timer_start(&f->timer, FOLLOW_MS, 0);
    return SRT_OK;
}

/* One step towards the next record; *ret_wait when there is nothing more to do now. */
static int advance(struct source_file *f, size_t max_bytes, bool *ret_wait, struct srt_err *err)
{
    if (f->fd < 0 || f->at_end) {
        int rc = f->fd < 0 ? open_late(f, err) : open_next(f, err);
        *ret_wait = rc == SRT_ENOENT;
        return rc == SRT_ENOENT ? SRT_OK : rc;
    }
    *ret_wait = false;
    size_t size = 0;
    int rc = read_chunk(f, max_bytes, &size, err);
    if (rc != SRT_OK) {
        return rc;
    }
    if (size == 0) {
        return reach_end(f, ret_wait, err);
    }
    return f->identity.head_bytes < FILE_IDENTITY_HEAD_BYTES ? read_identity(f, err) : SRT_OK;
}

static int poll_source(struct source *source, size_t max_bytes, struct source_batch *ret,
                       struct srt_err *err)
{
    struct source_file *f = file_of(source);
    int64_t now_ms = srt_clock_wall_ms(f->context.clock);
    f->drained = false;
    for (int step = 0; step < STEPS_PER_POLL; step++) {
        struct source_batch batch;
        line_splitter_take(&f->lines, max_bytes, f->at_end, now_ms, &batch);
        if (batch.count > 0) {
            *ret = batch;
            return SRT_OK;
        }
        if (f->at_end && !f->replaced) {
            f->drained = true;
            return SRT_EEND;
        }
        bool wait = false;
        int rc = advance(f, max_bytes, &wait, err);
        if (rc != SRT_OK) {
            return rc;
        }
        if (wait) {
            return wait_for_more(f, ret);
        }
    }
    *ret = (struct source_batch){.next_offset = f->lines.offset, .bad_index = -1};
    f->context.wake(f->context.wake_arg);
    return SRT_OK;
}

static void detail(const struct source *source, const uint8_t **ret, uint32_t *ret_len)
{
    const struct source_file *f = (const struct source_file *)source;
    *ret = f->detail;
    *ret_len = f->detail[0] ? FILE_IDENTITY_CODED_BYTES : 0; /* none while no file was ever there */
}

static bool drained(const struct source *source)
{
    return ((const struct source_file *)source)->drained;
}

static void on_timer_closed(void *arg)
{
    struct source_file *f = arg;
    io_closed_fn on_closed = f->on_closed;
    void *on_closed_arg = f->on_closed_arg;
    free_file(f);
    on_closed(on_closed_arg);
}

static void close_source(struct source *source, io_closed_fn on_closed, void *arg)
{
    struct source_file *f = file_of(source);
    f->on_closed = on_closed;
    f->on_closed_arg = arg;
    io_timer_close(&f->timer, on_timer_closed);
}

const struct source_ops source_file_ops = {
    .kind = SOURCE_FILE,
    .position_name = position_name,
    .open = open_source,
    .poll = poll_source,
    .detail = detail,
    .endless = endless,
    .drained = drained,
    .close = close_source,
};
