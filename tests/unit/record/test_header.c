#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "record/header.h"

static void headers_come_back_in_order(void **state)
{
    (void)state;
    struct srt_buf buf = {0};
    header_put(&buf, "a", 1, "xyz", 3);
    header_put(&buf, "", 0, "", 0);
    header_put(&buf, "none", 4, NULL, RECORD_ABSENT);
    uint32_t at = 0;
    struct header h;
    uint32_t len = (uint32_t)buf.len;

    assert_int_equal(header_next(buf.data, len, &at, &h), SRT_OK);
    assert_int_equal(h.name_len, 1);
    assert_memory_equal(h.name, "a", 1);
    assert_int_equal(h.value_len, 3);
    assert_memory_equal(h.value, "xyz", 3);

    assert_int_equal(header_next(buf.data, len, &at, &h), SRT_OK);
    assert_int_equal(h.name_len, 0);
    assert_int_equal(h.value_len, 0);
    assert_non_null(h.value);

    assert_int_equal(header_next(buf.data, len, &at, &h), SRT_OK);
    assert_memory_equal(h.name, "none", 4);
    assert_int_equal(h.value_len, RECORD_ABSENT);
    assert_null(h.value);

    assert_int_equal(header_next(buf.data, len, &at, &h), SRT_EEND);
    assert_int_equal(header_next(buf.data, len, &at, &h), SRT_EEND);
    srt_buf_fini(&buf);
}

static void the_encoding_is_that_of_kafka(void **state)
{
    (void)state;
    struct srt_buf buf = {0};
    header_put(&buf, "k", 1, "vw", 2);
    header_put(&buf, "n", 1, NULL, RECORD_ABSENT);
    static const uint8_t expected[] = {0x02, 'k', 0x04, 'v', 'w', 0x02, 'n', 0x01};
    assert_int_equal(buf.len, sizeof expected);
    assert_memory_equal(buf.data, expected, sizeof expected);
    srt_buf_fini(&buf);
}

static void check_wants_exactly_the_count(void **state)
{
    (void)state;
    struct srt_buf buf = {0};
    header_put(&buf, "a", 1, "1", 1);
    header_put(&buf, "b", 1, "2", 1);
    assert_int_equal(header_check(buf.data, (uint32_t)buf.len, 2), SRT_OK);
    assert_int_equal(header_check(buf.data, (uint32_t)buf.len, 1), SRT_ECORRUPT);
    assert_int_equal(header_check(buf.data, (uint32_t)buf.len, 3), SRT_ECORRUPT);
    assert_int_equal(header_check(buf.data, (uint32_t)buf.len, -1), SRT_ECORRUPT);
    assert_int_equal(header_check(NULL, 0, 0), SRT_OK);
    srt_buf_fini(&buf);
}

static void every_cut_is_corrupt(void **state)
{
    (void)state;
    struct srt_buf buf = {0};
    header_put(&buf, "name", 4, "some value", 10);
    for (uint32_t len = 1; len < buf.len; len++) {
        uint32_t at = 0;
        struct header h;
        assert_int_equal(header_next(buf.data, len, &at, &h), SRT_ECORRUPT);
        assert_int_equal(at, 0);
    }
    srt_buf_fini(&buf);
}

static void hostile_lengths_are_corrupt(void **state)
{
    (void)state;
    static const uint8_t bad[][8] = {
        {0x01, 0x00},                         /* name of -1 bytes */
        {0x00, 0x03},                         /* value of -2 bytes */
        {0x7e, 'a'},                          /* name of 63 bytes */
        {0xfe, 0xff, 0xff, 0xff, 0x0f, 'a'},  /* name of 2^31-1 bytes */
        {0x00, 0xfe, 0xff, 0xff, 0xff, 0x0f}, /* value of 2^31-1 bytes */
        {0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, /* a varint of six bytes */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint32_t at = 0;
        struct header h;
        assert_int_equal(header_next(bad[i], 8, &at, &h), SRT_ECORRUPT);
    }
    uint32_t beyond = 9;
    struct header h;
    assert_int_equal(header_next(bad[0], 8, &beyond, &h), SRT_ECORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_come_back_in_order),
        cmocka_unit_test(the_encoding_is_that_of_kafka),
        cmocka_unit_test(check_wants_exactly_the_count),
        cmocka_unit_test(every_cut_is_corrupt),
        cmocka_unit_test(hostile_lengths_are_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
