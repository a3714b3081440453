/* The kernel's file operations. Nothing is decided here: one call each, -errno on failure. */
#include "io/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int result(int rc)
{
    return rc < 0 ? -errno : rc;
}

static int real_open(const struct io_fs *fs, const char *path, int flags, int mode)
{
    (void)fs;
    return result(open(path, flags | O_CLOEXEC, mode));
}

static int real_close(const struct io_fs *fs, int fd)
{
    (void)fs;
    return result(close(fd));
}

static ssize_t real_pread(const struct io_fs *fs, int fd, void *to, size_t size, int64_t at)
{
    (void)fs;
    ssize_t n = pread(fd, to, size, at);
    return n < 0 ? -errno : n;
}

static ssize_t real_pwritev(const struct io_fs *fs, int fd, const struct iovec *parts, int count,
                            int64_t at)
{
    (void)fs;
    ssize_t n = pwritev(fd, parts, count, at);
    return n < 0 ? -errno : n;
}

static int real_datasync(const struct io_fs *fs, int fd)
{
    (void)fs;
    return result(fdatasync(fd));
}

static int real_sync(const struct io_fs *fs, int fd)
{
    (void)fs;
    return result(fsync(fd));
}

static int real_truncate(const struct io_fs *fs, int fd, int64_t size)
{
    (void)fs;
    return result(ftruncate(fd, size));
}

static int real_allocate(const struct io_fs *fs, int fd, int64_t at, int64_t size)
{
    (void)fs;
    if (fallocate(fd, 0, at, size) == 0) {
        return 0;
    }
    /* file systems without fallocate: the C library writes a byte into each block instead */
    return errno == EOPNOTSUPP ? -posix_fallocate(fd, at, size) : -errno;
}

/* statx, because stat does not know when a file was created. */
static int read_info(int dir, const char *path, int flags, struct io_file_info *ret_info)
{
    struct statx st;
    if (statx(dir, path, flags, STATX_BASIC_STATS | STATX_BTIME, &st) < 0) {
        return -errno;
    }
    bool has_birth = st.stx_mask & STATX_BTIME;
    *ret_info = (struct io_file_info){
        .size_bytes = st.stx_size,
        .inode = st.stx_ino,
        .device = makedev(st.stx_dev_major, st.stx_dev_minor),
        .modified_ms = st.stx_mtime.tv_sec * 1000 + st.stx_mtime.tv_nsec / 1000000,
        .born_ns = has_birth ? st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec : 0,
        .is_dir = S_ISDIR(st.stx_mode),
        .is_regular = S_ISREG(st.stx_mode),
    };
    return 0;
}

static int real_info(const struct io_fs *fs, int fd, struct io_file_info *ret_info)
{
    (void)fs;
    return read_info(fd, "", AT_EMPTY_PATH, ret_info);
}

static int real_path_info(const struct io_fs *fs, const char *path, struct io_file_info *ret_info)
{
    (void)fs;
    return read_info(AT_FDCWD, path, 0, ret_info);
}

static int real_rename(const struct io_fs *fs, const char *from, const char *to)
{
    (void)fs;
    return result(rename(from, to));
}

static int real_unlink(const struct io_fs *fs, const char *path)
{
    (void)fs;
    return result(unlink(path));
}

static int real_make_dir(const struct io_fs *fs, const char *path, int mode)
{
    (void)fs;
    return result(mkdir(path, (mode_t)mode));
}

static int real_remove_dir(const struct io_fs *fs, const char *path)
{
    (void)fs;
    return result(rmdir(path));
}

static int real_sync_dir(const struct io_fs *fs, const char *path)
{
    (void)fs;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int rc = result(fsync(fd));
    close(fd);
    return rc;
}

static int real_list(const struct io_fs *fs, const char *path,
                     void (*each)(void *arg, const char *name), void *arg)
{
    (void)fs;
    DIR *dir = opendir(path);
    if (!dir) {
        return -errno;
    }
    const struct dirent *entry;
    while (errno = 0, (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            each(arg, entry->d_name);
        }
    }
    int rc = -errno;
    closedir(dir);
    return rc;
}

static void real_drop_cache(const struct io_fs *fs, int fd)
{
    (void)fs;
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* advice: nothing to do when refused */
}

static const struct io_fs real_fs = {
    .open = real_open,
    .close = real_close,
    .pread = real_pread,
    .pwritev = real_pwritev,
    .datasync = real_datasync,
    .sync = real_sync,
    .truncate = real_truncate,
    .allocate = real_allocate,
    .info = real_info,
    .path_info = real_path_info,
    .rename = real_rename,
    .unlink = real_unlink,
    .make_dir = real_make_dir,
    .remove_dir = real_remove_dir,
    .sync_dir = real_sync_dir,
    .list = real_list,
    .drop_cache = real_drop_cache,
};

const struct io_fs *io_fs_real(void)
{
    return &real_fs;
}
