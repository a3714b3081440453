/* A disk that is full or broken: a write either happened or it did not, its answer says which,
 * and what was acknowledged stays. */
#include "store_fixture.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

enum { WRITES = 30 };

static int run(struct fixture *f, bool acked[WRITES], int64_t offsets[WRITES])
{
    memset(acked, 0, WRITES * sizeof *acked);
    int rc = fixture_try_open(f);
    if (rc != SRT_OK) {
        return rc;
    }
    rc = fixture_try_create(f, 0, 1);
    for (int i = 0; f->topics[0].used && i < WRITES; i++) {
        rc = fixture_try_append(f, fixture_part(f, 0, 0), (uint64_t)i, 2, 1500, 0, &offsets[i]);
        acked[i] = rc == SRT_OK;
        if (i == 20) {
            (void)store_checkpoint(f->store, &f->err);
        }
    }
    return fixture_try_close(f);
}

struct seen {
    uint64_t tags[2 * WRITES + 2];
    int64_t count;
};

static void see(void *arg, int64_t offset, uint64_t tag, int number)
{
    struct seen *seen = arg;
    (void)number;
    seen->tags[offset] = tag;
    seen->count = offset + 1;
}

/* Every acknowledged write at its offset; a write that was refused may be there only if
 * `in_doubt`. */
static void check_after(struct fake_disk *disk, const bool acked[WRITES],
                        const int64_t offsets[WRITES], bool in_doubt)
{
    struct fixture f;
    fixture_init(&f, disk);
    fixture_open(&f);
    if (f.topics[0].used) {
        struct seen seen = {.count = 0};
        int64_t count;
        int rc = fixture_try_read(fixture_part(&f, 0, 0), 0, 4000, see, &seen, &count, &f.err);
        if (rc != SRT_OK) {
            print_error("%s\n", f.err.msg);
        }
        assert_int_equal(rc, SRT_OK);
        int64_t expected = 0;
        for (int i = 0; i < WRITES; i++) {
            if (acked[i]) {
                assert_int_equal(seen.tags[offsets[i]], i);
                assert_int_equal(seen.tags[offsets[i] + 1], i);
                expected += 2;
            }
        }
        assert_true(count == expected || (in_doubt && count == expected + 2));
    } else {
        assert_false(acked[0]);
    }
    fixture_close(&f);
    fixture_fini(&f);
}

static void try_call(enum fake_disk_call call, uint64_t nth, int sys, bool for_good, bool *ret_hit)
{
    struct fake_disk *disk = fake_disk_create();
    struct fixture f;
    bool acked[WRITES];
    int64_t offsets[WRITES];
    fixture_init(&f, disk);
    if (for_good) {
        fake_disk_fail_from(disk, call, nth, sys);
    } else {
        fake_disk_fail(disk, call, nth, sys);
    }
    (void)run(&f, acked, offsets);
    *ret_hit = fake_disk_calls(disk, call) >= nth;
    assert_true(f.fatal_count <= 1);
    bool in_doubt = f.fatal_count > 0;
    fixture_fini(&f);
    fake_disk_heal(disk);
    fake_disk_crash(disk, nth, nth % 2 ? FAKE_DISK_DROP_UNSYNCED : FAKE_DISK_KEEP_SOME);
    check_after(disk, acked, offsets, in_doubt);
    fake_disk_destroy(disk);
}

static void every_failing_call_is_survived(void **state)
{
    (void)state;
    static const enum fake_disk_call calls[] = {
        FAKE_DISK_OPEN,     FAKE_DISK_PREAD,    FAKE_DISK_PWRITEV,   FAKE_DISK_DATASYNC,
        FAKE_DISK_SYNC,     FAKE_DISK_TRUNCATE, FAKE_DISK_ALLOCATE,  FAKE_DISK_INFO,
        FAKE_DISK_RENAME,   FAKE_DISK_UNLINK,   FAKE_DISK_MAKE_DIR,  FAKE_DISK_SYNC_DIR,
        FAKE_DISK_LIST,     FAKE_DISK_PATH_INFO,
    };
    static const int errnos[] = {EIO, ENOSPC, EINTR};
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++) {
        for (size_t e = 0; e < sizeof errnos / sizeof *errnos; e++) {
            bool hit = true;
            for (uint64_t nth = 1; hit; nth++) {
                try_call(calls[c], nth, errnos[e], false, &hit);
            }
            for (uint64_t nth = 1, step = 1; errnos[e] == EIO && nth < 200; nth += step++) {
                try_call(calls[c], nth, errnos[e], true, &hit);
            }
        }
    }
}

static void short_transfers_change_nothing(void **state)
{
    (void)state;
    struct fake_disk *disk = fake_disk_create();
    struct fixture f;
    bool acked[WRITES];
    int64_t offsets[WRITES];
    fixture_init(&f, disk);
    fake_disk_limit_transfer(disk, 100);
    assert_int_equal(run(&f, acked, offsets), SRT_OK);
    fixture_fini(&f);
    for (int i = 0; i < WRITES; i++) {
        assert_true(acked[i]);
    }
    check_after(disk, acked, offsets, false);
    fake_disk_destroy(disk);
}

static void finished(struct store_write *write, int code)
{
    *(_Atomic int *)write->arg = code;
}

enum { PENDING = 1 };

/* One append with the disk as it is. When it is durable but has no room in its segment it waits;
 * then give it room, or leave it to the caller to close. Returns its code, or PENDING. */
static int append_on_full_disk(struct fixture *f, struct srt_buf *buf, int i, int64_t *ret_offset,
                               bool heal)
{
    static struct store_append append;
    static struct store_write write;
    static _Atomic int code;
    srt_buf_clear(buf);
    fixture_batch(buf, (uint64_t)i, 2, 1500, 0);
    append = (struct store_append){
        .part = fixture_part(f, 0, 0), .batches = buf->data, .size_bytes = buf->len};
    write = (struct store_write){
        .appends = &append, .append_count = 1, .done = finished, .arg = &code};
    code = PENDING;
    assert_int_equal(store_submit(f->store, &write), SRT_OK);
    while (code == PENDING) {
        if (store_waits_for_room(f->store)) {
            if (!heal) {
                return PENDING;
            }
            int rc = fixture_try_note(f, 1, 1); /* refused, unless a freed file has made room */
            assert_true(rc == SRT_ENOSPC || rc == SRT_OK);
            fake_disk_heal(f->disk);
            while (store_waits_for_room(f->store)) {
                sched_yield();
            }
        }
        sched_yield();
    }
    *ret_offset = append.ret_base_offset;
    return code;
}

static void fill_disk(uint64_t room, bool heal)
{
    struct fake_disk *disk = fake_disk_create();
    struct fixture f;
    struct srt_buf buf;
    bool acked[WRITES] = {false};
    int64_t offsets[WRITES];
    bool pending = false;
    srt_buf_init(&buf);
    fixture_init(&f, disk);
    fake_disk_limit_space(disk, room);
    int rc = fixture_try_open(&f);
    assert_true(rc == SRT_OK || rc == SRT_ENOSPC);
    if (rc == SRT_OK && fixture_try_create(&f, 0, 1) == SRT_OK) {
        for (int i = 0; i < WRITES && !pending; i++) {
            rc = append_on_full_disk(&f, &buf, i, &offsets[i], heal);
            assert_true(rc == SRT_OK || rc == SRT_ENOSPC || rc == PENDING);
            acked[i] = rc == SRT_OK;
            pending = rc == PENDING;
        }
    }
    if (f.store) {
        rc = fixture_try_close(&f); /* a freed file may have made room at last */
        assert_true(rc == SRT_OK || (pending && rc == SRT_ENOSPC));
        assert_int_equal(f.fatal_count, rc != SRT_OK);
    }
    fixture_fini(&f);
    srt_buf_fini(&buf);
    fake_disk_heal(disk);
    check_after(disk, acked, offsets, pending);
    fake_disk_destroy(disk);
}

/* From every number of free bytes: writes are refused, never fatally; when there is room again,
 * nothing that was acknowledged is missing. */
static void a_full_disk_refuses_writes_and_loses_none(void **state)
{
    (void)state;
    for (uint64_t room = 0; room < 300 << 10; room += 4001) {
        fill_disk(room, true);
        fill_disk(room, false);
    }
}

static void a_durable_write_waits_for_room_in_its_segment(void **state)
{
    (void)state;
    struct fake_disk *disk = fake_disk_create();
    struct fixture f;
    fixture_init(&f, disk);
    fixture_open(&f);
    fixture_create(&f, 0, 1);
    struct partition *part = fixture_part(&f, 0, 0);
    fixture_append(&f, part, 1, 2, 10, 0);

    struct srt_buf buf;
    srt_buf_init(&buf);
    fixture_batch(&buf, 2, 2, 10, 0);
    _Atomic int code = PENDING;
    struct store_append append = {.part = part, .batches = buf.data, .size_bytes = buf.len};
    struct store_write write = {
        .appends = &append, .append_count = 1, .done = finished, .arg = &code};
    fake_disk_limit_space(disk, 0); /* the journal has its room already */
    assert_int_equal(store_submit(f.store, &write), SRT_OK);
    while (!store_waits_for_room(f.store)) {
        sched_yield();
    }
    assert_int_equal(fixture_try_note(&f, 1, 1), SRT_ENOSPC); /* others are refused meanwhile */
    assert_int_equal(code, PENDING);
    assert_int_equal(partition_high_watermark(part), 2);
    fake_disk_heal(disk);
    while (store_waits_for_room(f.store)) {
        sched_yield();
    }
    assert_int_equal(fixture_try_note(&f, 1, 2), SRT_OK);
    assert_int_equal(code, SRT_OK);
    assert_int_equal(partition_high_watermark(part), 4);
    assert_int_equal(fixture_count(part), 4);
    assert_int_equal(f.notes[1], 2);
    srt_buf_fini(&buf);
    fixture_close(&f);
    fixture_fini(&f);
    fake_disk_destroy(disk);
}

/* One write to two partitions is durable, and in the first one's segment; the second has no room.
 * For as long as that takes, nobody sees any of it. */
static void no_part_of_a_write_is_seen_while_the_rest_waits_for_room(void **state)
{
    (void)state;
    struct fake_disk *disk = fake_disk_create();
    struct fixture f;
    fixture_init(&f, disk);
    fixture_open(&f);
    fixture_create(&f, 0, 2);
    struct srt_buf bufs[2] = {{0}};
    struct store_append appends[2];
    for (int p = 0; p < 2; p++) {
        fixture_append(&f, fixture_part(&f, 0, p), 1, 2, 10, 0); /* the segments are there */
        fixture_batch(&bufs[p], 2, 2, 300, 0);
        appends[p] = (struct store_append){.part = fixture_part(&f, 0, p),
                                           .batches = bufs[p].data,
                                           .size_bytes = bufs[p].len};
    }
    _Atomic int code = PENDING;
    struct store_write write = {
        .appends = appends, .append_count = 2, .done = finished, .arg = &code};
    fake_disk_limit_space(disk, bufs[0].len + bufs[1].len / 2);
    assert_int_equal(store_submit(f.store, &write), SRT_OK);
    while (!store_waits_for_room(f.store)) {
        sched_yield();
    }
    struct srt_buf seen = {0};
    for (int p = 0; p < 2; p++) {
        struct partition *part = fixture_part(&f, 0, p);
        assert_int_equal(partition_high_watermark(part), 2);
        assert_int_equal(partition_read(part, 2, 1 << 20, &seen, &f.err), SRT_OK);
        assert_int_equal(seen.len, 0);
        assert_int_equal(fixture_count(part), 2);
    }
    assert_int_equal(code, PENDING);
    fake_disk_heal(disk);
    while (store_waits_for_room(f.store)) {
        sched_yield();
    }
    assert_int_equal(fixture_try_note(&f, 1, 2), SRT_OK);
    assert_int_equal(code, SRT_OK);
    for (int p = 0; p < 2; p++) {
        assert_int_equal(partition_read(fixture_part(&f, 0, p), 2, 1 << 20, &seen, &f.err), SRT_OK);
        assert_int_equal(fixture_count(fixture_part(&f, 0, p)), 4);
        srt_buf_fini(&bufs[p]);
    }
    assert_int_equal(seen.len, appends[0].size_bytes + appends[1].size_bytes);
    srt_buf_fini(&seen);
    fixture_close(&f);
    fixture_fini(&f);
    fake_disk_destroy(disk);
}

/* Zeroes for a spare journal file would take the room that others need. */
static void without_room_a_spare_is_tried_for_once(void **state)
{
    (void)state;
    struct fake_disk *disk = fake_disk_create();
    struct fixture f;
    fixture_init(&f, disk);
    fixture_open(&f);
    assert_int_equal(fixture_try_note(&f, 1, 1), SRT_OK);
    srt_clock_fake_advance(&f.clock, 60000); /* the journal is not written fast */
    uint64_t before = fake_disk_calls(disk, FAKE_DISK_ALLOCATE);
    fake_disk_limit_space(disk, 40 << 10);
    for (uint64_t i = 1; i < 400 && fake_disk_calls(disk, FAKE_DISK_ALLOCATE) == before; i++) {
        assert_int_equal(fixture_try_note(&f, 1, i), SRT_OK); /* beyond half of the file */
    }
    while (fake_disk_calls(disk, FAKE_DISK_ALLOCATE) == before) {
        sched_yield(); /* the back thread has its time */
    }
    for (int more = 0; more < 20; more++) {
        assert_int_equal(fixture_try_note(&f, 1, 1), SRT_OK);
        assert_int_equal(store_checkpoint(f.store, &f.err), SRT_OK); /* the back thread is alive */
    }
    assert_int_equal(fake_disk_calls(disk, FAKE_DISK_ALLOCATE), before + 1);
    fixture_close(&f);
    struct io_list list;
    assert_int_equal(io_list_dir(f.options.fs, "/data/journal", &list, &f.err), SRT_OK);
    assert_int_equal(list.count, 1);
    io_list_free(&list);
    fixture_fini(&f);
    fake_disk_destroy(disk);
}

static void a_failed_sync_stops_the_store_for_good(void **state)
{
    (void)state;
    struct fake_disk *disk = fake_disk_create();
    struct fixture f;
    fixture_init(&f, disk);
    fixture_open(&f);
    fixture_create(&f, 0, 1);
    fake_disk_fail(disk, FAKE_DISK_DATASYNC, 1, EIO);
    assert_int_equal(fixture_try_append(&f, fixture_part(&f, 0, 0), 1, 1, 10, 0, NULL), SRT_EFSYNC);
    assert_int_equal(partition_high_watermark(fixture_part(&f, 0, 0)), 0);
    int rc = fixture_try_append(&f, fixture_part(&f, 0, 0), 1, 1, 10, 0, NULL);
    assert_int_equal(rc, SRT_EFSYNC); /* why it was refused */
    struct store_write write = {0};
    assert_int_equal(store_submit(f.store, &write), SRT_ECLOSED);
    assert_int_equal(store_checkpoint(f.store, &f.err), SRT_EFSYNC);
    assert_int_equal(fixture_try_close(&f), SRT_EFSYNC);
    assert_int_equal(f.fatal_count, 1);
    assert_int_equal(f.fatal.code, SRT_EFSYNC);
    fixture_open(&f);
    assert_int_equal(fixture_count(fixture_part(&f, 0, 0)), 0); /* the failed sync dropped it */
    fixture_close(&f);
    fixture_fini(&f);
    fake_disk_destroy(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failing_call_is_survived),
        cmocka_unit_test(short_transfers_change_nothing),
        cmocka_unit_test(a_full_disk_refuses_writes_and_loses_none),
        cmocka_unit_test(a_durable_write_waits_for_room_in_its_segment),
        cmocka_unit_test(no_part_of_a_write_is_seen_while_the_rest_waits_for_room),
        cmocka_unit_test(without_room_a_spare_is_tried_for_once),
        cmocka_unit_test(a_failed_sync_stops_the_store_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
