#include "pipeline/window.h"

static int64_t floor_to(int64_t value, int64_t step)
{
    int64_t rest = value % step;
    return rest < 0 ? value - rest - step : value - rest;
}

bool window_starts(const struct window_spec *window, int64_t time_ms, int64_t *ret_first,
                   int64_t *ret_last)
{
    int64_t every = window->kind == WINDOW_TUMBLING ? window->size_ms : window->every_ms;
    *ret_last = floor_to(time_ms, every);
    *ret_first = floor_to(time_ms - window->size_ms, every) + every;
    return *ret_first <= *ret_last;
}

int64_t window_close_ms(int64_t end_ms, int64_t grace_ms)
{
    return end_ms > INT64_MAX - 2 - grace_ms ? INT64_MAX - 2 : end_ms + grace_ms;
}

bool window_is_closed(int64_t end_ms, int64_t grace_ms, int64_t watermark)
{
    return window_close_ms(end_ms, grace_ms) <= watermark;
}
