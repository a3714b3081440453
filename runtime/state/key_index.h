/* key_index.h - the keys of a table, found by their bytes.
 *
 * Owner:   table.c, as are the keys.
 * Thread:  the task's.
 * Memory:  16 bytes a slot; three quarters of them are in use at most, and a tenth at least.
 * Fails:   key_index_reserve: false when there is no memory, and nothing is changed. */
#ifndef SRT_STATE_KEY_INDEX_H
#define SRT_STATE_KEY_INDEX_H

#include "state/table_impl.h"

struct key_slot {
    uint64_t hash;
    struct table_key *key; /* NULL: free */
};

struct key_index {
    struct key_slot *slots;
    size_t slot_count; /* a power of two, or 0 */
    size_t key_count;
};

void key_index_fini(struct key_index *index);

struct table_key *key_index_find(const struct key_index *index, const uint8_t *key, size_t key_len,
                                 uint64_t hash); /* NULL: none */

/* Room for one key more. */
bool key_index_reserve(struct key_index *index);
void key_index_put(struct key_index *index, struct table_key *key, uint64_t hash);
void key_index_remove(struct key_index *index, const struct table_key *key, uint64_t hash);

size_t key_index_bytes(const struct key_index *index);

#endif
