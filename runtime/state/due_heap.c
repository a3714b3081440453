#include "state/due_heap.h"

#include "base/alloc.h"
#include "base/assert.h"

void due_heap_init(struct due_heap *heap, due_before_fn before, void *arg)
{
    *heap = (struct due_heap){.before = before, .arg = arg};
}

void due_heap_fini(struct due_heap *heap)
{
    srt_free(heap->items);
    *heap = (struct due_heap){0};
}

bool due_heap_reserve(struct due_heap *heap)
{
    if (heap->reserved == heap->cap) {
        uint32_t cap = heap->cap ? 2 * heap->cap : 16;
        struct due_item **items = srt_realloc(heap->items, cap * sizeof(struct due_item *));
        if (!items) {
            return false;
        }
        heap->items = items;
        heap->cap = cap;
    }
    heap->reserved++;
    return true;
}

void due_heap_unreserve(struct due_heap *heap)
{
    heap->reserved--;
}

static void put(struct due_heap *heap, uint32_t place, struct due_item *item)
{
    heap->items[place] = item;
    item->place = place;
}

static void sift_up(struct due_heap *heap, struct due_item *item)
{
    uint32_t place = item->place;
    while (place > 0) {
        struct due_item *parent = heap->items[(place - 1) / 2];
        if (!heap->before(item, parent, heap->arg)) {
            break;
        }
        put(heap, place, parent);
        place = (place - 1) / 2;
    }
    put(heap, place, item);
}

static void sift_down(struct due_heap *heap, struct due_item *item)
{
    uint32_t place = item->place;
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child >= heap->count) {
            break;
        }
        if (child + 1 < heap->count &&
            heap->before(heap->items[child + 1], heap->items[child], heap->arg)) {
            child++;
        }
        if (!heap->before(heap->items[child], item, heap->arg)) {
            break;
        }
        put(heap, place, heap->items[child]);
        place = child;
    }
    put(heap, place, item);
}

static void take_out(struct due_heap *heap, struct due_item *item)
{
    uint32_t place = item->place;
    struct due_item *last = heap->items[--heap->count];
    item->place = DUE_NOWHERE;
    if (last != item) {
        put(heap, place, last);
        sift_up(heap, last);
        sift_down(heap, last);
    }
}

void due_heap_set(struct due_heap *heap, struct due_item *item, int64_t due_ms)
{
    item->due_ms = due_ms;
    if (due_ms == INT64_MAX) {
        if (item->place != DUE_NOWHERE) {
            take_out(heap, item);
        }
        return;
    }
    if (item->place == DUE_NOWHERE) {
        srt_assert(heap->count < heap->cap);
        put(heap, heap->count++, item);
    }
    sift_up(heap, item);
    sift_down(heap, item);
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
