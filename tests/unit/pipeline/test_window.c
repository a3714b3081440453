#include "base/rng.h"
#include "pipeline/watermark.h"
#include "pipeline/window.h"
#include "support/cmocka_srt.h"

/* Windows that hold `time_ms`, by looking at every start near it. */
static int64_t count_by_looking(const struct window_spec *window, int64_t time_ms,
                                int64_t *ret_first, int64_t *ret_last)
{
    int64_t every = window->kind == WINDOW_TUMBLING ? window->size_ms : window->every_ms;
    int64_t count = 0;
    for (int64_t start = time_ms - window->size_ms - 1; start <= time_ms + 1; start++) {
        bool aligned = start % every == 0;
        if (aligned && start <= time_ms && time_ms < start + window->size_ms) {
            *ret_first = count == 0 ? start : *ret_first;
            *ret_last = start;
            count++;
        }
    }
    return count;
}

static void check_against_looking(const struct window_spec *window, int64_t time_ms)
{
    int64_t every = window->kind == WINDOW_TUMBLING ? window->size_ms : window->every_ms;
    int64_t first = 0;
    int64_t last = 0;
    int64_t looked_first = 0;
    int64_t looked_last = 0;
    int64_t count = count_by_looking(window, time_ms, &looked_first, &looked_last);
    bool any = window_starts(window, time_ms, &first, &last);
    if (any != (count > 0) ||
        (any && (first != looked_first || last != looked_last ||
                 (last - first) / every + 1 != count))) {
        fail_msg("size %lld every %lld time %lld: [%lld, %lld], not %lld of [%lld, %lld]",
                 (long long)window->size_ms, (long long)every, (long long)time_ms,
                 (long long)first, (long long)last, (long long)count, (long long)looked_first,
                 (long long)looked_last);
    }
}

static void each_small_time_is_in_the_windows_that_hold_it(void **state)
{
    (void)state;
    for (int64_t size = 1; size <= 12; size++) {
        const struct window_spec tumbling = {
            .kind = WINDOW_TUMBLING, .size_ms = size, .every_ms = size};
        for (int64_t time = -40; time <= 40; time++) {
            check_against_looking(&tumbling, time);
            for (int64_t every = 1; every <= 15; every++) { /* overlaps, none, gaps */
                const struct window_spec hopping = {
                    .kind = WINDOW_HOPPING, .size_ms = size, .every_ms = every};
                check_against_looking(&hopping, time);
            }
        }
    }
}

static void and_so_are_large_ones(void **state)
{
    (void)state;
    struct srt_rng rng;
    const uint64_t seed = 4;
    srt_rng_init(&rng, seed);
    for (int i = 0; i < 2000; i++) {
        const struct window_spec window = {.kind = i % 2 ? WINDOW_HOPPING : WINDOW_TUMBLING,
                                           .size_ms = 1 + (int64_t)srt_rng_below(&rng, 3000),
                                           .every_ms = 1 + (int64_t)srt_rng_below(&rng, 4000)};
        int64_t time = (int64_t)srt_rng_below(&rng, 2 * (uint64_t)WINDOW_TIME_MAX_MS);
        check_against_looking(&window, time - WINDOW_TIME_MAX_MS);
    }
}

static void a_window_begins_with_its_start_and_ends_before_its_end(void **state)
{
    (void)state;
    const struct window_spec minute = {
        .kind = WINDOW_TUMBLING, .size_ms = 60000, .every_ms = 60000};
    int64_t first;
    int64_t last;
    assert_true(window_starts(&minute, 119999, &first, &last));
    assert_int_equal(first, 60000);
    assert_true(window_starts(&minute, 120000, &first, &last));
    assert_int_equal(first, 120000);
    assert_true(window_starts(&minute, -1, &first, &last));
    assert_int_equal(first, -60000);
    assert_int_equal(last, -60000);
}

static void a_hopping_window_may_leave_gaps(void **state)
{
    (void)state;
    const struct window_spec window = {.kind = WINDOW_HOPPING, .size_ms = 10, .every_ms = 60};
    int64_t first;
    int64_t last;
    assert_true(window_starts(&window, 69, &first, &last));
    assert_false(window_starts(&window, 70, &first, &last));
    assert_false(window_starts(&window, -1, &first, &last));
    assert_true(window_starts(&window, -60, &first, &last));
    assert_int_equal(first, -60);
}

static void it_closes_when_the_watermark_is_at_its_end_and_grace(void **state)
{
    (void)state;
    assert_false(window_is_closed(60000, 5000, 64999));
    assert_true(window_is_closed(60000, 5000, 65000));
    assert_false(window_is_closed(-5, 0, WATERMARK_UNKNOWN));
    assert_true(window_is_closed(WINDOW_TIME_MAX_MS, INT64_MAX / 2, WATERMARK_END));
}

static void a_time_to_close_never_meets_the_values_that_mean_something(void **state)
{
    (void)state;
    assert_int_equal(window_close_ms(10, 5), 15);
    assert_int_equal(window_close_ms(INT64_MAX, 0), INT64_MAX - 2);
    assert_int_equal(window_close_ms(5, INT64_MAX - 2), INT64_MAX - 2);
    assert_int_equal(window_close_ms(INT64_MAX - 12, 10), INT64_MAX - 2);
    assert_int_equal(window_close_ms(INT64_MAX - 13, 10), INT64_MAX - 3);
    assert_true(window_close_ms(INT64_MAX, INT64_MAX - 2) < WATERMARK_IDLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_small_time_is_in_the_windows_that_hold_it),
        cmocka_unit_test(and_so_are_large_ones),
        cmocka_unit_test(a_window_begins_with_its_start_and_ends_before_its_end),
        cmocka_unit_test(a_hopping_window_may_leave_gaps),
        cmocka_unit_test(it_closes_when_the_watermark_is_at_its_end_and_grace),
        cmocka_unit_test(a_time_to_close_never_meets_the_values_that_mean_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
