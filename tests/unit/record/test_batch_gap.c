/* A batch without records: its bytes, and how it reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record/batch_gap.h"

static void a_gap_has_these_bytes(void **state)
{
    static const uint8_t expected[BATCH_HEADER_BYTES] = {
        0, 0, 0, 0, 0, 0, 0x03, 0xe8,                   /* base offset 1000 */
        0, 0, 0, 49,                                    /* nothing behind the header */
        0xff, 0xff, 0xff, 0xff,                         /* leader epoch */
        2,                                              /* magic */
        0x24, 0x59, 0xe0, 0xc1,                         /* CRC-32C of the rest */
        0, 0,                                           /* attributes */
        0, 0, 0, 24,                                    /* up to offset 1024 */
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* times */
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* */
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* producer */
        0xff, 0xff,                                     /* its epoch */
        0xff, 0xff, 0xff, 0xff,                         /* sequence */
        0, 0, 0, 0,                                     /* records */
    };
    uint8_t gap[BATCH_HEADER_BYTES];
    (void)state;
    batch_gap_encode(gap, 1000, 1025);
    assert_memory_equal(gap, expected, sizeof gap);
}

static void a_gap_is_a_batch_that_ends_at_once(void **state)
{
    uint8_t gap[BATCH_HEADER_BYTES];
    struct batch_info info;
    struct batch_reader reader;
    struct record rec;
    (void)state;
    batch_gap_encode(gap, 7, 8);
    assert_int_equal(batch_check(gap, sizeof gap, &info), SRT_OK);
    assert_int_equal(info.base_offset, 7);
    assert_int_equal(batch_last_offset(&info), 7);
    assert_int_equal(info.max_timestamp_ms, -1);
    assert_int_equal(batch_reader_init(&reader, gap, &info, NULL), SRT_OK);
    assert_int_equal(batch_reader_next(&reader, &rec), SRT_EEND);
    batch_gap_encode(gap, 0, INT64_C(1) << 31);
    assert_int_equal(batch_check(gap, sizeof gap, &info), SRT_OK);
    assert_int_equal(batch_last_offset(&info), INT32_MAX);
    assert_int_equal(batch_check_records(gap, sizeof gap, &info), SRT_ECORRUPT); /* from outside */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gap_has_these_bytes),
        cmocka_unit_test(a_gap_is_a_batch_that_ends_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
