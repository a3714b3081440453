#include "pipeline/throttle.h"
#include "support/cmocka_srt.h"

#include <stdio.h>

static bool take(struct throttle *throttle, const char *key, int64_t at_ms)
{
    return throttle_take(throttle, (const uint8_t *)key, (int32_t)strlen(key), at_ms);
}

static void a_key_begins_with_a_full_bucket(void **state)
{
    (void)state;
    struct throttle throttle;
    throttle_init(&throttle, 2, 1000);
    assert_true(take(&throttle, "a", 0));
    assert_true(take(&throttle, "a", 0));
    assert_false(take(&throttle, "a", 0));
    assert_true(take(&throttle, "b", 0));
    throttle_fini(&throttle);
}

static void tokens_come_back_evenly(void **state)
{
    (void)state;
    struct throttle throttle;
    throttle_init(&throttle, 2, 1000);
    assert_true(take(&throttle, "a", 0));
    assert_true(take(&throttle, "a", 0));
    assert_false(take(&throttle, "a", 499));
    assert_true(take(&throttle, "a", 500));
    assert_false(take(&throttle, "a", 999));
    assert_true(take(&throttle, "a", 1000));
    throttle_fini(&throttle);
}

static void a_bucket_holds_no_more_than_its_count(void **state)
{
    (void)state;
    struct throttle throttle;
    throttle_init(&throttle, 3, 1000);
    int passed = 0;
    for (int i = 0; i < 10; i++) {
        passed += take(&throttle, "a", INT64_C(1) << 40);
    }
    assert_int_equal(passed, 3);
    throttle_fini(&throttle);
}

static void time_does_not_run_backwards(void **state)
{
    (void)state;
    struct throttle throttle;
    throttle_init(&throttle, 1, 1000);
    assert_true(take(&throttle, "a", 5000));
    assert_false(take(&throttle, "a", 1000));
    assert_false(take(&throttle, "a", 5999));
    assert_true(take(&throttle, "a", 6000));
    throttle_fini(&throttle);
}

static void a_missing_key_is_a_key(void **state)
{
    (void)state;
    struct throttle throttle;
    throttle_init(&throttle, 1, 1000);
    assert_true(throttle_take(&throttle, NULL, -1, 0));
    assert_false(throttle_take(&throttle, NULL, -1, 0));
    throttle_fini(&throttle);
}

static void keys_of_long_ago_are_forgotten(void **state)
{
    (void)state;
    struct throttle throttle;
    throttle_init(&throttle, 1, 1000);
    for (int64_t i = 0; i < 100000; i++) {
        char key[24];
        snprintf(key, sizeof key, "%d", (int)i);
        assert_true(take(&throttle, key, i * 10));
    }
    assert_in_range(throttle.buckets.used, 100, 3000);
    assert_false(take(&throttle, "99999", 999990)); /* one that still counts is kept */
    throttle_fini(&throttle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_begins_with_a_full_bucket),
        cmocka_unit_test(tokens_come_back_evenly),
        cmocka_unit_test(a_bucket_holds_no_more_than_its_count),
        cmocka_unit_test(time_does_not_run_backwards),
        cmocka_unit_test(a_missing_key_is_a_key),
        cmocka_unit_test(keys_of_long_ago_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
