/* target.h - the topics that a task writes to, and this epoch's batches for each partition.
 *
 * Owner:   a task.
 * Thread:  its worker. Finding a topic for the first time may block for a disk write.
 * Memory:  the epoch's batches, handed over at the barrier; buffers of an earlier epoch that wait
 *          to be filled again, as many as that epoch had.
 * Fails:   target_put: SRT_ETOOBIG, SRT_EINVAL (the record's fault), SRT_ENOMEM. target_set_find:
 *          what the engine fails with. */
#ifndef SRT_PIPELINE_TARGET_H
#define SRT_PIPELINE_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "pipeline/engine.h"
#include "pipeline/epoch.h"
#include "record/partitioner.h"
#include "record/record.h"

struct target;

struct target_set {
    struct engine *engine;
    struct srt_map by_name;
    struct target *first; /* in the order in which they were found */
    struct target *last;
    size_t size_bytes; /* of this epoch's batches so far */
    struct srt_buf *spares; /* empty buffers with memory */
    uint32_t spare_count;
    uint64_t seed;
};

void target_set_init(struct target_set *set, struct engine *engine, uint64_t seed);
void target_set_fini(struct target_set *set);

/* The topic of that name, created by the engine when there is none. */
int target_set_find(struct target_set *set, const char *name, struct target **ret,
                    struct srt_err *err);

/* A topic that is known already, whatever its name. */
struct target *target_set_adopt(struct target_set *set, const char *name,
                                const struct engine_topic *topic);

/* Add a record. SRT_EINVAL: it has no key, and the topic is compacted. `any_size`: not held to the
 * topic's rules, a dead letter (which carries the record and the reason on top). */
int target_put(struct target_set *set, struct target *target, const struct record *rec,
               bool any_size, struct srt_err *err);

/* The same to a partition of the caller's choice. */
int target_put_at(struct target_set *set, struct target *target, int32_t partition,
                  const struct record *rec, bool any_size, struct srt_err *err);

/* Finish all batches and hand them over. */
void target_set_take(struct target_set *set, struct epoch_part *part);

/* Keep the memory of an earlier epoch's batches. */
void target_set_reuse(struct target_set *set, struct epoch_part *part);

#endif
