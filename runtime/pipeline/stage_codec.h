/* stage_codec.h - how the rows of each kind of stage become bytes: docs/format/changelog.md.
 *
 * Owner:   none; a codec borrows the stage.
 * Thread:  any.
 * Memory:  none.
 * Fails:   never; decoding as state_codec says. */
#ifndef SRT_PIPELINE_STAGE_CODEC_H
#define SRT_PIPELINE_STAGE_CODEC_H

#include <stdbool.h>

#include "pipeline/graph.h"
#include "state/table.h"

/* False when the stage keeps no state. */
bool stage_codec(const struct stage *stage, struct state_codec *ret);

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
