#include "pipeline/event_clock.h"
#include "pipeline/watermark.h"
#include "support/cmocka_srt.h"

static void the_watermark_is_the_highest_time_minus_what_may_be_out_of_order(void **state)
{
    (void)state;
    struct event_clock clock;
    event_clock_init(&clock, 5);
    assert_int_equal(event_clock_watermark(&clock), WATERMARK_UNKNOWN);
    event_clock_see(&clock, 100);
    event_clock_see(&clock, 40);
    assert_int_equal(event_clock_watermark(&clock), 95);
    event_clock_see(&clock, 101);
    assert_int_equal(event_clock_watermark(&clock), 96);
}

static void time_that_passed_without_it_raises_it_and_never_lowers(void **state)
{
    (void)state;
    struct event_clock clock;
    event_clock_init(&clock, 5);
    event_clock_raise(&clock, 50);
    assert_int_equal(event_clock_watermark(&clock), 50);
    event_clock_raise(&clock, 30);
    event_clock_raise(&clock, WATERMARK_UNKNOWN);
    event_clock_see(&clock, 54);
    assert_int_equal(event_clock_watermark(&clock), 50);
    event_clock_see(&clock, 56);
    assert_int_equal(event_clock_watermark(&clock), 51);
}

static void it_holds_at_the_ends_of_the_range(void **state)
{
    (void)state;
    struct event_clock clock;
    event_clock_init(&clock, 1000);
    event_clock_see(&clock, INT64_MIN + 5);
    assert_int_equal(event_clock_watermark(&clock), WATERMARK_UNKNOWN);
}

static const uint8_t golden[EVENT_CLOCK_BYTES] = {0xf0, 0,    0,    1,    0x8b, 0xcf, 0xe5, 0x68, 0,
                                                  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};

static void it_is_written_byte_for_byte_as_documented(void **state)
{
    (void)state;
    struct event_clock clock;
    struct srt_buf bytes = {0};
    event_clock_init(&clock, 7);
    event_clock_see(&clock, 1700000000000);
    event_clock_raise(&clock, -2);
    event_clock_encode(&clock, &bytes);
    assert_int_equal(bytes.len, sizeof golden);
    assert_memory_equal(bytes.data, golden, sizeof golden);
    srt_buf_fini(&bytes);
}

static void it_is_read_in_front_of_the_sources_own_detail(void **state)
{
    (void)state;
    uint8_t detail[EVENT_CLOCK_BYTES + 3] = {0};
    struct event_clock clock;
    struct srt_err err;
    size_t size;
    memcpy(detail, golden, sizeof golden);
    event_clock_init(&clock, 7);
    assert_ok(event_clock_decode(&clock, detail, sizeof detail, &size, &err), &err);
    assert_int_equal(size, EVENT_CLOCK_BYTES);
    assert_int_equal(clock.max_ms, 1700000000000);
    assert_int_equal(clock.floor_ms, -2);
    assert_int_equal(clock.out_of_order_ms, 7);
}

static void a_detail_without_one_leaves_the_clock(void **state)
{
    (void)state;
    struct event_clock clock;
    struct srt_err err;
    event_clock_init(&clock, 7);
    for (int first = -1; first < 0xf0; first++) {
        uint8_t detail[31] = {(uint8_t)first};
        size_t size = 9;
        assert_ok(event_clock_decode(&clock, detail, first < 0 ? 0 : sizeof detail, &size, &err),
                  &err);
        assert_int_equal(size, 0);
        assert_int_equal(clock.max_ms, WATERMARK_UNKNOWN);
        assert_int_equal(clock.floor_ms, WATERMARK_UNKNOWN);
    }
}

static void other_versions_and_cut_ones_are_refused_and_leave_the_clock(void **state)
{
    (void)state;
    struct event_clock clock;
    struct srt_err err;
    size_t size = 9;
    event_clock_init(&clock, 7);
    for (int mark = 0xf1; mark <= 0xff; mark++) {
        uint8_t detail[EVENT_CLOCK_BYTES];
        memcpy(detail, golden, sizeof detail);
        detail[0] = (uint8_t)mark;
        assert_int_equal(event_clock_decode(&clock, detail, sizeof detail, &size, &err),
                         SRT_EVERSION);
    }
    for (size_t len = 1; len < EVENT_CLOCK_BYTES; len++) {
        uint8_t *cut = malloc(len);
        memcpy(cut, golden, len);
        assert_int_equal(event_clock_decode(&clock, cut, len, &size, &err), SRT_ECORRUPT);
        free(cut);
    }
    assert_int_equal(size, 0);
    assert_int_equal(clock.max_ms, WATERMARK_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_watermark_is_the_highest_time_minus_what_may_be_out_of_order),
        cmocka_unit_test(time_that_passed_without_it_raises_it_and_never_lowers),
        cmocka_unit_test(it_holds_at_the_ends_of_the_range),
        cmocka_unit_test(it_is_written_byte_for_byte_as_documented),
        cmocka_unit_test(it_is_read_in_front_of_the_sources_own_detail),
        cmocka_unit_test(a_detail_without_one_leaves_the_clock),
        cmocka_unit_test(other_versions_and_cut_ones_are_refused_and_leave_the_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
