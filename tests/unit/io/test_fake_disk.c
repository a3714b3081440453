#include <errno.h>
#include <fcntl.h>

#include "support/cmocka_srt.h"
#include "support/fake_disk.h"

struct fixture {
    struct fake_disk *disk;
    const struct io_fs *fs;
    struct srt_err err;
};

static int setup(void **state)
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
    fake_disk_destroy(f->disk);
    free(f);
    return 0;
}

static int open_file(struct fixture *f, const char *path)
{
    int fd = -1;
    assert_ok(io_open(f->fs, path, O_RDWR | O_CREAT, 0644, &fd, &f->err), &f->err);
    return fd;
}

static void write_text(struct fixture *f, int fd, const char *text, int64_t at)
{
    assert_ok(io_write_at(f->fs, fd, text, strlen(text), at, "x", &f->err), &f->err);
}

/* A file `path` of 'a's, durable with its name. */
static int durable_file(struct fixture *f, const char *path, size_t size)
{
    char *text = malloc(size);
    memset(text, 'a', size);
    int fd = open_file(f, path);
    assert_ok(io_write_at(f->fs, fd, text, size, 0, path, &f->err), &f->err);
    assert_ok(io_sync(f->fs, fd, path, &f->err), &f->err);
    assert_ok(io_sync_dir(f->fs, "/", &f->err), &f->err);
    free(text);
    return fd;
}

static void assert_content(struct fixture *f, const char *path, const char *expected)
{
    struct srt_buf buf;
    assert_ok(io_read_file(f->fs, path, 1 << 20, &buf, &f->err), &f->err);
    assert_string_equal(srt_buf_cstr(&buf), expected);
    srt_buf_fini(&buf);
}

static bool exists(struct fixture *f, const char *path)
{
    struct io_file_info info;
    int rc = f->fs->path_info(f->fs, path, &info);
    assert_true(rc == 0 || rc == -ENOENT);
    return rc == 0;
}

static void what_was_synced_survives(void **state)
{
    struct fixture *f = *state;
    int fd = open_file(f, "/x");
    write_text(f, fd, "kept", 0);
    assert_ok(io_datasync(f->fs, fd, "/x", &f->err), &f->err);
    assert_ok(io_sync_dir(f->fs, "/", &f->err), &f->err);
    write_text(f, fd, " lost", 4);
    assert_content(f, "/x", "kept lost");
    fake_disk_crash(f->disk, 1, FAKE_DISK_DROP_UNSYNCED);
    assert_content(f, "/x", "kept");
}

static void file_without_synced_directory_is_lost(void **state)
{
    struct fixture *f = *state;
    int fd = open_file(f, "/x");
    write_text(f, fd, "bytes", 0);
    assert_ok(io_sync(f->fs, fd, "/x", &f->err), &f->err);
    fake_disk_crash(f->disk, 1, FAKE_DISK_DROP_UNSYNCED);
    assert_false(exists(f, "/x"));
}

static void death_of_the_process_alone_loses_nothing(void **state)
{
    struct fixture *f = *state;
    int fd = open_file(f, "/x");
    write_text(f, fd, "bytes", 0);
    fake_disk_crash(f->disk, 1, FAKE_DISK_KEEP_ALL);
    assert_content(f, "/x", "bytes");
    assert_int_equal(fake_disk_open_fds(f->disk), 0);
    assert_int_equal(f->fs->close(f->fs, fd), -EBADF);
}

/* Over many seeds a write of three sectors must be seen whole, absent and torn, and never in a
 * state that is no mixture of whole sectors. */
static void unsynced_write_tears_at_sectors(void **state)
{
    struct fixture *f = *state;
    enum { SECTOR = 512, SECTORS = 3 };
    int fd = durable_file(f, "/x", SECTOR * SECTORS);
    char news[SECTOR * SECTORS];
    memset(news, 'b', sizeof news);
    assert_ok(io_write_at(f->fs, fd, news, sizeof news, 0, "/x", &f->err), &f->err);
    unsigned seen = 0; /* one bit for each set of sectors that are new */
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct fake_disk *copy = fake_disk_clone(f->disk);
        fake_disk_crash(copy, seed, FAKE_DISK_KEEP_SOME);
        struct srt_buf buf;
        assert_ok(io_read_file(fake_disk_fs(copy), "/x", 1 << 20, &buf, &f->err), &f->err);
        assert_int_equal(buf.len, sizeof news);
        unsigned set = 0;
        for (size_t i = 0; i < buf.len; i++) {
            assert_int_equal(buf.data[i], buf.data[i / SECTOR * SECTOR]);
            set |= buf.data[i] == 'b' ? 1u << (i / SECTOR) : 0;
        }
        seen |= 1u << set;
        srt_buf_fini(&buf);
        fake_disk_destroy(copy);
    }
    assert_int_equal(seen, 0xff);
}

static void size_may_survive_without_its_data(void **state)
{
    struct fixture *f = *state;
    int fd = durable_file(f, "/x", 1);
    write_text(f, fd, "bbbb", 512);
    bool old_size = false;
    bool zeroes = false;
    bool whole = false;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct fake_disk *copy = fake_disk_clone(f->disk);
        fake_disk_crash(copy, seed, FAKE_DISK_KEEP_SOME);
        struct srt_buf buf;
        assert_ok(io_read_file(fake_disk_fs(copy), "/x", 1 << 20, &buf, &f->err), &f->err);
        assert_true(buf.len == 1 || buf.len == 516);
        old_size |= buf.len == 1;
        zeroes |= buf.len == 516 && buf.data[512] == 0;
        whole |= buf.len == 516 && buf.data[512] == 'b';
        srt_buf_fini(&buf);
        fake_disk_destroy(copy);
    }
    assert_true(old_size && zeroes && whole);
}

static void rename_is_never_half_done(void **state)
{
    struct fixture *f = *state;
    int fd = durable_file(f, "/old", 3);
    io_close(f->fs, &fd);
    fd = durable_file(f, "/new.tmp", 5);
    io_close(f->fs, &fd);
    assert_int_equal(f->fs->rename(f->fs, "/new.tmp", "/old"), 0);
    bool before = false;
    bool after = false;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct fixture g = {.disk = fake_disk_clone(f->disk)};
        g.fs = fake_disk_fs(g.disk);
        fake_disk_crash(g.disk, seed, FAKE_DISK_KEEP_SOME);
        if (exists(&g, "/new.tmp")) {
            before = true;
            assert_content(&g, "/old", "aaa");
        } else {
            after = true;
            assert_content(&g, "/old", "aaaaa");
        }
        fake_disk_destroy(g.disk);
    }
    assert_true(before && after);
}

static void names_of_an_unsynced_directory_go_with_it(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(f->fs->make_dir(f->fs, "/d", 0755), 0);
    int fd = open_file(f, "/d/x");
    assert_ok(io_sync(f->fs, fd, "/d/x", &f->err), &f->err);
    assert_ok(io_sync_dir(f->fs, "/d", &f->err), &f->err);
    fake_disk_crash(f->disk, 1, FAKE_DISK_DROP_UNSYNCED);
    assert_false(exists(f, "/d"));
}

static void failed_sync_is_not_made_good_by_the_next(void **state)
{
    struct fixture *f = *state;
    int fd = durable_file(f, "/x", 4);
    write_text(f, fd, "bb", 0);
    fake_disk_fail(f->disk, FAKE_DISK_DATASYNC, 1, EIO);
    assert_int_equal(io_datasync(f->fs, fd, "/x", &f->err), SRT_EFSYNC);
    assert_int_equal(f->err.sys, EIO);
    assert_ok(io_datasync(f->fs, fd, "/x", &f->err), &f->err);
    assert_content(f, "/x", "bbaa"); /* still in the cache */
    f->fs->drop_cache(f->fs, fd);
    assert_content(f, "/x", "aaaa");
    fake_disk_crash(f->disk, 1, FAKE_DISK_DROP_UNSYNCED);
    assert_content(f, "/x", "aaaa");
}

static void stops_after_so_many_changes(void **state)
{
    struct fixture *f = *state;
    int fd = durable_file(f, "/x", 4);
    fake_disk_stop_after(f->disk, 1);
    write_text(f, fd, "b", 0);
    assert_false(fake_disk_stopped(f->disk));
    assert_int_equal(io_write_at(f->fs, fd, "c", 1, 1, "/x", &f->err), SRT_EIO);
    assert_true(fake_disk_stopped(f->disk));
    char byte;
    assert_int_equal(io_read_at(f->fs, fd, &byte, 1, 0, "/x", &f->err), SRT_EIO);
    fake_disk_crash(f->disk, 1, FAKE_DISK_KEEP_ALL);
    assert_content(f, "/x", "baaa");
}

static void space_runs_out_in_the_middle_of_a_write(void **state)
{
    struct fixture *f = *state;
    int fd = durable_file(f, "/x", 4);
    fake_disk_limit_space(f->disk, 3);
    assert_int_equal(io_write_at(f->fs, fd, "bbbbb", 5, 4, "/x", &f->err), SRT_ENOSPC);
    assert_content(f, "/x", "aaaabbb");
    write_text(f, fd, "cc", 0); /* takes no room */
    assert_int_equal(f->fs->truncate(f->fs, fd, 2), 0);
    write_text(f, fd, "ddddd", 2);
    assert_content(f, "/x", "ccddddd");
    assert_int_equal(f->fs->allocate(f->fs, fd, 0, 100), -ENOSPC);
}

static void a_write_is_cut_in_half_at_its_time(void **state)
{
    struct fixture *f = *state;
    int fd = durable_file(f, "/x", 4);
    const struct iovec part = {(void *)(uintptr_t)"bcde", 4};
    fake_disk_cut_write(f->disk, 2, ENOSPC);
    assert_int_equal(f->fs->pwritev(f->fs, fd, &part, 1, 0), 4);
    assert_int_equal(f->fs->pwritev(f->fs, fd, &part, 1, 4), 2);
    assert_int_equal(f->fs->pwritev(f->fs, fd, &part, 1, 6), -ENOSPC);
    assert_int_equal(f->fs->pwritev(f->fs, fd, &part, 1, 6), 4);
    assert_content(f, "/x", "bcdebcbcde");
    io_close(f->fs, &fd);
}

static void call_fails_once_or_from_then_on(void **state)
{
    struct fixture *f = *state;
    int fd = durable_file(f, "/x", 4);
    fake_disk_fail(f->disk, FAKE_DISK_PWRITEV, 2, ENOSPC);
    write_text(f, fd, "b", 0);
    assert_int_equal(io_write_at(f->fs, fd, "c", 1, 1, "/x", &f->err), SRT_ENOSPC);
    write_text(f, fd, "d", 2);
    assert_content(f, "/x", "bada");
    fake_disk_fail_from(f->disk, FAKE_DISK_OPEN, 1, EMFILE);
    for (int i = 0; i < 3; i++) {
        int other = -1;
        assert_int_equal(io_open(f->fs, "/x", O_RDONLY, 0, &other, &f->err), SRT_EFILES);
        assert_int_equal(f->err.sys, EMFILE);
    }
    fake_disk_heal(f->disk);
    assert_content(f, "/x", "bada");
}

static void behaves_as_a_file_system_for_wrong_calls(void **state)
{
    struct fixture *f = *state;
    const struct io_fs *fs = f->fs;
    int fd = durable_file(f, "/x", 4);
    assert_int_equal(fs->open(fs, "/none", O_RDONLY, 0), -ENOENT);
    assert_int_equal(fs->open(fs, "/none/x", O_RDWR | O_CREAT, 0), -ENOENT);
    assert_int_equal(fs->open(fs, "/x/y", O_RDONLY, 0), -ENOTDIR);
    assert_int_equal(fs->open(fs, "/x", O_RDWR | O_CREAT | O_EXCL, 0), -EEXIST);
    assert_int_equal(fs->open(fs, "/", O_RDWR, 0), -EISDIR);
    assert_int_equal(fs->open(fs, "/../x", O_RDWR, 0), -EINVAL);
    assert_int_equal(fs->unlink(fs, "/none"), -ENOENT);
    assert_int_equal(fs->make_dir(fs, "/d", 0755), 0);
    assert_int_equal(fs->make_dir(fs, "/d", 0755), -EEXIST);
    assert_int_equal(fs->unlink(fs, "/d"), -EISDIR);
    assert_int_equal(fs->rename(fs, "/x", "/d"), -EISDIR);
    assert_int_equal(fs->rename(fs, "/x", "/d/x"), 0);
    assert_int_equal(fs->remove_dir(fs, "/d"), -ENOTEMPTY);
    assert_int_equal(fs->close(fs, fd), 0);
    assert_int_equal(fs->close(fs, fd), -EBADF);
    fd = fs->open(fs, "/d/x", O_RDONLY, 0);
    assert_int_equal(fs->pwritev(fs, fd, &(struct iovec){"b", 1}, 1, 0), -EBADF);
    assert_int_equal(fs->unlink(fs, "/d/x"), 0);
    char byte;
    assert_int_equal(fs->pread(fs, fd, &byte, 1, 0), 1); /* open, so still there */
    assert_int_equal(fs->remove_dir(fs, "/d"), 0);
    assert_int_equal(fake_disk_open_fds(f->disk), 1);
}

static void clone_is_independent(void **state)
{
    struct fixture *f = *state;
    int fd = durable_file(f, "/x", 2);
    write_text(f, fd, "b", 0);
    struct fixture copy = {.disk = fake_disk_clone(f->disk)};
    copy.fs = fake_disk_fs(copy.disk);
    write_text(f, fd, "c", 1);
    assert_content(f, "/x", "bc");
    assert_content(&copy, "/x", "ba");
    fake_disk_crash(copy.disk, 0, FAKE_DISK_DROP_UNSYNCED);
    assert_content(&copy, "/x", "aa");
    assert_content(f, "/x", "bc");
    fake_disk_destroy(copy.disk);
}

/* The states that a cut can leave of the file /x, over many seeds: bit by bit which of the blocks
 * 0.. of `block` bytes are 'b' and not 'a'. */
static uint64_t states_seen(struct fixture *f, struct fake_disk_luck luck, size_t block, int count,
                            bool seen[256])
{
    uint64_t distinct = 0;
    for (luck.seed = 0; luck.seed < 400; luck.seed++) {
        struct fake_disk *copy = fake_disk_clone(f->disk);
        struct srt_buf said = {0};
        struct srt_buf bytes;
        fake_disk_crash_by(copy, &luck, &said);
        assert_ok(io_read_file(fake_disk_fs(copy), "/x", 1 << 20, &bytes, &f->err), &f->err);
        assert_non_null(strstr(srt_buf_cstr(&said), "/x: "));
        unsigned state = 0;
        for (int i = 0; i < count; i++) {
            const uint8_t *at = bytes.data + (size_t)i * block;
            assert_true(memchr(at, at[0] == 'a' ? 'b' : 'a', block) == NULL); /* never in a block */
            state |= (unsigned)(at[0] == 'b') << i;
        }
        distinct += !seen[state];
        seen[state] = true;
        srt_buf_fini(&bytes);
        srt_buf_fini(&said);
        fake_disk_destroy(copy);
    }
    return distinct;
}

static void luck_keeps_prefixes_subsets_and_torn_writes_as_told(void **state)
{
    struct fixture *f = *state;
    enum { BLOCK = 4096 };
    int fd = durable_file(f, "/x", 4 * BLOCK);
    static char b[2 * BLOCK];
    memset(b, 'b', sizeof b);
    assert_ok(io_write_at(f->fs, fd, b, sizeof b, 0, "x", &f->err), &f->err);
    assert_ok(io_write_at(f->fs, fd, b, sizeof b, 2 * BLOCK, "x", &f->err), &f->err);
    bool none[256] = {false};
    bool prefix[256] = {false};
    bool subset[256] = {false};
    bool torn[256] = {false};
    bool one_torn[256] = {false};
    assert_int_equal(states_seen(f, (struct fake_disk_luck){0}, BLOCK, 4, none), 1);
    assert_true(none[0]);
    struct fake_disk_luck luck = {.writes = FAKE_DISK_KEEP_PREFIX};
    assert_int_equal(states_seen(f, luck, BLOCK, 4, prefix), 3);
    assert_true(prefix[0] && prefix[0x3] && prefix[0xf]);
    luck.tear_bytes = BLOCK; /* the write behind the prefix: four possibilities, for two writes */
    assert_int_equal(states_seen(f, luck, BLOCK, 4, torn), 7);
    assert_true(torn[0x1] && torn[0x2] && torn[0x7] && torn[0xb] && !torn[0xc]);
    luck = (struct fake_disk_luck){.writes = FAKE_DISK_KEEP_SUBSET};
    assert_int_equal(states_seen(f, luck, BLOCK, 4, subset), 4);
    assert_true(subset[0xc]);
    luck = (struct fake_disk_luck){.writes = FAKE_DISK_KEEP_EACH, .tear_bytes = BLOCK};
    assert_int_equal(states_seen(f, luck, BLOCK, 4, one_torn), 7);
    assert_true(one_torn[0xc] && one_torn[0x3] && one_torn[0xe] && !one_torn[0]);
    luck = (struct fake_disk_luck){.writes = FAKE_DISK_KEEP_SUBSET, .tear_bytes = 512};
    memset(subset, 0, sizeof subset);
    assert_true(states_seen(f, luck, 512, 8, subset) > 60);
    f->fs->close(f->fs, fd);
}

static void sizes_may_part_from_the_bytes(void **state)
{
    struct fixture *f = *state;
    int fd = durable_file(f, "/x", 100);
    write_text(f, fd, "behind", 100);
    bool lost_size = false, lost_bytes = false;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct fake_disk *copy = fake_disk_clone(f->disk);
        struct fake_disk_luck luck = {
            .seed = seed, .writes = FAKE_DISK_KEEP_SUBSET, .sizes_apart = true};
        struct srt_buf said = {0};
        struct srt_buf bytes;
        fake_disk_crash_by(copy, &luck, &said);
        assert_ok(io_read_file(fake_disk_fs(copy), "/x", 1000, &bytes, &f->err), &f->err);
        bool kept = strstr(srt_buf_cstr(&said), "bytes at 100: kept") != NULL;
        lost_size = lost_size || (kept && bytes.len == 100);
        lost_bytes = lost_bytes || (!kept && bytes.len == 106 && bytes.data[100] == 0);
        srt_buf_fini(&bytes);
        srt_buf_fini(&said);
        fake_disk_destroy(copy);
    }
    assert_true(lost_size && lost_bytes);
    f->fs->close(f->fs, fd);
}

static void a_sync_covers_what_had_returned_when_it_began(void **state)
{
    struct fixture *f = *state;
    int fd = durable_file(f, "/x", 4);
    fake_disk_call_begin(f->disk, 1);
    write_text(f, fd, "b", 0);
    fake_disk_call_made(f->disk);
    write_text(f, fd, "b", 1); /* returns at once */
    uint64_t moment = fake_disk_moment(f->disk);
    write_text(f, fd, "b", 2);
    fake_disk_call_returned(f->disk, 1);
    int dir = f->fs->open(f->fs, "/", O_RDONLY | O_DIRECTORY, 0);
    fake_disk_call_begin(f->disk, 2);
    int new_fd = open_file(f, "/y");
    fake_disk_call_made(f->disk);
    fake_disk_sync_since(f->disk, fd, moment);
    fake_disk_sync_since(f->disk, dir, fake_disk_moment(f->disk));
    struct fake_disk *copy = fake_disk_clone(f->disk);
    fake_disk_crash(copy, 0, FAKE_DISK_DROP_UNSYNCED);
    struct srt_buf bytes;
    assert_ok(io_read_file(fake_disk_fs(copy), "/x", 100, &bytes, &f->err), &f->err);
    assert_string_equal(srt_buf_cstr(&bytes), "abaa");
    srt_buf_fini(&bytes);
    struct io_file_info info;
    assert_int_equal(fake_disk_fs(copy)->path_info(fake_disk_fs(copy), "/y", &info), -ENOENT);
    fake_disk_destroy(copy);

    fake_disk_call_returned(f->disk, 2);
    fake_disk_sync_since(f->disk, fd, fake_disk_moment(f->disk));
    fake_disk_sync_since(f->disk, dir, fake_disk_moment(f->disk));
    f->fs->close(f->fs, fd);
    f->fs->close(f->fs, new_fd);
    f->fs->close(f->fs, dir);
    fake_disk_crash(f->disk, 0, FAKE_DISK_DROP_UNSYNCED);
    assert_content(f, "/x", "bbba");
    assert_true(exists(f, "/y"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(luck_keeps_prefixes_subsets_and_torn_writes_as_told),
        TEST(sizes_may_part_from_the_bytes),
        TEST(a_sync_covers_what_had_returned_when_it_began),
        TEST(what_was_synced_survives),
        TEST(file_without_synced_directory_is_lost),
        TEST(death_of_the_process_alone_loses_nothing),
        TEST(unsynced_write_tears_at_sectors),
        TEST(size_may_survive_without_its_data),
        TEST(rename_is_never_half_done),
        TEST(names_of_an_unsynced_directory_go_with_it),
        TEST(failed_sync_is_not_made_good_by_the_next),
        TEST(stops_after_so_many_changes),
        TEST(space_runs_out_in_the_middle_of_a_write),
        TEST(a_write_is_cut_in_half_at_its_time),
        TEST(call_fails_once_or_from_then_on),
        TEST(behaves_as_a_file_system_for_wrong_calls),
        TEST(clone_is_independent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
