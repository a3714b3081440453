/* partitioner.h - which partition a record goes to.
 *
 * Owner:   a sticky state belongs to one producer (a worker, a command).
 * Thread:  one at a time.
 * Memory:  none.
 * Fails:   never. */
#ifndef SRT_RECORD_PARTITIONER_H
#define SRT_RECORD_PARTITIONER_H

#include <stdint.h>

#include "base/rng.h"

/* Kafka's murmur2 (32 bits, seed 0x9747b28c), as its Java client computes it. */
uint32_t murmur2(const void *data, int32_t size);

/* By key: (murmur2 & 0x7fffffff) % partition_count, the same partition as any Java client
 * chooses. */
int32_t partition_for_key(const void *key, int32_t key_len, int32_t partition_count);

/* Without a key: one partition for a while, then another, so that batches fill up (KIP-480). */
struct sticky_partitioner {
    struct srt_rng rng;
    int32_t current;  /* -1: choose */
    int32_t previous; /* not chosen again at once, when there is another; -1: none */
};

void sticky_init(struct sticky_partitioner *sticky, uint64_t seed);
int32_t sticky_partition(struct sticky_partitioner *sticky, int32_t partition_count);
void sticky_batch_full(struct sticky_partitioner *sticky); /* the next call chooses anew */

#endif
