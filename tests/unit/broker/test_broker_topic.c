#include "support/broker_fixture.h"
#include "support/cmocka_srt.h"

#include "base/limits.h"
#include "broker/fetch.h"

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

static int create(struct broker_fixture *f, const char *name, int32_t partition_count,
                  struct srt_err *err)
{
    struct topic_config config;
    topic_config_default(&config);
    config.partition_count = partition_count;
    return broker_topic_create(f->broker, name, &config, NULL, err);
}

static void topic_has_what_it_was_created_with_also_after_a_restart(void **state)
{
    struct broker_fixture *f = *state;
    struct topic_config config = {.partition_count = 5,
                                  .retention_ms = -1,
                                  .retention_bytes = 1 << 30,
                                  .segment_bytes = 1 << 20,
                                  .segment_ms = 60000,
                                  .max_record_bytes = 1000,
                                  .cleanup = TOPIC_CLEANUP_COMPACT_DELETE,
                                  .delete_retention_ms = 5000};
    struct topic *topic;
    struct srt_err err = {0};
    assert_ok(broker_topic_create(f->broker, "orders", &config, &topic, &err), &err);
    struct topic_id id = *topic_get_id(topic);
    for (int round = 0; round < 3; round++) {
        topic = broker_topic_find(f->broker, "orders");
        assert_non_null(topic);
        assert_ptr_equal(broker_topic_find_id(f->broker, &id), topic);
        assert_string_equal(topic_name(topic), "orders");
        struct topic_config found;
        topic_get_config(topic, &found);
        assert_topic_config_equal(&found, &config);
        assert_int_equal(topic_partition_count(topic), 5);
        for (int32_t i = 0; i < 5; i++) {
            assert_non_null(topic_partition(topic, i));
            assert_int_equal(partition_index(topic_partition(topic, i)), i);
        }
        assert_null(topic_partition(topic, 5));
        assert_null(topic_partition(topic, -1));
        broker_fixture_reopen(f);
    }
}

static void name_that_exists_is_refused(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    assert_ok(create(f, "orders", 1, &err), &err);
    assert_int_equal(create(f, "orders", 1, &err), SRT_EEXIST);
    assert_string_equal(err.msg, "topic 'orders' exists already");
}

static void names_and_options_are_checked(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    static const char *const wrong[] = {"", ".", "..", "a/b", "a b", "a\n", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(create(f, wrong[i], 1, &err), SRT_EINVAL);
    }
    char longest[SRT_TOPIC_NAME_MAX + 2];
    memset(longest, 'x', sizeof longest);
    longest[SRT_TOPIC_NAME_MAX + 1] = '\0';
    assert_int_equal(create(f, longest, 1, &err), SRT_EINVAL);
    longest[SRT_TOPIC_NAME_MAX] = '\0';
    assert_ok(create(f, longest, 1, &err), &err);

    assert_int_equal(create(f, "__streamrt.time", 1, &err), SRT_EINVAL);
    assert_contains(err.msg, "reserved");
    struct topic_config own;
    topic_config_default(&own);
    assert_int_equal(broker_topic_create_internal(f->broker, "orders", &own, NULL, &err),
                     SRT_EINVAL);
    assert_contains(err.msg, "'orders' is not streamrt's own");
    assert_int_equal(create(f, "x", 0, &err), SRT_EINVAL);
    assert_int_equal(create(f, "x", SRT_TOPIC_PARTITIONS_MAX + 1, &err), SRT_EINVAL);
    assert_string_equal(err.msg, "topic 'x': 1025 partitions; a topic has 1 to 1024");

    struct topic_config config;
    topic_config_default(&config);
    config.max_record_bytes = broker_write_bytes_max(f->broker);
    assert_int_equal(broker_topic_create(f->broker, "x", &config, NULL, &err), SRT_EINVAL);
    assert_null(broker_topic_find(f->broker, "x"));
}

static void partitions_are_added_and_never_taken_away(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic *topic = broker_fixture_topic(f, "orders", 2);
    struct partition *first = topic_partition(topic, 0);
    broker_fixture_produce(f, "orders", 0, NULL, "kept");
    struct topic_config config;
    topic_get_config(topic, &config);
    config.partition_count = 4;
    config.retention_ms = 5000;
    assert_ok(broker_topic_alter(f->broker, "orders", &config, &err), &err);
    assert_int_equal(topic_partition_count(topic), 4);
    assert_ptr_equal(topic_partition(topic, 0), first);
    broker_fixture_produce(f, "orders", 3, NULL, "new");

    config.partition_count = 3;
    assert_int_equal(broker_topic_alter(f->broker, "orders", &config, &err), SRT_EINVAL);
    assert_string_equal(
        err.msg,
        "topic 'orders' has 4 partitions and cannot shrink to 3: make a new topic instead");
    assert_int_equal(broker_topic_alter(f->broker, "nothing", &config, &err), SRT_ENOENT);

    broker_fixture_reopen(f);
    topic = broker_topic_find(f->broker, "orders");
    topic_get_config(topic, &config);
    assert_int_equal(config.partition_count, 4);
    assert_int_equal(config.retention_ms, 5000);
    struct srt_buf values = {0};
    broker_fixture_values(f->broker, "orders", 0, 0, &values);
    broker_fixture_values(f->broker, "orders", 3, 0, &values);
    assert_string_equal(srt_buf_cstr(&values), "kept new ");
    srt_buf_fini(&values);
}

static void altered_retention_reaches_the_partitions(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic_config config;
    topic_config_default(&config);
    config.partition_count = 1;
    config.segment_ms = 1000;
    struct topic *topic;
    assert_ok(broker_topic_create(f->broker, "orders", &config, &topic, &err), &err);
    broker_fixture_produce(f, "orders", 0, NULL, "old");
    srt_clock_fake_advance(&f->clock, 2000);
    broker_fixture_produce(f, "orders", 0, NULL, "new");
    srt_clock_fake_advance(&f->clock, 2000);
    assert_ok(store_apply_retention(broker_store(f->broker), &err), &err);
    assert_int_equal(partition_log_start(topic_partition(topic, 0)), 0);

    config.retention_ms = 1;
    assert_ok(broker_topic_alter(f->broker, "orders", &config, &err), &err);
    assert_ok(store_apply_retention(broker_store(f->broker), &err), &err);
    assert_int_not_equal(partition_log_start(topic_partition(topic, 0)), 0);
}

static void deleted_topic_is_gone_and_its_name_is_free(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic *topic = broker_fixture_topic(f, "orders", 2);
    struct topic_id id = *topic_get_id(topic);
    broker_fixture_produce(f, "orders", 0, NULL, "old");
    assert_ok(broker_topic_delete(f->broker, "orders", &err), &err);
    assert_null(broker_topic_find(f->broker, "orders"));
    assert_null(broker_topic_find_id(f->broker, &id));
    assert_int_equal(broker_topic_delete(f->broker, "orders", &err), SRT_ENOENT);
    for (int round = 0; round < 2; round++) {
        if (round == 0) {
            topic = broker_fixture_topic(f, "orders", 1);
            assert_false(topic_id_equal(topic_get_id(topic), &id));
        }
        struct srt_buf values = {0};
        broker_fixture_values(f->broker, "orders", 0, 0, &values);
        assert_int_equal(values.len, 0);
        srt_buf_fini(&values);
        broker_fixture_reopen(f);
    }
}

static void reader_of_a_deleted_topic_is_told(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic *topic = broker_fixture_topic(f, "orders", 1);
    struct fetcher *fetcher;
    assert_ok(fetcher_open(f->broker, topic_get_id(topic), 0, 0, NULL, NULL, &fetcher, &err), &err);
    topic_ref(topic);
    assert_false(topic_deleted(topic));
    assert_ok(broker_topic_delete(f->broker, "orders", &err), &err);
    assert_true(topic_deleted(topic));
    struct srt_buf buf = {0};
    assert_int_equal(fetcher_poll(fetcher, 1000, &buf, &err), SRT_ENOENT);
    assert_string_equal(err.msg, "topic 'orders' was deleted");
    fetcher_close(fetcher);
    topic_unref(topic);
}

static void write_to_a_deleted_topic_is_refused(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic *topic = broker_fixture_topic(f, "orders", 1);
    topic_ref(topic);
    assert_ok(broker_topic_delete(f->broker, "orders", &err), &err);
    struct srt_buf batch = {0};
    broker_fixture_batch(&batch, (const char *const[]){"late"}, 1);
    struct store_append append = {topic_partition(topic, 0), batch.data, batch.len, 0};
    struct broker_write write = {.appends = &append, .append_count = 1};
    assert_int_equal(broker_write_wait(f->broker, &write, &err), SRT_ENOENT);
    assert_string_equal(err.msg, "topic 'orders' was deleted");
    srt_buf_fini(&batch);
    topic_unref(topic);
}

static void add_name(void *arg, struct topic *topic)
{
    srt_buf_printf(arg, "%s ", topic_name(topic));
}

static void topics_are_walked_by_name(void **state)
{
    struct broker_fixture *f = *state;
    static const char *const names[] = {"m", "a", "z", "b.c", "b"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)broker_fixture_topic(f, names[i], 1);
    }
    struct srt_buf walked = {0};
    broker_topic_each(f->broker, add_name, &walked);
    assert_string_equal(srt_buf_cstr(&walked), "a b b.c m z ");
    srt_buf_fini(&walked);
}

static void read_only_broker_beside_a_running_one_sees_and_changes_nothing(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic *topic = broker_fixture_topic(f, "orders", 1);
    broker_fixture_produce(f, "orders", 0, NULL, "one");
    struct group_position position = {.topic_id = *topic_get_id(topic), .offset = 1};
    struct broker_write write = {.group = "g", .positions = &position, .position_count = 1};
    assert_ok(broker_write_wait(f->broker, &write, &err), &err);

    struct broker *reader = broker_fixture_open_read_only(f);
    assert_string_equal(broker_node_id(reader), broker_node_id(f->broker));
    struct srt_buf values = {0};
    broker_fixture_values(reader, "orders", 0, 0, &values);
    assert_string_equal(srt_buf_cstr(&values), "one ");
    srt_buf_fini(&values);
    int64_t offset;
    uint8_t *detail;
    uint32_t detail_len;
    assert_int_equal(broker_group_position(reader, "g", &position.topic_id, 0, NULL, &offset,
                                           &detail, &detail_len),
                     SRT_OK);
    assert_int_equal(offset, 1);

    struct topic_config config;
    topic_config_default(&config);
    assert_int_equal(broker_topic_create(reader, "x", &config, NULL, &err), SRT_EDENIED);
    assert_int_equal(broker_topic_alter(reader, "orders", &config, &err), SRT_EDENIED);
    assert_int_equal(broker_topic_delete(reader, "orders", &err), SRT_EDENIED);
    assert_int_equal(broker_write_wait(reader, &write, &err), SRT_EDENIED);
    assert_int_equal(broker_submit(reader, &write, &err), SRT_EDENIED);
    assert_ok(broker_close(reader, &err), &err);
    broker_fixture_produce(f, "orders", 0, NULL, "two");
}

static void node_id_stays_over_restarts(void **state)
{
    struct broker_fixture *f = *state;
    char *before = strdup(broker_node_id(f->broker));
    assert_int_equal(strlen(before), 32);
    broker_fixture_reopen(f);
    assert_string_equal(broker_node_id(f->broker), before);
    free(before);
}

static void directory_in_use_is_refused(void **state)
{
    struct broker_fixture *f = *state;
    struct broker_options options;
    broker_options_default(&options);
    options.store.data_dir = f->dir.path;
    struct broker *second;
    struct srt_err err = {0};
    assert_int_equal(broker_open(&options, &second, &err), SRT_EBUSY);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(topic_has_what_it_was_created_with_also_after_a_restart),
        TEST(name_that_exists_is_refused),
        TEST(names_and_options_are_checked),
        TEST(partitions_are_added_and_never_taken_away),
        TEST(altered_retention_reaches_the_partitions),
        TEST(deleted_topic_is_gone_and_its_name_is_free),
        TEST(reader_of_a_deleted_topic_is_told),
        TEST(write_to_a_deleted_topic_is_refused),
        TEST(topics_are_walked_by_name),
        TEST(read_only_broker_beside_a_running_one_sees_and_changes_nothing),
        TEST(node_id_stays_over_restarts),
        TEST(directory_in_use_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
