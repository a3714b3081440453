/* Open addressing: the low half of the hash is as good a place to begin as any. */
#include "store/compaction_map.h"

#include <string.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/err.h"
#include "base/limits.h"

enum { SLOTS_MIN = SRT_HOSTILE ? 8 : 1 << 12 };

void compaction_map_init(struct compaction_map *map, size_t slots_max)
{
    srt_assert(slots_max >= 2 && (slots_max & (slots_max - 1)) == 0);
    *map = (struct compaction_map){.slots_max = slots_max};
}

void compaction_map_fini(struct compaction_map *map)
{
    srt_free(map->slots);
    *map = (struct compaction_map){.slots_max = map->slots_max};
}

struct compaction_key compaction_map_key(const uint8_t *key, size_t size)
{
    XXH128_hash_t hash = XXH3_128bits(key, size);
    return (struct compaction_key){hash.low64, hash.high64};
}

/* The key's slot, or the free one where it would be. */
static struct compaction_map_slot *slot_for(const struct compaction_map *map,
                                            struct compaction_key key)
{
    size_t mask = map->slot_count - 1;
    for (size_t i = (size_t)key.low & mask;; i = (i + 1) & mask) {
        struct compaction_map_slot *slot = &map->slots[i];
        if (slot->offset < 0 || (slot->key.low == key.low && slot->key.high == key.high)) {
            return slot;
        }
    }
}

static int grow(struct compaction_map *map)
{
    size_t count = map->slot_count ? 2 * map->slot_count : SLOTS_MIN;
    count = count < map->slots_max ? count : map->slots_max;
    if (count == map->slot_count) {
        return SRT_EAGAIN;
    }
    struct compaction_map_slot *slots = srt_alloc(count * sizeof *slots);
    if (!slots) {
        return SRT_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        slots[i].offset = -1;
    }
    struct compaction_map old = *map;
    map->slots = slots;
    map->slot_count = count;
    for (size_t i = 0; i < old.slot_count; i++) {
        if (old.slots[i].offset >= 0) {
            *slot_for(map, old.slots[i].key) = old.slots[i];
        }
    }
    srt_free(old.slots);
    return SRT_OK;
}

int compaction_map_put(struct compaction_map *map, struct compaction_key key, int64_t offset)
{
    struct compaction_map_slot *slot = map->slot_count ? slot_for(map, key) : NULL;
    if (!slot || slot->offset < 0) {
        if (map->used + 1 > map->slot_count / 4 * 3) {
            int rc = grow(map);
            if (rc != SRT_OK) {
                return rc;
            }
            slot = slot_for(map, key);
        }
        map->used++;
    }
    srt_assert(slot->offset <= offset);
    *slot = (struct compaction_map_slot){key, offset};
    return SRT_OK;
}

int64_t compaction_map_find(const struct compaction_map *map, struct compaction_key key)
{
    return map->slot_count ? slot_for(map, key)->offset : -1;
}
