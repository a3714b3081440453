/* throttle.h - a token bucket per key over the records' own time, so that a replay lets the same
 * through.
 *
 * Owner:   a task, one per throttle stage.
 * Thread:  its worker.
 * Memory:  one bucket per key that was seen within the period; full ones are forgotten.
 * Fails:   never.
 *
 * A key begins with `count` tokens; they come back evenly, `count` in `per_ms`. Records that are
 * older than the newest of their key are judged by the newest one's time: time does not run
 * backwards. */
#ifndef SRT_PIPELINE_THROTTLE_H
#define SRT_PIPELINE_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"

struct throttle {
    int64_t count;
    int64_t per_ms;
    struct srt_map buckets;
    int64_t newest_ms;
    size_t sweep_at; /* forget full buckets when there are so many */
};

void throttle_init(struct throttle *throttle, int64_t count, int64_t per_ms);
void throttle_fini(struct throttle *throttle);

/* Whether a record of that key and time passes. */
bool throttle_take(struct throttle *throttle, const uint8_t *key, int32_t key_len,
                   int64_t timestamp_ms);

#endif
