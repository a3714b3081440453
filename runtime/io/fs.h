/* fs.h - blocking file operations as a table of functions, so that tests bring a disk that forgets.
 *
 * Owner:   whoever creates it; everyone else borrows. io_fs_real() is the kernel's.
 * Thread:  any; a file descriptor is used by one thread at a time except for pread.
 * Memory:  none, but for io_fs_list and io_fs_read_file.
 * Fails:   the raw operations return a negative errno; the helpers below fill an srt_err. */
#ifndef SRT_IO_FS_H
#define SRT_IO_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "base/err.h"

struct io_file_info {
    uint64_t size_bytes;
    uint64_t inode;
    uint64_t device;
    int64_t modified_ms;
    int64_t born_ns; /* when it was created; 0: the file system does not say */
    bool is_dir;
    bool is_regular;
};

/* Raw operations: >= 0 on success, -errno on failure. None is retried on EINTR by the table; the
 * helpers do that. */
struct io_fs {
    /* O_CLOEXEC is added */
    int (*open)(const struct io_fs *fs, const char *path, int flags, int mode);
    int (*close)(const struct io_fs *fs, int fd);
    ssize_t (*pread)(const struct io_fs *fs, int fd, void *to, size_t size, int64_t at);
    ssize_t (*pwritev)(const struct io_fs *fs, int fd, const struct iovec *parts, int count,
                       int64_t at);
    int (*datasync)(const struct io_fs *fs, int fd);
    int (*sync)(const struct io_fs *fs, int fd);
    int (*truncate)(const struct io_fs *fs, int fd, int64_t size);
    /* fallocate, keeps zeroes */
    int (*allocate)(const struct io_fs *fs, int fd, int64_t at, int64_t size);
    int (*info)(const struct io_fs *fs, int fd, struct io_file_info *ret_info);
    int (*path_info)(const struct io_fs *fs, const char *path, struct io_file_info *ret_info);
    int (*rename)(const struct io_fs *fs, const char *from, const char *to);
    int (*unlink)(const struct io_fs *fs, const char *path);
    int (*make_dir)(const struct io_fs *fs, const char *path, int mode);
    int (*remove_dir)(const struct io_fs *fs, const char *path);
    int (*sync_dir)(const struct io_fs *fs, const char *path); /* makes its entries durable */
    int (*list)(const struct io_fs *fs, const char *path, void (*each)(void *arg, const char *name),
                void *arg); /* in no order, without "." and ".." */
    void (*drop_cache)(const struct io_fs *fs, int fd);  /* advice: forget clean cached pages */
};

const struct io_fs *io_fs_real(void);

/* --- helpers over any table; SRT_OK or an error whose message names the path --- */

int io_open(const struct io_fs *fs, const char *path, int flags, int mode, int *ret_fd,
            struct srt_err *err);
void io_close(const struct io_fs *fs, int *fd); /* sets -1; accepts -1 */

/* All of it, or an error. io_read_at: SRT_EEND when the file ends before. `path` is for
 * messages. */
int io_read_at(const struct io_fs *fs, int fd, void *to, size_t size, int64_t at, const char *path,
               struct srt_err *err);
int io_write_at(const struct io_fs *fs, int fd, const void *data, size_t size, int64_t at,
                const char *path, struct srt_err *err);
int io_writev_at(const struct io_fs *fs, int fd, struct iovec *parts, int count, int64_t at,
                 const char *path, struct srt_err *err); /* parts are used up */

/* One call each, repeated when a signal interrupts it. io_unlink and io_path_info: SRT_ENOENT when
 * there is no such file; io_make_dir: SRT_EEXIST when there is something. */
int io_info(const struct io_fs *fs, int fd, struct io_file_info *ret_info, const char *path,
            struct srt_err *err);
int io_path_info(const struct io_fs *fs, const char *path, struct io_file_info *ret_info,
                 struct srt_err *err);
int io_truncate(const struct io_fs *fs, int fd, int64_t size, const char *path,
                struct srt_err *err);
int io_allocate(const struct io_fs *fs, int fd, int64_t at, int64_t size, const char *path,
                struct srt_err *err);
int io_rename(const struct io_fs *fs, const char *from, const char *to, struct srt_err *err);
int io_unlink(const struct io_fs *fs, const char *path, struct srt_err *err);
int io_make_dir(const struct io_fs *fs, const char *path, struct srt_err *err);

/* SRT_EFSYNC when one fails: what it covered is in doubt. */
int io_datasync(const struct io_fs *fs, int fd, const char *path, struct srt_err *err);
int io_sync(const struct io_fs *fs, int fd, const char *path, struct srt_err *err);
int io_sync_dir(const struct io_fs *fs, const char *path, struct srt_err *err);

/* ret is overwritten on success; the caller finishes it. SRT_ETOOBIG beyond max_bytes. */
int io_read_file(const struct io_fs *fs, const char *path, size_t max_bytes, struct srt_buf *ret,
                 struct srt_err *err);

/* Write a small file so that a crash leaves the old content or the new, never a mixture: temporary
 * beside it, sync, rename, sync of the directory. */
int io_write_file_atomic(const struct io_fs *fs, const char *path, const void *data, size_t size,
                         struct srt_err *err);

/* as mkdir -p, synced */
int io_make_dirs(const struct io_fs *fs, const char *path, struct srt_err *err);

/* Sorted names without "." and ".."; the caller frees with io_list_free. */
struct io_list {
    char **names;
    size_t count;
};
int io_list_dir(const struct io_fs *fs, const char *path, struct io_list *ret, struct srt_err *err);
void io_list_free(struct io_list *list);

/* A file locked for the life of the process (flock): SRT_EBUSY when another process holds it. */
int io_lock_file(const char *path, int *ret_fd, struct srt_err *err);

#endif
