/* A file, line by line: once to its end, or followed as it grows.
 *
 *     poll --> records that are split already --yes--> give them out
 *               `--no--> read a chunk, split --> again
 *                         `--at the end--> once: the rest is the last line; then SRT_EEND
 *                                          following: look again in FOLLOW_MS
 *
 * A position is the offset of a line's first byte, and beside it stands the file's identity, so
 * that a restart goes on in the same file and begins at 0 in another one that took its place. Read
 * once, a file that has become shorter than what was read of it is refused. A file that is
 * compressed by gzip is read as what it holds, but cannot be followed.
 *
 * While following, the path may get another file (a rotation by rename): the old one is read to its
 * end first, one look later than the new one was seen, because its writer may still be finishing. A
 * file that was cut in place (copytruncate) is begun again, after what was copied away unread. A
 * path that is not there yet is waited for. After a restart the same holds for what happened
 * meanwhile: the file that the position names is looked for under other names, finished, and then
 * those are read that came between it and the one at the path (file_rotation.c). */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/log.h"
#include "connect/connectors.h"
#include "connect/file_identity.h"
#include "connect/file_input.h"
#include "connect/file_rotation.h"
#include "connect/line_splitter.h"
#include "record/gzip.h"

enum {
    FOLLOW_MS = 200,
    READ_BYTES = SRT_HOSTILE ? 23 : 256 << 10,
    STEPS_PER_POLL = 64, /* then let others run: a line that is too long may go on for gigabytes */
};

struct source_file {
    struct source source;
    struct source_context context; /* its spec lives as long as the graph */
    struct file_input input;       /* not open: the file is not there yet */
    char *aside;                   /* the open file's path when it was rotated away; NULL */
    bool at_end;                   /* nothing more will come: what is left is the last line */
    bool drained;
    bool replaced;     /* following: another file was seen at the path */
    bool waited;       /* following: it may have been written anew meanwhile */
    int64_t resume_at; /* where to go on in the file of `identity`, which is still to be found */
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
    int rc = file_identity_read(f->context.fs, f->input.fd, f->input.path, FILE_IDENTITY_HEAD_BYTES,
                                &f->identity, err);
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
    rc = io_info(fs, fd, &info, path, err);
    if (rc == SRT_OK && !info.is_regular) {
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

static int fail_compressed(const char *path, struct srt_err *err)
{
    return srt_fail(err, SRT_EINVAL,
                    "'%s' is compressed by gzip and cannot be followed: leave out `follow`, or "
                    "name the file that is still written",
                    path);
}

/* Go on in this file instead of the one that is open. Takes both; a failure changes nothing.
 * `aside` is its path when it is not that of the source. */
static int begin_file(struct source_file *f, int fd, char *aside, int64_t offset,
                      struct srt_err *err)
{
    const struct io_fs *fs = f->context.fs;
    const char *path = aside ? aside : f->context.spec->path;
    struct file_input input;
    bool gzip = false;
    struct file_identity identity;
    int rc = file_input_is_gzip(fs, fd, path, &gzip, err);
    if (rc == SRT_OK && gzip && f->context.spec->follow) {
        rc = fail_compressed(path, err);
    }
    if (rc == SRT_OK) {
        rc = file_identity_read(fs, fd, path, FILE_IDENTITY_HEAD_BYTES, &identity, err);
    }
    if (rc == SRT_OK) {
        rc = file_input_open(&input, fs, path, fd, gzip, offset, err);
    }
    if (rc != SRT_OK) {
        io_close(fs, &fd);
        srt_free(aside);
        return rc;
    }
    file_input_close(&f->input);
    srt_free(f->aside);
    f->input = input;
    f->aside = aside;
    f->identity = identity;
    file_identity_encode(&f->identity, f->detail);
    f->resume_at = 0;
    f->replaced = false;
    f->at_end = false;
    f->waited = false;
    line_splitter_reset(&f->lines, offset);
    return SRT_OK;
}

/* What the file at the path has to do with the one that was read up to resume_at. */
struct kinship {
    bool same_file;
    bool same_content; /* its beginning */
    uint64_t size_bytes;
};

static int compare(const struct source_file *f, int fd, struct kinship *ret, struct srt_err *err)
{
    const struct io_fs *fs = f->context.fs;
    const char *path = f->context.spec->path;
    struct file_identity now;
    struct io_file_info info;
    int rc = file_identity_read(fs, fd, path, 0, &now, err);
    if (rc == SRT_OK) {
        rc = file_identity_same_content(fs, fd, path, &f->identity, &ret->same_content, err);
    }
    rc = rc == SRT_OK ? io_info(fs, fd, &info, path, err) : rc;
    if (rc == SRT_OK) {
        ret->same_file = file_identity_same_file(&now, &f->identity);
        ret->size_bytes = info.size_bytes;
    }
    return rc;
}

static void warn_other(const struct source_file *f)
{
    log_warn(LOG_CONNECT,
             "file '%s' is not the one that was read up to byte %" PRId64
             " before (its first bytes differ, or it was made anew): reading it from the "
             "beginning; what the other one got since then is not read",
             f->context.spec->path, f->resume_at);
}

/* Read once: the file at the path it is, or none. Takes fd. */
static int resume_once(struct source_file *f, int fd, struct srt_err *err)
{
    const char *path = f->context.spec->path;
    struct kinship kin;
    bool gzip = false;
    int64_t offset = f->resume_at;
    int rc = compare(f, fd, &kin, err);
    if (rc == SRT_OK) {
        rc = file_input_is_gzip(f->context.fs, fd, path, &gzip, err);
    }
    if (rc == SRT_OK && !kin.same_content) {
        warn_other(f);
        offset = 0;
    } else if (rc == SRT_OK && !gzip && kin.size_bytes < (uint64_t)offset) {
        rc = srt_fail(err, SRT_ERANGE,
                      "file '%s' has %" PRIu64 " bytes, but was read up to byte %" PRId64
                      " before: it was cut off; restore it, or reset the pipeline's positions",
                      path, kin.size_bytes, offset);
    }
    if (rc != SRT_OK) {
        io_close(f->context.fs, &fd);
        return rc;
    }
    return begin_file(f, fd, NULL, offset, err);
}

static int begin_aside(struct source_file *f, int fd, char *path, int64_t offset,
                       struct srt_err *err)
{
    log_info(LOG_CONNECT, "file '%s': reading '%s' from byte %" PRId64 " first",
             f->context.spec->path, path, offset);
    return begin_file(f, fd, path, offset, err);
}

/* Following: wherever the bytes behind resume_at are now. Takes fd; -1: nothing is at the path. */
static int resume_following(struct source_file *f, int fd, struct srt_err *err)
{
    const struct io_fs *fs = f->context.fs;
    const char *path = f->context.spec->path;
    const struct file_identity *then = &f->identity;
    int64_t at = f->resume_at;
    struct kinship kin = {0};
    int rc = fd >= 0 ? compare(f, fd, &kin, err) : SRT_OK;
    if (rc != SRT_OK) {
        io_close(fs, &fd);
        return rc;
    }
    bool goes_on = kin.same_content && kin.size_bytes >= (uint64_t)at;
    if (kin.same_file && goes_on) {
        return begin_file(f, fd, NULL, at, err);
    }
    int other = -1;
    char *other_path = NULL;
    bool found = file_rotation_find_moved(fs, path, then, at, &other, &other_path);
    if (!found && fd < 0) {
        return srt_fail(err, SRT_ENOENT, "file '%s' does not exist", path);
    }
    /* Restored or copied back; a few equal bytes at the beginning are no proof of that. */
    if (!found && !kin.same_file && goes_on && then->head_bytes == FILE_IDENTITY_HEAD_BYTES) {
        return begin_file(f, fd, NULL, at, err);
    }
    if (!found) {
        found = file_rotation_find_copy(fs, path, then, at, &other, &other_path);
    }
    if (found) {
        io_close(fs, &fd);
        return begin_aside(f, other, other_path, at, err);
    }
    warn_other(f);
    return begin_file(f, fd, NULL, 0, err);
}

/* Open what is to be read first, or what was waited for. SRT_ENOENT: it is not there (yet). */
static int open_file(struct source_file *f, bool first, struct srt_err *err)
{
    bool follow = f->context.spec->follow;
    int fd = -1;
    int rc = open_regular(&f->context, &fd, err);
    if (rc != SRT_OK && (rc != SRT_ENOENT || !follow || !first || f->resume_at == 0)) {
        return rc;
    }
    if (f->resume_at == 0) {
        return begin_file(f, fd, NULL, 0, err);
    }
    return follow ? resume_following(f, fd, err) : resume_once(f, fd, err);
}

static int open_first(struct source_file *f, int64_t at, const uint8_t *detail, uint32_t detail_len,
                      struct srt_err *err)
{
    const char *path = f->context.spec->path;
    if (at > 0) {
        int rc = file_identity_decode(detail, detail_len, &f->identity);
        if (rc != SRT_OK) {
            return srt_fail(err, rc, "the stored position in '%s' cannot be read (%s)", path,
                            srt_code_text(rc));
        }
        file_identity_encode(&f->identity, f->detail);
        f->resume_at = at;
        line_splitter_reset(&f->lines, at);
    }
    int rc = open_file(f, true, err);
    if (rc != SRT_ENOENT || !f->context.spec->follow) {
        return rc;
    }
    log_info(LOG_CONNECT, "file '%s' does not exist yet: waiting for it", path);
    return SRT_OK;
}

static void free_file(struct source_file *f)
{
    file_input_close(&f->input);
    srt_free(f->aside);
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
    f->input = (struct file_input){.fs = context->fs, .fd = -1};
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
    struct srt_err ignored; /* then it is looked for again */
    return io_path_info(fs, f->context.spec->path, &info, &ignored) == SRT_OK && info.is_regular &&
           (info.inode != f->identity.inode || info.device != f->identity.device);
}

/* The old file is read: on to the one that was begun after it. SRT_ENOENT: it went away again. */
static int open_next(struct source_file *f, struct srt_err *err)
{
    int fd = -1;
    char *aside = NULL;
    if (file_rotation_find_next(f->context.fs, f->context.spec->path, &f->identity, &fd, &aside)) {
        return begin_aside(f, fd, aside, 0, err);
    }
    int rc = open_regular(&f->context, &fd, err);
    return rc == SRT_OK ? begin_file(f, fd, NULL, 0, err) : rc;
}

/* The file was cut in place. What it had beyond our lines is in a copy, if there is one; then comes
 * what it has now. */
static int begin_again(struct source_file *f, uint64_t size_bytes, struct srt_err *err)
{
    const char *path = f->input.path;
    int64_t at = f->lines.offset;
    int fd = -1;
    char *copy = NULL;
    if (!f->aside && file_rotation_find_copy(f->context.fs, path, &f->identity, at, &fd, &copy)) {
        return begin_aside(f, fd, copy, at, err);
    }
    log_warn(LOG_CONNECT,
             "file '%s' was cut to %" PRIu64
             " bytes while it was followed: reading it from the beginning",
             path, size_bytes);
    f->input.at = 0;
    line_splitter_reset(&f->lines, 0);
    return read_identity(f, err);
}

/* After a wait: it may have been cut, and written again beyond where we are. */
static int check_head(struct source_file *f, struct srt_err *err)
{
    struct io_file_info info;
    bool same;
    int rc = file_identity_same_content(f->context.fs, f->input.fd, f->input.path, &f->identity,
                                        &same, err);
    rc = rc == SRT_OK ? io_info(f->context.fs, f->input.fd, &info, f->input.path, err) : rc;
    if (rc != SRT_OK) {
        return rc;
    }
    f->waited = false;
    bool cut = !same || (int64_t)info.size_bytes < line_splitter_end(&f->lines);
    return cut ? begin_again(f, info.size_bytes, err) : SRT_OK;
}

/* --- polling --- */

static int read_chunk(struct source_file *f, size_t max_bytes, size_t *ret_size, bool *ret_again,
                      struct srt_err *err)
{
    size_t size = max_bytes < READ_BYTES ? max_bytes : READ_BYTES;
    uint8_t *to = line_splitter_space(&f->lines, size);
    if (!to) {
        return srt_fail(err, SRT_ENOMEM, "no memory to read '%s'", f->input.path);
    }
    bool begins = f->context.spec->follow && line_splitter_end(&f->lines) == 0;
    int rc = file_input_read(&f->input, to, size, ret_size, ret_again, err);
    if (rc == SRT_OK && begins && gzip_magic(to, *ret_size)) {
        f->input.at = 0; /* it was empty when it was opened; the next try says the same */
        return fail_compressed(f->input.path, err);
    }
    if (rc == SRT_OK) {
        line_splitter_filled(&f->lines, *ret_size);
    }
    return rc;
}

/* The file has no more bytes now. Sets *ret_wait when there is nothing to do before the timer. */
static int reach_end(struct source_file *f, bool *ret_wait, struct srt_err *err)
{
    if (!f->context.spec->follow) {
        *ret_wait = false;
        int rc = file_input_check_end(&f->input, err);
        f->at_end = rc == SRT_OK;
        return rc;
    }
    bool replaced_before = f->replaced;
    f->replaced = path_has_another_file(f);
    f->at_end = replaced_before && f->replaced; /* this one has had its time */
    *ret_wait = !f->at_end;
    return SRT_OK;
}

/* Nothing now: look again later. */
static int wait_for_more(struct source_file *f, struct source_batch *ret)
{
    f->drained = true;
    f->waited = true;
    *ret = (struct source_batch){.next_offset = f->lines.offset, .bad_index = -1};
    io_timer_start(&f->timer, FOLLOW_MS, 0);
    return SRT_OK;
}

/* One step towards the next record; *ret_wait when there is nothing more to do now. */
static int advance(struct source_file *f, size_t max_bytes, bool *ret_wait, struct srt_err *err)
{
    bool missing = f->input.fd < 0;
    if (missing || f->at_end) {
        int rc = missing ? open_file(f, false, err) : open_next(f, err);
        *ret_wait = rc == SRT_ENOENT;
        return rc == SRT_ENOENT ? SRT_OK : rc;
    }
    *ret_wait = false;
    int rc = f->waited ? check_head(f, err) : SRT_OK;
    size_t size = 0;
    bool again = false;
    if (rc == SRT_OK) {
        rc = read_chunk(f, max_bytes, &size, &again, err);
    }
    if (rc != SRT_OK || again) {
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
