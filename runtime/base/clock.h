/* clock.h - the time of day and the time that only goes forward, as a table of functions, so that
 * tests and the memory engine bring their own.
 *
 * Owner:   whoever creates it; everyone else borrows.
 * Thread:  any; the fake one is moved by one.
 * Memory:  none.
 * Fails:   never. */
#ifndef SRT_BASE_CLOCK_H
#define SRT_BASE_CLOCK_H

#include <stdint.h>

struct srt_clock {
    int64_t (*wall_ms)(const struct srt_clock *clock); /* since 1970-01-01 UTC; may jump */
    int64_t (*mono_ns)(const struct srt_clock *clock); /* since some start; never goes back */
};

static inline int64_t srt_clock_wall_ms(const struct srt_clock *clock)
{
    return clock->wall_ms(clock);
}

static inline int64_t srt_clock_mono_ns(const struct srt_clock *clock)
{
    return clock->mono_ns(clock);
}

const struct srt_clock *srt_clock_real(void);

/* Processor time that a thread has had, by its clock (pthread_getcpuclockid); 0 when it is gone. */
int64_t srt_clock_cpu_ns(int cpu_clock);

/* Stands still until told to move. */
struct srt_clock_fake {
    struct srt_clock clock; /* hand out &fake.clock */
    _Atomic int64_t now_ms; /* only the number matters: nothing is ordered by it */
};

void srt_clock_fake_init(struct srt_clock_fake *fake, int64_t start_ms);
void srt_clock_fake_advance(struct srt_clock_fake *fake, int64_t by_ms);

#endif
