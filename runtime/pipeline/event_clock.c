#include "pipeline/event_clock.h"

#include <string.h>

#include "base/varint.h"
#include "pipeline/watermark.h"

enum {
    /* What connectors' own details never begin with: their versions are small numbers. */
    EVENT_CLOCK_MARK = 0xf0,
    EVENT_CLOCK_MARKS_FROM = 0xf0, /* of later versions */
};

void event_clock_init(struct event_clock *clock, int64_t out_of_order_ms)
{
    *clock = (struct event_clock){.out_of_order_ms = out_of_order_ms,
                                  .max_ms = WATERMARK_UNKNOWN,
                                  .floor_ms = WATERMARK_UNKNOWN};
}

void event_clock_raise(struct event_clock *clock, int64_t floor_ms)
{
    if (floor_ms > clock->floor_ms) {
        clock->floor_ms = floor_ms;
    }
}

int64_t event_clock_watermark(const struct event_clock *clock)
{
    int64_t seen = watermark_minus(clock->max_ms, clock->out_of_order_ms);
    return seen > clock->floor_ms ? seen : clock->floor_ms;
}

void event_clock_encode(const struct event_clock *clock, struct srt_buf *to)
{
    uint8_t bytes[EVENT_CLOCK_BYTES] = {EVENT_CLOCK_MARK};
    srt_put_be64(bytes + 1, (uint64_t)clock->max_ms);
    srt_put_be64(bytes + 9, (uint64_t)clock->floor_ms);
    srt_buf_put(to, bytes, sizeof bytes);
}

int event_clock_decode(struct event_clock *clock, const uint8_t *detail, size_t size,
                       size_t *ret_size, struct srt_err *err)
{
    *ret_size = 0;
    if (size == 0 || detail[0] < EVENT_CLOCK_MARKS_FROM) {
        return SRT_OK;
    }
    if (detail[0] != EVENT_CLOCK_MARK) {
        return srt_fail(err, SRT_EVERSION, "a position's event time is of version %d",
                        detail[0] - EVENT_CLOCK_MARKS_FROM + 1);
    }
    if (size < EVENT_CLOCK_BYTES) {
        return srt_fail(err, SRT_ECORRUPT, "a position's event time ends after %zu bytes", size);
    }
    clock->max_ms = (int64_t)srt_get_be64(detail + 1);
    clock->floor_ms = (int64_t)srt_get_be64(detail + 9);
    *ret_size = EVENT_CLOCK_BYTES;
    return SRT_OK;
}
