/* A library that stands between a program and the kernel (LD_PRELOAD) and writes down every call
 * that changes files below one directory:
 *
 *     STREAMRT_RECORD_ROOT=/dir STREAMRT_RECORD_TRACE=/file LD_PRELOAD=recorder.so program ...
 *
 * A call that changes files in a way that trace.h has no word for ends the program: a trace that
 * lacks something would prove nothing. Whoever replays the trace also compares what comes out with
 * the files that are there, which finds what went past this library.
 *
 * STREAMRT_RECORD_SPEED=N lets the program's monotonic clock run N times as fast, so that what is
 * done once a minute happens in a test; waits with a deadline are shortened to match. */
#include "trace.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { FDS_MAX = 65536, PATH_BYTES_MAX = 4096, PARTS_MAX = 1024 };

static char root[PATH_BYTES_MAX];
static size_t root_len;
static int trace_fd = -1;
static uint64_t speed = 1;
static int64_t started_ns;
static atomic_uint_fast64_t next_call;
static atomic_bool is_tracked[FDS_MAX];
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

static _Noreturn void die(const char *why, const char *what)
{
    char text[PATH_BYTES_MAX + 200];
    int len = snprintf(text, sizeof text, "recorder: %s: %s\n", what, why);
    (void)!syscall(SYS_write, 2, text, len);
    abort();
}

/* The C library's own function of this name. */
static void *next_symbol(const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    if (!symbol) {
        die("not in the C library", name);
    }
    return symbol;
}

#define REAL(name)                                                                                 \
    static _Atomic(void *) cached;                                                                 \
    void *found = atomic_load_explicit(&cached, memory_order_relaxed);                             \
    if (!found) {                                                                                  \
        found = next_symbol(#name);                                                                \
        atomic_store_explicit(&cached, found, memory_order_relaxed);                               \
    }                                                                                              \
    __typeof__(&name) real = (__typeof__(&name))found

/* --- the trace --- */

static void put(struct trace_entry *entry, const struct iovec *parts, int count)
{
    struct iovec all[PARTS_MAX + 1];
    entry->magic = TRACE_MAGIC;
    entry->size_bytes = 0;
    all[0] = (struct iovec){entry, sizeof *entry};
    if (count > PARTS_MAX) {
        die("too many parts", "writev");
    }
    for (int i = 0; i < count; i++) {
        entry->size_bytes += parts[i].iov_len;
        all[i + 1] = parts[i];
    }
    int saved = errno;
    pthread_mutex_lock(&order);
    long done = syscall(SYS_writev, trace_fd, all, count + 1);
    pthread_mutex_unlock(&order);
    if (done != (long)(sizeof *entry + entry->size_bytes)) {
        die("cannot be written", "trace");
    }
    errno = saved;
}

static uint64_t begin(enum trace_op op, int64_t a, int64_t b, int64_t c, const struct iovec *parts,
                      int count)
{
    struct trace_entry entry = {.op = op, .a = a, .b = b, .c = c};
    entry.call = (uint64_t)getpid() << 32 | (atomic_fetch_add(&next_call, 1) + 1);
    put(&entry, parts, count);
    return entry.call;
}

static uint64_t begin_path(enum trace_op op, int64_t a, const char *path)
{
    struct iovec part = {(void *)(uintptr_t)path, strlen(path)};
    return begin(op, a, 0, 0, &part, 1);
}

/* Errno is the call's. */
static void end(uint64_t call, int64_t result, int64_t b)
{
    struct trace_entry entry = {
        .op = TRACE_RETURN, .call = call, .a = result < 0 ? -errno : result, .b = b};
    put(&entry, NULL, 0);
}

/* --- what is recorded --- */

/* The part of a path below the root; NULL when it is elsewhere. */
static const char *below_root(const char *path, char full[PATH_BYTES_MAX])
{
    if (trace_fd < 0 || !path) {
        return NULL;
    }
    if (path[0] == '/') {
        snprintf(full, PATH_BYTES_MAX, "%s", path);
    } else {
        char dir[PATH_BYTES_MAX / 2];
        if (syscall(SYS_getcwd, dir, sizeof dir) < 0) {
            die("has no name", "working directory");
        }
        snprintf(full, PATH_BYTES_MAX, "%s/%s", dir, path);
    }
    if (strncmp(full, root, root_len) != 0 || (full[root_len] != '/' && full[root_len] != '\0')) {
        return NULL;
    }
    if (strstr(full, "/../")) {
        die("a path with .. in it", path);
    }
    return full[root_len] ? full + root_len : "/";
}

static bool tracked(int fd)
{
    return trace_fd >= 0 && fd >= 0 && fd < FDS_MAX && atomic_load(&is_tracked[fd]);
}

static void refuse_fd(int fd, const char *what)
{
    if (tracked(fd)) {
        die("on a recorded file; trace.h has no word for it", what);
    }
}

static void refuse_path(const char *path, const char *what)
{
    char full[PATH_BYTES_MAX];
    if (below_root(path, full)) {
        die("below the recorded directory; trace.h has no word for it", what);
    }
}

static int64_t real_clock_ns(clockid_t clock)
{
    struct timespec ts;
    syscall(SYS_clock_gettime, clock, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

__attribute__((constructor)) static void start(void)
{
    const char *dir = getenv("STREAMRT_RECORD_ROOT");
    const char *trace = getenv("STREAMRT_RECORD_TRACE");
    const char *times = getenv("STREAMRT_RECORD_SPEED");
    if (!dir || !trace) {
        return;
    }
    root_len = (size_t)snprintf(root, sizeof root, "%s", dir);
    trace_fd =
        (int)syscall(SYS_openat, AT_FDCWD, trace, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (trace_fd < 0 || root[0] != '/') {
        die("cannot be opened, or the root is not absolute", trace);
    }
    started_ns = real_clock_ns(CLOCK_MONOTONIC);
    speed = times ? strtoull(times, NULL, 10) : 1;
    (void)begin(TRACE_PROCESS, getpid(), 0, 0, NULL, 0);
}

/* --- opening and closing --- */

/* What is opened to be read needs no record, but for directories, which are synced that way. */
static bool matters(int flags)
{
    return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC | O_DIRECTORY));
}

static int open_recorded(const char *path, const char *below, int flags, mode_t mode)
{
    if (flags & O_APPEND) {
        die("O_APPEND; trace.h has no word for it", path);
    }
    uint64_t call = begin_path(TRACE_OPEN, flags, below);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    struct stat st = {0};
    if (fd >= 0) {
        int saved = errno;
        (void)fstat(fd, &st);
        errno = saved;
        if (fd >= FDS_MAX) {
            die("too many descriptors", path);
        }
        atomic_store(&is_tracked[fd], true);
    }
    end(call, fd, (int64_t)st.st_ino);
    return fd;
}

static int open_any(const char *path, int flags, mode_t mode)
{
    char full[PATH_BYTES_MAX];
    const char *below = matters(flags) ? below_root(path, full) : NULL;
    if (below) {
        return open_recorded(path, below, flags, mode);
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static mode_t mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return open_any(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return open_any(path, flags | O_LARGEFILE, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    if (dir == AT_FDCWD || path[0] == '/') {
        return open_any(path, flags, mode);
    }
    refuse_fd(dir, "openat");
    return (int)syscall(SYS_openat, dir, path, flags, mode);
}

/* What open is called in a program that was built to check its calls. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);

int __open_2(const char *path, int flags)
{
    return open_any(path, flags, 0);
}

int __open64_2(const char *path, int flags)
{
    return open_any(path, flags | O_LARGEFILE, 0);
}

int creat(const char *path, mode_t mode)
{
    return open_any(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int close(int fd)
{
    if (!tracked(fd)) {
        return (int)syscall(SYS_close, fd);
    }
    uint64_t call = begin(TRACE_CLOSE, fd, 0, 0, NULL, 0);
    atomic_store(&is_tracked[fd], false);
    int rc = (int)syscall(SYS_close, fd);
    end(call, rc, 0);
    return rc;
}

/* --- writing --- */

static ssize_t write_parts(int fd, const struct iovec *parts, int count, int64_t at)
{
    uint64_t call = begin(TRACE_WRITE, fd, at, 0, parts, count);
    ssize_t n = syscall(SYS_pwritev, fd, parts, count, at, 0);
    end(call, n, 0);
    return n;
}

ssize_t write(int fd, const void *data, size_t size)
{
    refuse_fd(fd, "write");
    if (trace_fd >= 0 && (fd == STDOUT_FILENO || fd == STDERR_FILENO)) {
        struct iovec part = {(void *)(uintptr_t)data, size};
        (void)begin(TRACE_SAY, fd, 0, 0, &part, 1);
    }
    return syscall(SYS_write, fd, data, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    refuse_fd(fd, "writev");
    if (trace_fd >= 0 && (fd == STDOUT_FILENO || fd == STDERR_FILENO)) {
        (void)begin(TRACE_SAY, fd, 0, 0, parts, count);
    }
    return syscall(SYS_writev, fd, parts, count);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    struct iovec part = {(void *)(uintptr_t)data, size};
    return tracked(fd) ? write_parts(fd, &part, 1, at) : syscall(SYS_pwrite64, fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    return pwrite(fd, data, size, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
    return tracked(fd) ? write_parts(fd, parts, count, at)
                       : syscall(SYS_pwritev, fd, parts, count, at, 0);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at)
{
    return pwritev(fd, parts, count, at);
}

int ftruncate(int fd, off_t size)
{
    if (!tracked(fd)) {
        return (int)syscall(SYS_ftruncate, fd, size);
    }
    uint64_t call = begin(TRACE_RESIZE, fd, size, 0, NULL, 0);
    int rc = (int)syscall(SYS_ftruncate, fd, size);
    end(call, rc, 0);
    return rc;
}

int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}

int fallocate(int fd, int mode, off_t at, off_t size)
{
    if (!tracked(fd)) {
        return (int)syscall(SYS_fallocate, fd, mode, at, size);
    }
    if (mode != 0) {
        refuse_fd(fd, "fallocate with a mode");
    }
    uint64_t call = begin(TRACE_ALLOCATE, fd, at, size, NULL, 0);
    int rc = (int)syscall(SYS_fallocate, fd, mode, at, size);
    end(call, rc, 0);
    return rc;
}

int fallocate64(int fd, int mode, off64_t at, off64_t size)
{
    return fallocate(fd, mode, at, size);
}

/* --- syncing --- */

static int sync_any(int fd, long number)
{
    if (!tracked(fd)) {
        return (int)syscall(number, fd);
    }
    uint64_t call = begin(TRACE_SYNC, fd, 0, 0, NULL, 0);
    int rc = (int)syscall(number, fd);
    end(call, rc, 0);
    return rc;
}

int fsync(int fd)
{
    return sync_any(fd, SYS_fsync);
}

int fdatasync(int fd)
{
    return sync_any(fd, SYS_fdatasync);
}

/* --- names --- */

/* A call that takes a path and two numbers, in the form that every machine has. */
static int on_path(enum trace_op op, const char *path, long number, long argument)
{
    char full[PATH_BYTES_MAX];
    const char *below = below_root(path, full);
    if (!below) {
        return (int)syscall(number, AT_FDCWD, path, argument);
    }
    uint64_t call = begin_path(op, 0, below);
    int rc = (int)syscall(number, AT_FDCWD, path, argument);
    end(call, rc, 0);
    return rc;
}

int unlink(const char *path)
{
    return on_path(TRACE_UNLINK, path, SYS_unlinkat, 0);
}

int mkdir(const char *path, mode_t mode)
{
    return on_path(TRACE_MAKE_DIR, path, SYS_mkdirat, mode);
}

int rmdir(const char *path)
{
    return on_path(TRACE_REMOVE_DIR, path, SYS_unlinkat, AT_REMOVEDIR);
}

static int rename_any(const char *from, const char *to)
{
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int rename(const char *from, const char *to)
{
    char full_from[PATH_BYTES_MAX];
    char full_to[PATH_BYTES_MAX];
    const char *below_from = below_root(from, full_from);
    const char *below_to = below_root(to, full_to);
    if (!below_from && !below_to) {
        return rename_any(from, to);
    }
    if (!below_from || !below_to) {
        die("across the edge of the recorded directory", "rename");
    }
    struct iovec parts[] = {{(void *)(uintptr_t)below_from, strlen(below_from) + 1},
                            {(void *)(uintptr_t)below_to, strlen(below_to)}};
    uint64_t call = begin(TRACE_RENAME, 0, 0, 0, parts, 2);
    int rc = rename_any(from, to);
    end(call, rc, 0);
    return rc;
}

/* --- what trace.h has no word for --- */

#define REFUSE_FD(type, name, parameters, arguments, fd)                                           \
    type name parameters                                                                           \
    {                                                                                              \
        refuse_fd(fd, #name);                                                                      \
        REAL(name);                                                                                \
        return real arguments;                                                                     \
    }
#define REFUSE_PATH(type, name, parameters, arguments, path)                                       \
    type name parameters                                                                           \
    {                                                                                              \
        refuse_path(path, #name);                                                                  \
        REAL(name);                                                                                \
        return real arguments;                                                                     \
    }

REFUSE_FD(int, posix_fallocate, (int fd, off_t at, off_t size), (fd, at, size), fd)
REFUSE_FD(int, posix_fallocate64, (int fd, off64_t at, off64_t size), (fd, at, size), fd)
REFUSE_FD(int, sync_file_range, (int fd, off64_t at, off64_t n, unsigned flags), (fd, at, n, flags),
          fd)
REFUSE_FD(ssize_t, pwritev2, (int fd, const struct iovec *v, int n, off_t at, int flags),
          (fd, v, n, at, flags), fd)
REFUSE_FD(ssize_t, copy_file_range,
          (int from, off64_t *from_at, int to, off64_t *to_at, size_t n, unsigned flags),
          (from, from_at, to, to_at, n, flags), to)
REFUSE_FD(ssize_t, sendfile, (int to, int from, off_t *at, size_t n), (to, from, at, n), to)
REFUSE_FD(ssize_t, sendfile64, (int to, int from, off64_t *at, size_t n), (to, from, at, n), to)
REFUSE_FD(ssize_t, splice,
          (int from, off64_t *from_at, int to, off64_t *to_at, size_t n, unsigned flags),
          (from, from_at, to, to_at, n, flags), to)
REFUSE_FD(int, dup, (int fd), (fd), fd)
REFUSE_FD(int, dup2, (int fd, int to), (fd, to), fd)
REFUSE_FD(int, dup3, (int fd, int to, int flags), (fd, to, flags), fd)
REFUSE_FD(int, unlinkat, (int dir, const char *path, int flags), (dir, path, flags), dir)
REFUSE_FD(int, renameat, (int dir, const char *from, int to_dir, const char *to),
          (dir, from, to_dir, to), dir)
REFUSE_PATH(int, remove, (const char *path), (path), path)
REFUSE_PATH(int, truncate, (const char *path, off_t size), (path, size), path)
REFUSE_PATH(int, truncate64, (const char *path, off64_t size), (path, size), path)
REFUSE_PATH(int, link, (const char *from, const char *to), (from, to), to)
REFUSE_PATH(int, symlink, (const char *from, const char *to), (from, to), to)

static bool only_reads(const char *mode)
{
    return mode[0] == 'r' && !strchr(mode, '+');
}

FILE *fopen(const char *path, const char *mode)
{
    if (!only_reads(mode)) {
        refuse_path(path, "fopen");
    }
    REAL(fopen);
    return real(path, mode);
}

FILE *fopen64(const char *path, const char *mode)
{
    if (!only_reads(mode)) {
        refuse_path(path, "fopen64");
    }
    REAL(fopen64);
    return real(path, mode);
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    if ((flags & MAP_SHARED) && (protection & PROT_WRITE)) {
        refuse_fd(fd, "mmap");
    }
    return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
}

/* --- time --- */

int clock_gettime(clockid_t clock, struct timespec *to)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, to);
    if (rc == 0 && clock == CLOCK_MONOTONIC && speed > 1) {
        int64_t real_ns = (int64_t)to->tv_sec * 1000000000 + to->tv_nsec;
        int64_t ns = started_ns + (real_ns - started_ns) * (int64_t)speed;
        *to = (struct timespec){ns / 1000000000, ns % 1000000000};
    }
    return rc;
}

/* All conditions of libuv wait by the monotonic clock. */
int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock, const struct timespec *at)
{
    REAL(pthread_cond_timedwait);
    if (speed <= 1) {
        return real(cond, lock, at);
    }
    int64_t ns = (int64_t)at->tv_sec * 1000000000 + at->tv_nsec;
    ns = started_ns + (ns - started_ns) / (int64_t)speed;
    struct timespec sooner = {ns / 1000000000, ns % 1000000000};
    return real(cond, lock, &sooner);
}
