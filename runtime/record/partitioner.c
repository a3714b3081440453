/* murmur2 is Austin Appleby's MurmurHash2 with the seed and the byte handling of Kafka's Java
 * client (little-endian words, whatever the machine is). */
#include "record/partitioner.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include "base/assert.h"

uint32_t murmur2(const void *data, int32_t size)
{
    srt_assert(size >= 0);
    const uint32_t m = 0x5bd1e995u;
    const uint8_t *at = data;
    uint32_t hash = 0x9747b28cu ^ (uint32_t)size;
    int32_t left = size;
    for (; left >= 4; left -= 4, at += 4) {
        uint32_t word;
        memcpy(&word, at, sizeof word);
        word = le32toh(word) * m;
        word = (word ^ (word >> 24)) * m;
        hash = hash * m ^ word;
    }
    if (left > 0) {
        for (int32_t i = 0; i < left; i++) {
            hash ^= (uint32_t)at[i] << (8 * i);
        }
        hash *= m;
    }
    hash = (hash ^ (hash >> 13)) * m;
    return hash ^ (hash >> 15);
}

int32_t partition_for_key(const void *key, int32_t key_len, int32_t partition_count)
{
    srt_assert(partition_count > 0);
    return (int32_t)((murmur2(key, key_len) & 0x7fffffffu) % (uint32_t)partition_count);
}

void sticky_init(struct sticky_partitioner *sticky, uint64_t seed)
{
    srt_rng_init(&sticky->rng, seed);
    sticky->current = -1;
    sticky->previous = -1;
}

int32_t sticky_partition(struct sticky_partitioner *sticky, int32_t partition_count)
{
    srt_assert(partition_count > 0);
    if (sticky->current >= 0 && sticky->current < partition_count) {
        return sticky->current;
    }
    bool skip = sticky->previous >= 0 && sticky->previous < partition_count && partition_count > 1;
    int32_t choice = (int32_t)srt_rng_below(&sticky->rng, (uint64_t)(partition_count - skip));
    if (skip && choice >= sticky->previous) {
        choice++; /* any but the one whose batch was just filled */
    }
    sticky->current = choice;
    return choice;
}

void sticky_batch_full(struct sticky_partitioner *sticky)
{
    sticky->previous = sticky->current;
    sticky->current = -1;
}
