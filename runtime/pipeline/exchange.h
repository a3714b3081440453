/* exchange.h - records from task to task: in front of a keyed stage each goes to the task that owns
 * its key group.
 *
 * Owner:   the controller creates and destroys it; each ring has one sending and one receiving
 *          task.
 * Thread:  the sender's functions on its worker, the receiver's on its own.
 * Memory:  per ring slots times chunk bytes, and what one record's stages emitted while it was
 *          full.
 * Fails:   exchange_send: SRT_ENOMEM. */
#ifndef SRT_PIPELINE_EXCHANGE_H
#define SRT_PIPELINE_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "pipeline/graph.h"
#include "pipeline/item.h"

struct exchange;

struct exchange_options {
    size_t slot_count;  /* of one ring; 0: 16; at least 2: one is kept for a barrier */
    size_t chunk_bytes; /* about the size of a chunk; 0: 32 KiB, less when there are many rings */
};

/* NULL when no stage of the graph needs one, or there is a single task. */
struct exchange *exchange_create(const struct graph *graph, uint32_t task_count,
                                 const struct exchange_options *options);
void exchange_destroy(struct exchange *ex); /* all tasks have ended; accepts NULL */

/* How to wake a task's worker; before the tasks start. */
void exchange_set_wake(struct exchange *ex, uint32_t task, void (*wake)(void *arg), void *arg);

/* Edges are numbered from the most upstream one. One leads into every stage that has `exchange`. */
uint32_t exchange_edge_count(const struct exchange *ex);
uint32_t exchange_edge_into(const struct exchange *ex, uint32_t stage);
uint32_t exchange_edge_stage(const struct exchange *ex, uint32_t edge);

/* --- sending --- */

int exchange_send(struct exchange *ex, uint32_t edge, uint32_t from, uint32_t to,
                  const struct item *item);
/* Behind everything sent on this edge so far, to all other tasks. */
int exchange_send_watermark(struct exchange *ex, uint32_t edge, uint32_t from,
                            int64_t watermark_ms);
/* Hand over chunks that are not full, and what had to wait for room. */
void exchange_flush(struct exchange *ex, uint32_t from);
/* The most downstream edge on which chunks wait for room; -1: none. */
int32_t exchange_spilled_edge(const struct exchange *ex, uint32_t from);
/* Behind everything sent on this edge so far, to all other tasks. */
void exchange_send_barrier(struct exchange *ex, uint32_t edge, uint32_t from);

/* --- receiving --- */

/* The next item on an edge, borrowed until the next call for this edge and task. False when there
 * is none, or all channels are parked behind their barriers. */
bool exchange_next(struct exchange *ex, uint32_t edge, uint32_t to, struct item *ret);
/* Whether the barriers of all other tasks have arrived on this edge. */
bool exchange_aligned(const struct exchange *ex, uint32_t edge, uint32_t to);
/* The task has the epoch complete: go on behind the barriers. */
void exchange_unpark(struct exchange *ex, uint32_t to);

#endif
