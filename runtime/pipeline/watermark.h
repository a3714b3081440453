/* watermark.h - how far event time has come: at each stage of a task's copy of the graph.
 *
 * Owner:   a task.
 * Thread:  its worker.
 * Memory:  a few numbers per stage and sender.
 * Fails:   never.
 *
 * docs/adr/0006-state-and-time.md has the rules. A watermark w says that no record with an event
 * time below w should follow. */
#ifndef SRT_PIPELINE_WATERMARK_H
#define SRT_PIPELINE_WATERMARK_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/graph.h"

#define WATERMARK_UNKNOWN INT64_MIN    /* nothing was said yet: holds everything open */
#define WATERMARK_IDLE (INT64_MAX - 1) /* says nothing at present: does not count */
#define WATERMARK_END INT64_MAX        /* nothing will follow at all */

/* What is behind by `hold_ms`, within the range of times. */
int64_t watermark_minus(int64_t watermark, int64_t hold_ms);

struct watermarks {
    const struct graph *graph;
    uint32_t task_count;
    uint32_t task;
    uint32_t **preds;     /* per stage: who leads to it */
    uint32_t *pred_count;
    int64_t *said;        /* per stage: what it tells its successors; a SOURCE is told what */
    int64_t *reached;     /* per stage: the highest that it acted on; never IDLE */
    int64_t *local;       /* per stage: the lowest of its predecessors in this task */
    int64_t *sent;        /* per stage: what the other tasks know of local */
    int64_t *heard;       /* [stage][task]: what each task said last on the edge into the stage */
};

void watermarks_init(struct watermarks *w, const struct graph *graph, uint32_t task,
                     uint32_t task_count);
void watermarks_fini(struct watermarks *w); /* accepts a zeroed one */

/* A task said so on the edge into `stage`. */
void watermarks_hear(struct watermarks *w, uint32_t stage, uint32_t from, int64_t value);

/* Bring local[stage] up to date, its predecessors being so. True when the other tasks do not know
 * it yet; then it counts as sent. */
bool watermarks_update_local(struct watermarks *w, uint32_t stage);
/* The lowest of all senders (or of local[stage]) becomes reached[stage]. */
void watermarks_update_reached(struct watermarks *w, uint32_t stage);
/* What the stage may tell its successors once everything that is due at reached[stage] was done. */
void watermarks_say(struct watermarks *w, uint32_t stage, int64_t hold_ms);

/* How far the results of a stage may be behind its input. */
int64_t watermark_hold_ms(const struct stage *stage);

#endif
