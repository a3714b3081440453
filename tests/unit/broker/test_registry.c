#include "broker/registry.h"

#include <pthread.h>

#include "broker/broker_impl.h"
#include "broker/metadata.h"
#include "support/broker_fixture.h"
#include "support/cmocka_srt.h"

static int setup(void **state)
{
    static struct broker_fixture fixture;
    broker_fixture_open(&fixture);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    broker_fixture_close(*state);
    return 0;
}

static void commit(struct broker_fixture *f, const char *group, struct group_position position)
{
    struct srt_err err = {0};
    struct broker_write write = {.group = group, .positions = &position, .position_count = 1};
    assert_ok(broker_write_wait(f->broker, &write, &err), &err);
}

static void snapshot(struct broker *broker, struct srt_buf *to)
{
    struct store_meta_ops ops = registry_meta_ops(broker);
    ops.snapshot(ops.ctx, to);
    assert_false(srt_buf_failed(to));
}

/* Everything there is: topics made, altered and deleted, groups on partitions, on what is gone, on
 * files. */
static void fill(struct broker_fixture *f)
{
    struct srt_err err = {0};
    (void)broker_fixture_topic(f, "z", 1);
    struct topic_id a = *topic_get_id(broker_fixture_topic(f, "a", 2));
    struct topic_id gone = *topic_get_id(broker_fixture_topic(f, "gone", 1));
    struct topic_config config;
    topic_config_default(&config);
    config.partition_count = 7;
    assert_ok(broker_topic_alter(f->broker, "a", &config, &err), &err);
    commit(f, "g", (struct group_position){.topic_id = a, .partition = 6, .offset = 1});
    commit(f, "g", (struct group_position){.topic_id = a, .partition = 6, .offset = 2});
    commit(f, "g", (struct group_position){.topic_id = gone, .offset = 3});
    commit(
        f, "b",
        (struct group_position){
            .source_name = "file:x", .offset = 9, .detail = (const uint8_t *)"d", .detail_len = 1});
    assert_ok(broker_topic_delete(f->broker, "gone", &err), &err);
}

static void replay_and_snapshot_give_the_same_memory(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    fill(f);
    struct srt_buf first = {0};
    snapshot(f->broker, &first);
    struct broker *replayed = broker_fixture_open_read_only(f); /* no checkpoint yet */
    struct srt_buf second = {0};
    snapshot(replayed, &second);
    assert_ok(broker_close(replayed, &err), &err);
    broker_fixture_reopen(f); /* close wrote a checkpoint: from the snapshot */
    struct srt_buf third = {0};
    snapshot(f->broker, &third);
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.data, second.data, first.len);
    assert_int_equal(first.len, third.len);
    assert_memory_equal(first.data, third.data, first.len);
    srt_buf_fini(&first);
    srt_buf_fini(&second);
    srt_buf_fini(&third);
}

static void entries_after_a_checkpoint_are_applied_on_top_of_it(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    fill(f);
    assert_ok(store_checkpoint(broker_store(f->broker), &err), &err);
    struct topic_id a = *topic_get_id(broker_topic_find(f->broker, "a"));
    commit(f, "g", (struct group_position){.topic_id = a, .partition = 6, .offset = 50});
    (void)broker_fixture_topic(f, "late", 1);
    assert_ok(broker_topic_delete(f->broker, "z", &err), &err);
    struct srt_buf first = {0};
    struct srt_buf second = {0};
    snapshot(f->broker, &first);
    struct broker *replayed = broker_fixture_open_read_only(f);
    snapshot(replayed, &second);
    assert_non_null(broker_topic_find(replayed, "late"));
    assert_null(broker_topic_find(replayed, "z"));
    assert_ok(broker_close(replayed, &err), &err);
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.data, second.data, first.len);
    srt_buf_fini(&first);
    srt_buf_fini(&second);
}

static void entries_that_make_no_sense_are_damage(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic *topic = broker_fixture_topic(f, "a", 3);
    struct store_meta_ops ops = registry_meta_ops(f->broker);
    struct topic_config config;
    topic_get_config(topic, &config);
    struct topic_id other = topic_id_new();
    struct srt_buf entry = {0};

    metadata_put_topic_created(&entry, &other, "a", &config); /* the name exists */
    assert_int_equal(ops.apply(ops.ctx, METADATA_TOPIC_CREATED, entry.data, entry.len, &err),
                     SRT_ECORRUPT);
    srt_buf_clear(&entry);
    metadata_put_topic_created(&entry, topic_get_id(topic), "b", &config); /* the id exists */
    assert_int_equal(ops.apply(ops.ctx, METADATA_TOPIC_CREATED, entry.data, entry.len, &err),
                     SRT_ECORRUPT);
    srt_buf_clear(&entry);
    metadata_put_topic_altered(&entry, &other, &config);
    assert_int_equal(ops.apply(ops.ctx, METADATA_TOPIC_ALTERED, entry.data, entry.len, &err),
                     SRT_ECORRUPT);
    srt_buf_clear(&entry);
    metadata_put_topic_deleted(&entry, &other);
    assert_int_equal(ops.apply(ops.ctx, METADATA_TOPIC_DELETED, entry.data, entry.len, &err),
                     SRT_ECORRUPT);
    srt_buf_clear(&entry);
    config.partition_count = 2;
    metadata_put_topic_altered(&entry, topic_get_id(topic), &config);
    assert_int_equal(ops.apply(ops.ctx, METADATA_TOPIC_ALTERED, entry.data, entry.len, &err),
                     SRT_ECORRUPT);
    assert_string_equal(err.msg, "topic 'a' is altered to fewer partitions");
    srt_buf_fini(&entry);
}

static void position_on_a_topic_that_is_gone_is_ignored(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct store_meta_ops ops = registry_meta_ops(f->broker);
    struct group_position position = {.topic_id = topic_id_new(), .offset = 4};
    struct srt_buf entry = {0};
    metadata_put_positions(&entry, "g", NULL, 1);
    metadata_put_position(&entry, &position, NULL);
    assert_ok(ops.apply(ops.ctx, METADATA_POSITIONS, entry.data, entry.len, &err), &err);
    int64_t offset;
    uint8_t *detail;
    uint32_t detail_len;
    assert_int_equal(broker_group_position(f->broker, "g", &position.topic_id, 0, NULL, &offset,
                                           &detail, &detail_len),
                     SRT_ENOENT);
    srt_buf_fini(&entry);
}

/* --- one topic, many threads --- */

static struct broker_fixture *threads_fixture;

static void *create_race(void *arg)
{
    struct topic_config config;
    topic_config_default(&config);
    config.partition_count = 1;
    struct srt_err err = {0};
    *(int *)arg = broker_topic_create(threads_fixture->broker, "raced", &config, NULL, &err);
    return NULL;
}

static void of_many_that_create_a_topic_one_does(void **state)
{
    enum { THREADS = 4 };
    threads_fixture = *state;
    pthread_t threads[THREADS];
    int codes[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, create_race, &codes[i]), 0);
    }
    int created = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(codes[i] == SRT_OK || codes[i] == SRT_EEXIST);
        created += codes[i] == SRT_OK;
    }
    assert_int_equal(created, 1);
}

static void *write_until_refused(void *arg)
{
    struct srt_buf batch = {0};
    struct batch_builder builder;
    batch_builder_init(&builder);
    struct record rec = {.value = (const uint8_t *)"x", .value_len = 1, .key_len = RECORD_ABSENT};
    (void)batch_builder_add(&builder, &rec);
    const uint8_t *data;
    size_t size;
    batch_builder_finish(&builder, &data, &size);
    srt_buf_put(&batch, data, size);
    batch_builder_fini(&builder);
    struct topic *topic = broker_topic_acquire(threads_fixture->broker, "doomed");
    struct srt_err err = {0};
    int code = SRT_OK;
    while (code == SRT_OK) {
        struct store_append append = {topic_partition(topic, 0), batch.data, batch.len, 0};
        struct broker_write write = {.appends = &append, .append_count = 1};
        code = broker_write_wait(threads_fixture->broker, &write, &err);
    }
    *(int *)arg = code;
    topic_unref(topic);
    srt_buf_fini(&batch);
    return NULL;
}

static void deleting_waits_for_writes_and_keeps_new_ones_out(void **state)
{
    enum { THREADS = 3 };
    struct broker_fixture *f = threads_fixture = *state;
    struct srt_err err = {0};
    struct topic *topic = broker_fixture_topic(f, "doomed", 1);
    pthread_t threads[THREADS];
    int codes[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_until_refused, &codes[i]), 0);
    }
    while (partition_high_watermark(topic_partition(topic, 0)) < 20) {
        sched_yield();
    }
    assert_ok(broker_topic_delete(f->broker, "doomed", &err), &err);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(codes[i], SRT_ENOENT);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(replay_and_snapshot_give_the_same_memory),
        TEST(entries_after_a_checkpoint_are_applied_on_top_of_it),
        TEST(entries_that_make_no_sense_are_damage),
        TEST(position_on_a_topic_that_is_gone_is_ignored),
        TEST(of_many_that_create_a_topic_one_does),
        TEST(deleting_waits_for_writes_and_keeps_new_ones_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
