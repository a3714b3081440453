/* due_heap.h - what is due when, first come first: a heap whose items know their place.
 *
 * Owner:   the table; items are members of its rows.
 * Thread:  one at a time.
 * Memory:  a pointer for each item that exists, in the heap or not.
 * Fails:   due_heap_reserve: false when there is no memory. What follows has its room then. */
#ifndef SRT_STATE_DUE_HEAP_H
#define SRT_STATE_DUE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DUE_NEVER INT64_MAX
enum { DUE_NOWHERE = UINT32_MAX };

struct due_item {
    int64_t due_ms; /* DUE_NEVER: not in the heap */
    uint32_t place; /* DUE_NOWHERE: not in the heap */
};

/* Which of two comes first that are due at the same time. */
typedef bool (*due_before_fn)(const struct due_item *a, const struct due_item *b);

struct due_heap {
    struct due_item **items;
    uint32_t count;
    uint32_t cap;
    uint32_t reserved; /* items that exist: each may come in without asking for memory */
    due_before_fn before;
};

void due_heap_init(struct due_heap *heap, due_before_fn before);
void due_heap_fini(struct due_heap *heap);

/* Room for one item more, until it is given back. */
bool due_heap_reserve(struct due_heap *heap);
void due_heap_unreserve(struct due_heap *heap);

/* Into its place, or out of the heap with DUE_NEVER. Room was reserved. */
void due_heap_set(struct due_heap *heap, struct due_item *item, int64_t due_ms);

struct due_item *due_heap_first(const struct due_heap *heap); /* NULL: none */
int64_t due_heap_last_ms(const struct due_heap *heap);        /* INT64_MIN: none. Linear. */
size_t due_heap_bytes(const struct due_heap *heap);

#endif
