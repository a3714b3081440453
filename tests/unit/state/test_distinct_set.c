#include <stdio.h>

#include "aggregate_fixture.h"
#include "state/distinct_set.h"

static void thousands_are_found_again(void **state)
{
    (void)state;
    struct distinct_set *set = NULL;
    struct srt_err err;
    char text[32];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 2000; i++) {
            snprintf(text, sizeof text, "user-%d", i);
            struct state_value values[2] = {value_text(text), value_integer(i)};
            assert_ok(distinct_set_add(&set, &values[0], &err), &err);
            assert_ok(distinct_set_add(&set, &values[1], &err), &err);
        }
        assert_int_equal(distinct_set_count(set), 4000);
    }
    assert_true(distinct_set_bytes(set) < 4000 * 50);
    distinct_set_destroy(set);
}

static void a_set_has_a_bound(void **state)
{
    (void)state;
    struct distinct_set *set = NULL;
    struct distinct_set *other = NULL;
    struct srt_err err;
    size_t half = DISTINCT_SET_BYTES_MAX / 2;
    char *text = calloc(1, half + 1);
    memset(text, 'a', half);
    struct state_value a = value_text(text);
    assert_ok(distinct_set_add(&set, &a, &err), &err);
    text[0] = 'b';
    struct state_value b = value_text(text);
    assert_int_equal(distinct_set_add(&set, &b, &err), SRT_ETOOBIG);
    assert_contains(err.msg, "approx_distinct");
    assert_ok(distinct_set_add(&other, &b, &err), &err);
    assert_int_equal(distinct_set_merge(&set, other, &err), SRT_ETOOBIG);
    assert_int_equal(distinct_set_count(set), 1);
    text[0] = 'a';
    assert_ok(distinct_set_add(&set, &a, &err), &err); /* it is there */
    assert_int_equal(distinct_set_count(set), 1);
    distinct_set_destroy(set);
    distinct_set_destroy(other);
    free(text);
}

static void bytes_that_are_no_set_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[16];
        size_t size;
    } bad[] = {
        {{4, 2, 1}, 3},                             /* true before false */
        {{4, 1, 1}, 3},                             /* twice */
        {{2, 4, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0}, 10}, /* 1.0 is to be the integer */
        {{6, 1, 2}, 3},                             /* cut short */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct distinct_set *set = NULL;
        struct srt_err err;
        const uint8_t *at = bad[i].bytes;
        assert_int_equal(distinct_set_decode(&set, &at, bad[i].bytes + bad[i].size, &err),
                         SRT_ECORRUPT);
        assert_null(set);
    }
}

int main(void)
{
    cmocka_srt_catch_panics();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thousands_are_found_again),
        cmocka_unit_test(a_set_has_a_bound),
        cmocka_unit_test(bytes_that_are_no_set_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
