#include "pipeline/throttle.h"

#include "base/alloc.h"
#include "base/buf.h"

enum { SWEEP_FIRST = 1024 };

/* Levels count in 1/per_ms of a token: then `count` of these come back every millisecond, and
 * nothing is ever rounded. */
struct bucket {
    int64_t level;
    int64_t at_ms;
};

void throttle_init(struct throttle *throttle, int64_t count, int64_t per_ms)
{
    *throttle = (struct throttle){
        .count = count, .per_ms = per_ms, .newest_ms = INT64_MIN, .sweep_at = SWEEP_FIRST};
    srt_map_init(&throttle->buckets);
}

void throttle_fini(struct throttle *throttle)
{
    size_t cursor = 0;
    void *bucket;
    while (srt_map_next(&throttle->buckets, &cursor, NULL, NULL, &bucket)) {
        srt_free(bucket);
    }
    srt_map_fini(&throttle->buckets);
}

/* A bucket that nothing was taken from for a whole period is full, and a full one is as good as
 * none. */
static void sweep(struct throttle *throttle)
{
    struct srt_map kept;
    srt_map_init(&kept);
    size_t cursor = 0;
    const void *key;
    size_t key_len;
    void *value;
    while (srt_map_next(&throttle->buckets, &cursor, &key, &key_len, &value)) {
        struct bucket *bucket = value;
        if (throttle->newest_ms - bucket->at_ms >= throttle->per_ms) {
            srt_free(bucket);
        } else {
            srt_map_set(&kept, key, key_len, bucket);
        }
    }
    srt_map_fini(&throttle->buckets);
    throttle->buckets = kept;
    throttle->sweep_at = kept.used * 2 > SWEEP_FIRST ? kept.used * 2 : SWEEP_FIRST;
}

bool throttle_take(struct throttle *throttle, const uint8_t *key, int32_t key_len,
                   int64_t timestamp_ms)
{
    size_t size = key_len > 0 ? (size_t)key_len : 0;
    const int64_t full = throttle->count * throttle->per_ms;
    throttle->newest_ms = timestamp_ms > throttle->newest_ms ? timestamp_ms : throttle->newest_ms;
    struct bucket *bucket = srt_map_find(&throttle->buckets, size ? (const void *)key : "", size);
    if (!bucket) {
        if (throttle->buckets.used >= throttle->sweep_at) {
            sweep(throttle);
        }
        bucket = srt_xalloc(sizeof *bucket);
        *bucket = (struct bucket){.level = full, .at_ms = timestamp_ms};
        srt_map_set(&throttle->buckets, size ? (const void *)key : "", size, bucket);
    }
    if (timestamp_ms > bucket->at_ms) {
        int64_t passed = timestamp_ms - bucket->at_ms;
        bucket->level =
            passed >= throttle->per_ms ? full : bucket->level + passed * throttle->count;
        bucket->level = bucket->level > full ? full : bucket->level;
        bucket->at_ms = timestamp_ms;
    }
    if (bucket->level < throttle->per_ms) {
        return false;
    }
    bucket->level -= throttle->per_ms;
    return true;
}
