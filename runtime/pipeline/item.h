/* item.h - a record between two stages, as bytes, and the record that it came from.
 *
 * Owner:   borrows; the task's read buffer or an exchange chunk has the bytes.
 * Thread:  the task's.
 * Memory:  none.
 * Fails:   never. */
#ifndef SRT_PIPELINE_ITEM_H
#define SRT_PIPELINE_ITEM_H

#include <stdbool.h>
#include <stdint.h>

#include "record/codec.h"
#include "record/record.h"

struct event_clock;

/* Where a record entered the pipeline: what `r` shows, what a dead letter holds. */
struct item_origin {
    struct record rec;
    const char *topic; /* or "file:PATH"; lives as long as the pipeline */
    int32_t partition;
    uint32_t source_stage;
    enum codec codec; /* of the source: targets without a codec of their own use it */
    struct event_clock *clock; /* of where it was read, while its source is at work with it */
};

struct item {
    struct record rec;        /* key, headers and time as the stages left them */
    enum codec value_codec;   /* how rec.value is to be read */
    const uint8_t *group_key; /* what the keyed stage ahead works by; NULL before an exchange */
    int32_t group_key_len;
    int64_t watermark_ms; /* of the source partition at its offset: what it is late against */
    int64_t tie;          /* between records of the same time, of the source's `tie` */
    bool has_tie;
    uint32_t side;        /* of a join: 0 the stream, 1 the other */
    bool is_watermark;    /* no record: task `from` is at watermark_ms on this edge */
    uint32_t from;
    struct item_origin origin;
};

/* Key groups: a fixed number per pipeline, spread over whatever number of tasks there is. */
enum { ITEM_KEY_GROUP_COUNT = 128 };
uint32_t item_key_group(const uint8_t *key, int32_t key_len);
uint32_t item_task_of_group(uint32_t key_group, uint32_t task_count);

#endif
