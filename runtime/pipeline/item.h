/* item.h - a record between two stages, as bytes, and the record that it came from.
 *
 * Owner:   borrows; the task's read buffer or an exchange chunk has the bytes.
 * Thread:  the task's.
 * Memory:  none.
 * Fails:   never. */
#ifndef SRT_PIPELINE_ITEM_H
#define SRT_PIPELINE_ITEM_H

#include <stdint.h>

#include "record/codec.h"
#include "record/record.h"

/* Where a record entered the pipeline: what `r` shows, what a dead letter holds. */
struct item_origin {
    struct record rec;
    const char *topic; /* or "file:PATH"; lives as long as the pipeline */
    int32_t partition;
    uint32_t source_stage;
    enum codec codec; /* of the source: targets without a codec of their own use it */
};

struct item {
    struct record rec;        /* key, headers and time as the stages left them */
    enum codec value_codec;   /* how rec.value is to be read */
    const uint8_t *group_key; /* what the keyed stage ahead works by; NULL before an exchange */
    int32_t group_key_len;
    struct item_origin origin;
};

/* Key groups: a fixed number per pipeline, spread over whatever number of tasks there is. */
enum { ITEM_KEY_GROUP_COUNT = 128 };
uint32_t item_key_group(const uint8_t *key, int32_t key_len);
uint32_t item_task_of_group(uint32_t key_group, uint32_t task_count);

#endif
