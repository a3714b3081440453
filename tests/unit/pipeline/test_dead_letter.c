#include "pipeline/dead_letter.h"
#include "record/header.h"
#include "support/cmocka_srt.h"

static void assert_header(const struct record *rec, const char *name, const char *value)
{
    struct header header;
    uint32_t at = 0;
    while (header_next(rec->headers, rec->headers_len, &at, &header) == SRT_OK) {
        if ((size_t)header.name_len == strlen(name) &&
            memcmp(header.name, name, strlen(name)) == 0) {
            assert_int_equal(header.value_len, strlen(value));
            assert_memory_equal(header.value, value, strlen(value));
            return;
        }
    }
    fail_msg("there is no header '%s'", name);
}

static void the_record_keeps_its_own_headers_and_gets_the_reason(void **state)
{
    (void)state;
    struct srt_buf own = {0};
    header_put(&own, "trace", 5, "t1", 2);
    const struct item_origin origin = {
        .rec = {.key = (const uint8_t *)"k",
                .key_len = 1,
                .value = (const uint8_t *)"v",
                .value_len = 1,
                .headers = own.data,
                .headers_len = (uint32_t)own.len,
                .header_count = 1,
                .timestamp_ms = 99,
                .offset = 12345678901},
        .topic = "file:/var/log/x",
        .partition = 0,
    };
    struct srt_err error;
    (void)srt_fail(&error, SRT_ESCRIPT, "a.yaml:3: it failed");
    struct dead_letter letter = {.pipeline = "orders",
                                 .stage = "map-1",
                                 .origin = &origin,
                                 .attempts = 4,
                                 .error = &error,
                                 .traceback = "stack traceback:\n  ...",
                                 .failed_at_ms = 1700000000000};
    struct srt_buf headers = {0};
    struct record rec;
    dead_letter_make(&letter, &headers, &rec);
    assert_int_equal(rec.header_count, 11);
    assert_int_equal(header_check(rec.headers, rec.headers_len, rec.header_count), SRT_OK);
    assert_header(&rec, "trace", "t1");
    assert_header(&rec, "streamrt-dlq-pipeline", "orders");
    assert_header(&rec, "streamrt-dlq-stage", "map-1");
    assert_header(&rec, "streamrt-dlq-topic", "file:/var/log/x");
    assert_header(&rec, "streamrt-dlq-partition", "0");
    assert_header(&rec, "streamrt-dlq-offset", "12345678901");
    assert_header(&rec, "streamrt-dlq-timestamp", "99");
    assert_header(&rec, "streamrt-dlq-attempts", "4");
    assert_header(&rec, "streamrt-dlq-error", "a.yaml:3: it failed");
    assert_header(&rec, "streamrt-dlq-traceback", "stack traceback:\n  ...");
    assert_header(&rec, "streamrt-dlq-failed-at", "1700000000000");
    assert_int_equal(rec.timestamp_ms, 99);
    assert_ptr_equal(rec.value, origin.rec.value);

    letter.traceback = "";
    dead_letter_make(&letter, &headers, &rec);
    assert_int_equal(rec.header_count, 10);
    assert_int_equal(header_check(rec.headers, rec.headers_len, rec.header_count), SRT_OK);
    srt_buf_fini(&headers);
    srt_buf_fini(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_record_keeps_its_own_headers_and_gets_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
