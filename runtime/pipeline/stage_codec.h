/* stage_codec.h - how the rows of each kind of stage become bytes: docs/format/changelog.md.
 *
 * Owner:   none; a codec borrows the stage.
 * Thread:  any.
 * Memory:  none.
 * Fails:   never; decoding as state_codec says. */
#ifndef SRT_PIPELINE_STAGE_CODEC_H
#define SRT_PIPELINE_STAGE_CODEC_H

#include <stdbool.h>

#include "base/varint.h"
#include "pipeline/graph.h"
#include "state/table.h"

/* False when the stage keeps no state. */
bool stage_codec(const struct stage *stage, struct state_codec *ret);

/* PROCESS: a key's state has this alone, a timer has its name behind it. */
enum { STAGE_SUBKEY_STATE = 's', STAGE_SUBKEY_TIMER = 't', STAGE_TIMER_NAME_MAX = 200 };

/* Whether a row that was read back has a subkey such as this kind of stage makes. */
bool stage_codec_has_subkey(const struct stage *stage, const uint8_t *subkey, uint32_t len);

/* --- times in subkeys: eight bytes that sort as the numbers do --- */

enum {
    STAGE_TIME_BYTES = 8,
    STAGE_PLACE_BYTES = 27, /* of a stream's record: stage_join.c */
};

static inline void stage_put_time(uint8_t *to, int64_t time_ms)
{
    srt_put_be64(to, (uint64_t)time_ms ^ (UINT64_C(1) << 63));
}

static inline int64_t stage_get_time(const uint8_t *from)
{
    return (int64_t)(srt_get_be64(from) ^ (UINT64_C(1) << 63));
}

/* --- AGGREGATE, REDUCE --- */

/* REDUCE has one cell, which is a value as bytes. */
static inline uint32_t stage_cell_count(const struct stage *stage)
{
    return stage->kind == STAGE_REDUCE ? 1 : stage->aggregate_count;
}

static inline bool stage_cell_is_bytes(const struct stage *stage, uint32_t i)
{
    return stage->kind == STAGE_REDUCE || stage->aggregates[i].is_script;
}

/* An own aggregator's accumulator: a value as bytes. */
struct stage_blob {
    uint32_t len;
    uint8_t bytes[];
};

struct stage_window {
    int64_t start_ms; /* of a session: its first event */
    int64_t last_ms;  /* the last event */
    int64_t count;    /* of records */
    /* one per aggregator; an own one has a struct stage_blob in a.heap, or NULL */
    struct aggregate_cell cells[];
};

/* --- everything whose rows are one value as bytes: PROCESS, DEDUPE, JOIN --- */

struct stage_bytes {
    int64_t start_ms;
    int64_t last_ms;
    int64_t count;
    struct stage_blob *blob; /* NULL: none */
};

/* Take a copy of the bytes in place of what is there. SRT_ENOMEM leaves it. */
int stage_blob_set(struct stage_blob **blob, const void *bytes, size_t len);

#endif
