#include "pipeline/record_error.h"
#include "support/cmocka_srt.h"

static void the_record_is_to_blame_for_scripts_and_values_only(void **state)
{
    (void)state;
    static const int records[] = {SRT_ESCRIPT, SRT_EBUDGET, SRT_EPARSE, SRT_EINVAL, SRT_ETOOBIG};
    static const int world[] = {SRT_EIO,    SRT_ENOSPC, SRT_ENOMEM,
                                SRT_EAGAIN, SRT_EFSYNC, SRT_ECLOSED};
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        assert_true(record_error_is(records[i]));
    }
    for (size_t i = 0; i < sizeof world / sizeof *world; i++) {
        assert_false(record_error_is(world[i]));
    }
}

static void only_what_says_so_is_tried_again(void **state)
{
    (void)state;
    const struct on_error unset = {.retry = -1};
    const struct on_error none = {.retry = 0};
    const struct on_error five = {.retry = 5};
    assert_int_equal(record_error_tries(&unset, false), 0);
    assert_int_equal(record_error_tries(&unset, true), ON_ERROR_RETRIABLE_TRIES);
    assert_int_equal(record_error_tries(&none, true), 0);
    assert_int_equal(record_error_tries(&five, false), 5);
}

static void the_wait_doubles_with_jitter_up_to_its_cap(void **state)
{
    (void)state;
    const struct on_error policy = {.backoff_from_ms = 100, .backoff_to_ms = 1000};
    struct srt_rng rng;
    srt_rng_init(&rng, 3);
    int64_t least = INT64_MAX;
    int64_t most = 0;
    for (int round = 0; round < 1000; round++) {
        int64_t first = record_error_delay_ms(&policy, 1, &rng);
        assert_in_range(first, 50, 150);
        least = first < least ? first : least;
        most = first > most ? first : most;
        assert_in_range(record_error_delay_ms(&policy, 3, &rng), 200, 600);
        assert_in_range(record_error_delay_ms(&policy, 4, &rng), 400, 1000);
        assert_in_range(record_error_delay_ms(&policy, 60, &rng), 500, 1000);
    }
    assert_true(least < 60 && most > 140);
}

static void the_same_seed_waits_alike(void **state)
{
    (void)state;
    const struct on_error policy = {.backoff_from_ms = 100, .backoff_to_ms = 1000};
    struct srt_rng one;
    struct srt_rng two;
    srt_rng_init(&one, 9);
    srt_rng_init(&two, 9);
    for (int64_t i = 1; i < 20; i++) {
        assert_int_equal(record_error_delay_ms(&policy, i, &one),
                         record_error_delay_ms(&policy, i, &two));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_record_is_to_blame_for_scripts_and_values_only),
        cmocka_unit_test(only_what_says_so_is_tried_again),
        cmocka_unit_test(the_wait_doubles_with_jitter_up_to_its_cap),
        cmocka_unit_test(the_same_seed_waits_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
