/* Four children a node: half the levels of a binary heap, and the four pointers are side by side.
 * Most items are put behind all others (the next window) and taken out at the front. */
#include "state/due_heap.h"

#include "base/alloc.h"
#include "base/assert.h"

enum { CHILDREN = 4, CAP_MIN = 16 };

void due_heap_init(struct due_heap *heap, due_before_fn before)
{
    *heap = (struct due_heap){.before = before};
}

void due_heap_fini(struct due_heap *heap)
{
    srt_free(heap->items);
    *heap = (struct due_heap){0};
}

static bool resize(struct due_heap *heap, uint32_t cap)
{
    struct due_item **items = srt_realloc(heap->items, cap * sizeof(struct due_item *));
    if (!items) {
        return false;
    }
    heap->items = items;
    heap->cap = cap;
    return true;
}

bool due_heap_reserve(struct due_heap *heap)
{
    srt_assert(heap->reserved < DUE_NOWHERE - 1);
    if (heap->reserved == heap->cap) {
        uint64_t cap = heap->cap < CAP_MIN ? CAP_MIN : heap->cap + (uint64_t)heap->cap / 2;
        if (!resize(heap, (uint32_t)(cap < DUE_NOWHERE ? cap : DUE_NOWHERE - 1))) {
            return false;
        }
    }
    heap->reserved++;
    return true;
}

void due_heap_unreserve(struct due_heap *heap)
{
    srt_assert(heap->reserved > heap->count);
    heap->reserved--;
    if (heap->reserved == 0) {
        srt_free(heap->items);
        heap->items = NULL;
        heap->cap = 0;
    } else if (heap->cap > CAP_MIN && heap->reserved < heap->cap / 4) {
        (void)resize(heap, heap->cap / 2); /* it may as well stay large */
    }
}

static inline bool comes_before(const struct due_heap *heap, const struct due_item *a,
                                const struct due_item *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : heap->before(a, b);
}

static inline void put(struct due_heap *heap, uint32_t place, struct due_item *item)
{
    heap->items[place] = item;
    item->place = place;
}

static void sift_up(struct due_heap *heap, uint32_t place, struct due_item *item)
{
    while (place > 0) {
        uint32_t parent = (place - 1) / CHILDREN;
        if (!comes_before(heap, item, heap->items[parent])) {
            break;
        }
        put(heap, place, heap->items[parent]);
        place = parent;
    }
    put(heap, place, item);
}

static void sift_down(struct due_heap *heap, uint32_t place, struct due_item *item)
{
    for (;;) {
        uint64_t first = (uint64_t)place * CHILDREN + 1;
        if (first >= heap->count) {
            break;
        }
        uint32_t least = (uint32_t)first;
        for (uint32_t i = least + 1; i < first + CHILDREN && i < heap->count; i++) {
            if (comes_before(heap, heap->items[i], heap->items[least])) {
                least = i;
            }
        }
        if (!comes_before(heap, heap->items[least], item)) {
            break;
        }
        put(heap, place, heap->items[least]);
        place = least;
    }
    put(heap, place, item);
}

static void settle(struct due_heap *heap, uint32_t place, struct due_item *item)
{
    if (place > 0 && comes_before(heap, item, heap->items[(place - 1) / CHILDREN])) {
        sift_up(heap, place, item);
    } else {
        sift_down(heap, place, item);
    }
}

void due_heap_set(struct due_heap *heap, struct due_item *item, int64_t due_ms)
{
    uint32_t place = item->place;
    item->due_ms = due_ms;
    if (due_ms != DUE_NEVER) {
        if (place == DUE_NOWHERE) {
            srt_assert(heap->count < heap->reserved);
            place = heap->count++;
        }
        settle(heap, place, item);
    } else if (place != DUE_NOWHERE) {
        struct due_item *last = heap->items[--heap->count];
        item->place = DUE_NOWHERE;
        if (last != item) {
            settle(heap, place, last);
        }
    }
}

struct due_item *due_heap_first(const struct due_heap *heap)
{
    return heap->count > 0 ? heap->items[0] : NULL;
}

int64_t due_heap_last_ms(const struct due_heap *heap)
{
    int64_t last = INT64_MIN;
    for (uint32_t i = 0; i < heap->count; i++) {
        last = heap->items[i]->due_ms > last ? heap->items[i]->due_ms : last;
    }
    return last;
}

size_t due_heap_bytes(const struct due_heap *heap)
{
    return heap->cap * sizeof(struct due_item *);
}
