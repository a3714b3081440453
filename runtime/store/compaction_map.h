/* compaction_map.h - for each key the offset of its last record, as far as memory allows.
 *
 * Owner:   one compaction.
 * Thread:  one at a time.
 * Memory:  24 bytes a slot, at most slots_max of them, three quarters of which are used.
 * Fails:   SRT_ENOMEM.
 *
 * Keys are known by 128 bits of their hash: that two keys of one partition have the same is less
 * likely than that the machine computes it wrong, and no key need be kept. */
#ifndef SRT_STORE_COMPACTION_MAP_H
#define SRT_STORE_COMPACTION_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct compaction_key {
    uint64_t low;
    uint64_t high;
};

struct compaction_map_slot {
    struct compaction_key key;
    int64_t offset; /* -1: free */
};

struct compaction_map {
    struct compaction_map_slot *slots;
    size_t slot_count; /* a power of two */
    size_t slots_max;
    size_t used;
};

void compaction_map_init(struct compaction_map *map, size_t slots_max);
void compaction_map_fini(struct compaction_map *map);

struct compaction_key compaction_map_key(const uint8_t *key, size_t size);

/* The key's last record is at this offset, which is not below any that was put before. SRT_EAGAIN:
 * full. */
int compaction_map_put(struct compaction_map *map, struct compaction_key key, int64_t offset);

/* -1: it is not in the map. */
int64_t compaction_map_find(const struct compaction_map *map, struct compaction_key key);

#endif
