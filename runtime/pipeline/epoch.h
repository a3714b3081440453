/* epoch.h - one task's share of an epoch: what it wrote, how far it read, what it counted.
 *
 * Owner:   the task fills one; at the barrier it goes to the controller, and when it is durable
 *          back to the task, which uses its memory again.
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
    struct engine_append *appends;
    struct srt_buf *batches; /* the memory of each append; NULL in a part that only joins others */
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

/* Takes the buffer, which holds whole batches and nothing else. */
void epoch_part_append(struct epoch_part *part, const struct topic_id *topic_id, int32_t partition,
                       struct srt_buf *take_batches);
/* Add another part's appends; their memory stays with it. */
void epoch_part_join(struct epoch_part *part, const struct epoch_part *other);
/* Copies the detail. */
void epoch_part_position(struct epoch_part *part, const struct engine_position *position);

void epoch_counters_add(struct runner_counters *to, const struct runner_counters *more);

#endif
