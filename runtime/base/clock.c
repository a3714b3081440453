#include "base/clock.h"

#include <time.h>

#include "base/assert.h"
#include "base/atomic.h"
#include "base/list.h"

static int64_t real_wall_ms(const struct srt_clock *clock)
{
    (void)clock;
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t real_mono_ns(const struct srt_clock *clock)
{
    (void)clock;
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static const struct srt_clock real_clock = {real_wall_ms, real_mono_ns};

const struct srt_clock *srt_clock_real(void)
{
    return &real_clock;
}

static int64_t fake_now_ms(const struct srt_clock *clock)
{
    const struct srt_clock_fake *fake = srt_container_of(clock, struct srt_clock_fake, clock);
    return srt_load_relaxed(&fake->now_ms);
}

int64_t srt_clock_cpu_ns(int cpu_clock)
{
    struct timespec used = {0};
    (void)clock_gettime(cpu_clock, &used);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

static int64_t fake_wall_ms(const struct srt_clock *clock)
{
    return fake_now_ms(clock);
}

static int64_t fake_mono_ns(const struct srt_clock *clock)
{
    return fake_now_ms(clock) * 1000000;
}

void srt_clock_fake_init(struct srt_clock_fake *fake, int64_t start_ms)
{
    *fake = (struct srt_clock_fake){{fake_wall_ms, fake_mono_ns}, start_ms};
}

void srt_clock_fake_advance(struct srt_clock_fake *fake, int64_t by_ms)
{
    srt_assert(by_ms >= 0);
    srt_add_relaxed(&fake->now_ms, by_ms);
}
