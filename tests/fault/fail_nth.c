/* A library to be preloaded: the n-th call of one kind fails in a program that does not know.
 *
 *     FAIL_PROGRAM   only in a program of this name (its shell or timeout is left alone)
 *     FAIL_CALL      malloc open pread pwritev short fdatasync fsync ftruncate fallocate rename
 *                    unlink mkdir fstat stat opendir
 *     FAIL_NTH       the first one that fails, from 1
 *     FAIL_COUNT     how many fail in a row
 *     FAIL_ERRNO     with this number; for "short" none: the write takes half
 *     FAIL_UNDER     only files below this path
 *     FAIL_MET       a file that is made when the first one fails
 *
 * pwritev and short see every write of a file; both sync calls are told apart. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FDS_MAX = 4096 };

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *ptr, size_t size);

static const char *call_name; /* NULL: nothing fails in this process */
static const char *under;
static const char *met_path;
static unsigned long first, count;
static int failure;
static atomic_ulong passed;
static atomic_bool ours[FDS_MAX]; /* descriptors of files below `under` */

static unsigned long number_of(const char *name)
{
    const char *text = getenv(name);
    return text ? strtoul(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void begin(void)
{
    const char *program = getenv("FAIL_PROGRAM");
    under = getenv("FAIL_UNDER");
    met_path = getenv("FAIL_MET");
    first = number_of("FAIL_NTH");
    count = number_of("FAIL_COUNT");
    failure = (int)number_of("FAIL_ERRNO");
    if (program && under && met_path && strcmp(program, program_invocation_short_name) == 0) {
        call_name = getenv("FAIL_CALL");
    }
}

static bool is_below(const char *path)
{
    return call_name && path && strncmp(path, under, strlen(under)) == 0;
}

static bool is_ours(int fd)
{
    return call_name && fd >= 0 && fd < FDS_MAX && atomic_load(&ours[fd]);
}

/* Whether this passage of `name` is one that fails; then errno says so. */
static bool fails(const char *name)
{
    if (!call_name || strcmp(name, call_name) != 0) {
        return false;
    }
    unsigned long passage = atomic_fetch_add(&passed, 1) + 1;
    if (passage < first || passage - first >= count) {
        return false;
    }
    if (passage == first) {
        long fd = syscall(SYS_openat, AT_FDCWD, met_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        syscall(SYS_close, fd);
    }
    errno = failure;
    return true;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* --- memory --- */

void *malloc(size_t size)
{
    return fails("malloc") ? NULL : __libc_malloc(size);
}

void *calloc(size_t items, size_t size)
{
    return fails("malloc") ? NULL : __libc_calloc(items, size);
}

void *realloc(void *ptr, size_t size)
{
    return fails("malloc") ? NULL : __libc_realloc(ptr, size);
}

/* --- descriptors --- */

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    bool below = is_below(path);
    if (below && fails("open")) {
        return -1;
    }
    int fd = REAL(open)(path, flags, mode);
    if (fd >= 0 && fd < FDS_MAX) {
        atomic_store(&ours[fd], below);
    }
    return fd;
}

int close(int fd)
{
    if (fd >= 0 && fd < FDS_MAX) {
        atomic_store(&ours[fd], false);
    }
    return REAL(close)(fd);
}

ssize_t pread(int fd, void *to, size_t size, off_t at)
{
    return is_ours(fd) && fails("pread") ? -1 : REAL(pread)(fd, to, size, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int part_count, off_t at)
{
    if (is_ours(fd) && fails("pwritev")) {
        return -1;
    }
    if (is_ours(fd) && part_count > 0 && parts[0].iov_len > 1 && fails("short")) {
        struct iovec half = {parts[0].iov_base, parts[0].iov_len / 2};
        return REAL(pwritev)(fd, &half, 1, at);
    }
    return REAL(pwritev)(fd, parts, part_count, at);
}

int fdatasync(int fd)
{
    return is_ours(fd) && fails("fdatasync") ? -1 : REAL(fdatasync)(fd);
}

int fsync(int fd)
{
    return is_ours(fd) && fails("fsync") ? -1 : REAL(fsync)(fd);
}

int ftruncate(int fd, off_t size)
{
    return is_ours(fd) && fails("ftruncate") ? -1 : REAL(ftruncate)(fd, size);
}

int fallocate(int fd, int mode, off_t at, off_t size)
{
    return is_ours(fd) && fails("fallocate") ? -1 : REAL(fallocate)(fd, mode, at, size);
}

int fstat(int fd, struct stat *st)
{
    return is_ours(fd) && fails("fstat") ? -1 : REAL(fstat)(fd, st);
}

/* --- paths --- */

int stat(const char *path, struct stat *st)
{
    return is_below(path) && fails("stat") ? -1 : REAL(stat)(path, st);
}

int rename(const char *from, const char *to)
{
    return is_below(to) && fails("rename") ? -1 : REAL(rename)(from, to);
}

int unlink(const char *path)
{
    return is_below(path) && fails("unlink") ? -1 : REAL(unlink)(path);
}

int mkdir(const char *path, mode_t mode)
{
    return is_below(path) && fails("mkdir") ? -1 : REAL(mkdir)(path, mode);
}

DIR *opendir(const char *path)
{
    return is_below(path) && fails("opendir") ? NULL : REAL(opendir)(path);
}
