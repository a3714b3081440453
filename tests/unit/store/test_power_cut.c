/* The power is cut at every change that the store makes to its disk, and the disk forgets what was
 * not synced: all of it, none of it, or any part. Then, always:
 *   - what was acknowledged is there, at its offset;
 *   - what was not acknowledged is there as a whole or not at all;
 *   - a second recovery finds the same as the first, also when the first was cut short.
 * This is the test of recovery.c, journal_scan.c and store_checkpoint.c. */
#include "store_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/varint.h"

enum { WRITES = 60, PARTS = 2, RECORDS_MAX = 4096 };

/* What the workload knows to be durable, and what it does not know. */
struct oracle {
    bool created;
    int acked;                /* writes 0 .. acked-1 are acknowledged */
    int64_t offsets[WRITES][PARTS]; /* of acknowledged writes */
    int checkpointed;         /* of them, those that a checkpoint has seen */
    bool trimmed;             /* a retention may have run */
};

/* Write i appends to both partitions and sets note 0: one frame. */
static int write_both(struct fixture *f, int i, int64_t offsets[PARTS])
{
    struct srt_buf bufs[PARTS] = {{0}};
    struct store_append appends[PARTS];
    uint8_t note[12];
    srt_put_be32(note, 0);
    srt_put_be64(note + 4, (uint64_t)i + 1);
    for (int p = 0; p < PARTS; p++) {
        fixture_batch(&bufs[p], (uint64_t)i, 1 + i % 3, (size_t)(50 + 397 * (i % 7)), 1000 * i);
        appends[p] = (struct store_append){.part = fixture_part(f, 0, p),
                                           .batches = bufs[p].data,
                                           .size_bytes = bufs[p].len};
    }
    struct store_meta_entry meta = {KEEPER_NOTE, note, sizeof note};
    struct store_write write = {
        .appends = appends, .append_count = PARTS, .metas = &meta, .meta_count = 1};
    int rc = store_write_wait(f->store, &write, &f->err);
    for (int p = 0; p < PARTS; p++) {
        offsets[p] = appends[p].ret_base_offset;
        srt_buf_fini(&bufs[p]);
    }
    return rc;
}

static void run_workload(struct fixture *f, struct oracle *o)
{
    if (fixture_try_open(f) != SRT_OK) {
        return;
    }
    o->created = fixture_try_create(f, 0, PARTS) == SRT_OK;
    for (int i = 0; o->created && i < WRITES; i++) {
        int64_t offsets[PARTS];
        if (write_both(f, i, offsets) != SRT_OK) {
            break;
        }
        memcpy(o->offsets[i], offsets, sizeof offsets);
        o->acked = i + 1;
        if (i % 17 == 16) {
            if (store_checkpoint(f->store, &f->err) != SRT_OK) {
                break;
            }
            o->checkpointed = i + 1;
        }
        if (i == 40) {
            o->trimmed = true;
            if (store_apply_retention(f->store, &f->err) != SRT_OK) {
                break;
            }
        }
    }
    (void)fixture_try_close(f);
}

/* tag of the record at each offset, and how many */
struct content {
    int64_t start[PARTS];
    int64_t end[PARTS];
    uint64_t tags[PARTS][RECORDS_MAX];
    int numbers[PARTS][RECORDS_MAX];
    uint64_t note;
    bool created;
};

struct reading {
    struct content *content;
    int part;
};

static void take_record(void *arg, int64_t offset, uint64_t tag, int number)
{
    struct reading *r = arg;
    r->content->tags[r->part][offset] = tag;
    r->content->numbers[r->part][offset] = number;
}

static void read_all(struct fixture *f, struct content *c)
{
    memset(c, 0, sizeof *c);
    c->note = f->notes[0];
    c->created = f->topics[0].used;
    for (int p = 0; c->created && p < PARTS; p++) {
        struct partition *part = fixture_part(f, 0, p);
        struct reading reading = {c, p};
        int64_t count;
        c->start[p] = partition_log_start(part);
        c->end[p] = partition_high_watermark(part);
        int rc = fixture_try_read(part, c->start[p], 2000, take_record, &reading, &count, &f->err);
        if (rc != SRT_OK) {
            print_error("read: %s\n", f->err.msg);
        }
        assert_int_equal(rc, SRT_OK);
        assert_int_equal(c->start[p] + count, c->end[p]);
    }
}

static void check_content(const struct oracle *o, const struct content *c)
{
    assert_true(c->created || !o->created);
    assert_true(c->note == (uint64_t)o->acked || c->note == (uint64_t)o->acked + 1);
    for (int p = 0; c->created && p < PARTS; p++) {
        assert_true(o->trimmed || c->start[p] == 0);
        int64_t offset = 0;
        for (int i = 0; i < (int)c->note; i++) { /* what the note says is there is there, no more */
            if (i < o->acked) {
                assert_int_equal(o->offsets[i][p], offset);
            }
            for (int n = 0; n < 1 + i % 3; n++, offset++) {
                if (offset >= c->start[p]) {
                    assert_int_equal(c->tags[p][offset], i);
                    assert_int_equal(c->numbers[p][offset], n);
                }
            }
        }
        assert_int_equal(c->end[p], offset);
        assert_true(c->start[p] <= c->end[p]);
    }
}

/* Go on with batches of other sizes than those that may have been cut off; then every offset and
 * every time must still be found, by indexes that were in part written before the cut. */
static void go_on(struct fixture *f)
{
    struct partition *part = fixture_part(f, 0, 0);
    int64_t first = partition_high_watermark(part);
    for (int i = 0; i < 12; i++) {
        fixture_append(f, part, (uint64_t)(900 + i), 1, (size_t)(333 + 100 * i), 1000000 + 10 * i);
    }
    fixture_close(f);
    fixture_open(f);
    part = fixture_part(f, 0, 0);
    struct srt_buf buf;
    srt_buf_init(&buf);
    for (int64_t offset = partition_log_start(part); offset < first + 12; offset++) {
        srt_buf_clear(&buf);
        assert_int_equal(partition_read(part, offset, 1, &buf, &f->err), SRT_OK);
    }
    srt_buf_fini(&buf);
    for (int i = 0; i < 12; i++) {
        int64_t offset, time_ms;
        int rc = partition_offset_for_time(part, 1000000 + 10 * i, &offset, &time_ms, &f->err);
        assert_int_equal(rc, SRT_OK);
        assert_int_equal(offset, first + i);
    }
}

static void recover_and_check(struct fake_disk *disk, const struct oracle *o, bool serve)
{
    struct content *first = calloc(1, sizeof *first);
    struct content *second = calloc(1, sizeof *second);
    struct fixture f;
    fixture_init(&f, disk);
    f.config.retention_bytes = 20 << 10;

    /* what a view shows is what a recovery keeps */
    f.options.read_only = true;
    bool seen = fixture_try_open(&f) == SRT_OK;
    if (seen) {
        read_all(&f, second);
        fixture_close(&f);
    } else {
        assert_int_equal(f.err.code, SRT_ENOENT); /* not even a node.json */
        assert_false(o->created);
    }
    f.options.read_only = false;
    fixture_open(&f);
    read_all(&f, first);
    check_content(o, first);
    if (seen) {
        assert_memory_equal(first, second, sizeof *first);
    }
    if (serve && first->created) { /* it goes on working */
        int64_t offset = fixture_append(&f, fixture_part(&f, 0, 0), 999, 2, 50, 0);
        assert_int_equal(offset, first->end[0]);
        assert_int_equal(store_checkpoint(f.store, &f.err), SRT_OK);
        fixture_append(&f, fixture_part(&f, 0, 1), 998, 1, 50, 0);
        go_on(&f);
    }
    fixture_close(&f);
    fixture_open(&f);
    read_all(&f, second);
    if (serve && first->created) {
        assert_int_equal(second->end[0], first->end[0] + 2 + 12);
        assert_int_equal(second->end[1], first->end[1] + 1);
    } else {
        assert_memory_equal(first, second, sizeof *first);
    }
    fixture_close(&f);
    fixture_fini(&f);
    free(first);
    free(second);
}

/* The first recovery dies after `changes`; the second must not notice. */
static void interrupt_recovery(struct fake_disk *disk, const struct oracle *o, uint64_t changes,
                               uint64_t seed)
{
    struct fixture f;
    fixture_init(&f, disk);
    f.config.retention_bytes = 20 << 10;
    fake_disk_stop_after(disk, changes);
    if (fixture_try_open(&f) == SRT_OK) {
        (void)fixture_try_close(&f);
    }
    fixture_fini(&f);
    fake_disk_crash(disk, seed, (enum fake_disk_mode)(seed % 3));
    recover_and_check(disk, o, false);
}

static uint64_t cut_at(uint64_t change, enum store_durability durability)
{
    struct fake_disk *disk = fake_disk_create();
    struct oracle *o = calloc(1, sizeof *o);
    struct fixture f;
    fixture_init(&f, disk);
    f.config.retention_bytes = 20 << 10;
    f.options.durability = durability;
    fake_disk_stop_after(disk, change);
    run_workload(&f, o);
    fixture_fini(&f);
    uint64_t changes = fake_disk_change_count(disk);

    for (uint64_t mode = 0; mode < 4; mode++) {
        struct fake_disk *copy = fake_disk_clone(disk);
        uint64_t seed = change * 4 + mode;
        enum fake_disk_mode how = mode == 0   ? FAKE_DISK_DROP_UNSYNCED
                                  : mode == 1 ? FAKE_DISK_KEEP_ALL
                                              : FAKE_DISK_KEEP_SOME;
        fake_disk_crash(copy, seed, how);
        if (mode == 3) {
            interrupt_recovery(copy, o, 1 + seed % 23, seed);
        } else {
            recover_and_check(copy, o, mode == 2);
        }
        fake_disk_destroy(copy);
    }
    fake_disk_destroy(disk);
    free(o);
    return changes;
}

static void no_acknowledged_write_is_lost_wherever_the_power_is_cut(void **state)
{
    (void)state;
    uint64_t all = cut_at(UINT64_MAX / 2, STORE_DURABILITY_SYNC);
    assert_true(all > 200);
    const char *only = getenv("CUT_AT");
    uint64_t from = only ? strtoull(only, NULL, 10) : 0;
    uint64_t to = only ? from + 1 : all + 5;
    for (uint64_t change = from; change < to; change++) {
        if (getenv("CUT_TRACE")) {
            fprintf(stderr, "cut at %d\n", (int)change);
        }
        (void)cut_at(change, STORE_DURABILITY_SYNC);
    }
}

/* A killed process: the kernel keeps everything that was written. */
static void durability_os_survives_a_killed_process(void **state)
{
    (void)state;
    for (uint64_t change = 3; change < 150; change += 7) {
        struct fake_disk *disk = fake_disk_create();
        struct oracle *o = calloc(1, sizeof *o);
        struct fixture f;
        fixture_init(&f, disk);
        f.options.durability = STORE_DURABILITY_OS;
        fake_disk_stop_after(disk, change);
        run_workload(&f, o);
        fixture_fini(&f);
        fake_disk_crash(disk, change, FAKE_DISK_KEEP_ALL);
        recover_and_check(disk, o, true);
        fake_disk_destroy(disk);
        free(o);
    }
}

/* A power cut may take back what was acknowledged, from the end, but never what a checkpoint has
 * seen, and never a part of a write; and it is no damage. */
static void durability_os_loses_only_the_end_by_a_power_cut(void **state)
{
    (void)state;
    for (uint64_t change = 3; change < 400; change += 3) {
        struct fake_disk *disk = fake_disk_create();
        struct oracle *o = calloc(1, sizeof *o);
        struct content *content = calloc(1, sizeof *content);
        struct fixture f;
        fixture_init(&f, disk);
        f.config.retention_bytes = 20 << 10;
        f.options.durability = STORE_DURABILITY_OS;
        fake_disk_stop_after(disk, change);
        run_workload(&f, o);
        fixture_fini(&f);
        fake_disk_crash(disk, change, change % 2 ? FAKE_DISK_KEEP_SOME : FAKE_DISK_DROP_UNSYNCED);
        fixture_init(&f, disk);
        fixture_open(&f);
        read_all(&f, content);
        assert_true(content->note >= (uint64_t)o->checkpointed);
        assert_true(content->note <= (uint64_t)o->acked + 1);
        o->created = false;
        o->acked = (int)content->note < o->acked ? (int)content->note : o->acked;
        o->trimmed = true;
        check_content(o, content);
        fixture_close(&f);
        fixture_fini(&f);
        fake_disk_destroy(disk);
        free(content);
        free(o);
    }
}

/* As an operating system writes back what it likes. */
static void sync_first_segment(struct fixture *f)
{
    const struct io_fs *fs = f->options.fs;
    char id[TOPIC_ID_TEXT_MAX];
    char path[128];
    struct topic_id topic = fixture_topic_id(0);
    int fd;
    topic_id_format(id, &topic);
    snprintf(path, sizeof path, "/data/topics/%s-topic0-0/%020d.seg", id, 0);
    assert_int_equal(io_open(fs, path, O_RDWR, 0, &fd, &f->err), SRT_OK);
    assert_int_equal(io_sync(fs, fd, path, &f->err), SRT_OK);
    io_close(fs, &fd);
}

/* The process ends here, and the power with it. */
static void crash(struct fixture *f, struct fake_disk *disk, enum fake_disk_mode mode)
{
    fake_disk_stop_after(disk, 0);
    fixture_fini(f);
    fake_disk_crash(disk, 0, mode);
}

/* Under durability: os a segment may outlive the frames that its batches came in. What is left of
 * them behind the end must go: when new batches of the same size have taken the first places, the
 * others would look as if they had come after, and bear witness of frames that never were. */
static void batches_that_outlived_their_frames_do_not_come_back(void **state)
{
    (void)state;
    struct fake_disk *disk = fake_disk_create();
    struct fixture f;
    fixture_init(&f, disk);
    f.options.durability = STORE_DURABILITY_OS;
    fixture_open(&f);
    fixture_create(&f, 0, 1);
    for (int i = 0; i < 4; i++) {
        fixture_append(&f, fixture_part(&f, 0, 0), (uint64_t)i, 1, 50, 0);
    }
    assert_int_equal(store_checkpoint(f.store, &f.err), SRT_OK);
    for (int i = 4; i < 10; i++) {
        fixture_append(&f, fixture_part(&f, 0, 0), (uint64_t)i, 1, 50, 0);
    }
    sync_first_segment(&f);
    crash(&f, disk, FAKE_DISK_DROP_UNSYNCED);

    fixture_init(&f, disk); /* durability: sync from now on */
    fixture_open(&f);
    assert_int_equal(partition_high_watermark(fixture_part(&f, 0, 0)), 4);
    fixture_append(&f, fixture_part(&f, 0, 0), 104, 1, 50, 0);
    assert_int_equal(store_checkpoint(f.store, &f.err), SRT_OK); /* the older journal is free */
    fixture_append(&f, fixture_part(&f, 0, 0), 105, 1, 50, 0);
    crash(&f, disk, FAKE_DISK_KEEP_ALL);

    fixture_init(&f, disk);
    int rc = fixture_try_open(&f);
    if (rc != SRT_OK) {
        print_error("%s\n", f.err.msg);
    }
    assert_int_equal(rc, SRT_OK);
    struct content *content = calloc(1, sizeof *content);
    struct reading reading = {content, 0};
    int64_t count;
    rc = fixture_try_read(fixture_part(&f, 0, 0), 0, 2000, take_record, &reading, &count, &f.err);
    assert_int_equal(rc, SRT_OK);
    assert_int_equal(count, 6);
    assert_int_equal(content->tags[0][3], 3);
    assert_int_equal(content->tags[0][4], 104);
    assert_int_equal(content->tags[0][5], 105);
    free(content);
    fixture_close(&f);
    fixture_fini(&f);
    fake_disk_destroy(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_acknowledged_write_is_lost_wherever_the_power_is_cut),
        cmocka_unit_test(durability_os_survives_a_killed_process),
        cmocka_unit_test(durability_os_loses_only_the_end_by_a_power_cut),
        cmocka_unit_test(batches_that_outlived_their_frames_do_not_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
