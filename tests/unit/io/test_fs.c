#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "support/cmocka_srt.h"
#include "support/fake_disk.h"
#include "support/temp_dir.h"

/* Every test of the helpers runs twice: on the kernel's files and on the fake disk. */
struct fixture {
    const struct io_fs *fs;
    struct fake_disk *disk; /* NULL: the kernel's */
    struct temp_dir dir;
    struct srt_err err;
};

static int setup_real(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->fs = io_fs_real();
    temp_dir_make(&f->dir);
    *state = f;
    return 0;
}

static int setup_fake(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->disk = fake_disk_create();
    f->fs = fake_disk_fs(f->disk);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    if (f->disk) {
        assert_int_equal(fake_disk_open_fds(f->disk), 0);
        fake_disk_destroy(f->disk);
    } else {
        temp_dir_remove(&f->dir);
    }
    free(f);
    return 0;
}

static const char *path_of(struct fixture *f, const char *name)
{
    return temp_dir_path(&f->dir, name); /* "/name" on the fake disk */
}

static void assert_content(struct fixture *f, const char *name, const char *expected)
{
    struct srt_buf buf;
    assert_ok(io_read_file(f->fs, path_of(f, name), 1 << 20, &buf, &f->err), &f->err);
    assert_int_equal(buf.len, strlen(expected));
    assert_memory_equal(buf.data, expected, buf.len);
    srt_buf_fini(&buf);
}

static int create(struct fixture *f, const char *name)
{
    int fd = -1;
    assert_ok(io_open(f->fs, path_of(f, name), O_RDWR | O_CREAT, 0644, &fd, &f->err), &f->err);
    return fd;
}

static void open_names_the_path_and_the_reason(void **state)
{
    struct fixture *f = *state;
    int fd = -7;
    assert_int_equal(io_open(f->fs, path_of(f, "none"), O_RDONLY, 0, &fd, &f->err), SRT_ENOENT);
    assert_int_equal(fd, -7);
    assert_int_equal(f->err.sys, ENOENT);
    assert_contains(f->err.msg, "open '");
    assert_contains(f->err.msg, "none': No such file or directory");
}

static void close_forgets_the_descriptor(void **state)
{
    struct fixture *f = *state;
    int fd = create(f, "x");
    io_close(f->fs, &fd);
    assert_int_equal(fd, -1);
    io_close(f->fs, &fd);
    assert_int_equal(fd, -1);
}

static void read_beyond_the_end_is_an_error_that_says_where(void **state)
{
    struct fixture *f = *state;
    int fd = create(f, "x");
    assert_ok(io_write_at(f->fs, fd, "0123456789", 10, 0, "x", &f->err), &f->err);
    char text[8] = "";
    assert_ok(io_read_at(f->fs, fd, text, 4, 6, "x", &f->err), &f->err);
    assert_string_equal(text, "6789");
    assert_int_equal(io_read_at(f->fs, fd, text, 5, 6, "x", &f->err), SRT_EEND);
    assert_string_equal(f->err.msg, "'x' ends at byte 10, 1 bytes early");
    io_close(f->fs, &fd);
}

static void writes_more_parts_than_one_call_takes(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = IOV_MAX + 500 };
    struct iovec *parts = calloc(COUNT, sizeof *parts);
    char *expected = calloc(COUNT + 1, 1);
    size_t len = 0;
    for (int i = 0; i < COUNT; i++) { /* every seventh is empty */
        static char letters[] = "abcdefghijklmnopqrstuvwxyz";
        parts[i] = (struct iovec){&letters[i % 26], i % 7 != 0};
        if (i % 7 != 0) {
            expected[len++] = letters[i % 26];
        }
    }
    int fd = create(f, "x");
    assert_ok(io_writev_at(f->fs, fd, parts, COUNT, 0, "x", &f->err), &f->err);
    io_close(f->fs, &fd);
    assert_content(f, "x", expected);
    free(expected);
    free(parts);
}

static void write_of_nothing_succeeds(void **state)
{
    struct fixture *f = *state;
    int fd = create(f, "x");
    assert_ok(io_write_at(f->fs, fd, "", 0, 0, "x", &f->err), &f->err);
    struct iovec parts[2] = {{"", 0}, {"", 0}};
    assert_ok(io_writev_at(f->fs, fd, parts, 2, 0, "x", &f->err), &f->err);
    io_close(f->fs, &fd);
    assert_content(f, "x", "");
}

static void atomic_write_replaces_and_leaves_no_temporary(void **state)
{
    struct fixture *f = *state;
    assert_ok(io_write_file_atomic(f->fs, path_of(f, "x"), "first", 5, &f->err), &f->err);
    assert_content(f, "x", "first");
    assert_ok(io_write_file_atomic(f->fs, path_of(f, "x"), "2nd", 3, &f->err), &f->err);
    assert_content(f, "x", "2nd");
    struct io_list list;
    assert_ok(io_list_dir(f->fs, path_of(f, ""), &list, &f->err), &f->err);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.names[0], "x");
    io_list_free(&list);
}

static void read_file_refuses_what_is_too_large(void **state)
{
    struct fixture *f = *state;
    assert_ok(io_write_file_atomic(f->fs, path_of(f, "x"), "12345", 5, &f->err), &f->err);
    struct srt_buf buf = {.len = 99};
    assert_int_equal(io_read_file(f->fs, path_of(f, "x"), 4, &buf, &f->err), SRT_ETOOBIG);
    assert_contains(f->err.msg, "is larger than 4 bytes");
    assert_int_equal(buf.len, 99);
    assert_ok(io_read_file(f->fs, path_of(f, "x"), 5, &buf, &f->err), &f->err);
    assert_int_equal(buf.len, 5);
    srt_buf_fini(&buf);
}

static void make_dirs_makes_all_that_is_missing(void **state)
{
    struct fixture *f = *state;
    assert_ok(io_make_dirs(f->fs, path_of(f, "a/b//c/"), &f->err), &f->err);
    assert_ok(io_make_dirs(f->fs, path_of(f, "a/b/c"), &f->err), &f->err);
    struct io_file_info info;
    assert_int_equal(f->fs->path_info(f->fs, path_of(f, "a/b/c"), &info), 0);
    assert_true(info.is_dir);
    assert_false(info.is_regular);
    int fd = create(f, "a/file");
    io_close(f->fs, &fd);
    assert_int_equal(io_make_dirs(f->fs, path_of(f, "a/file/d"), &f->err), SRT_EINVAL);
    assert_int_equal(f->err.sys, ENOTDIR);
    assert_contains(f->err.msg, "a/file'");
}

static void list_is_sorted(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"c", "a10", "b", "a2"};
    static const char *const sorted[] = {"a10", "a2", "b", "c"};
    for (size_t i = 0; i < 4; i++) {
        int fd = create(f, names[i]);
        io_close(f->fs, &fd);
    }
    struct io_list list;
    assert_ok(io_list_dir(f->fs, path_of(f, ""), &list, &f->err), &f->err);
    assert_int_equal(list.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(list.names[i], sorted[i]);
    }
    io_list_free(&list);
    assert_int_equal(list.count, 0);
    assert_int_equal(io_list_dir(f->fs, path_of(f, "none"), &list, &f->err), SRT_ENOENT);
}

static void truncate_allocate_and_info_agree(void **state)
{
    struct fixture *f = *state;
    int fd = create(f, "x");
    struct io_file_info info;
    assert_int_equal(f->fs->allocate(f->fs, fd, 0, 4096), 0);
    assert_int_equal(f->fs->info(f->fs, fd, &info), 0);
    assert_int_equal(info.size_bytes, 4096);
    assert_true(info.is_regular);
    char byte = 'x';
    assert_ok(io_read_at(f->fs, fd, &byte, 1, 4095, "x", &f->err), &f->err);
    assert_int_equal(byte, 0);
    assert_int_equal(f->fs->truncate(f->fs, fd, 10), 0);
    struct io_file_info by_path;
    assert_int_equal(f->fs->path_info(f->fs, path_of(f, "x"), &by_path), 0);
    assert_int_equal(by_path.size_bytes, 10);
    assert_int_equal(by_path.inode, info.inode);
    f->fs->drop_cache(f->fs, fd);
    assert_ok(io_datasync(f->fs, fd, "x", &f->err), &f->err);
    io_close(f->fs, &fd);
    assert_int_equal(f->fs->unlink(f->fs, path_of(f, "x")), 0);
    assert_int_equal(f->fs->path_info(f->fs, path_of(f, "x"), &by_path), -ENOENT);
}

/* --- the fake disk only: what a real one does not do on demand --- */

static void interrupted_calls_are_repeated(void **state)
{
    struct fixture *f = *state;
    fake_disk_fail(f->disk, FAKE_DISK_OPEN, 1, EINTR);
    int fd = create(f, "x");
    fake_disk_fail(f->disk, FAKE_DISK_PWRITEV, 1, EINTR);
    assert_ok(io_write_at(f->fs, fd, "text", 4, 0, "x", &f->err), &f->err);
    fake_disk_fail(f->disk, FAKE_DISK_PREAD, 1, EINTR);
    char text[5] = "";
    assert_ok(io_read_at(f->fs, fd, text, 4, 0, "x", &f->err), &f->err);
    assert_string_equal(text, "text");
    fake_disk_fail(f->disk, FAKE_DISK_DATASYNC, 1, EINTR);
    assert_ok(io_datasync(f->fs, fd, "x", &f->err), &f->err);
    fake_disk_fail(f->disk, FAKE_DISK_SYNC, 1, EINTR);
    assert_ok(io_sync(f->fs, fd, "x", &f->err), &f->err);
    fake_disk_fail(f->disk, FAKE_DISK_SYNC_DIR, 1, EINTR);
    assert_ok(io_sync_dir(f->fs, "/", &f->err), &f->err);
    struct io_file_info info;
    fake_disk_fail(f->disk, FAKE_DISK_ALLOCATE, 1, EINTR);
    assert_ok(io_allocate(f->fs, fd, 0, 100, "x", &f->err), &f->err);
    fake_disk_fail(f->disk, FAKE_DISK_INFO, 1, EINTR);
    assert_ok(io_info(f->fs, fd, &info, "x", &f->err), &f->err);
    assert_int_equal(info.size_bytes, 100);
    fake_disk_fail(f->disk, FAKE_DISK_TRUNCATE, 1, EINTR);
    assert_ok(io_truncate(f->fs, fd, 3, "x", &f->err), &f->err);
    io_close(f->fs, &fd);
    fake_disk_fail(f->disk, FAKE_DISK_MAKE_DIR, 1, EINTR);
    assert_ok(io_make_dir(f->fs, "/dir", &f->err), &f->err);
    fake_disk_fail(f->disk, FAKE_DISK_RENAME, 1, EINTR);
    assert_ok(io_rename(f->fs, "/x", "/dir/y", &f->err), &f->err);
    fake_disk_fail(f->disk, FAKE_DISK_PATH_INFO, 1, EINTR);
    assert_ok(io_path_info(f->fs, "/dir/y", &info, &f->err), &f->err);
    assert_int_equal(info.size_bytes, 3);
    fake_disk_fail(f->disk, FAKE_DISK_LIST, 1, EINTR);
    struct io_list list;
    assert_ok(io_list_dir(f->fs, "/dir", &list, &f->err), &f->err);
    assert_int_equal(list.count, 1);
    io_list_free(&list);
    fake_disk_fail(f->disk, FAKE_DISK_UNLINK, 1, EINTR);
    assert_ok(io_unlink(f->fs, "/dir/y", &f->err), &f->err);
    assert_int_equal(io_unlink(f->fs, "/dir/y", &f->err), SRT_ENOENT);
    assert_int_equal(io_path_info(f->fs, "/dir/y", &info, &f->err), SRT_ENOENT);
    assert_int_equal(io_make_dir(f->fs, "/dir", &f->err), SRT_EEXIST);
}

static void short_transfers_are_continued(void **state)
{
    struct fixture *f = *state;
    int fd = create(f, "x");
    fake_disk_limit_transfer(f->disk, 3);
    struct iovec parts[] = {{"ab", 2}, {"", 0}, {"cdefg", 5}, {"h", 1}};
    assert_ok(io_writev_at(f->fs, fd, parts, 4, 0, "x", &f->err), &f->err);
    char text[9] = "";
    assert_ok(io_read_at(f->fs, fd, text, 8, 0, "x", &f->err), &f->err);
    assert_string_equal(text, "abcdefgh");
    io_close(f->fs, &fd);
    assert_content(f, "x", "abcdefgh");
}

static void failed_syncs_have_a_code_of_their_own(void **state)
{
    struct fixture *f = *state;
    int fd = create(f, "x");
    fake_disk_fail(f->disk, FAKE_DISK_DATASYNC, 1, EIO);
    assert_int_equal(io_datasync(f->fs, fd, "x", &f->err), SRT_EFSYNC);
    fake_disk_fail(f->disk, FAKE_DISK_SYNC, 1, ENOSPC);
    assert_int_equal(io_sync(f->fs, fd, "x", &f->err), SRT_EFSYNC);
    assert_int_equal(f->err.sys, ENOSPC);
    fake_disk_fail(f->disk, FAKE_DISK_SYNC_DIR, 1, EIO);
    assert_int_equal(io_sync_dir(f->fs, "/", &f->err), SRT_EFSYNC);
    io_close(f->fs, &fd);
}

/* Cut the power after every change of an atomic write: old or new, whole, in every outcome. */
static void atomic_write_survives_a_cut_at_any_moment(void **state)
{
    struct fixture *f = *state;
    assert_ok(io_write_file_atomic(f->fs, "/x", "old content", 11, &f->err), &f->err);
    bool seen_old = false;
    bool seen_new = false;
    bool done = false;
    for (uint64_t stop = 0; !done; stop++) {
        struct fake_disk *at_cut = fake_disk_clone(f->disk);
        fake_disk_stop_after(at_cut, stop);
        int rc = io_write_file_atomic(fake_disk_fs(at_cut), "/x", "new", 3, &f->err);
        done = rc == SRT_OK;
        for (uint64_t seed = 0; seed < 20; seed++) {
            struct fixture g = {.disk = fake_disk_clone(at_cut)};
            g.fs = fake_disk_fs(g.disk);
            fake_disk_crash(g.disk, seed, FAKE_DISK_KEEP_SOME);
            struct srt_buf buf;
            assert_ok(io_read_file(g.fs, "/x", 100, &buf, &g.err), &g.err);
            bool is_new = !strcmp(srt_buf_cstr(&buf), "new");
            assert_true(is_new || !strcmp(srt_buf_cstr(&buf), "old content"));
            assert_true(is_new || !done);
            seen_new |= is_new;
            seen_old |= !is_new;
            srt_buf_fini(&buf);
            fake_disk_destroy(g.disk);
        }
        fake_disk_destroy(at_cut);
    }
    assert_true(seen_old && seen_new);
}

static void failed_atomic_write_keeps_the_old_file(void **state)
{
    struct fixture *f = *state;
    static const enum fake_disk_call calls[] = {FAKE_DISK_OPEN, FAKE_DISK_PWRITEV, FAKE_DISK_SYNC,
                                                FAKE_DISK_RENAME};
    assert_ok(io_write_file_atomic(f->fs, "/x", "old", 3, &f->err), &f->err);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        fake_disk_fail(f->disk, calls[i], 1, EIO);
        assert_int_not_equal(io_write_file_atomic(f->fs, "/x", "new", 3, &f->err), SRT_OK);
        assert_content(f, "x", "old");
        struct io_list list;
        assert_ok(io_list_dir(f->fs, "/", &list, &f->err), &f->err);
        assert_int_equal(list.count, 1);
        io_list_free(&list);
    }
}

static void made_directories_are_durable(void **state)
{
    struct fixture *f = *state;
    assert_ok(io_make_dirs(f->fs, "/a/b/c", &f->err), &f->err);
    fake_disk_crash(f->disk, 1, FAKE_DISK_DROP_UNSYNCED);
    struct io_file_info info;
    assert_int_equal(f->fs->path_info(f->fs, "/a/b/c", &info), 0);
}

/* --- the kernel's only --- */

static void descriptors_do_not_leak_into_children(void **state)
{
    struct fixture *f = *state;
    int fd = create(f, "x");
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    io_close(f->fs, &fd);
}

static void reads_files_whose_size_says_nothing(void **state)
{
    struct fixture *f = *state;
    struct srt_buf buf;
    assert_ok(io_read_file(f->fs, "/proc/self/status", 1 << 20, &buf, &f->err), &f->err);
    assert_contains(srt_buf_cstr(&buf), "Name:");
    srt_buf_fini(&buf);
}

static void relative_paths_have_a_parent(void **state)
{
    struct fixture *f = *state;
    char before[4096];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(f->dir.path), 0);
    assert_ok(io_write_file_atomic(f->fs, "x", "text", 4, &f->err), &f->err);
    assert_ok(io_make_dirs(f->fs, "d/e", &f->err), &f->err);
    assert_int_equal(chdir(before), 0);
    assert_content(f, "x", "text");
}

/* A child tries to lock what we hold; its exit code is what it got. */
static int lock_in_child(const char *path)
{
    pid_t child = fork();
    if (child == 0) {
        int fd = -1;
        struct srt_err err;
        int rc = io_lock_file(path, &fd, &err);
        _exit(-rc);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return -WEXITSTATUS(status);
}

static void file_lock_keeps_other_processes_out(void **state)
{
    struct fixture *f = *state;
    int fd = -1;
    const char *path = path_of(f, "LOCK");
    assert_ok(io_lock_file(path, &fd, &f->err), &f->err);
    assert_int_equal(lock_in_child(path), SRT_EBUSY);
    int second = -1;
    assert_int_equal(io_lock_file(path, &second, &f->err), SRT_EBUSY);
    assert_contains(f->err.msg, "is locked by another process");
    io_close(f->fs, &fd);
    assert_int_equal(lock_in_child(path), SRT_OK);
    assert_int_equal(lock_in_child("/nonexistent/LOCK"), SRT_ENOENT);
}

/* What stat says of it, and when it was created, which nothing that is done to a file changes. */
static void info_is_that_of_the_system(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    struct io_file_info info;
    struct io_file_info later;
    int fd = create(f, "file");
    assert_ok(io_write_at(f->fs, fd, "abc", 3, 0, "file", &f->err), &f->err);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(f->fs->info(f->fs, fd, &info), 0);
    assert_int_equal(info.inode, st.st_ino);
    assert_int_equal(info.device, st.st_dev);
    assert_int_equal(info.size_bytes, 3);
    assert_int_equal(info.modified_ms,
                     (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000);
    assert_true(info.born_ns == 0 || info.born_ns / 1000000 <= info.modified_ms);
    assert_int_equal(rename(path_of(f, "file"), path_of(f, "moved")), 0);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(f->fs->path_info(f->fs, path_of(f, "moved"), &later), 0);
    assert_int_equal(later.born_ns, info.born_ns);
    io_close(f->fs, &fd);
}

#define REAL(fn) {"real: " #fn, fn, setup_real, teardown, NULL}
#define FAKE(fn) {"fake: " #fn, fn, setup_fake, teardown, NULL}
#define BOTH(fn) REAL(fn), FAKE(fn)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(open_names_the_path_and_the_reason),
        BOTH(close_forgets_the_descriptor),
        BOTH(read_beyond_the_end_is_an_error_that_says_where),
        BOTH(writes_more_parts_than_one_call_takes),
        BOTH(write_of_nothing_succeeds),
        BOTH(atomic_write_replaces_and_leaves_no_temporary),
        BOTH(read_file_refuses_what_is_too_large),
        BOTH(make_dirs_makes_all_that_is_missing),
        BOTH(list_is_sorted),
        BOTH(truncate_allocate_and_info_agree),
        FAKE(interrupted_calls_are_repeated),
        FAKE(short_transfers_are_continued),
        FAKE(failed_syncs_have_a_code_of_their_own),
        FAKE(atomic_write_survives_a_cut_at_any_moment),
        FAKE(failed_atomic_write_keeps_the_old_file),
        FAKE(made_directories_are_durable),
        REAL(descriptors_do_not_leak_into_children),
        REAL(reads_files_whose_size_says_nothing),
        REAL(relative_paths_have_a_parent),
        REAL(info_is_that_of_the_system),
        REAL(file_lock_keeps_other_processes_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
