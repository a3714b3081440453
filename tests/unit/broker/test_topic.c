#include "broker/topic.h"

#include "support/broker_fixture.h"
#include "support/cmocka_srt.h"

static void defaults_are_the_documented_ones(void **state)
{
    (void)state;
    struct topic_config config;
    topic_config_default(&config);
    assert_int_equal(config.partition_count, 3);
    assert_int_equal(config.retention_ms, INT64_C(7) * 24 * 3600 * 1000);
    assert_int_equal(config.retention_bytes, -1);
    assert_int_equal(config.max_record_bytes, 1 << 20);
    struct srt_err err = {0};
    assert_ok(topic_config_check(&config, &err), &err);
}

static void each_option_out_of_range_is_named(void **state)
{
    (void)state;
    struct topic_config good;
    topic_config_default(&good);
    struct srt_err err = {0};
#define REFUSED(field, value, text)                                                                \
    do {                                                                                           \
        struct topic_config bad = good;                                                            \
        bad.field = (value);                                                                       \
        assert_int_equal(topic_config_check(&bad, &err), SRT_EINVAL);                              \
        assert_contains(err.msg, text);                                                            \
    } while (0)
    REFUSED(partition_count, 0, "0 partitions");
    REFUSED(partition_count, -1, "-1 partitions");
    REFUSED(retention_ms, 0, "retention of 0 ms");
    REFUSED(retention_ms, -2, "retention of -2 ms");
    REFUSED(retention_bytes, 0, "retention of 0 bytes");
    REFUSED(segment_bytes, 1023, "segments of 1023 bytes");
    REFUSED(segment_bytes, UINT64_MAX, "segments of");
    REFUSED(segment_ms, 0, "segments of 0 ms");
    REFUSED(max_record_bytes, 0, "records of up to 0 bytes");
    REFUSED(compression, COMPRESSION_COUNT, "compression 5; the last one is 4 (zstd)");
    REFUSED(cleanup, TOPIC_CLEANUP_COUNT, "cleanup 3; the last one is 2 (compact,delete)");
    REFUSED(delete_retention_ms, -1, "delete_retention of -1 ms");
}

static void record_counts_key_value_and_headers(void **state)
{
    (void)state;
    struct broker_fixture fixture;
    broker_fixture_open(&fixture);
    struct topic_config config;
    topic_config_default(&config);
    config.max_record_bytes = 10;
    struct topic *topic;
    struct srt_err err = {0};
    assert_ok(broker_topic_create(fixture.broker, "small", &config, &topic, &err), &err);
    static const uint8_t bytes[16];
    struct record rec = {.key = bytes,
                         .key_len = 4,
                         .value = bytes,
                         .value_len = 3,
                         .headers = bytes,
                         .headers_len = 3,
                         .header_count = 1};
    assert_ok(topic_check_record(topic, &rec, &err), &err);
    rec.value_len = 4;
    assert_int_equal(topic_check_record(topic, &rec, &err), SRT_ETOOBIG);
    assert_string_equal(err.msg,
                        "record of 11 bytes for topic 'small', whose max_record_bytes is 10");
    rec.key_len = RECORD_ABSENT;
    assert_ok(topic_check_record(topic, &rec, &err), &err);
    rec.value_len = RECORD_ABSENT;
    assert_ok(topic_check_record(topic, &rec, &err), &err);
    broker_fixture_close(&fixture);
}

static void compacted_topic_takes_no_record_without_a_key(void **state)
{
    (void)state;
    struct broker_fixture fixture;
    broker_fixture_open(&fixture);
    struct topic_config config;
    topic_config_default(&config);
    struct record rec = {.key_len = RECORD_ABSENT, .value = (const uint8_t *)"v", .value_len = 1};
    for (int cleanup = 0; cleanup < TOPIC_CLEANUP_COUNT; cleanup++) {
        struct topic *topic;
        struct srt_err err = {0};
        config.cleanup = (enum topic_cleanup)cleanup;
        assert_ok(broker_topic_create(fixture.broker, &"abc"[cleanup], &config, &topic, &err),
                  &err);
        rec.key_len = RECORD_ABSENT;
        assert_int_equal(topic_check_record(topic, &rec, &err),
                         cleanup == TOPIC_CLEANUP_DELETE ? SRT_OK : SRT_EINVAL);
        rec.key = (const uint8_t *)"";
        rec.key_len = 0; /* is a key */
        assert_ok(topic_check_record(topic, &rec, &err), &err);
    }
    broker_fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_documented_ones),
        cmocka_unit_test(each_option_out_of_range_is_named),
        cmocka_unit_test(record_counts_key_value_and_headers),
        cmocka_unit_test(compacted_topic_takes_no_record_without_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
