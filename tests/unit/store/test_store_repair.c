/* store_repair.c with repair_journal.c and repair_segment.c, store_survey.c, journal_salvage.c,
 * journal_witness.c, checkpoint_parts.c and checkpoint_copy.c: the single rules. tests/damage
 * has the sweep. */
#include "store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "record/batch.h"

#define PART_DIR    "/data/topics/ab000000000000000000000000000001-topic0-0"
#define SEGMENT     PART_DIR "/00000000000000000000.seg"
#define JOURNAL_ONE "/data/journal/00000000000000000001.jnl"

enum { WRITES = 10, RECORDS = 2 };

struct told {
    char ranges[16][512];
    int range_count;
    int64_t lost_from, lost_to;
    int lost_count;
    uint64_t frames_first, frames_last;
};

static void on_range(void *arg, const char *path, uint64_t from, uint64_t to, const char *reason,
                     const char *set_aside)
{
    struct told *told = arg;
    assert_true(told->range_count < 16);
    snprintf(told->ranges[told->range_count++], 512, "%s:%d-%d: %s > %s", path, (int)from, (int)to,
             reason, set_aside ? set_aside : "-");
}

static void on_lost_records(void *arg, const char *topic, int32_t partition, int64_t from,
                            int64_t to)
{
    struct told *told = arg;
    assert_string_equal(topic, "topic0");
    assert_int_equal(partition, 0);
    told->lost_from = from;
    told->lost_to = to;
    told->lost_count++;
}

static void on_lost_frames(void *arg, uint64_t first, uint64_t last)
{
    struct told *told = arg;
    told->frames_first = first;
    told->frames_last = last;
}

static int repair(struct fake_disk *disk, struct told *told, struct srt_err *err)
{
    *told = (struct told){0};
    const struct store_repair_ops ops = {told, on_range, on_lost_records, on_lost_frames};
    return store_repair("/data", fake_disk_fs(disk), false, &ops, err);
}

static int repair_unknown(struct fake_disk *disk, struct told *told)
{
    struct fixture f;
    *told = (struct told){0};
    const struct store_repair_ops ops = {told, on_range, on_lost_records, on_lost_frames};
    fixture_init(&f, disk);
    f.options.read_only = true;
    fixture_open(&f);
    int found = store_repair_unknown(f.store, &ops, &f.err);
    fixture_close(&f);
    fixture_fini(&f);
    return found;
}

static void no_report(void *arg, const char *path, uint64_t at, const char *reason)
{
    (void)arg;
    print_error("%s:%d: %s\n", path, (int)at, reason);
}

/* Frame 1 creates, frames 2.. append; killed or closed. */
static struct fake_disk *make_store(bool closed)
{
    struct fake_disk *disk = fake_disk_create();
    struct fixture f;
    fixture_init(&f, disk);
    fixture_open(&f);
    fixture_create(&f, 0, 1);
    for (int i = 0; i < WRITES; i++) {
        fixture_append(&f, fixture_part(&f, 0, 0), (uint64_t)i, RECORDS, 40, 1000 * i);
    }
    if (closed) {
        fixture_close(&f);
    }
    struct fake_disk *copy = fake_disk_clone(disk);
    fake_disk_crash(copy, 1, FAKE_DISK_KEEP_ALL);
    fixture_fini(&f);
    fake_disk_destroy(disk);
    return copy;
}

static void overwrite(struct fake_disk *disk, const char *path, uint64_t at, const char *text)
{
    const struct io_fs *fs = fake_disk_fs(disk);
    struct srt_err err;
    int fd = -1;
    assert_int_equal(io_open(fs, path, O_RDWR, 0, &fd, &err), SRT_OK);
    assert_int_equal(io_write_at(fs, fd, text, strlen(text), (int64_t)at, path, &err), SRT_OK);
    io_close(fs, &fd);
}

/* Where frame number `sequence` begins in the first file. */
static uint64_t find_frame(struct fake_disk *disk, uint64_t sequence)
{
    struct srt_buf buf;
    struct srt_err err;
    assert_int_equal(io_read_file(fake_disk_fs(disk), JOURNAL_ONE, 1 << 20, &buf, &err), SRT_OK);
    uint64_t at = 4096;
    for (uint64_t i = 1; i < sequence; i++) {
        assert_memory_equal(buf.data + at, "SRTF", 4);
        at += (uint64_t)buf.data[at + 26] << 8 | buf.data[at + 27];
    }
    srt_buf_fini(&buf);
    return at;
}

struct seen {
    bool seen[WRITES * RECORDS];
};

/* The records of whole batches; where the next batch begins. */
static int64_t see_batches(struct seen *seen, const struct srt_buf *buf, int64_t lost_from,
                           int64_t lost_to)
{
    int64_t next = -1;
    for (size_t at = 0; at < buf->len;) {
        struct batch_info info;
        struct batch_reader reader;
        struct record rec;
        assert_int_equal(batch_check(buf->data + at, buf->len - at, &info), SRT_OK);
        assert_int_equal(batch_reader_init(&reader, buf->data + at, &info, NULL), SRT_OK);
        while (batch_reader_next(&reader, &rec) == SRT_OK) {
            char text[16] = {0};
            int tag, number;
            memcpy(text, rec.value, 15);
            assert_int_equal(sscanf(text, "%d:%d", &tag, &number), 2);
            assert_int_equal(tag, rec.offset / RECORDS);
            assert_int_equal(number, rec.offset % RECORDS);
            seen->seen[rec.offset] = true;
        }
        next = batch_last_offset(&info) + 1;
        if (info.record_count == 0) {
            assert_int_equal(info.base_offset, lost_from);
            assert_int_equal(next, lost_to);
        }
        at += info.size_bytes;
    }
    return next;
}

/* Everything but the offsets from `lost_from` to `lost_to` is served; then appending goes on. */
static void expect_served(struct fake_disk *disk, int64_t lost_from, int64_t lost_to)
{
    struct fixture f;
    struct seen seen = {{0}};
    fixture_init(&f, disk);
    assert_int_equal(store_check("/data", fake_disk_fs(disk), no_report, NULL, &f.err), 0);
    fixture_open(&f);
    struct partition *part = fixture_part(&f, 0, 0);
    assert_int_equal(partition_high_watermark(part), WRITES * RECORDS);
    struct srt_buf buf;
    srt_buf_init(&buf);
    for (int64_t at = 0; at < WRITES * RECORDS;) {
        srt_buf_clear(&buf);
        assert_int_equal(partition_read(part, at, 1, &buf, &f.err), SRT_OK);
        int64_t next = see_batches(&seen, &buf, lost_from, lost_to);
        assert_true(next > at);
        at = next;
    }
    srt_buf_fini(&buf);
    for (int64_t i = 0; i < WRITES * RECORDS; i++) {
        assert_int_equal(seen.seen[i], i < lost_from || i >= lost_to);
    }
    assert_int_equal(fixture_append(&f, part, 99, 1, 10, 0), WRITES * RECORDS);
    fixture_close(&f);
    fixture_fini(&f);
}

static void a_damaged_batch_becomes_a_gap_and_its_bytes_are_kept(void **state)
{
    (void)state;
    struct fake_disk *disk = make_store(true);
    struct told told;
    struct srt_err err;
    overwrite(disk, SEGMENT, 64 + 100, "????");
    assert_int_equal(repair(disk, &told, &err), 1);
    assert_non_null(strstr(told.ranges[0], SEGMENT ":64-"));
    assert_non_null(strstr(told.ranges[0], "> " SEGMENT ".64.removed"));
    assert_int_equal(told.lost_from, 0);
    assert_int_equal(told.lost_to, RECORDS);
    struct srt_buf kept;
    assert_int_equal(
        io_read_file(fake_disk_fs(disk), SEGMENT ".64.removed", 1 << 20, &kept, &err), SRT_OK);
    assert_memory_equal(kept.data + 100, "????", 4);
    srt_buf_fini(&kept);
    expect_served(disk, 0, RECORDS);
    fake_disk_destroy(disk);
}

static void a_second_repair_of_a_place_keeps_what_the_first_set_aside(void **state)
{
    (void)state;
    struct fake_disk *disk = make_store(true);
    struct told told;
    struct srt_err err;
    overwrite(disk, SEGMENT, 64 + 100, "????");
    assert_int_equal(repair(disk, &told, &err), 1);
    assert_int_equal(repair(disk, &told, &err), 0);
    overwrite(disk, SEGMENT, 64 + 30, "!!!!"); /* the gap */
    assert_int_equal(repair(disk, &told, &err), 1);
    assert_non_null(strstr(told.ranges[0], SEGMENT ".64.1.removed"));
    expect_served(disk, 0, RECORDS);
    fake_disk_destroy(disk);
}

static void records_of_a_damaged_frame_come_from_the_segments(void **state)
{
    (void)state;
    for (uint64_t frame = 2; frame <= WRITES + 1; frame++) {
        struct fake_disk *disk = make_store(false);
        struct told told;
        struct srt_err err;
        overwrite(disk, JOURNAL_ONE, find_frame(disk, frame) + 120, "????");
        assert_int_equal(repair(disk, &told, &err), 1);
        assert_int_equal(told.lost_count, 0);
        if (frame <= WRITES) {
            assert_int_equal(told.frames_first, frame);
            assert_int_equal(told.frames_last, frame);
        }
        expect_served(disk, WRITES * RECORDS, WRITES * RECORDS);
        fake_disk_destroy(disk);
    }
}

/* The power went before the segments were on the disk, and then the journal was damaged. */
static void what_neither_journal_nor_segments_have_becomes_a_gap(void **state)
{
    (void)state;
    struct fake_disk *disk = make_store(false);
    struct told told;
    struct srt_err err;
    assert_int_equal(fake_disk_fs(disk)->unlink(fake_disk_fs(disk), SEGMENT), 0);
    overwrite(disk, JOURNAL_ONE, find_frame(disk, 5) + 120, "????");
    assert_int_equal(repair(disk, &told, &err), 1);
    assert_int_equal(told.lost_from, 3 * RECORDS);
    assert_int_equal(told.lost_to, 4 * RECORDS);
    expect_served(disk, 3 * RECORDS, 4 * RECORDS);
    fake_disk_destroy(disk);
}

static void a_topic_whose_creation_is_lost_is_set_aside_as_a_whole(void **state)
{
    (void)state;
    struct fake_disk *disk = make_store(false);
    struct told told;
    struct srt_err err;
    struct io_file_info info;
    const struct io_fs *fs = fake_disk_fs(disk);
    int fd = -1;
    assert_int_equal(io_open(fs, JOURNAL_ONE, O_RDWR, 0, &fd, &err), SRT_OK);
    assert_int_equal(fs->truncate(fs, fd, 4096), 0); /* all frames */
    io_close(fs, &fd);
    assert_int_equal(repair(disk, &told, &err), 1);
    assert_int_equal(store_check("/data", fs, no_report, NULL, &err), 0);
    assert_int_equal(repair_unknown(disk, &told), 1);
    assert_non_null(strstr(told.ranges[0], "> " PART_DIR ".removed"));
    assert_int_equal(told.lost_to, WRITES * RECORDS);
    assert_int_equal(repair_unknown(disk, &told), 0);
    assert_int_equal(fs->path_info(fs, PART_DIR ".removed", &info), 0);
    assert_int_equal(fs->path_info(fs, PART_DIR, &info), -ENOENT);
    struct fixture f;
    fixture_init(&f, disk);
    fixture_open(&f);
    assert_false(f.topics[0].used);
    fixture_close(&f);
    assert_int_equal(store_check("/data", fs, no_report, NULL, &err), 0);
    fixture_fini(&f);
    fake_disk_destroy(disk);
}

/* The frame that created it is whole, the only ones with its records are not: what is in its
 * segments belongs to a partition that no other frame names. */
static void all_records_of_a_partition_may_come_from_its_segments(void **state)
{
    (void)state;
    struct fake_disk *disk = make_store(false);
    struct told told;
    struct srt_err err;
    for (uint64_t frame = 2; frame <= WRITES + 1; frame++) {
        overwrite(disk, JOURNAL_ONE, find_frame(disk, frame) + 120, "????");
    }
    assert_int_equal(repair(disk, &told, &err), 1);
    assert_int_equal(told.lost_count, 0);
    assert_int_equal(repair_unknown(disk, &told), 0);
    expect_served(disk, WRITES * RECORDS, WRITES * RECORDS);
    fake_disk_destroy(disk);
}

/* A store that was closed twice has freed the frames before its last checkpoint. */
static void without_a_checkpoint_and_its_copy_nothing_is_changed(void **state)
{
    (void)state;
    struct fake_disk *disk = make_store(true);
    struct fixture f;
    struct told told;
    struct srt_err err;
    static const char path[] = "/data/journal/00000000000000000002.jnl";
    fixture_init(&f, disk);
    fixture_open(&f);
    fixture_append(&f, fixture_part(&f, 0, 0), 1, 1, 10, 0);
    fixture_close(&f);
    fixture_fini(&f);
    for (uint64_t at = 4096; at < 8192; at += 64) {
        overwrite(disk, path, at, "????");
    }
    struct fake_disk *copy = fake_disk_clone(disk);
    assert_int_equal(repair(copy, &told, &err), 1); /* from checkpoint.copy, without a loss */
    assert_int_equal(told.lost_count, 0);
    fixture_init(&f, copy);
    fixture_open(&f);
    assert_int_equal(fixture_count(fixture_part(&f, 0, 0)), WRITES * RECORDS + 1);
    fixture_close(&f);
    fixture_fini(&f);
    fake_disk_destroy(copy);

    assert_int_equal(fake_disk_fs(disk)->unlink(fake_disk_fs(disk), "/data/checkpoint.copy"), 0);
    uint64_t changes = fake_disk_change_count(disk);
    assert_int_equal(repair(disk, &told, &err), SRT_ECORRUPT);
    assert_non_null(strstr(err.msg, "cannot be repaired"));
    assert_int_equal(fake_disk_change_count(disk), changes);
    fake_disk_destroy(disk);
}

static void a_missing_node_file_is_written_again(void **state)
{
    (void)state;
    struct fake_disk *disk = make_store(true);
    struct told told;
    struct srt_err err;
    assert_int_equal(fake_disk_fs(disk)->unlink(fake_disk_fs(disk), "/data/node.json"), 0);
    assert_int_equal(repair(disk, &told, &err), 1);
    expect_served(disk, WRITES * RECORDS, WRITES * RECORDS);
    fake_disk_destroy(disk);
}

static void what_is_no_data_directory_is_not_touched(void **state)
{
    (void)state;
    struct fake_disk *disk = fake_disk_create();
    struct told told;
    struct srt_err err;
    assert_int_equal(repair(disk, &told, &err), SRT_ENOENT);
    assert_int_equal(fake_disk_fs(disk)->make_dir(fake_disk_fs(disk), "/data", 0755), 0);
    assert_int_equal(repair(disk, &told, &err), SRT_ENOENT);
    fake_disk_destroy(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_batch_becomes_a_gap_and_its_bytes_are_kept),
        cmocka_unit_test(a_second_repair_of_a_place_keeps_what_the_first_set_aside),
        cmocka_unit_test(records_of_a_damaged_frame_come_from_the_segments),
        cmocka_unit_test(what_neither_journal_nor_segments_have_becomes_a_gap),
        cmocka_unit_test(a_topic_whose_creation_is_lost_is_set_aside_as_a_whole),
        cmocka_unit_test(all_records_of_a_partition_may_come_from_its_segments),
        cmocka_unit_test(without_a_checkpoint_and_its_copy_nothing_is_changed),
        cmocka_unit_test(a_missing_node_file_is_written_again),
        cmocka_unit_test(what_is_no_data_directory_is_not_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
