/* The store, while each call it makes fails once: each operation on its own, from a state that was
 * made on a healthy disk. Whatever fails, the operation succeeds or returns one error that names
 * what it is about; afterwards, on a healthy disk, everything acknowledged is there, no write is
 * there in part, and the store goes on. */
#include "store_fixture.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/varint.h"
#include "fault/nth.h"
#include "support/cmocka_srt.h"

enum {
    TOPICS = 2,
    PARTITIONS = 2, /* a write goes to both, and sets a note: all of it or nothing */
    WRITES_MAX = 128,
    PENDING = 1,
};

enum fate { REFUSED, ACKED, IN_DOUBT };

/* What must be on disk. */
struct truth {
    enum fate topics[TOPICS];
    enum fate deleted[TOPICS];
    enum fate writes[WRITES_MAX]; /* of topic 0; tag 0 is none */
    int64_t offsets[WRITES_MAX];
    int write_count;
    bool trims; /* records may be gone from the front */
};

struct operation {
    const char *name;
    int (*run)(struct fixture *f, struct truth *truth);
    int writes;  /* before it */
    bool opened; /* it runs on an open store; else opening is what fails */
    bool crash;  /* the state it begins with is one after a crash */
    bool trims;
};

static const struct nth *armed; /* NULL: the disk is healthy */
static bool met;

/* The batch of each tag, made before anything fails. */
static struct srt_buf batches[WRITES_MAX];

static void heal(struct fixture *f)
{
    if (armed) {
        met = nth_disarm(armed, f->disk);
        armed = NULL;
    }
}

/* --- what is done --- */

struct put {
    struct store_write write;
    struct store_append appends[PARTITIONS];
    struct store_meta_entry meta;
    uint8_t note[12];
    _Atomic int code;
};

static void on_done(struct store_write *write, int code)
{
    struct put *put = write->arg;
    put->code = code;
}

/* One write to both partitions and a note. When it waits for room, that comes. */
static int put_one(struct fixture *f, struct truth *truth)
{
    static struct put put;
    int tag = ++truth->write_count;
    srt_assert(tag < WRITES_MAX);
    memset(&put, 0, sizeof put);
    for (int p = 0; p < PARTITIONS; p++) {
        const struct srt_buf *batch = &batches[tag];
        uint8_t *copy = srt_xalloc(batch->len); /* the store writes offsets into it */
        memcpy(copy, batch->data, batch->len);
        put.appends[p] = (struct store_append){fixture_part(f, 0, p), copy, batch->len, 0};
    }
    srt_put_be64(put.note + 4, (uint64_t)tag);
    put.meta = (struct store_meta_entry){KEEPER_NOTE, put.note, sizeof put.note};
    put.write = (struct store_write){.appends = put.appends,
                                     .append_count = PARTITIONS,
                                     .metas = &put.meta,
                                     .meta_count = 1,
                                     .done = on_done,
                                     .arg = &put};
    put.code = PENDING;
    int rc = store_submit(f->store, &put.write);
    while (rc == SRT_OK && put.code == PENDING) {
        if (store_waits_for_room(f->store)) {
            heal(f);
        }
        sched_yield();
    }
    bool taken = rc == SRT_OK;
    rc = taken ? put.code : rc;
    bool in_doubt = taken && rc != SRT_OK && !nth_code_may_pass(rc);
    truth->writes[tag] = rc == SRT_OK ? ACKED : in_doubt ? IN_DOUBT : REFUSED;
    rc = rc == SRT_OK ? SRT_OK : store_explain(f->store, rc, &f->err);
    truth->offsets[tag] = put.appends[0].ret_base_offset;
    for (int p = 0; p < PARTITIONS; p++) {
        srt_free(put.appends[p].batches);
    }
    return rc;
}

static int put_some(struct fixture *f, struct truth *truth, int count)
{
    int rc = SRT_OK;
    for (int i = 0; i < count; i++) {
        srt_clock_fake_advance(&f->clock, 60000); /* leisurely: spare files are made */
        int one = put_one(f, truth);
        rc = rc == SRT_OK ? one : rc;
    }
    return rc;
}

static enum fate fate_of(int rc)
{
    return rc == SRT_OK ? ACKED : nth_code_may_pass(rc) ? REFUSED : IN_DOUBT;
}

static int run_open(struct fixture *f, struct truth *truth)
{
    (void)truth;
    return fixture_try_open(f);
}

static int run_read(struct fixture *f, struct truth *truth)
{
    int rc = SRT_OK;
    for (int p = 0; rc == SRT_OK && p < PARTITIONS; p++) {
        int64_t count;
        rc = fixture_try_read(fixture_part(f, 0, p), 0, 4000, NULL, NULL, &count, &f->err);
        assert_true(rc != SRT_OK || count == 2 * truth->write_count);
    }
    return rc;
}

static int run_view(struct fixture *f, struct truth *truth)
{
    (void)truth;
    f->options.read_only = true;
    int rc = fixture_try_open(f);
    if (rc == SRT_OK) {
        rc = fixture_try_close(f);
    }
    f->options.read_only = false;
    return rc;
}

static int run_commit(struct fixture *f, struct truth *truth)
{
    return put_some(f, truth, 2);
}

static int run_rolls(struct fixture *f, struct truth *truth)
{
    return put_some(f, truth, 25); /* two journal files, several segments */
}

static int run_checkpoint(struct fixture *f, struct truth *truth)
{
    int rc = put_some(f, truth, 1);
    int again = store_checkpoint(f->store, &f->err);
    return rc == SRT_OK ? again : rc;
}

static int run_retention(struct fixture *f, struct truth *truth)
{
    (void)truth;
    struct partition_config config = f->config;
    config.retention_bytes = 20 << 10;
    for (int p = 0; p < PARTITIONS; p++) {
        struct partition *part;
        int rc = store_partition_attach(f->store, &f->topics[0].id, "topic0", p, &config, &part,
                                        &f->err);
        assert_int_equal(rc, SRT_OK); /* known: only the options change */
    }
    return store_apply_retention(f->store, &f->err);
}

/* Records without a key all stay: what is compacted is written again, and nothing may change. */
static int run_compact(struct fixture *f, struct truth *truth)
{
    (void)truth;
    struct partition_config config = f->config;
    config.compact = true;
    for (int p = 0; p < PARTITIONS; p++) {
        struct partition *part;
        int rc = store_partition_attach(f->store, &f->topics[0].id, "topic0", p, &config, &part,
                                        &f->err);
        assert_int_equal(rc, SRT_OK); /* known: only the options change */
    }
    int rc = store_checkpoint(f->store, &f->err);
    if (rc == SRT_OK) {
        rc = store_compact(f->store, &f->err);
    }
    return rc == SRT_OK ? store_checkpoint(f->store, &f->err) : rc; /* the old files go */
}

static int run_create(struct fixture *f, struct truth *truth)
{
    int rc = fixture_try_create(f, 1, PARTITIONS);
    truth->topics[1] = fate_of(rc);
    return rc;
}

static int run_delete(struct fixture *f, struct truth *truth)
{
    uint8_t topic = 0;
    struct store_meta_entry meta = {KEEPER_DELETE, &topic, 1};
    struct store_write write = {.metas = &meta, .meta_count = 1};
    int rc = store_write_wait(f->store, &write, &f->err);
    truth->deleted[0] = fate_of(rc);
    return rc == SRT_OK ? store_checkpoint(f->store, &f->err) : rc; /* which lets the files go */
}

static int run_close(struct fixture *f, struct truth *truth)
{
    (void)truth;
    return fixture_try_close(f);
}

static const struct operation operations[] = {
    {"open a new directory", run_open, 0, false, false, false},
    {"open after a clean end", run_open, 12, false, false, false},
    {"open after a crash", run_open, 12, false, true, false},
    {"view after a crash", run_view, 12, false, true, false},
    {"read", run_read, 12, true, false, false},
    {"commit", run_commit, 2, true, false, false},
    {"roll files", run_rolls, 2, true, false, false},
    {"checkpoint", run_checkpoint, 4, true, false, false},
    {"retention", run_retention, 25, true, false, true},
    {"compact", run_compact, 25, true, false, false},
    {"create a topic", run_create, 2, true, false, false},
    {"delete a topic", run_delete, 8, true, false, false},
    {"close", run_close, 4, true, false, false},
};

/* --- what must hold --- */

struct seen {
    const struct truth *truth;
    int records[WRITES_MAX];
    int64_t offsets[WRITES_MAX];
};

static void see(void *arg, int64_t offset, uint64_t tag, int number)
{
    struct seen *seen = arg;
    assert_true(tag > 0 && tag < WRITES_MAX);
    assert_int_equal(number, seen->records[tag]);
    if (number == 0) {
        seen->offsets[tag] = offset;
    }
    seen->records[tag]++;
}

static void check_topic(struct fixture *f, const struct truth *truth)
{
    struct seen seen[PARTITIONS] = {0};
    int last = 0;
    for (int p = 0; p < PARTITIONS; p++) {
        struct partition *part = fixture_part(f, 0, p);
        int64_t count;
        int rc = fixture_try_read(part, partition_log_start(part), 4000, see, &seen[p], &count,
                                  &f->err);
        if (rc != SRT_OK) {
            fail_msg("read: %s", f->err.msg);
        }
        assert_true(truth->trims || partition_log_start(part) == 0);
        assert_int_equal(partition_log_start(part) + count, partition_high_watermark(part));
        for (int tag = 1; tag <= truth->write_count; tag++) {
            bool gone = truth->trims && truth->offsets[tag] < partition_log_start(part);
            bool there = seen[p].records[tag] > 0;
            if (gone) {
                assert_false(there);
                continue;
            }
            if (truth->writes[tag] != IN_DOUBT && there != (truth->writes[tag] == ACKED)) {
                fail_msg("write %d is %s", tag, there ? "there, but was refused" : "lost");
            }
            if (there) {
                assert_int_equal(seen[p].records[tag], 2);
                assert_true(truth->writes[tag] != ACKED ||
                            seen[p].offsets[tag] == truth->offsets[tag]);
            }
            last = there ? tag : last;
        }
    }
    for (int tag = 1; !truth->trims && tag <= truth->write_count; tag++) {
        assert_int_equal(seen[0].records[tag], seen[1].records[tag]);
    }
    assert_int_equal(f->notes[0], last);
}

/* Nothing is left of a deleted topic. */
static void check_gone(struct fixture *f)
{
    struct io_list list;
    int rc = io_list_dir(f->options.fs, "/data/topics", &list, &f->err);
    assert_int_equal(rc, SRT_OK);
    assert_int_equal(list.count, 0);
    io_list_free(&list);
}

static void check(struct fixture *f, const struct truth *truth)
{
    for (int t = 0; t < TOPICS; t++) {
        bool surely = truth->topics[t] == ACKED && truth->deleted[t] == REFUSED;
        bool maybe = truth->topics[t] != REFUSED && truth->deleted[t] != ACKED;
        assert_true(surely ? f->topics[t].used : maybe || !f->topics[t].used);
    }
    if (f->topics[0].used) {
        check_topic(f, truth);
    }
}

/* --- the loop --- */

struct start {
    const struct operation *op;
    struct fake_disk *disk; /* the state it begins with */
    struct truth truth;
};

static bool try_one(void *arg, const struct nth *nth)
{
    const struct start *start = arg;
    const struct operation *op = start->op;
    struct truth truth = start->truth;
    struct fake_disk *disk = fake_disk_clone(start->disk);
    struct fixture f;
    fixture_init(&f, disk);
    if (op->opened) {
        fixture_open(&f);
    }
    armed = nth;
    nth_arm(nth, disk);
    int rc = op->run(&f, &truth);
    heal(&f);
    nth_check_answer(nth, rc, &f.err);
    bool was_open = f.store != NULL;
    bool goes_on = true;
    if (was_open && f.topics[0].used) {
        goes_on = put_one(&f, &truth) == SRT_OK;
    }
    rc = fixture_try_close(&f);
    if (was_open) {
        nth_check_answer(nth, rc, &f.err);
        assert_false(nth_code_may_pass(rc)); /* there is room by now */
        assert_int_equal(f.fatal_count, rc != SRT_OK);
        assert_true(goes_on || f.fatal_count); /* a failure in the background may tell late */
    }
    assert_int_equal(fake_disk_open_fds(disk), 0);

    enum fake_disk_mode modes[] = {FAKE_DISK_DROP_UNSYNCED, FAKE_DISK_KEEP_ALL,
                                   FAKE_DISK_KEEP_SOME};
    fake_disk_crash(disk, nth->n, modes[nth->n % 3]);
    fixture_open(&f);
    check(&f, &truth);
    if (f.topics[0].used) {
        assert_int_equal(put_one(&f, &truth), SRT_OK);
    } else if (truth.deleted[0] == REFUSED) {
        fixture_create(&f, 0, PARTITIONS);
        truth.topics[0] = ACKED;
    }
    fixture_close(&f);
    fixture_open(&f);
    check(&f, &truth);
    fixture_close(&f);
    if (truth.deleted[0] == ACKED) {
        check_gone(&f);
    }
    fixture_fini(&f);
    fake_disk_destroy(disk);
    return met;
}

/* On a healthy disk. */
static void make_start(struct start *start, const struct operation *op)
{
    *start = (struct start){.op = op, .disk = fake_disk_create(), .truth = {.trims = op->trims}};
    struct fixture f;
    fixture_init(&f, start->disk);
    if (op->writes > 0) {
        fixture_open(&f);
        fixture_create(&f, 0, PARTITIONS);
        start->truth.topics[0] = ACKED;
        assert_int_equal(put_some(&f, &start->truth, op->writes), SRT_OK);
        if (op->crash) {
            struct fake_disk *running = start->disk;
            start->disk = fake_disk_clone(running);
            fake_disk_crash(start->disk, 1, FAKE_DISK_KEEP_ALL);
            fixture_close(&f);
            fake_disk_destroy(running);
        } else {
            fixture_close(&f);
        }
    }
    f.disk = start->disk;
    fixture_fini(&f);
}

static void every_failing_call_of_every_operation_is_survived(void **state)
{
    (void)state;
    for (int tag = 1; tag < WRITES_MAX; tag++) {
        fixture_batch(&batches[tag], (uint64_t)tag, 2, 1500, 0);
    }
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        struct start start;
        make_start(&start, &operations[i]);
        nth_for_each(operations[i].name, try_one, &start);
        fake_disk_destroy(start.disk);
    }
    for (int tag = 1; tag < WRITES_MAX; tag++) {
        srt_buf_fini(&batches[tag]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_failing_call_of_every_operation_is_survived, nth_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
