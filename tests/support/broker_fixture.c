#include "support/broker_fixture.h"

#include "broker/fetch.h"
#include "broker/produce.h"
#include "support/cmocka_srt.h"

static void options_of(struct broker_fixture *fixture, struct broker_options *options)
{
    broker_options_default(options);
    options->store.data_dir = fixture->dir.path;
    options->store.clock = &fixture->clock.clock;
    options->store.journal_file_bytes = 8 << 20;
}

static void open_broker(struct broker_fixture *fixture)
{
    struct broker_options options;
    options_of(fixture, &options);
    struct srt_err err = {0};
    assert_ok(broker_open(&options, &fixture->broker, &err), &err);
}

void broker_fixture_open(struct broker_fixture *fixture)
{
    temp_dir_make(&fixture->dir);
    srt_clock_fake_init(&fixture->clock, 1000000);
    open_broker(fixture);
}

void broker_fixture_reopen(struct broker_fixture *fixture)
{
    struct srt_err err = {0};
    assert_ok(broker_close(fixture->broker, &err), &err);
    open_broker(fixture);
}

void broker_fixture_close(struct broker_fixture *fixture)
{
    struct srt_err err = {0};
    assert_ok(broker_close(fixture->broker, &err), &err);
    temp_dir_remove(&fixture->dir);
}

struct broker *broker_fixture_open_read_only(struct broker_fixture *fixture)
{
    struct broker_options options;
    options_of(fixture, &options);
    options.store.read_only = true;
    struct broker *broker;
    struct srt_err err = {0};
    assert_ok(broker_open(&options, &broker, &err), &err);
    return broker;
}

struct topic *broker_fixture_topic(struct broker_fixture *fixture, const char *name,
                                   int32_t partition_count)
{
    struct topic_config config;
    topic_config_default(&config);
    config.partition_count = partition_count;
    struct topic *topic;
    struct srt_err err = {0};
    assert_ok(broker_topic_create(fixture->broker, name, &config, &topic, &err), &err);
    return topic;
}

void assert_topic_config_equal(const struct topic_config *a, const struct topic_config *b)
{
    assert_int_equal(a->partition_count, b->partition_count);
    assert_int_equal(a->retention_ms, b->retention_ms);
    assert_int_equal(a->retention_bytes, b->retention_bytes);
    assert_int_equal(a->segment_bytes, b->segment_bytes);
    assert_int_equal(a->segment_ms, b->segment_ms);
    assert_int_equal(a->max_record_bytes, b->max_record_bytes);
    assert_int_equal(a->compression, b->compression);
    assert_int_equal(a->cleanup, b->cleanup);
    assert_int_equal(a->delete_retention_ms, b->delete_retention_ms);
}

static struct record record_of(const char *key, const char *value)
{
    return (struct record){
        .key = (const uint8_t *)key,
        .key_len = key ? (int32_t)strlen(key) : RECORD_ABSENT,
        .value = (const uint8_t *)value,
        .value_len = value ? (int32_t)strlen(value) : RECORD_ABSENT,
        .timestamp_ms = 1000,
        .offset = -1,
    };
}

void broker_fixture_produce(struct broker_fixture *fixture, const char *topic, int32_t partition,
                            const char *key, const char *value)
{
    struct producer *producer;
    struct srt_err err = {0};
    struct record rec = record_of(key, value);
    assert_ok(producer_create(fixture->broker, topic, NULL, &producer, &err), &err);
    assert_ok(producer_add(producer, &rec, partition, &err), &err);
    assert_ok(producer_flush(producer, &err), &err);
    producer_destroy(producer);
}

void broker_fixture_batch(struct srt_buf *to, const char *const *values, int count)
{
    struct batch_builder builder;
    batch_builder_init(&builder);
    for (int i = 0; i < count; i++) {
        struct record rec = record_of(NULL, values[i]);
        assert_int_equal(batch_builder_add(&builder, &rec), SRT_OK);
    }
    const uint8_t *data;
    size_t size;
    batch_builder_finish(&builder, &data, &size);
    srt_buf_put(to, data, size);
    batch_builder_fini(&builder);
}

void broker_fixture_values(struct broker *broker, const char *topic, int32_t partition,
                           int64_t offset, struct srt_buf *to)
{
    struct fetcher *fetcher;
    struct srt_err err = {0};
    struct topic *found = broker_topic_find(broker, topic);
    assert_non_null(found);
    assert_ok(
        fetcher_open(broker, topic_get_id(found), partition, offset, NULL, NULL, &fetcher, &err),
        &err);
    struct srt_buf bytes = {0};
    while (fetcher_offset(fetcher) < fetcher_end(fetcher)) {
        assert_ok(fetcher_poll(fetcher, 100, &bytes, &err), &err);
    }
    for (size_t at = 0; at < bytes.len;) {
        struct batch_reader reader;
        struct batch_info info;
        assert_int_equal(batch_check_records(bytes.data + at, bytes.len - at, &info), SRT_OK);
        assert_int_equal(batch_reader_init(&reader, bytes.data + at, &info, NULL), SRT_OK);
        struct record rec;
        while (batch_reader_next(&reader, &rec) == SRT_OK) {
            if (rec.offset >= offset) {
                srt_buf_put(to, rec.value, (size_t)rec.value_len);
                srt_buf_put_u8(to, ' ');
            }
        }
        at += info.size_bytes;
    }
    srt_buf_fini(&bytes);
    fetcher_close(fetcher);
}
