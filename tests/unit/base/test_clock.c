#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "support/cmocka_srt.h"

static void real_clock_agrees_with_the_system(void **state)
{
    (void)state;
    const struct srt_clock *clock = srt_clock_real();
    int64_t before_s = (int64_t)time(NULL);
    int64_t now_ms = srt_clock_wall_ms(clock);
    assert_in_range(now_ms / 1000, before_s - 1, before_s + 60);
    int64_t first = srt_clock_mono_ns(clock);
    for (int i = 0; i < 1000; i++) {
        int64_t next = srt_clock_mono_ns(clock);
        assert_true(next >= first);
        first = next;
    }
}

static void processor_time_passes_only_for_who_works(void **state)
{
    (void)state;
    clockid_t mine;
    assert_int_equal(pthread_getcpuclockid(pthread_self(), &mine), 0);
    int64_t before = srt_clock_cpu_ns(mine);
    for (volatile int i = 0; srt_clock_cpu_ns(mine) < before + 1000000; i++) {
    }
    assert_int_equal(srt_clock_cpu_ns(12345), 0);
}

static void fake_clock_moves_only_when_told(void **state)
{
    (void)state;
    struct srt_clock_fake fake;
    srt_clock_fake_init(&fake, 1000);
    const struct srt_clock *clock = &fake.clock;
    assert_int_equal(srt_clock_wall_ms(clock), 1000);
    assert_int_equal(srt_clock_wall_ms(clock), 1000);
    int64_t mono = srt_clock_mono_ns(clock);
    srt_clock_fake_advance(&fake, 250);
    assert_int_equal(srt_clock_wall_ms(clock), 1250);
    assert_int_equal(srt_clock_mono_ns(clock) - mono, 250000000);
    expect_assert_failure(srt_clock_fake_advance(&fake, -1));
}

int main(void)
{
    cmocka_srt_catch_panics();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_clock_agrees_with_the_system),
        cmocka_unit_test(processor_time_passes_only_for_who_works),
        cmocka_unit_test(fake_clock_moves_only_when_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
