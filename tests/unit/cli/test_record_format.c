#include "cli/record_format.h"
#include "record/header.h"
#include "support/cmocka_srt.h"

static struct record record_of(const char *key, const void *value, size_t value_len)
{
    return (struct record){.key = (const uint8_t *)key,
                           .key_len = key ? (int32_t)strlen(key) : RECORD_ABSENT,
                           .value = value,
                           .value_len = value ? (int32_t)value_len : RECORD_ABSENT,
                           .timestamp_ms = 1431857103000,
                           .offset = 7};
}

static void expect_json(const struct record *rec, const char *expected)
{
    struct srt_buf buf = {0};
    record_format_json(&buf, "orders", 2, rec);
    assert_string_equal(srt_buf_cstr(&buf), expected);
    srt_buf_fini(&buf);
}

#define HEAD "{\"topic\":\"orders\",\"partition\":2,\"offset\":7,\"timestamp\":1431857103000,"

static void a_json_value_is_embedded_as_it_is(void **state)
{
    struct record rec = record_of("k1", "{\"b\":1.0,\"a\":[ ]}", 17);
    (void)state;
    expect_json(&rec, HEAD "\"key\":\"k1\",\"value\":{\"b\":1.0,\"a\":[ ]},\"headers\":[]}\n");
}

static void json_over_several_lines_stays_one_line(void **state)
{
    struct record rec = record_of("k1", "{\n  \"a\": 1\r\n}", 13);
    (void)state;
    expect_json(&rec, HEAD "\"key\":\"k1\",\"value\":{   \"a\": 1  },\"headers\":[]}\n");
}

static void text_becomes_a_string(void **state)
{
    struct record rec = record_of("k\"1", "plain \"text\"\n", 13);
    (void)state;
    expect_json(&rec,
                HEAD "\"key\":\"k\\\"1\",\"value\":\"plain \\\"text\\\"\\n\",\"headers\":[]}\n");
}

static void a_key_that_looks_like_json_is_a_string(void **state)
{
    struct record rec = record_of("42", "42", 2);
    (void)state;
    expect_json(&rec, HEAD "\"key\":\"42\",\"value\":42,\"headers\":[]}\n");
}

static void other_bytes_become_base64(void **state)
{
    struct record rec = record_of("\xff", "\x80\x81", 2);
    (void)state;
    expect_json(&rec, HEAD "\"key_base64\":\"/w==\",\"value_base64\":\"gIE=\",\"headers\":[]}\n");
}

static void absent_and_empty_are_told_apart(void **state)
{
    struct record none = record_of(NULL, NULL, 0);
    struct record empty = record_of("", "", 0);
    (void)state;
    expect_json(&none, HEAD "\"key\":null,\"value\":null,\"headers\":[]}\n");
    expect_json(&empty, HEAD "\"key\":\"\",\"value\":\"\",\"headers\":[]}\n");
}

static void headers_are_pairs(void **state)
{
    struct srt_buf headers = {0};
    struct record rec = record_of(NULL, "1", 1);
    (void)state;
    header_put(&headers, "a", 1, "x", 1);
    header_put(&headers, "b", 1, NULL, RECORD_ABSENT);
    header_put(&headers, "c", 1, "\xff", 1);
    rec.headers = headers.data;
    rec.headers_len = (uint32_t)headers.len;
    rec.header_count = 3;
    expect_json(&rec, HEAD "\"key\":null,\"value\":1,\"headers\":[[\"a\",\"x\"],[\"b\",null],"
                           "[\"c\",{\"base64\":\"/w==\"}]]}\n");
    srt_buf_fini(&headers);
}

static void a_format_fills_every_field(void **state)
{
    struct record_format format;
    struct srt_err err = {0};
    struct srt_buf headers = {0};
    struct srt_buf buf = {0};
    struct record rec = record_of("k", "v", 1);
    (void)state;
    header_put(&headers, "a", 1, "x", 1);
    header_put(&headers, "b", 1, "y", 1);
    rec.headers = headers.data;
    rec.headers_len = (uint32_t)headers.len;
    assert_int_equal(record_format_parse(&format, "%t %p:%o\\t%k=%v [%h] %d 100%%\\n", &err),
                     SRT_OK);
    record_format_put(&format, &buf, "orders", 2, &rec);
    assert_string_equal(srt_buf_cstr(&buf), "orders 2:7\tk=v [a=x,b=y] 1431857103000 100%\n");
    record_format_fini(&format);
    srt_buf_fini(&headers);
    srt_buf_fini(&buf);
}

static void a_format_may_separate_by_a_zero_byte(void **state)
{
    struct record_format format;
    struct srt_err err = {0};
    struct srt_buf buf = {0};
    struct record rec = record_of("k", "v", 1);
    (void)state;
    assert_int_equal(record_format_parse(&format, "%v\\0", &err), SRT_OK);
    record_format_put(&format, &buf, "orders", 2, &rec);
    assert_int_equal(buf.len, 2);
    assert_memory_equal(buf.data, "v\0", 2);
    record_format_fini(&format);
    srt_buf_fini(&buf);
}

static void a_wrong_format_is_refused_with_what_is_known(void **state)
{
    struct record_format format;
    struct srt_err err = {0};
    (void)state;
    assert_int_equal(record_format_parse(&format, "%x", &err), SRT_EPARSE);
    assert_non_null(strstr(err.msg, "'%x'"));
    assert_int_equal(record_format_parse(&format, "%", &err), SRT_EPARSE);
    assert_int_equal(record_format_parse(&format, "a\\", &err), SRT_EPARSE);
    assert_int_equal(record_format_parse(&format, "\\q", &err), SRT_EPARSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_json_value_is_embedded_as_it_is),
        cmocka_unit_test(json_over_several_lines_stays_one_line),
        cmocka_unit_test(text_becomes_a_string),
        cmocka_unit_test(a_key_that_looks_like_json_is_a_string),
        cmocka_unit_test(other_bytes_become_base64),
        cmocka_unit_test(absent_and_empty_are_told_apart),
        cmocka_unit_test(headers_are_pairs),
        cmocka_unit_test(a_format_fills_every_field),
        cmocka_unit_test(a_format_may_separate_by_a_zero_byte),
        cmocka_unit_test(a_wrong_format_is_refused_with_what_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
