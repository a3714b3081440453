/* epoch.h - one task's share of an epoch: what it wrote, how far it read, what it counted.
 *
 * Owner:   the task fills one; at the barrier it goes to the controller, which frees it when
 *          durable.
 * Thread:  the owner's.
 * Memory:  the batches and sink bytes of one epoch, bounded by the task's share of commit_bytes.
 * Fails:   adding ends the process when out of memory: these are short lists. */
#ifndef SRT_PIPELINE_EPOCH_H
#define SRT_PIPELINE_EPOCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "pipeline/engine.h"
#include "pipeline/runner.h"

struct epoch_part {
    struct engine_append *appends; /* their batches are ours (srt_free) */
    uint32_t append_count;
    uint32_t append_cap;
    struct engine_position *positions; /* details are ours; names belong to the job */
    uint32_t position_count;
    uint32_t position_cap;
    struct srt_buf *sinks; /* one per sink of the pipeline, most of them empty */
    uint32_t sink_count;
    struct runner_counters counters;
};

struct epoch_part *epoch_part_create(uint32_t sink_count);
void epoch_part_destroy(struct epoch_part *part); /* accepts NULL */

/* Takes the bytes (srt_alloc'ed). */
void epoch_part_append(struct epoch_part *part, const struct topic_id *topic_id, int32_t partition,
                       uint8_t *take_batches, size_t size);
/* Copies the detail. */
void epoch_part_position(struct epoch_part *part, const struct engine_position *position);

void epoch_counters_add(struct runner_counters *to, const struct runner_counters *more);

#endif
