/* Bytes that changed by themselves: told by path and byte, never served, never thrown away. */
#include "store_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOPIC_WRITES = 4, FRAMES = TOPIC_WRITES + 1 };

static uint8_t *load(struct fake_disk *disk, const char *path, size_t *ret_size)
{
    struct srt_buf buf;
    struct srt_err err;
    assert_int_equal(io_read_file(fake_disk_fs(disk), path, 16 << 20, &buf, &err), SRT_OK);
    *ret_size = buf.len;
    return buf.data;
}

static void flip(struct fake_disk *disk, const char *path, size_t at, uint8_t mask)
{
    const struct io_fs *fs = fake_disk_fs(disk);
    struct srt_err err;
    int fd = -1;
    uint8_t byte;
    assert_int_equal(io_open(fs, path, O_RDWR, 0, &fd, &err), SRT_OK);
    assert_int_equal(io_read_at(fs, fd, &byte, 1, (int64_t)at, path, &err), SRT_OK);
    byte ^= mask;
    assert_int_equal(io_write_at(fs, fd, &byte, 1, (int64_t)at, path, &err), SRT_OK);
    assert_int_equal(io_sync(fs, fd, path, &err), SRT_OK);
    io_close(fs, &fd);
}

static void count_report(void *arg, const char *path, uint64_t at, const char *reason)
{
    int *count = arg;
    assert_non_null(path);
    assert_non_null(reason);
    (void)at;
    (*count)++;
}

/* A store whose process was killed: frames in the journal, no checkpoint. */
static struct fake_disk *killed_store(void)
{
    struct fake_disk *disk = fake_disk_create();
    struct fixture f;
    fixture_init(&f, disk);
    fixture_open(&f);
    fixture_create(&f, 0, 1);
    for (int i = 0; i < TOPIC_WRITES; i++) {
        fixture_append(&f, fixture_part(&f, 0, 0), (uint64_t)i, 2, 40, 0);
    }
    struct fake_disk *copy = fake_disk_clone(disk);
    fake_disk_crash(copy, 1, FAKE_DISK_KEEP_ALL);
    fixture_close(&f);
    fixture_fini(&f);
    fake_disk_destroy(disk);
    return copy;
}

static const char journal_path[] = "/data/journal/00000000000000000001.jnl";

static const char segment_path[] = "/data/topics/ab000000000000000000000000000001-topic0-0/"
                                   "00000000000000000000.seg";

/* Where each frame begins, and the end of the last. */
static void find_frames(struct fake_disk *disk, size_t at[FRAMES + 1])
{
    size_t size;
    uint8_t *data = load(disk, journal_path, &size);
    size_t pos = 4096;
    for (int i = 0; i < FRAMES; i++) {
        assert_memory_equal(data + pos, "SRTF", 4);
        at[i] = pos;
        pos += (size_t)data[pos + 24] << 24 | (size_t)data[pos + 25] << 16 |
               (size_t)data[pos + 26] << 8 | data[pos + 27];
    }
    at[FRAMES] = pos;
    free(data);
}

static void every_flipped_byte_of_a_journal_is_found(void **state)
{
    (void)state;
    struct fake_disk *disk = killed_store();
    size_t frames[FRAMES + 1];
    find_frames(disk, frames);
    for (size_t at = 0; at < frames[FRAMES]; at++) {
        if (at >= 36 && at < 4096) {
            continue; /* the rest of the header block is not read */
        }
        struct fake_disk *copy = fake_disk_clone(disk);
        flip(copy, journal_path, at, (uint8_t)(1u << (at % 8)));
        struct fixture f;
        fixture_init(&f, copy);
        int wrong = 0;
        struct srt_err err;
        int checked =
            store_check("/data", fake_disk_fs(copy), count_report, &wrong, &err);
        uint64_t changes = fake_disk_change_count(copy);
        /* also in the last frame: the segment has its batch */
        int rc = fixture_try_open(&f);
        if (at < 36 && rc == SRT_EVERSION) {
            assert_true(checked < 0);
        } else {
            assert_int_equal(rc, SRT_ECORRUPT);
            assert_non_null(strstr(f.err.msg, journal_path));
            assert_int_equal(checked, 1);
            assert_int_equal(wrong, 1);
        }
        /* only the syncs of the journal file */
        assert_true(fake_disk_change_count(copy) <= changes + 1);
        fixture_fini(&f);
        fake_disk_destroy(copy);
    }
    fake_disk_destroy(disk);
}

/* Frames of which no segment has anything: only the frames behind the damaged one tell. */
static void damage_before_frames_of_metadata_is_found(void **state)
{
    (void)state;
    struct fake_disk *disk = fake_disk_create();
    struct fixture f;
    fixture_init(&f, disk);
    fixture_open(&f);
    for (uint32_t i = 0; i < FRAMES; i++) {
        assert_int_equal(fixture_try_note(&f, i, i + 1), SRT_OK);
    }
    struct fake_disk *copy = fake_disk_clone(disk);
    fake_disk_crash(copy, 1, FAKE_DISK_KEEP_ALL);
    fixture_fini(&f);
    fake_disk_destroy(disk);
    size_t frames[FRAMES + 1];
    find_frames(copy, frames);
    flip(copy, journal_path, frames[FRAMES - 2] + 50, 1);
    fixture_init(&f, copy);
    assert_int_equal(fixture_try_open(&f), SRT_ECORRUPT);
    assert_non_null(strstr(f.err.msg, "later ones were written"));
    fixture_fini(&f);
    fake_disk_destroy(copy);
}

/* As an earlier life of a file that was put to use again may have left it: whole, with the sequence
 * that is expected, where it is expected. */
static void a_frame_of_another_journal_file_is_not_taken(void **state)
{
    (void)state;
    struct fake_disk *disk = killed_store();
    struct fake_disk *other = killed_store();
    size_t frames[FRAMES + 1], others[FRAMES + 1], size;
    find_frames(disk, frames);
    find_frames(other, others);
    assert_memory_equal(frames, others, sizeof frames);
    uint8_t *data = load(other, journal_path, &size);
    const struct io_fs *fs = fake_disk_fs(disk);
    struct srt_err err;
    int fd = -1;
    size_t last = frames[FRAMES - 1];
    assert_int_equal(io_open(fs, journal_path, O_RDWR, 0, &fd, &err), SRT_OK);
    assert_int_equal(io_write_at(fs, fd, data + last, frames[FRAMES] - last, (int64_t)last,
                                 journal_path, &err),
                     SRT_OK);
    assert_int_equal(io_sync(fs, fd, journal_path, &err), SRT_OK);
    io_close(fs, &fd);
    free(data);
    struct fixture f;
    fixture_init(&f, disk);
    assert_int_equal(fixture_try_open(&f), SRT_ECORRUPT); /* the segment has what was there */
    assert_int_equal(fs->unlink(fs, segment_path), 0);    /* a power cut took it */
    fixture_open(&f);
    assert_int_equal(fixture_count(fixture_part(&f, 0, 0)), 2 * (TOPIC_WRITES - 1));
    fixture_close(&f);
    fixture_fini(&f);
    fake_disk_destroy(other);
    fake_disk_destroy(disk);
}

/* All is below the checkpoint: the journal has only that. */
static struct fake_disk *closed_store(char *ret_segment, size_t size)
{
    struct fake_disk *disk = fake_disk_create();
    struct fixture f;
    fixture_init(&f, disk);
    fixture_open(&f);
    fixture_create(&f, 0, 1);
    for (int i = 0; i < TOPIC_WRITES; i++) {
        fixture_append(&f, fixture_part(&f, 0, 0), (uint64_t)i, 2, 40, 1000 * i);
    }
    fixture_close(&f);
    fixture_fini(&f);
    snprintf(ret_segment, size,
             "/data/topics/ab000000000000000000000000000001-topic0-0/%020d.seg", 0);
    return disk;
}

struct seen {
    uint64_t tags[64];
};

static void see(void *arg, int64_t offset, uint64_t tag, int number)
{
    struct seen *seen = arg;
    (void)number;
    seen->tags[offset] = tag;
}

static void a_flipped_byte_of_a_segment_is_never_served(void **state)
{
    (void)state;
    char path[128];
    struct fake_disk *disk = closed_store(path, sizeof path);
    size_t size;
    free(load(disk, path, &size));
    for (size_t at = 0; at < size; at++) {
        struct fake_disk *copy = fake_disk_clone(disk);
        flip(copy, path, at, (uint8_t)(1u << (at % 8)));
        struct fixture f;
        fixture_init(&f, copy);
        fixture_open(&f); /* a clean recovery reads no segments */
        struct partition *part = fixture_part(&f, 0, 0);
        struct seen seen;
        memset(&seen, 0xff, sizeof seen);
        int64_t count;
        int rc = fixture_try_read(part, 0, 200, see, &seen, &count, &f.err);
        for (int64_t i = 0; i < count; i++) {
            assert_int_equal(seen.tags[i], i / 2);
        }
        if (rc == SRT_OK) {
            assert_int_equal(count, 2 * TOPIC_WRITES); /* a leader epoch says nothing here */
        } else {
            assert_true(rc == SRT_ECORRUPT || rc == SRT_EVERSION);
            assert_non_null(strstr(f.err.msg, path));
        }
        int wrong = 0;
        int found = store_check("/data", fake_disk_fs(copy), count_report, &wrong, &f.err);
        assert_int_equal(found < 0, rc == SRT_EVERSION && found < 0);
        if (rc == SRT_ECORRUPT) {
            assert_true(found >= 1);
            assert_int_equal(found, wrong);
        }
        fixture_close(&f);
        fixture_fini(&f);
        fake_disk_destroy(copy);
    }
    fake_disk_destroy(disk);
}

static void a_segment_that_is_too_short_or_missing_is_refused(void **state)
{
    (void)state;
    char path[128];
    struct fake_disk *disk = closed_store(path, sizeof path);
    const struct io_fs *fs = fake_disk_fs(disk);
    struct fixture f;
    struct srt_err err;
    size_t size;
    free(load(disk, path, &size));
    int fd = -1;
    assert_int_equal(io_open(fs, path, O_RDWR, 0, &fd, &err), SRT_OK);
    assert_int_equal(fs->truncate(fs, fd, (int64_t)size - 1), 0);
    io_close(fs, &fd);
    fixture_init(&f, disk);
    assert_int_equal(fixture_try_open(&f), SRT_ECORRUPT);
    assert_non_null(strstr(f.err.msg, path));
    assert_int_equal(fs->unlink(fs, path), 0);
    assert_int_equal(fixture_try_open(&f), SRT_ECORRUPT);
    assert_non_null(strstr(f.err.msg, path));
    int wrong = 0;
    assert_int_equal(store_check("/data", fs, count_report, &wrong, &err), 1);
    fixture_fini(&f);
    fake_disk_destroy(disk);
}

static void a_missing_journal_file_is_refused(void **state)
{
    (void)state;
    struct fake_disk *disk = fake_disk_create();
    const struct io_fs *fs = fake_disk_fs(disk);
    struct fixture f;
    fixture_init(&f, disk);
    f.options.checkpoint_bytes = 1 << 30;
    fixture_open(&f);
    fixture_create(&f, 0, 1);
    for (int i = 0; i < 100; i++) {
        fixture_append(&f, fixture_part(&f, 0, 0), (uint64_t)i, 1, 2000, 0);
    }
    struct fake_disk *copy = fake_disk_clone(disk);
    fake_disk_crash(copy, 1, FAKE_DISK_KEEP_ALL);
    fixture_close(&f);
    fixture_fini(&f);
    fs = fake_disk_fs(copy);
    fixture_init(&f, copy);
    assert_int_equal(fs->unlink(fs, journal_path), 0);
    assert_int_equal(fixture_try_open(&f), SRT_ECORRUPT);
    assert_int_equal(fs->unlink(fs, "/data/journal/00000000000000000003.jnl"), 0);
    assert_int_equal(fixture_try_open(&f), SRT_ECORRUPT);
    fixture_fini(&f);
    fake_disk_destroy(copy);
    fake_disk_destroy(disk);
}

static void remove_file(void *arg, const char *name)
{
    struct fake_disk *disk = arg;
    char path[128];
    snprintf(path, sizeof path, "/data/journal/%s", name);
    assert_int_equal(fake_disk_fs(disk)->unlink(fake_disk_fs(disk), path), 0);
}

/* Without its journal a store would begin anew beside the records that are there. */
static void a_missing_journal_is_refused(void **state)
{
    (void)state;
    char path[128];
    struct fake_disk *disk = closed_store(path, sizeof path);
    const struct io_fs *fs = fake_disk_fs(disk);
    struct io_list names;
    struct fixture f;
    struct srt_err err;
    assert_int_equal(io_list_dir(fs, "/data/journal", &names, &err), SRT_OK);
    for (size_t i = 0; i < names.count; i++) {
        remove_file(disk, names.names[i]);
    }
    io_list_free(&names);
    fixture_init(&f, disk);
    assert_int_equal(fixture_try_open(&f), SRT_ECORRUPT);
    int wrong = 0;
    assert_int_equal(store_check("/data", fs, count_report, &wrong, &err), 1);
    assert_int_equal(fs->remove_dir(fs, "/data/journal"), 0);
    assert_int_equal(fixture_try_open(&f), SRT_ECORRUPT);
    size_t size;
    free(load(disk, path, &size)); /* and nothing was thrown away */
    fixture_fini(&f);
    fake_disk_destroy(disk);
}

static void a_damaged_index_is_made_again(void **state)
{
    (void)state;
    struct fake_disk *disk = fake_disk_create();
    struct fixture f;
    fixture_init(&f, disk);
    f.config.segment_bytes = 8 << 10;
    fixture_open(&f);
    fixture_create(&f, 0, 1);
    for (int i = 0; i < 60; i++) {
        fixture_append(&f, fixture_part(&f, 0, 0), (uint64_t)i, 2, 100, 1000 * i);
    }
    fixture_close(&f);
    fixture_fini(&f);
    const char *path = "/data/topics/ab000000000000000000000000000001-topic0-0/"
                       "00000000000000000000.idx";
    size_t size;
    free(load(disk, path, &size));
    assert_true(size > 24 * 8);
    for (size_t at = 0; at < size; at += 5) {
        struct fake_disk *copy = fake_disk_clone(disk);
        flip(copy, path, at, 0x40);
        fixture_init(&f, copy);
        fixture_open(&f);
        struct partition *part = fixture_part(&f, 0, 0);
        struct srt_buf buf;
        srt_buf_init(&buf);
        for (int64_t offset = 1; offset < 50; offset += 7) {
            srt_buf_clear(&buf);
            assert_int_equal(partition_read(part, offset, 1, &buf, &f.err), SRT_OK);
            int64_t found, time_ms;
            assert_int_equal(
                partition_offset_for_time(part, 500 * offset, &found, &time_ms, &f.err), SRT_OK);
            /* the first batch whose second record is not older */
            int64_t batch = (500 * offset - 1 + 999) / 1000;
            int64_t expected = 1000 * batch >= 500 * offset ? 2 * batch : 2 * batch + 1;
            assert_int_equal(found, expected);
        }
        srt_buf_fini(&buf);
        fixture_close(&f);
        fixture_fini(&f);
        fake_disk_destroy(copy);
    }
    fake_disk_destroy(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flipped_byte_of_a_journal_is_found),
        cmocka_unit_test(a_flipped_byte_of_a_segment_is_never_served),
        cmocka_unit_test(a_segment_that_is_too_short_or_missing_is_refused),
        cmocka_unit_test(damage_before_frames_of_metadata_is_found),
        cmocka_unit_test(a_frame_of_another_journal_file_is_not_taken),
        cmocka_unit_test(a_missing_journal_file_is_refused),
        cmocka_unit_test(a_missing_journal_is_refused),
        cmocka_unit_test(a_damaged_index_is_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
