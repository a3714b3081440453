#include <errno.h>

#include "base/buf.h"
#include "base/fault.h"
#include "support/cmocka_srt.h"

static int disarm(void **state)
{
    (void)state;
    srt_fault_disarm();
    return 0;
}

static void zeroed_buffer_is_empty_and_usable(void **state)
{
    (void)state;
    struct srt_buf buf = {0};
    assert_string_equal(srt_buf_cstr(&buf), "");
    srt_buf_put_str(&buf, "ab");
    srt_buf_put_u8(&buf, 'c');
    srt_buf_put(&buf, NULL, 0);
    srt_buf_printf(&buf, "-%d-%s", 42, "z");
    assert_string_equal(srt_buf_cstr(&buf), "abc-42-z");
    assert_int_equal(buf.len, 8);
    srt_buf_fini(&buf);
    assert_null(buf.data);
    srt_buf_fini(&buf);
}

static void grows_and_keeps_every_byte(void **state)
{
    (void)state;
    struct srt_buf buf;
    srt_buf_init(&buf);
    for (int i = 0; i < 100000; i++) {
        srt_buf_put_u8(&buf, (uint8_t)(i * 7));
    }
    assert_int_equal(buf.len, 100000);
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(buf.data[i], (uint8_t)(i * 7));
    }
    srt_buf_fini(&buf);
}

static void clear_keeps_the_memory(void **state)
{
    (void)state;
    struct srt_buf buf = {0};
    srt_buf_printf(&buf, "%2000d", 1);
    const uint8_t *data = buf.data;
    srt_buf_clear(&buf);
    srt_buf_printf(&buf, "%2000d", 2);
    assert_ptr_equal(buf.data, data);
    assert_int_equal(buf.len, 2000);
    assert_int_equal(buf.data[1999], '2');
    srt_buf_fini(&buf);
}

static void consume_drops_the_front(void **state)
{
    (void)state;
    struct srt_buf buf = {0};
    srt_buf_put_str(&buf, "0123456789");
    srt_buf_consume(&buf, 4);
    assert_string_equal(srt_buf_cstr(&buf), "456789");
    srt_buf_consume(&buf, 6);
    assert_int_equal(buf.len, 0);
    expect_assert_failure(srt_buf_consume(&buf, 1));
    srt_buf_fini(&buf);
}

static void failure_is_kept_until_cleared(void **state)
{
    (void)state;
    struct srt_buf buf = {0};
    srt_buf_put_str(&buf, "before");
    size_t cap = buf.cap;
    srt_fault_arm(SRT_FAULT_alloc, 1, SRT_FAULT_ERRNO, ENOMEM);
    srt_buf_printf(&buf, "%*d", (int)cap, 1);
    assert_true(srt_buf_failed(&buf));
    srt_buf_put_str(&buf, "after"); /* would fit, and memory is there again: still refused */
    assert_int_equal(buf.len, 6);
    assert_memory_equal(buf.data, "before", 6);
    assert_null(srt_buf_reserve(&buf, 1));
    assert_string_equal(srt_buf_cstr(&buf), "");
    srt_buf_clear(&buf);
    assert_false(srt_buf_failed(&buf));
    srt_buf_put_str(&buf, "again");
    assert_string_equal(srt_buf_cstr(&buf), "again");
    srt_buf_fini(&buf);
}

static void absurd_size_fails_instead_of_wrapping_around(void **state)
{
    (void)state;
    struct srt_buf buf = {0};
    srt_buf_put_str(&buf, "x");
    assert_null(srt_buf_reserve(&buf, SIZE_MAX - 1));
    assert_true(srt_buf_failed(&buf));
    srt_buf_fini(&buf);
}

int main(void)
{
    cmocka_srt_catch_panics();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeroed_buffer_is_empty_and_usable),
        cmocka_unit_test(grows_and_keeps_every_byte),
        cmocka_unit_test(clear_keeps_the_memory),
        cmocka_unit_test(consume_drops_the_front),
        cmocka_unit_test_teardown(failure_is_kept_until_cleared, disarm),
        cmocka_unit_test(absurd_size_fails_instead_of_wrapping_around),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
