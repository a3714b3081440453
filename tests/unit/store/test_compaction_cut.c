/* The power is cut at every change that a store makes which compacts. Then, always: of each key the
 * last record that was acknowledged is there, where it was; a view shows what a recovery keeps; a
 * check finds nothing wrong; a second recovery, also of one that was cut short, finds the same; and
 * compacting goes on. This is the test of compaction_entry.c and of the swap in
 * store_compaction.c. */
#include "keyed_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 90, KEYS = 12 };

struct oracle {
    bool created;
    struct keyed_model acked;
    struct keyed_put doubtful; /* may be there or not */
    int64_t acked_end;
};

static void init(struct fixture *f, struct fake_disk *disk)
{
    fixture_init(f, disk);
    f->config.compact = true;
    f->config.segment_bytes = 2 << 10;
    f->config.delete_retention_ms = 500;
    f->options.compaction_slots_max = 16; /* two passes of it */
}

static void run_workload(struct fixture *f, struct oracle *o)
{
    keyed_model_init(&o->acked);
    o->doubtful.key = -1;
    if (fixture_try_open(f) != SRT_OK) {
        return;
    }
    o->created = fixture_try_create(f, 0, 1) == SRT_OK;
    for (int i = 0; o->created && i < STEPS; i++) {
        struct partition *part = fixture_part(f, 0, 0);
        o->doubtful = (struct keyed_put){(i * 7) % KEYS, i % 9 == 4 ? KEYED_DELETED : i};
        if (keyed_try_put(f, part, &o->doubtful, 1, 100 + (size_t)(i % 5) * 60, &o->acked) !=
            SRT_OK) {
            break;
        }
        o->acked_end = o->acked.offset[o->doubtful.key] + 1;
        o->doubtful.key = -1;
        srt_clock_fake_advance(&f->clock, 100);
        if ((i % 20 == 19 && store_checkpoint(f->store, &f->err) != SRT_OK) ||
            (i % 30 == 29 && store_compact(f->store, &f->err) != SRT_OK)) {
            break;
        }
    }
    (void)fixture_try_close(f);
}

struct content {
    bool created;
    int64_t end;
    struct keyed_model last;
};

static void take(void *arg, int64_t offset, int key, int64_t number)
{
    struct content *c = arg;
    c->last.number[key] = number;
    c->last.offset[key] = offset;
}

static void read_all(struct fixture *f, struct content *c)
{
    memset(c, 0, sizeof *c);
    keyed_model_init(&c->last);
    c->created = f->topics[0].used;
    if (!c->created) {
        return;
    }
    struct partition *part = fixture_part(f, 0, 0);
    c->end = partition_high_watermark(part);
    assert_int_equal(partition_log_start(part), 0);
    int rc = keyed_try_read(part, 0, 700, take, c, &f->err);
    if (rc != SRT_OK) {
        print_error("read: %s\n", f->err.msg);
    }
    assert_int_equal(rc, SRT_OK);
}

static void check_content(const struct oracle *o, const struct content *c)
{
    assert_true(c->created || !o->created);
    if (!c->created) {
        return;
    }
    assert_true(c->end == o->acked_end || (o->doubtful.key >= 0 && c->end == o->acked_end + 1));
    for (int k = 0; k < KEYS; k++) {
        int64_t number = o->acked.number[k];
        int64_t offset = o->acked.offset[k];
        if (k == o->doubtful.key && c->end > o->acked_end) {
            number = o->doubtful.number;
            offset = o->acked_end;
        }
        assert_int_equal(c->last.number[k], number);
        if (number != KEYED_DELETED || c->last.offset[k] >= 0) {
            assert_int_equal(c->last.offset[k], offset);
        }
    }
}

static void on_damage(void *arg, const char *path, uint64_t at, const char *reason)
{
    (void)arg;
    print_error("%s:%llu: %s\n", path, (unsigned long long)at, reason);
}

static void go_on(struct fixture *f, const struct content *content)
{
    static struct keyed_model now;
    struct partition *part = fixture_part(f, 0, 0);
    now = content->last;
    for (int i = 0; i < 40; i++) {
        keyed_put(f, part, i % KEYS, 1000 + i, 150, &now);
    }
    assert_int_equal(store_checkpoint(f->store, &f->err), SRT_OK);
    assert_int_equal(store_compact(f->store, &f->err), SRT_OK);
    (void)keyed_check(part, &now);
    assert_int_equal(store_checkpoint(f->store, &f->err), SRT_OK);
    fixture_close(f);
    assert_int_equal(store_check(f->options.data_dir, f->options.fs, on_damage, NULL, &f->err), 0);
    fixture_open(f);
    (void)keyed_check(fixture_part(f, 0, 0), &now);
}

static void recover_and_check(struct fake_disk *disk, const struct oracle *o, bool serve)
{
    static struct content first, second;
    struct fixture f;
    init(&f, disk);
    f.options.read_only = true;
    bool seen = fixture_try_open(&f) == SRT_OK;
    if (seen) {
        read_all(&f, &second);
        fixture_close(&f);
        assert_int_equal(store_check(f.options.data_dir, f.options.fs, on_damage, NULL, &f.err),
                         0);
    } else {
        assert_int_equal(f.err.code, SRT_ENOENT); /* not even a node.json */
        assert_false(o->created);
    }
    f.options.read_only = false;
    fixture_open(&f);
    read_all(&f, &first);
    check_content(o, &first);
    if (seen) {
        check_content(o, &second); /* it may have compacted since it is open */
        assert_int_equal(first.end, second.end);
    }
    if (serve && first.created) {
        go_on(&f, &first);
    } else {
        fixture_close(&f);
        fixture_open(&f);
        read_all(&f, &second);
        check_content(o, &second);
        assert_int_equal(first.end, second.end);
    }
    fixture_close(&f);
    fixture_fini(&f);
}

/* The first recovery dies after `changes`; the second must not notice. */
static void interrupt_recovery(struct fake_disk *disk, const struct oracle *o, uint64_t changes,
                               uint64_t seed)
{
    struct fixture f;
    init(&f, disk);
    fake_disk_stop_after(disk, changes);
    if (fixture_try_open(&f) == SRT_OK) {
        (void)fixture_try_close(&f);
    }
    fixture_fini(&f);
    fake_disk_crash(disk, seed, (enum fake_disk_mode)(seed % 3));
    recover_and_check(disk, o, false);
}

static uint64_t cut_at(uint64_t change)
{
    static struct oracle o;
    memset(&o, 0, sizeof o);
    struct fake_disk *disk = fake_disk_create();
    struct fixture f;
    init(&f, disk);
    fake_disk_stop_after(disk, change);
    run_workload(&f, &o);
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
            interrupt_recovery(copy, &o, 1 + seed % 23, seed);
        } else {
            recover_and_check(copy, &o, mode == 2);
        }
        fake_disk_destroy(copy);
    }
    fake_disk_destroy(disk);
    return changes;
}

static void no_last_record_of_a_key_is_lost_wherever_the_power_is_cut(void **state)
{
    (void)state;
    uint64_t all = cut_at(UINT64_MAX / 2);
    assert_true(all > 200);
    const char *only = getenv("CUT_AT");
    uint64_t from = only ? strtoull(only, NULL, 10) : 0;
    uint64_t to = only ? from + 1 : all + 5;
    for (uint64_t change = from; change < to; change++) {
        if (getenv("CUT_TRACE")) {
            fprintf(stderr, "cut at %d\n", (int)change);
        }
        (void)cut_at(change);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_last_record_of_a_key_is_lost_wherever_the_power_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
