/* What every user of a file needs above the raw table: interrupted calls again, short transfers
 * continued, and an error that names the path. */
#include "io/fs.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"

/* pwritev takes at most IOV_MAX parts a call (1024 on Linux); with hostile limits it takes few. */
enum { PARTS_PER_WRITE = SRT_HOSTILE ? 2 : IOV_MAX };

/* Repeat a call of the table that a signal interrupted. */
#define RETRIED(rc, call)                                                                          \
    do {                                                                                           \
        (rc) = (call);                                                                             \
    } while ((rc) == -EINTR)

static int fail(struct srt_err *err, int sys, const char *what, const char *path)
{
    return srt_fail_sys(err, srt_code_from_errno(sys), sys, "%s '%s'", what, path);
}

int io_open(const struct io_fs *fs, const char *path, int flags, int mode, int *ret_fd,
            struct srt_err *err)
{
    int fd = -1;
    RETRIED(fd, fs->open(fs, path, flags, mode));
    if (fd < 0) {
        return fail(err, -fd, "open", path);
    }
    *ret_fd = fd;
    return SRT_OK;
}

void io_close(const struct io_fs *fs, int *fd)
{
    if (*fd >= 0) {
        /* Not repeated when interrupted: Linux has closed it by then. An error says nothing about
         * durability either; whoever needs that syncs before. */
        (void)fs->close(fs, *fd);
        *fd = -1;
    }
}

int io_read_at(const struct io_fs *fs, int fd, void *to, size_t size, int64_t at, const char *path,
               struct srt_err *err)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n;
        RETRIED(n, fs->pread(fs, fd, (char *)to + done, size - done, at + (int64_t)done));
        if (n < 0) {
            return fail(err, (int)-n, "read", path);
        }
        if (n == 0) {
            return srt_fail(err, SRT_EEND, "'%s' ends at byte %" PRId64 ", %zu bytes early", path,
                            at + (int64_t)done, size - done);
        }
        done += (size_t)n;
    }
    return SRT_OK;
}

int io_write_at(const struct io_fs *fs, int fd, const void *data, size_t size, int64_t at,
                const char *path, struct srt_err *err)
{
    struct iovec part = {(void *)(uintptr_t)data, size};
    return io_writev_at(fs, fd, &part, 1, at, path, err);
}

/* Take `done` bytes off the front; returns how many parts are used up. */
static int advance_parts(struct iovec *parts, int count, size_t done)
{
    int i = 0;
    while (i < count && done >= parts[i].iov_len) {
        done -= parts[i].iov_len;
        parts[i++].iov_len = 0;
    }
    if (done > 0) {
        srt_assert(i < count);
        parts[i].iov_base = (char *)parts[i].iov_base + done;
        parts[i].iov_len -= done;
    }
    return i;
}

int io_writev_at(const struct io_fs *fs, int fd, struct iovec *parts, int count, int64_t at,
                 const char *path, struct srt_err *err)
{
    /* empty ones in front: 0 bytes written is an error */
    int skip = advance_parts(parts, count, 0);
    parts += skip;
    count -= skip;
    while (count > 0) {
        int some = count < PARTS_PER_WRITE ? count : PARTS_PER_WRITE;
        ssize_t n;
        RETRIED(n, fs->pwritev(fs, fd, parts, some, at));
        if (n < 0) {
            return fail(err, (int)-n, "write", path);
        }
        if (n == 0) {
            return srt_fail(err, SRT_EIO, "write '%s': nothing was written", path);
        }
        at += n;
        int used = advance_parts(parts, count, (size_t)n);
        parts += used;
        count -= used;
    }
    return SRT_OK;
}

/* --- one call each --- */

int io_info(const struct io_fs *fs, int fd, struct io_file_info *ret_info, const char *path,
            struct srt_err *err)
{
    int sys;
    RETRIED(sys, fs->info(fs, fd, ret_info));
    return sys < 0 ? fail(err, -sys, "look at", path) : SRT_OK;
}

int io_path_info(const struct io_fs *fs, const char *path, struct io_file_info *ret_info,
                 struct srt_err *err)
{
    int sys;
    RETRIED(sys, fs->path_info(fs, path, ret_info));
    return sys < 0 ? fail(err, -sys, "look at", path) : SRT_OK;
}

int io_truncate(const struct io_fs *fs, int fd, int64_t size, const char *path, struct srt_err *err)
{
    int sys;
    RETRIED(sys, fs->truncate(fs, fd, size));
    return sys < 0 ? fail(err, -sys, "cut", path) : SRT_OK;
}

int io_allocate(const struct io_fs *fs, int fd, int64_t at, int64_t size, const char *path,
                struct srt_err *err)
{
    int sys;
    RETRIED(sys, fs->allocate(fs, fd, at, size));
    return sys < 0 ? srt_fail_sys(err, srt_code_from_errno(-sys), -sys,
                                  "allocate %" PRId64 " bytes for '%s'", size, path)
                   : SRT_OK;
}

int io_rename(const struct io_fs *fs, const char *from, const char *to, struct srt_err *err)
{
    int sys;
    RETRIED(sys, fs->rename(fs, from, to));
    return sys < 0 ? fail(err, -sys, "rename to", to) : SRT_OK;
}

int io_unlink(const struct io_fs *fs, const char *path, struct srt_err *err)
{
    int sys;
    RETRIED(sys, fs->unlink(fs, path));
    return sys < 0 ? fail(err, -sys, "remove", path) : SRT_OK;
}

int io_make_dir(const struct io_fs *fs, const char *path, struct srt_err *err)
{
    int sys;
    RETRIED(sys, fs->make_dir(fs, path, 0755));
    return sys < 0 ? fail(err, -sys, "create directory", path) : SRT_OK;
}

/* --- syncs --- */

static int fail_sync(struct srt_err *err, int sys, const char *path)
{
    return srt_fail_sys(err, SRT_EFSYNC, sys, "sync '%s'", path);
}

int io_datasync(const struct io_fs *fs, int fd, const char *path, struct srt_err *err)
{
    int rc;
    RETRIED(rc, fs->datasync(fs, fd));
    return rc < 0 ? fail_sync(err, -rc, path) : SRT_OK;
}

int io_sync(const struct io_fs *fs, int fd, const char *path, struct srt_err *err)
{
    int rc;
    RETRIED(rc, fs->sync(fs, fd));
    return rc < 0 ? fail_sync(err, -rc, path) : SRT_OK;
}

int io_sync_dir(const struct io_fs *fs, const char *path, struct srt_err *err)
{
    int rc;
    RETRIED(rc, fs->sync_dir(fs, path));
    return rc < 0 ? fail_sync(err, -rc, path) : SRT_OK;
}

/* --- whole files --- */

/* Read until the end of the file, because what the size says is 0 in /proc and may change. */
static int read_all(const struct io_fs *fs, int fd, size_t max_bytes, struct srt_buf *buf,
                    const char *path, struct srt_err *err)
{
    enum { CHUNK_BYTES = SRT_HOSTILE ? 23 : 64 << 10 };
    for (;;) {
        uint8_t *to = srt_buf_reserve(buf, CHUNK_BYTES);
        if (!to) {
            return srt_fail(err, SRT_ENOMEM, "read '%s': out of memory", path);
        }
        ssize_t n;
        RETRIED(n, fs->pread(fs, fd, to, CHUNK_BYTES, (int64_t)buf->len));
        if (n < 0) {
            return fail(err, (int)-n, "read", path);
        }
        if (n == 0) {
            return SRT_OK;
        }
        buf->len += (size_t)n;
        if (buf->len > max_bytes) {
            return srt_fail(err, SRT_ETOOBIG, "'%s' is larger than %zu bytes", path, max_bytes);
        }
    }
}

int io_read_file(const struct io_fs *fs, const char *path, size_t max_bytes, struct srt_buf *ret,
                 struct srt_err *err)
{
    int fd = -1;
    int rc = io_open(fs, path, O_RDONLY, 0, &fd, err);
    if (rc != SRT_OK) {
        return rc;
    }
    struct srt_buf buf;
    srt_buf_init(&buf);
    rc = read_all(fs, fd, max_bytes, &buf, path, err);
    io_close(fs, &fd);
    if (rc != SRT_OK) {
        srt_buf_fini(&buf);
        return rc;
    }
    *ret = buf;
    return SRT_OK;
}

/* The directory that holds `path`, into `to`. */
static void parent_of(const char *path, char to[SRT_PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        memcpy(to, ".", 2);
        return;
    }
    size_t len = slash == path ? 1 : (size_t)(slash - path);
    memcpy(to, path, len);
    to[len] = '\0';
}

static int write_new_file(const struct io_fs *fs, const char *path, const void *data, size_t size,
                          struct srt_err *err)
{
    int fd = -1;
    int rc = io_open(fs, path, O_WRONLY | O_CREAT | O_TRUNC, 0644, &fd, err);
    if (rc != SRT_OK) {
        return rc;
    }
    rc = io_write_at(fs, fd, data, size, 0, path, err);
    if (rc == SRT_OK) {
        rc = io_sync(fs, fd, path, err);
    }
    io_close(fs, &fd);
    return rc;
}

int io_write_file_atomic(const struct io_fs *fs, const char *path, const void *data, size_t size,
                         struct srt_err *err)
{
    char temporary[SRT_PATH_MAX];
    int len = snprintf(temporary, sizeof temporary, "%s.tmp", path);
    if (len >= (int)sizeof temporary) {
        return srt_fail(err, SRT_ETOOBIG, "path '%.80s...' is too long", path);
    }
    int rc = write_new_file(fs, temporary, data, size, err);
    if (rc == SRT_OK) {
        rc = io_rename(fs, temporary, path, err);
    }
    if (rc != SRT_OK) {
        struct srt_err ignored; /* of no use; the next attempt truncates it anyway */
        (void)io_unlink(fs, temporary, &ignored);
        return rc;
    }
    char parent[SRT_PATH_MAX];
    parent_of(path, parent);
    return io_sync_dir(fs, parent, err);
}

/* --- directories --- */

/* Make one directory whose parent exists, and its entry durable. */
static int make_one_dir(const struct io_fs *fs, const char *path, struct srt_err *err)
{
    struct io_file_info info;
    int rc = io_path_info(fs, path, &info, err);
    if (rc == SRT_ENOENT) {
        rc = io_make_dir(fs, path, err);
        if (rc == SRT_OK) {
            char parent[SRT_PATH_MAX];
            parent_of(path, parent);
            return io_sync_dir(fs, parent, err);
        }
        if (rc == SRT_EEXIST) { /* someone was faster */
            rc = io_path_info(fs, path, &info, err);
        }
    }
    return rc == SRT_OK && !info.is_dir ? fail(err, ENOTDIR, "create directory", path) : rc;
}

int io_make_dirs(const struct io_fs *fs, const char *path, struct srt_err *err)
{
    char prefix[SRT_PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof prefix) {
        return srt_fail(err, SRT_ETOOBIG, "path '%.80s...' is too long", path);
    }
    memcpy(prefix, path, len + 1);
    while (len > 1 && prefix[len - 1] == '/') {
        prefix[--len] = '\0';
    }
    for (size_t i = 1; i < len; i++) {
        if (prefix[i] != '/' || prefix[i - 1] == '/') {
            continue;
        }
        prefix[i] = '\0';
        int rc = make_one_dir(fs, prefix, err);
        if (rc != SRT_OK) {
            return rc;
        }
        prefix[i] = '/';
    }
    return make_one_dir(fs, prefix, err);
}

static void collect_name(void *arg, const char *name)
{
    struct io_list *list = arg;
    if ((list->count & (list->count - 1)) == 0) { /* a power of two, or none: full */
        size_t cap = list->count ? 2 * list->count : 1;
        list->names = srt_xrealloc(list->names, cap * sizeof *list->names);
    }
    list->names[list->count++] = srt_xstrdup(name);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int io_list_dir(const struct io_fs *fs, const char *path, struct io_list *ret, struct srt_err *err)
{
    struct io_list list = {0};
    int rc;
    do { /* what an interrupted one found is found again */
        io_list_free(&list);
        rc = fs->list(fs, path, collect_name, &list);
    } while (rc == -EINTR);
    if (rc < 0) {
        io_list_free(&list);
        return fail(err, -rc, "list directory", path);
    }
    if (list.count > 1) {
        qsort(list.names, list.count, sizeof *list.names, compare_names);
    }
    *ret = list;
    return SRT_OK;
}

void io_list_free(struct io_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        srt_free(list->names[i]);
    }
    srt_free(list->names);
    *list = (struct io_list){0};
}

/* --- the lock of a data directory --- */

int io_lock_file(const char *path, int *ret_fd, struct srt_err *err)
{
    int fd = -1;
    int rc = io_open(io_fs_real(), path, O_RDWR | O_CREAT, 0644, &fd, err);
    if (rc != SRT_OK) {
        return rc;
    }
    int sys;
    RETRIED(sys, flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0);
    if (sys < 0) {
        io_close(io_fs_real(), &fd);
        if (sys == -EWOULDBLOCK) {
            return srt_fail(err, SRT_EBUSY, "'%s' is locked by another process", path);
        }
        return fail(err, -sys, "lock", path);
    }
    *ret_fd = fd;
    return SRT_OK;
}
