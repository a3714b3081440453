/* Many threads at once: who writes, who reads, who only looks at the directory. In the middle of
 * them are the store's own two, store_thread.c and store_back.c. */
#include "store_fixture.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/varint.h"
#include "io/thread.h"

enum { WRITERS = 4, WRITES_EACH = 150, PARTS = 2 };

struct writer {
    struct io_thread thread;
    struct fixture *f;
    int number;
    int failed_count;
};

static void write_many(void *arg)
{
    struct writer *w = arg;
    struct srt_buf buf;
    srt_buf_init(&buf);
    int64_t last = -1;
    for (int i = 0; i < WRITES_EACH; i++) {
        struct srt_err err;
        srt_buf_clear(&buf);
        fixture_batch(&buf, (uint64_t)(1000 * w->number + i), 2, 300, i);
        struct store_append append = {.part = fixture_part(w->f, 0, w->number % PARTS),
                                      .batches = buf.data,
                                      .size_bytes = buf.len};
        struct store_write write = {.appends = &append, .append_count = 1};
        int rc = store_write_wait(w->f->store, &write, &err);
        w->failed_count += rc != SRT_OK || append.ret_base_offset <= last;
        last = append.ret_base_offset;
    }
    srt_buf_fini(&buf);
}

struct reader {
    struct io_thread thread;
    struct partition *part;
    _Atomic bool stop;
    int64_t seen;
    int last[WRITERS]; /* of each writer: the write seen last */
    int failed_count;
};

/* Each writer's records come in its own order. */
static void check_order(void *arg, int64_t offset, uint64_t tag, int number)
{
    struct reader *r = arg;
    int writer = (int)(tag / 1000);
    int i = (int)(tag % 1000);
    bool next = number == 0 ? i == r->last[writer] + 1 : i == r->last[writer];
    r->failed_count += offset != r->seen || !next;
    r->last[writer] = i;
    r->seen++;
}

static void read_along(void *arg)
{
    struct reader *r = arg;
    bool last_round = false;
    while (!last_round) {
        struct srt_err err;
        int64_t count;
        last_round = r->stop;
        r->failed_count +=
            fixture_try_read(r->part, r->seen, 3000, check_order, r, &count, &err) != SRT_OK;
        sched_yield();
    }
}

static void writers_and_readers_do_not_disturb_each_other(void **state)
{
    (void)state;
    struct fixture f;
    struct writer writers[WRITERS];
    struct reader readers[PARTS];
    struct srt_err err;
    fixture_init(&f, NULL);
    fixture_open(&f);
    fixture_create(&f, 0, PARTS);
    for (int i = 0; i < PARTS; i++) {
        readers[i] = (struct reader){.part = fixture_part(&f, 0, i)};
        memset(readers[i].last, 0xff, sizeof readers[i].last);
        assert_int_equal(
            io_thread_start(&readers[i].thread, IO_ROLE_NONE, i, read_along, &readers[i], &err),
            SRT_OK);
    }
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.f = &f, .number = i};
        assert_int_equal(
            io_thread_start(&writers[i].thread, IO_ROLE_NONE, i, write_many, &writers[i], &err),
            SRT_OK);
    }
    assert_int_equal(store_checkpoint(f.store, &f.err), SRT_OK);
    for (int i = 0; i < WRITERS; i++) {
        io_thread_join(&writers[i].thread);
        assert_int_equal(writers[i].failed_count, 0);
    }
    for (int i = 0; i < PARTS; i++) {
        readers[i].stop = true;
        io_thread_join(&readers[i].thread);
        assert_int_equal(readers[i].failed_count, 0);
        assert_int_equal(readers[i].seen, WRITERS / PARTS * WRITES_EACH * 2);
    }
    fixture_close(&f);
    fixture_open(&f);
    assert_int_equal(fixture_count(fixture_part(&f, 0, 0)), WRITERS / PARTS * WRITES_EACH * 2);
    fixture_close(&f);
    fixture_fini(&f);
}

/* --- many writes in flight --- */

enum { FLIGHT = 1000 };

struct flight {
    struct srt_buf bufs[FLIGHT];
    struct store_append appends[FLIGHT];
    struct store_write writes[FLIGHT];
    _Atomic int done_count;
    _Atomic int failed_count;
};

static void landed(struct store_write *write, int code)
{
    struct flight *flight = write->arg;
    flight->failed_count += code != SRT_OK;
    flight->done_count++;
}

static struct flight *take_off(struct fixture *f, int first)
{
    struct flight *flight = calloc(1, sizeof *flight);
    for (int i = 0; i < FLIGHT; i++) {
        fixture_batch(&flight->bufs[i], (uint64_t)(first + i), 1, 100, 0);
        flight->appends[i] = (struct store_append){.part = fixture_part(f, 0, 0),
                                                   .batches = flight->bufs[i].data,
                                                   .size_bytes = flight->bufs[i].len};
        flight->writes[i] = (struct store_write){
            .appends = &flight->appends[i], .append_count = 1, .done = landed, .arg = flight};
        assert_int_equal(store_submit(f->store, &flight->writes[i]), SRT_OK);
    }
    return flight;
}

static void land(struct flight *flight, int first)
{
    while (flight->done_count < FLIGHT) {
        sched_yield();
    }
    assert_int_equal(flight->failed_count, 0);
    for (int i = 0; i < FLIGHT; i++) {
        assert_int_equal(flight->appends[i].ret_base_offset, first + i);
        srt_buf_fini(&flight->bufs[i]);
    }
    free(flight);
}

static void many_writes_share_one_sync(void **state)
{
    (void)state;
    struct fake_disk *disk = fake_disk_create();
    struct fixture f;
    fixture_init(&f, disk);
    f.options.journal_file_bytes = 4 << 20;
    f.options.checkpoint_bytes = 1 << 30;
    f.config.segment_bytes = 1 << 20;
    fixture_open(&f);
    fixture_create(&f, 0, 1);
    uint64_t before = fake_disk_calls(disk, FAKE_DISK_DATASYNC);
    struct flight *flight = take_off(&f, 0);
    land(flight, 0);
    uint64_t syncs = fake_disk_calls(disk, FAKE_DISK_DATASYNC) - before;
    assert_true(syncs >= 1 && syncs < FLIGHT / 2);
    assert_int_equal(fixture_count(fixture_part(&f, 0, 0)), FLIGHT);
    fixture_close(&f);
    fixture_fini(&f);
    fake_disk_destroy(disk);
}

/* Frames are written while the back thread syncs: the boundary must not promise them. */
static void a_checkpoint_under_load_promises_no_more_than_is_synced(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct fake_disk *disk = fake_disk_create();
        struct fixture f;
        fixture_init(&f, disk);
        f.options.journal_file_bytes = 128 << 10;
        fixture_open(&f);
        fixture_create(&f, 0, 1);
        struct flight *flight = take_off(&f, 0);
        assert_int_equal(store_checkpoint(f.store, &f.err), SRT_OK);
        struct flight *second = take_off(&f, FLIGHT);
        for (uint64_t i = 0; i < seed % 3; i++) {
            assert_int_equal(store_checkpoint(f.store, &f.err), SRT_OK);
        }
        int acked = flight->done_count + second->done_count;
        struct fake_disk *copy = fake_disk_clone(disk); /* while the store runs */
        land(flight, 0);
        land(second, FLIGHT);
        fake_disk_crash(copy, seed, seed % 2 ? FAKE_DISK_KEEP_SOME : FAKE_DISK_DROP_UNSYNCED);
        fixture_close(&f);
        fixture_fini(&f);
        fixture_init(&f, copy);
        fixture_open(&f);
        assert_true(fixture_count(fixture_part(&f, 0, 0)) >= acked);
        fixture_close(&f);
        fixture_fini(&f);
        fake_disk_destroy(copy);
        fake_disk_destroy(disk);
    }
}

static void the_limit_of_bytes_in_flight_holds(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    f.options.inflight_bytes_max = 2000;
    fixture_open(&f);
    fixture_create(&f, 0, 1);
    struct srt_buf buf;
    srt_buf_init(&buf);
    struct flight *flight = calloc(1, sizeof *flight);
    int accepted = 0;
    int refused = 0;
    for (int i = 0; i < FLIGHT && !refused; i++) {
        fixture_batch(&flight->bufs[i], (uint64_t)i, 1, 700, 0);
        flight->appends[i] = (struct store_append){.part = fixture_part(&f, 0, 0),
                                                   .batches = flight->bufs[i].data,
                                                   .size_bytes = flight->bufs[i].len};
        flight->writes[i] = (struct store_write){
            .appends = &flight->appends[i], .append_count = 1, .done = landed, .arg = flight};
        int rc = store_submit(f.store, &flight->writes[i]);
        assert_true(rc == SRT_OK || rc == SRT_EAGAIN);
        accepted += rc == SRT_OK;
        refused += rc == SRT_EAGAIN;
    }
    assert_true(refused > 0);
    while (flight->done_count < accepted) {
        sched_yield();
    }
    assert_int_equal(fixture_count(fixture_part(&f, 0, 0)), accepted);
    for (int i = 0; i < FLIGHT; i++) {
        srt_buf_fini(&flight->bufs[i]);
    }
    free(flight);
    srt_buf_fini(&buf);
    fixture_close(&f);
    fixture_fini(&f);
}

/* --- a view beside a running store, and a checkpoint that takes long --- */

struct busy {
    struct io_thread thread;
    struct fixture *f;
    _Atomic bool stop;
    _Atomic int acked;
    int failed_count;
};

/* Write i has one record in partition 0 and sets note 0 to i + 1, in one frame. */
static void write_until_stopped(void *arg)
{
    struct busy *busy = arg;
    struct srt_buf buf;
    srt_buf_init(&buf);
    for (int i = 0; !busy->stop; i++) {
        struct srt_err err;
        uint8_t note[12];
        srt_put_be32(note, 0);
        srt_put_be64(note + 4, (uint64_t)i + 1);
        srt_buf_clear(&buf);
        fixture_batch(&buf, (uint64_t)i, 1, 2000, i);
        struct store_append append = {.part = fixture_part(busy->f, 0, 0),
                                      .batches = buf.data,
                                      .size_bytes = buf.len};
        struct store_meta_entry meta = {KEEPER_NOTE, note, sizeof note};
        struct store_write write = {
            .appends = &append, .append_count = 1, .metas = &meta, .meta_count = 1};
        busy->failed_count += store_write_wait(busy->f->store, &write, &err) != SRT_OK;
        busy->acked = i + 1;
    }
    srt_buf_fini(&buf);
}

static void a_view_beside_a_running_store_is_consistent(void **state)
{
    (void)state;
    struct fixture f, view;
    struct busy busy = {.f = &f};
    struct srt_err err;
    fixture_init(&f, NULL);
    fixture_open(&f);
    fixture_create(&f, 0, 1);
    int started =
        io_thread_start(&busy.thread, IO_ROLE_NONE, 0, write_until_stopped, &busy, &err);
    assert_int_equal(started, SRT_OK);
    fixture_init(&view, NULL);
    view.options.data_dir = f.temp.path;
    view.options.read_only = true;
    for (int round = 0; round < 60; round++) {
        int before = busy.acked;
        int rc = fixture_try_open(&view);
        if (rc == SRT_EAGAIN) {
            continue; /* too fast for it, and it says so */
        }
        if (rc != SRT_OK) {
            print_error("%s\n", view.err.msg);
        }
        assert_int_equal(rc, SRT_OK);
        int64_t count = fixture_count(fixture_part(&view, 0, 0));
        assert_int_equal(count, view.notes[0]);
        assert_true(count >= before);
        fixture_close(&view);
    }
    busy.stop = true;
    io_thread_join(&busy.thread);
    assert_int_equal(busy.failed_count, 0);
    fixture_close(&f);
    fixture_open(&view);
    assert_int_equal(fixture_count(fixture_part(&view, 0, 0)), busy.acked);
    fixture_close(&view);
    fixture_fini(&view);
    fixture_fini(&f);
}

/* The disk's own datasync, and how often the store thread came by. */
static int (*disk_datasync)(const struct io_fs *fs, int fd);
static _Atomic int frame_syncs;
static _Atomic bool hurry;

static void wait_for_frames(int count)
{
    int target = frame_syncs + count;
    while (frame_syncs < target && !hurry) {
        sched_yield();
    }
}

/* Whatever the back thread syncs, frames are written before and after it. */
static int slow_datasync(const struct io_fs *fs, int fd)
{
    bool back = io_role() == IO_ROLE_BACK;
    if (back) {
        wait_for_frames(3);
    } else {
        frame_syncs++;
    }
    int rc = disk_datasync(fs, fd);
    if (back) {
        wait_for_frames(40);
    }
    return rc;
}

static void a_checkpoint_that_takes_long_frees_only_what_it_covers(void **state)
{
    (void)state;
    struct fake_disk *disk = fake_disk_create();
    struct io_fs *table = (struct io_fs *)(uintptr_t)fake_disk_fs(disk); /* this disk's own copy */
    struct fixture f;
    struct busy busy = {.f = &f};
    struct srt_err err;
    disk_datasync = table->datasync;
    table->datasync = slow_datasync;
    hurry = false;
    fixture_init(&f, disk);
    f.options.checkpoint_bytes = 1 << 20;
    f.config.segment_bytes = 64 << 20; /* one to sync: each sync lets many frames pass */
    fixture_open(&f);
    fixture_create(&f, 0, 1);
    int started =
        io_thread_start(&busy.thread, IO_ROLE_NONE, 0, write_until_stopped, &busy, &err);
    assert_int_equal(started, SRT_OK);
    for (int round = 0; round < 12; round++) {
        assert_int_equal(store_checkpoint(f.store, &f.err), SRT_OK);
        int acked = busy.acked;
        struct fake_disk *copy = fake_disk_clone(disk);
        struct fixture g;
        fake_disk_crash(copy, (uint64_t)round, FAKE_DISK_DROP_UNSYNCED);
        fixture_init(&g, copy);
        hurry = true; /* only the copy's recovery may be slowed down by no one */
        fixture_open(&g);
        assert_true(fixture_count(fixture_part(&g, 0, 0)) >= acked);
        assert_int_equal(fixture_count(fixture_part(&g, 0, 0)), g.notes[0]);
        fixture_close(&g);
        fixture_fini(&g);
        hurry = false;
        fake_disk_destroy(copy);
    }
    hurry = true;
    busy.stop = true;
    io_thread_join(&busy.thread);
    assert_int_equal(busy.failed_count, 0);
    fixture_close(&f);
    fixture_fini(&f);
    fake_disk_destroy(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writers_and_readers_do_not_disturb_each_other),
        cmocka_unit_test(many_writes_share_one_sync),
        cmocka_unit_test(a_checkpoint_under_load_promises_no_more_than_is_synced),
        cmocka_unit_test(the_limit_of_bytes_in_flight_holds),
        cmocka_unit_test(a_view_beside_a_running_store_is_consistent),
        cmocka_unit_test(a_checkpoint_that_takes_long_frees_only_what_it_covers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
