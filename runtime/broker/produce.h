/* produce.h - a producer: records in, batches out, durable at every flush. For commands, programs
 * that embed the broker, and tests; pipelines make their own batches.
 *
 * Owner:   whoever creates it.
 * Thread:  one at a time per producer; add and flush may block for a disk write.
 * Memory:  one batch a partition and pending_bytes of finished ones.
 * Fails:   SRT_ETOOBIG: the record is larger than the topic takes; SRT_EINVAL: no such partition,
 *          headers that are none; and what a write fails with. A record that add refused is not in;
 *          all else is. */
#ifndef SRT_BROKER_PRODUCE_H
#define SRT_BROKER_PRODUCE_H

#include <stdint.h>

#include "base/err.h"
#include "record/record.h"

struct broker;
struct producer;

struct producer_options {
    uint32_t batch_bytes;   /* a batch is finished before it grows beyond; default 64 KiB */
    uint64_t pending_bytes; /* so much over all partitions is written at once; default 4 MiB */
    uint64_t seed;          /* of the sticky partitioner; 0: a random one */
};
void producer_options_default(struct producer_options *options);

/* SRT_ENOENT: no such topic. options may be NULL. */
int producer_create(struct broker *broker, const char *topic,
                    const struct producer_options *options, struct producer **ret,
                    struct srt_err *err);
void producer_destroy(struct producer *producer); /* accepts NULL; drops what was not flushed */

enum { PRODUCE_ANY_PARTITION = -1 };

/* Put a record into its batch: by key as any Kafka client would, without a key the sticky
 * partition, or the partition that is given. A timestamp of -1 becomes now. Records of one
 * partition keep their order. */
int producer_add(struct producer *producer, const struct record *rec, int32_t partition,
                 struct srt_err *err);

/* Everything that was added is durable when this returns SRT_OK. After an error it is still
 * pending: flush again. */
int producer_flush(struct producer *producer, struct srt_err *err);

uint64_t producer_record_count(const struct producer *producer); /* durable so far */

#endif
