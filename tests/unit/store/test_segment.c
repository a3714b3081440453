#include "store/segment.h"
#include "support/cmocka_srt.h"
#include "support/fake_disk.h"

/* A disk on which another thread's sync comes between a write's beginning and its bytes. */
struct fixture {
    struct fake_disk *disk;
    struct io_fs fs; /* the disk's, but for pwritev */
    struct segment_files files;
    struct segment *seg;
    bool sync_comes_first;
    struct srt_err err;
};

static struct fixture *now;

static ssize_t pwritev_after_a_sync(const struct io_fs *fs, int fd, const struct iovec *parts,
                                    int count, int64_t at)
{
    (void)fs;
    if (now->sync_comes_first) {
        assert_ok(segment_sync(now->seg, &now->err), &now->err);
    }
    const struct io_fs *disk_fs = fake_disk_fs(now->disk);
    return disk_fs->pwritev(disk_fs, fd, parts, count, at);
}

/* The disk finds itself through its own table, so the other calls are led there. */
static int lead_datasync(const struct io_fs *fs, int fd)
{
    (void)fs;
    const struct io_fs *disk_fs = fake_disk_fs(now->disk);
    return disk_fs->datasync(disk_fs, fd);
}

static int lead_open(const struct io_fs *fs, const char *path, int flags, int mode)
{
    (void)fs;
    const struct io_fs *disk_fs = fake_disk_fs(now->disk);
    return disk_fs->open(disk_fs, path, flags, mode);
}

static int lead_close(const struct io_fs *fs, int fd)
{
    (void)fs;
    const struct io_fs *disk_fs = fake_disk_fs(now->disk);
    return disk_fs->close(disk_fs, fd);
}

static int lead_unlink(const struct io_fs *fs, const char *path)
{
    (void)fs;
    const struct io_fs *disk_fs = fake_disk_fs(now->disk);
    return disk_fs->unlink(disk_fs, path);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    now = f;
    f->disk = fake_disk_create();
    f->fs = (struct io_fs){.open = lead_open,
                           .close = lead_close,
                           .unlink = lead_unlink,
                           .datasync = lead_datasync,
                           .pwritev = pwritev_after_a_sync};
    segment_files_init(&f->files, &f->fs, 8, false);
    struct topic_id id = {{1}};
    f->seg = segment_new(&f->files, &id, 0, "", 0, 0, 0);
    assert_ok(segment_create_file(f->seg, &f->err), &f->err);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    segment_unref(f->seg);
    segment_files_fini(&f->files);
    assert_int_equal(fake_disk_open_fds(f->disk), 0);
    fake_disk_destroy(f->disk);
    free(f);
    return 0;
}

static void append(struct fixture *f, const char *text)
{
    assert_ok(segment_write(f->seg, (const uint8_t *)text, strlen(text), &f->err), &f->err);
    segment_grow(f->seg, strlen(text), 0);
}

static void synced_segment_is_clean_until_it_is_written(void **state)
{
    struct fixture *f = *state;
    assert_true(segment_is_dirty(f->seg));
    assert_ok(segment_sync(f->seg, &f->err), &f->err);
    assert_false(segment_is_dirty(f->seg));
    append(f, "bytes");
    assert_true(segment_is_dirty(f->seg));
    assert_ok(segment_sync(f->seg, &f->err), &f->err);
    assert_false(segment_is_dirty(f->seg));
    assert_ok(segment_sync(f->seg, &f->err), &f->err); /* nothing to do */
    assert_int_equal(fake_disk_calls(f->disk, FAKE_DISK_DATASYNC), 2);
}

static void sync_that_comes_before_the_bytes_leaves_the_segment_dirty(void **state)
{
    struct fixture *f = *state;
    append(f, "first");
    f->sync_comes_first = true;
    append(f, "second");
    f->sync_comes_first = false;
    assert_true(segment_is_dirty(f->seg));
}

static void write_that_failed_halfway_leaves_the_segment_dirty(void **state)
{
    struct fixture *f = *state;
    assert_ok(segment_sync(f->seg, &f->err), &f->err);
    fake_disk_limit_space(f->disk, 3);
    assert_int_equal(segment_write(f->seg, (const uint8_t *)"bytes", 5, &f->err), SRT_ENOSPC);
    assert_true(segment_is_dirty(f->seg));
    fake_disk_heal(f->disk);
    assert_ok(segment_sync(f->seg, &f->err), &f->err);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(synced_segment_is_clean_until_it_is_written),
        TEST(sync_that_comes_before_the_bytes_leaves_the_segment_dirty),
        TEST(write_that_failed_halfway_leaves_the_segment_dirty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
