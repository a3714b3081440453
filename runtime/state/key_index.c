/* Open addressing, one slot behind the other. The hash is in the slot, so that a key's own memory
 * is looked at only when it is the one, or nearly; growing looks at none. A task has keys of few
 * key groups, and those are the lowest bits of the same hash: the slots go by its upper half. */
#include "state/key_index.h"

#include "base/alloc.h"
#include "base/assert.h"

enum { SLOTS_MIN = 16 };

void key_index_fini(struct key_index *index)
{
    srt_free(index->slots);
    *index = (struct key_index){0};
}

static size_t home_of(uint64_t hash, size_t mask)
{
    return (hash >> 32) & mask;
}

struct table_key *key_index_find(const struct key_index *index, const uint8_t *key, size_t key_len,
                                 uint64_t hash)
{
    if (index->slot_count == 0) {
        return NULL;
    }
    size_t mask = index->slot_count - 1;
    for (size_t i = home_of(hash, mask); index->slots[i].key; i = (i + 1) & mask) {
        struct table_key *found = index->slots[i].key;
        if (index->slots[i].hash == hash && table_equal(found->bytes, found->len, key, key_len)) {
            return found;
        }
    }
    return NULL;
}

static void put(struct key_slot *slots, size_t slot_count, struct key_slot slot)
{
    size_t mask = slot_count - 1;
    size_t i = home_of(slot.hash, mask);
    while (slots[i].key) {
        i = (i + 1) & mask;
    }
    slots[i] = slot;
}

static bool resize(struct key_index *index, size_t slot_count)
{
    struct key_slot *slots = srt_alloc(slot_count * sizeof *slots);
    if (!slots) {
        return false;
    }
    memset(slots, 0, slot_count * sizeof *slots);
    for (size_t i = 0; i < index->slot_count; i++) {
        if (index->slots[i].key) {
            put(slots, slot_count, index->slots[i]);
        }
    }
    srt_free(index->slots);
    index->slots = slots;
    index->slot_count = slot_count;
    return true;
}

bool key_index_reserve(struct key_index *index)
{
    if ((index->key_count + 1) * 4 <= index->slot_count * 3) {
        return true;
    }
    return resize(index, index->slot_count ? 2 * index->slot_count : SLOTS_MIN);
}

void key_index_put(struct key_index *index, struct table_key *key, uint64_t hash)
{
    srt_assert(index->key_count < index->slot_count);
    put(index->slots, index->slot_count, (struct key_slot){hash, key});
    index->key_count++;
}

void key_index_remove(struct key_index *index, const struct table_key *key, uint64_t hash)
{
    size_t mask = index->slot_count - 1;
    size_t hole = home_of(hash, mask);
    while (index->slots[hole].key != key) {
        srt_assert(index->slots[hole].key);
        hole = (hole + 1) & mask;
    }
    /* close the gap, so that no search stops early */
    for (size_t i = (hole + 1) & mask; index->slots[i].key; i = (i + 1) & mask) {
        size_t home = home_of(index->slots[i].hash, mask);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            index->slots[hole] = index->slots[i];
            hole = i;
        }
    }
    index->slots[hole].key = NULL;
    index->key_count--;
    if (index->key_count == 0) {
        key_index_fini(index);
    } else if (index->slot_count > SLOTS_MIN && index->key_count < index->slot_count / 10) {
        (void)resize(index, index->slot_count / 4); /* without memory it stays large */
    }
}

size_t key_index_bytes(const struct key_index *index)
{
    return index->slot_count * sizeof *index->slots;
}
