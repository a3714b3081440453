/* Outputs and positions of one write, under power cuts: whatever moment the machine stops at, and
 * whatever of the unsynced bytes survives, afterwards the position says how many records there are.
 * */
#include "broker/broker.h"

#include <stdio.h>

#include "base/rng.h"
#include "support/broker_fixture.h"
#include "support/cmocka_srt.h"
#include "support/fake_disk.h"

enum { PARTITIONS = 2, WRITES = 12 };

static int open_on(struct fake_disk *disk, struct broker **ret, struct srt_err *err)
{
    struct broker_options options;
    broker_options_default(&options);
    options.store.data_dir = "/data";
    options.store.fs = fake_disk_fs(disk);
    options.store.journal_file_bytes = 64 << 10;
    options.store.checkpoint_bytes = 2000; /* several on the way */
    return broker_open(&options, ret, err);
}

/* The n-th write adds one record to each partition and commits n. Returns the last acknowledged
 * one; an error ends it. */
static int work(struct broker *broker)
{
    struct srt_err err = {0};
    struct topic_config config;
    topic_config_default(&config);
    config.partition_count = PARTITIONS;
    config.segment_bytes = 1024;
    config.max_record_bytes = 1000;
    struct topic *topic = broker_topic_find(broker, "out");
    if (!topic && broker_topic_create(broker, "out", &config, &topic, &err) != SRT_OK) {
        return 0;
    }
    int acknowledged = 0;
    for (int n = (int)partition_high_watermark(topic_partition(topic, 0)) + 1; n <= WRITES; n++) {
        struct srt_buf batches[PARTITIONS] = {0};
        struct store_append appends[PARTITIONS];
        for (int p = 0; p < PARTITIONS; p++) {
            char value[200];
            snprintf(value, sizeof value, "%0150d", n);
            broker_fixture_batch(&batches[p], (const char *const[]){value}, 1);
            appends[p] = (struct store_append){topic_partition(topic, p), batches[p].data,
                                               batches[p].len, 0};
        }
        struct group_position position = {.source_name = "file:/in", .offset = n};
        struct broker_write write = {.appends = appends,
                                     .append_count = PARTITIONS,
                                     .group = "g",
                                     .positions = &position,
                                     .position_count = 1};
        int code = broker_write_wait(broker, &write, &err);
        for (int p = 0; p < PARTITIONS; p++) {
            srt_buf_fini(&batches[p]);
        }
        if (code != SRT_OK) {
            break;
        }
        acknowledged = n;
    }
    return acknowledged;
}

static int64_t committed(struct broker *broker)
{
    int64_t offset;
    uint8_t *detail;
    uint32_t detail_len;
    return broker_group_position(broker, "g", NULL, 0, "file:/in", &offset, &detail, &detail_len) ==
                   SRT_OK
               ? offset
               : 0;
}

static void close_broker(struct broker *broker)
{
    struct srt_err ignored = {0};
    (void)broker_close(broker, &ignored); /* fails when the disk has stopped */
}

static void crash_after(uint64_t change_count, uint64_t seed, enum fake_disk_mode mode)
{
    struct fake_disk *disk = fake_disk_create();
    struct broker *broker;
    struct srt_err err = {0};
    int acknowledged = 0;
    fake_disk_stop_after(disk, change_count);
    if (open_on(disk, &broker, &err) == SRT_OK) {
        acknowledged = work(broker);
        close_broker(broker);
    }
    fake_disk_crash(disk, seed, mode);

    for (int round = 0; round < 2; round++) { /* the second: after finishing the work */
        assert_ok(open_on(disk, &broker, &err), &err);
        int64_t position = committed(broker);
        assert_true(position >= acknowledged);
        struct topic *topic = broker_topic_find(broker, "out");
        assert_true(topic || position == 0);
        for (int p = 0; topic && p < PARTITIONS; p++) {
            assert_int_equal(partition_high_watermark(topic_partition(topic, p)), position);
        }
        assert_int_equal(work(broker), position == WRITES ? 0 : WRITES);
        assert_int_equal(committed(broker), WRITES);
        acknowledged = WRITES;
        assert_ok(broker_close(broker, &err), &err);
    }
    assert_int_equal(fake_disk_open_fds(disk), 0);
    fake_disk_destroy(disk);
}

/* How many changes the whole work makes, from an empty disk to a closed broker. */
static uint64_t count_changes(void)
{
    struct fake_disk *disk = fake_disk_create();
    struct broker *broker;
    struct srt_err err = {0};
    assert_ok(open_on(disk, &broker, &err), &err);
    assert_int_equal(work(broker), WRITES);
    assert_ok(broker_close(broker, &err), &err);
    uint64_t count = fake_disk_change_count(disk);
    fake_disk_destroy(disk);
    return count;
}

static void position_and_records_agree_after_any_power_cut(void **state)
{
    (void)state;
    uint64_t changes = count_changes();
    assert_true(changes > 50);
    for (uint64_t at = 0; at <= changes; at++) {
        crash_after(at, at, FAKE_DISK_DROP_UNSYNCED);
        crash_after(at, at, FAKE_DISK_KEEP_SOME);
    }
}

static void position_and_records_agree_after_any_kill(void **state)
{
    (void)state;
    uint64_t changes = count_changes();
    for (uint64_t at = 0; at <= changes; at++) {
        crash_after(at, at, FAKE_DISK_KEEP_ALL);
    }
}

static void full_disk_refuses_a_topic_and_goes_on_when_there_is_room(void **state)
{
    (void)state;
    struct fake_disk *disk = fake_disk_create();
    struct broker *broker;
    struct srt_err err = {0};
    assert_ok(open_on(disk, &broker, &err), &err);
    assert_int_equal(work(broker), WRITES);
    fake_disk_limit_space(disk, 0);
    struct topic_config config;
    topic_config_default(&config);
    config.max_record_bytes = 1000;
    int code = broker_topic_create(broker, "later", &config, NULL, &err);
    assert_true(code == SRT_OK || code == SRT_ENOSPC); /* the journal may have had room left */
    fake_disk_heal(disk);
    if (code != SRT_OK) {
        assert_null(broker_topic_find(broker, "later"));
        assert_ok(broker_topic_create(broker, "later", &config, NULL, &err), &err);
    }
    assert_ok(broker_close(broker, &err), &err);
    assert_ok(open_on(disk, &broker, &err), &err);
    assert_non_null(broker_topic_find(broker, "later"));
    assert_ok(broker_close(broker, &err), &err);
    fake_disk_destroy(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(position_and_records_agree_after_any_power_cut),
        cmocka_unit_test(position_and_records_agree_after_any_kill),
        cmocka_unit_test(full_disk_refuses_a_topic_and_goes_on_when_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
