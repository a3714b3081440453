/* The broker, while each call beneath it fails once. Records and the position that counts them are
 * one write, so they agree whatever failed; a topic, an option or a group that was changed is
 * changed wholly or not at all. */
#include "broker/broker.h"

#include <sched.h>
#include <stdio.h>

#include "base/atomic.h"
#include "broker/group.h"
#include "fault/nth.h"
#include "support/broker_fixture.h"
#include "support/cmocka_srt.h"

enum { PARTITIONS = 2, PENDING = 1, VALUE_BYTES = 1200 };

enum fate { NO, YES, PERHAPS };

struct truth {
    int written; /* the last write that was acknowledged */
    bool one_more;
    bool anew; /* the topic was made again: the group's position is of the one before */
    enum fate created, altered, deleted, forgotten;
};

struct world {
    struct fake_disk *disk;
    struct srt_clock_fake clock;
    struct broker *broker;
    struct srt_err err;
    const struct nth *armed;
    bool met;
};

struct operation {
    const char *name;
    int (*run)(struct world *world, struct truth *truth);
    int writes; /* before it */
    bool opened;
};

static struct srt_buf batch; /* made before anything fails */

static int open_broker(struct world *world)
{
    struct broker_options options;
    broker_options_default(&options);
    options.store.data_dir = "/data";
    options.store.fs = fake_disk_fs(world->disk);
    options.store.clock = &world->clock.clock;
    options.store.journal_file_bytes = 64 << 10;
    options.store.checkpoint_bytes = 10000;
    return broker_open(&options, &world->broker, &world->err);
}

static int close_broker(struct world *world)
{
    struct broker *broker = world->broker;
    world->broker = NULL;
    return broker_close(broker, &world->err);
}

static void heal(struct world *world)
{
    if (world->armed) {
        world->met = nth_disarm(world->armed, world->disk);
        world->armed = NULL;
    }
}

static enum fate fate_of(int rc)
{
    return rc == SRT_OK ? YES : nth_code_may_pass(rc) ? NO : PERHAPS;
}

/* --- operations --- */

static void on_done(struct broker_write *write, int code)
{
    srt_store_release((_Atomic int *)write->arg, code);
}

/* A record to each partition, and the position that says how many there are. */
static int write_one(struct world *world, struct truth *truth)
{
    uint8_t copies[PARTITIONS][VALUE_BYTES + 200];
    struct store_append appends[PARTITIONS];
    struct topic *topic = broker_topic_find(world->broker, "out");
    for (int p = 0; p < PARTITIONS; p++) {
        memcpy(copies[p], batch.data, batch.len);
        appends[p] = (struct store_append){topic_partition(topic, p), copies[p], batch.len, 0};
    }
    struct group_position position = {.source_name = "file:/in", .offset = truth->written + 1};
    _Atomic int code = PENDING;
    struct broker_write write = {.appends = appends,
                                 .append_count = PARTITIONS,
                                 .group = "g",
                                 .positions = &position,
                                 .position_count = 1,
                                 .done = on_done,
                                 .arg = (void *)&code};
    struct store *store = broker_store(world->broker);
    int rc = broker_submit(world->broker, &write, &world->err);
    if (rc != SRT_OK) {
        return rc == SRT_ECLOSED ? store_explain(store, rc, &world->err) : rc;
    }
    while (srt_load_acquire(&code) == PENDING) {
        if (store_waits_for_room(store)) {
            heal(world);
        }
        sched_yield();
    }
    rc = srt_load_acquire(&code);
    truth->written += rc == SRT_OK;
    truth->one_more = rc != SRT_OK && !nth_code_may_pass(rc);
    return rc == SRT_OK ? SRT_OK : store_explain(store, rc, &world->err);
}

static int run_open(struct world *world, struct truth *truth)
{
    (void)truth;
    return open_broker(world);
}

static int run_write(struct world *world, struct truth *truth)
{
    int rc = SRT_OK;
    for (int i = 0; rc == SRT_OK && i < 4; i++) {
        rc = write_one(world, truth);
    }
    return rc;
}

static int create(struct world *world, const char *name)
{
    struct topic_config config;
    topic_config_default(&config);
    config.partition_count = PARTITIONS;
    config.segment_bytes = 16 << 10;
    config.max_record_bytes = 8 << 10;
    return broker_topic_create(world->broker, name, &config, NULL, &world->err);
}

static int run_create(struct world *world, struct truth *truth)
{
    int rc = create(world, "new");
    truth->created = fate_of(rc);
    return rc;
}

static int run_alter(struct world *world, struct truth *truth)
{
    struct topic_config config;
    topic_get_config(broker_topic_find(world->broker, "out"), &config);
    config.partition_count = PARTITIONS + 1;
    int rc = broker_topic_alter(world->broker, "out", &config, &world->err);
    truth->altered = fate_of(rc);
    return rc;
}

static int run_delete(struct world *world, struct truth *truth)
{
    int rc = broker_topic_delete(world->broker, "out", &world->err);
    truth->deleted = fate_of(rc);
    return rc;
}

static int run_forget(struct world *world, struct truth *truth)
{
    int rc = broker_group_delete(world->broker, "g", &world->err);
    truth->forgotten = fate_of(rc);
    return rc;
}

static int run_close(struct world *world, struct truth *truth)
{
    (void)truth;
    return close_broker(world);
}

static const struct operation operations[] = {
    {"open a new broker", run_open, 0, false}, {"open a broker", run_open, 6, false},
    {"write", run_write, 3, true},             {"create a topic", run_create, 2, true},
    {"alter a topic", run_alter, 2, true},     {"delete a topic", run_delete, 2, true},
    {"delete a group", run_forget, 2, true},   {"close a broker", run_close, 4, true},
};

/* --- what must hold --- */

static void check_fate(enum fate fate, bool found)
{
    assert_true(fate == PERHAPS || found == (fate == YES));
}

static int64_t committed(struct world *world)
{
    int64_t offset = 0;
    uint8_t *detail;
    uint32_t detail_len;
    int rc = broker_group_position(world->broker, "g", NULL, 0, "file:/in", &offset, &detail,
                                   &detail_len);
    return rc == SRT_OK ? offset : 0;
}

static void check(struct world *world, struct truth *truth)
{
    struct topic *topic = broker_topic_find(world->broker, "out");
    check_fate(truth->created, broker_topic_find(world->broker, "new") != NULL);
    if (!topic) {
        assert_true(truth->deleted != NO || truth->written == 0);
        return;
    }
    assert_true(truth->deleted != YES);
    check_fate(truth->altered, topic_partition_count(topic) > PARTITIONS);
    int64_t count = partition_high_watermark(topic_partition(topic, 0));
    assert_true(count == truth->written || (truth->one_more && count == truth->written + 1));
    assert_int_equal(partition_high_watermark(topic_partition(topic, 1)), count);
    if (truth->forgotten == NO && !truth->anew) {
        assert_int_equal(committed(world), count);
    } else if (!truth->anew) {
        int64_t position = committed(world);
        assert_true(position == 0 || (truth->forgotten == PERHAPS && position == count));
    }
    truth->written = (int)count;
    truth->one_more = false;
}

/* --- the loop --- */

struct start {
    const struct operation *op;
    struct fake_disk *disk;
    struct truth truth;
};

static void check_reopened(struct world *world, struct truth *truth)
{
    assert_ok(open_broker(world), &world->err);
    check(world, truth);
    if (!broker_topic_find(world->broker, "out")) {
        assert_ok(create(world, "out"), &world->err);
        *truth = (struct truth){.created = truth->created, .anew = true};
    }
    if (truth->forgotten == NO) {
        assert_ok(write_one(world, truth), &world->err);
    }
    assert_ok(close_broker(world), &world->err);
    truth->altered = truth->altered == NO ? NO : PERHAPS;
    truth->deleted = truth->deleted == NO ? NO : PERHAPS;
}

static bool try_one(void *arg, const struct nth *nth)
{
    const struct start *start = arg;
    struct truth truth = start->truth;
    struct world world = {.disk = fake_disk_clone(start->disk), .armed = nth};
    srt_clock_fake_init(&world.clock, 1000000);
    if (start->op->opened) {
        assert_ok(open_broker(&world), &world.err);
    }
    nth_arm(nth, world.disk);
    int rc = start->op->run(&world, &truth);
    heal(&world);
    nth_check_answer(nth, rc, &world.err);
    if (world.broker) {
        rc = close_broker(&world);
        assert_false(nth_code_may_pass(rc)); /* there is room by now */
        nth_check_answer(nth, rc, &world.err);
    }
    assert_int_equal(fake_disk_open_fds(world.disk), 0);
    fake_disk_crash(world.disk, nth->n, nth->n % 2 ? FAKE_DISK_DROP_UNSYNCED : FAKE_DISK_KEEP_SOME);
    check_reopened(&world, &truth);
    check_reopened(&world, &truth);
    fake_disk_destroy(world.disk);
    return world.met;
}

static void make_start(struct start *start, const struct operation *op)
{
    *start = (struct start){.op = op, .disk = fake_disk_create()};
    struct world world = {.disk = start->disk};
    srt_clock_fake_init(&world.clock, 1000000);
    if (op->writes > 0) {
        assert_ok(open_broker(&world), &world.err);
        assert_ok(create(&world, "out"), &world.err);
        for (int i = 0; i < op->writes; i++) {
            assert_ok(write_one(&world, &start->truth), &world.err);
        }
        assert_ok(close_broker(&world), &world.err);
    }
}

static void records_and_positions_agree_whatever_fails(void **state)
{
    (void)state;
    char value[VALUE_BYTES + 1];
    memset(value, 'v', VALUE_BYTES);
    value[VALUE_BYTES] = '\0';
    broker_fixture_batch(&batch, (const char *const[]){value}, 1);
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        struct start start;
        make_start(&start, &operations[i]);
        nth_for_each(operations[i].name, try_one, &start);
        fake_disk_destroy(start.disk);
    }
    srt_buf_fini(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(records_and_positions_agree_whatever_fails, nth_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
