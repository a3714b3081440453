#include "broker/produce.h"

#include <stdio.h>

#include "base/rng.h"
#include "broker/fetch.h"
#include "record/header.h"
#include "record/partitioner.h"
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

static struct producer *make(struct broker_fixture *f, uint32_t batch_bytes, uint64_t pending_bytes)
{
    struct producer_options options;
    producer_options_default(&options);
    options.batch_bytes = batch_bytes;
    options.pending_bytes = pending_bytes;
    options.seed = 1;
    struct producer *producer;
    struct srt_err err = {0};
    assert_ok(producer_create(f->broker, "t", &options, &producer, &err), &err);
    return producer;
}

static struct record record_of(const char *key, const char *value)
{
    return (struct record){.key = (const uint8_t *)key,
                           .key_len = key ? (int32_t)strlen(key) : RECORD_ABSENT,
                           .value = (const uint8_t *)value,
                           .value_len = value ? (int32_t)strlen(value) : RECORD_ABSENT,
                           .timestamp_ms = -1};
}

static void records_of_a_key_keep_their_order_and_partition(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    enum { KEYS = 20, RECORDS = 5000, PARTITIONS = 4 };
    (void)broker_fixture_topic(f, "t", PARTITIONS);
    struct producer *producer = make(f, 1000, 20000);
    struct srt_rng rng;
    srt_rng_init(&rng, 5);
    int next[KEYS] = {0};
    for (int i = 0; i < RECORDS; i++) {
        int k = (int)srt_rng_below(&rng, KEYS);
        char key[16];
        char value[16];
        snprintf(key, sizeof key, "key-%d", k);
        snprintf(value, sizeof value, "%d", next[k]++);
        struct record rec = record_of(key, value);
        assert_ok(producer_add(producer, &rec, PRODUCE_ANY_PARTITION, &err), &err);
    }
    assert_ok(producer_flush(producer, &err), &err);
    assert_int_equal(producer_record_count(producer), RECORDS);
    producer_destroy(producer);

    int seen[KEYS] = {0};
    const struct topic_id *id = topic_get_id(broker_topic_find(f->broker, "t"));
    for (int32_t p = 0; p < PARTITIONS; p++) {
        struct fetcher *fetcher;
        assert_ok(fetcher_open(f->broker, id, p, 0, NULL, NULL, &fetcher, &err), &err);
        struct srt_buf buf = {0};
        while (fetcher_offset(fetcher) < fetcher_end(fetcher)) {
            assert_ok(fetcher_poll(fetcher, 5000, &buf, &err), &err);
        }
        fetcher_close(fetcher);
        for (size_t at = 0; at < buf.len;) {
            struct batch_info info;
            struct batch_reader reader;
            assert_int_equal(batch_check_records(buf.data + at, buf.len - at, &info), SRT_OK);
            assert_true(info.size_bytes <= 1000);
            assert_int_equal(batch_reader_init(&reader, buf.data + at, &info, NULL), SRT_OK);
            struct record rec;
            while (batch_reader_next(&reader, &rec) == SRT_OK) {
                char text[32];
                snprintf(text, sizeof text, "%.*s", rec.key_len, (const char *)rec.key);
                int k = atoi(text + 4);
                snprintf(text, sizeof text, "%.*s", rec.value_len, (const char *)rec.value);
                assert_int_equal(atoi(text), seen[k]++);
                assert_int_equal(partition_for_key(rec.key, rec.key_len, PARTITIONS), p);
                assert_int_equal(rec.timestamp_ms, 1000000); /* the fixture's clock */
            }
            at += info.size_bytes;
        }
        srt_buf_fini(&buf);
    }
    assert_memory_equal(seen, next, sizeof seen);
}

static void records_without_a_key_fill_batches_and_then_move_on(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic *topic = broker_fixture_topic(f, "t", 3);
    struct producer *producer = make(f, 1000, 1 << 20);
    for (int i = 0; i < 3000; i++) {
        struct record rec = record_of(NULL, "0123456789");
        assert_ok(producer_add(producer, &rec, PRODUCE_ANY_PARTITION, &err), &err);
    }
    assert_ok(producer_flush(producer, &err), &err);
    producer_destroy(producer);
    int64_t total = 0;
    for (int32_t p = 0; p < 3; p++) {
        struct fetcher *fetcher;
        assert_ok(fetcher_open(f->broker, topic_get_id(topic), p, 0, NULL, NULL, &fetcher, &err),
                  &err);
        assert_true(fetcher_end(fetcher) > 0);
        total += fetcher_end(fetcher);
        struct srt_buf buf = {0};
        assert_ok(fetcher_poll(fetcher, 1, &buf, &err), &err);
        assert_true(fetcher_offset(fetcher) > 30); /* the first batch was filled */
        srt_buf_fini(&buf);
        fetcher_close(fetcher);
    }
    assert_int_equal(total, 3000);
}

static void record_that_is_too_large_is_refused_alone(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic_config config;
    topic_config_default(&config);
    config.partition_count = 1;
    config.max_record_bytes = 5;
    assert_ok(broker_topic_create(f->broker, "t", &config, NULL, &err), &err);
    struct producer *producer = make(f, 1000, 1000);
    struct record small = record_of("k", "1234");
    struct record large = record_of("k", "12345");
    assert_ok(producer_add(producer, &small, PRODUCE_ANY_PARTITION, &err), &err);
    assert_int_equal(producer_add(producer, &large, PRODUCE_ANY_PARTITION, &err), SRT_ETOOBIG);
    assert_ok(producer_add(producer, &small, PRODUCE_ANY_PARTITION, &err), &err);
    assert_int_equal(producer_add(producer, &small, 1, &err), SRT_EINVAL);
    assert_string_equal(err.msg, "topic 't' has no partition 1, only 0 to 0");
    assert_int_equal(producer_add(producer, &small, -2, &err), SRT_EINVAL);
    assert_ok(producer_flush(producer, &err), &err);
    assert_int_equal(producer_record_count(producer), 2);
    assert_ok(producer_flush(producer, &err), &err); /* of nothing */
    producer_destroy(producer);
    assert_int_equal(producer_create(f->broker, "nothing", NULL, &producer, &err), SRT_ENOENT);
    assert_string_equal(err.msg, "topic 'nothing' does not exist");
}

static void headers_tombstones_and_empty_keys_arrive(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic *topic = broker_fixture_topic(f, "t", 1);
    struct producer *producer = make(f, 1000, 1000);
    struct srt_buf headers = {0};
    header_put(&headers, "trace", 5, "abc", 3);
    header_put(&headers, "none", 4, NULL, RECORD_ABSENT);
    struct record rec = record_of("", NULL);
    rec.headers = headers.data;
    rec.headers_len = (uint32_t)headers.len;
    rec.header_count = 2;
    rec.timestamp_ms = 123;
    assert_ok(producer_add(producer, &rec, PRODUCE_ANY_PARTITION, &err), &err);
    rec.header_count = 3;
    assert_int_equal(producer_add(producer, &rec, PRODUCE_ANY_PARTITION, &err), SRT_EINVAL);
    assert_ok(producer_flush(producer, &err), &err);
    producer_destroy(producer);
    struct fetcher *fetcher;
    assert_ok(fetcher_open(f->broker, topic_get_id(topic), 0, 0, NULL, NULL, &fetcher, &err), &err);
    struct srt_buf buf = {0};
    assert_ok(fetcher_poll(fetcher, 1, &buf, &err), &err);
    struct batch_info info;
    struct batch_reader reader;
    struct record found;
    assert_int_equal(batch_check_records(buf.data, buf.len, &info), SRT_OK);
    assert_int_equal(batch_reader_init(&reader, buf.data, &info, NULL), SRT_OK);
    assert_int_equal(batch_reader_next(&reader, &found), SRT_OK);
    assert_int_equal(found.key_len, 0);
    assert_int_equal(found.value_len, RECORD_ABSENT);
    assert_int_equal(found.timestamp_ms, 123);
    assert_int_equal(found.header_count, 2);
    assert_int_equal(found.headers_len, headers.len);
    assert_memory_equal(found.headers, headers.data, headers.len);
    srt_buf_fini(&buf);
    srt_buf_fini(&headers);
    fetcher_close(fetcher);
}

static void what_was_not_flushed_is_not_there(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic *topic = broker_fixture_topic(f, "t", 1);
    struct producer *producer = make(f, 1000, 1000);
    struct record rec = record_of(NULL, "x");
    assert_ok(producer_add(producer, &rec, PRODUCE_ANY_PARTITION, &err), &err);
    producer_destroy(producer);
    assert_int_equal(partition_high_watermark(topic_partition(topic, 0)), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(records_of_a_key_keep_their_order_and_partition),
        TEST(records_without_a_key_fill_batches_and_then_move_on),
        TEST(record_that_is_too_large_is_refused_alone),
        TEST(headers_tombstones_and_empty_keys_arrive),
        TEST(what_was_not_flushed_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
