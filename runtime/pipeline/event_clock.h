/* event_clock.h - event time of one source partition: the highest seen, and what follows from it.
 *
 * Owner:   an intake entry.
 * Thread:  the task's.
 * Memory:  none.
 * Fails:   event_clock_decode: SRT_ECORRUPT.
 *
 * It is committed with the partition's position, in front of the source's own detail
 * (docs/format/position.md). */
#ifndef SRT_PIPELINE_EVENT_CLOCK_H
#define SRT_PIPELINE_EVENT_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct event_clock {
    int64_t out_of_order_ms;
    int64_t max_ms;   /* WATERMARK_UNKNOWN: no event yet */
    int64_t floor_ms; /* time that passed without this partition: while it was idle, at its end */
};

void event_clock_init(struct event_clock *clock, int64_t out_of_order_ms);

static inline void event_clock_see(struct event_clock *clock, int64_t time_ms)
{
    if (time_ms > clock->max_ms) {
        clock->max_ms = time_ms;
    }
}

/* Time went on to here without it. */
void event_clock_raise(struct event_clock *clock, int64_t floor_ms);

/* No event with a time below is expected any more. */
int64_t event_clock_watermark(const struct event_clock *clock);

enum { EVENT_CLOCK_BYTES = 1 + 8 + 8 };
void event_clock_encode(const struct event_clock *clock, struct srt_buf *to);
/* Reads the clock at the beginning of a detail, if there is one; *ret_size is how long it is. */
int event_clock_decode(struct event_clock *clock, const uint8_t *detail, size_t size,
                       size_t *ret_size, struct srt_err *err);

#endif
