/* The producer owns `tail`, the consumer owns `head`; each reads the other's with acquire, which
 * pairs with the owner's release. Both keep a stale copy of the other's index on their own cache
 * line and look again only when that copy says full or empty. */
#include "base/ring.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"

enum { CACHE_LINE_BYTES = 64 };

struct srt_ring {
    size_t mask;
    void **slots;
    _Alignas(CACHE_LINE_BYTES) _Atomic size_t tail; /* producer writes */
    size_t head_seen;                               /* producer's copy */
    _Alignas(CACHE_LINE_BYTES) _Atomic size_t head; /* consumer writes */
    size_t tail_seen;                               /* consumer's copy */
};

struct srt_ring *srt_ring_create(size_t slot_count)
{
    srt_assert(slot_count > 0);
    size_t cap = 1;
    while (cap < slot_count) {
        cap *= 2;
    }
    size_t size = (sizeof(struct srt_ring) + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES;
    /* aligned_alloc has no x variant; a ring is control plane */
    struct srt_ring *ring = aligned_alloc(CACHE_LINE_BYTES, size * CACHE_LINE_BYTES);
    srt_assert(ring);
    *ring = (struct srt_ring){.mask = cap - 1};
    ring->slots = srt_xcalloc(cap, sizeof *ring->slots);
    return ring;
}

void srt_ring_destroy(struct srt_ring *ring)
{
    if (ring) {
        srt_free(ring->slots);
        srt_free(ring);
    }
}

/* Free slots as far as the producer knows; it looks again when it knows of fewer than it wants. */
static size_t free_slots(struct srt_ring *ring, size_t tail, size_t wanted)
{
    size_t count = ring->mask + 1 - (tail - ring->head_seen);
    if (count < wanted) {
        ring->head_seen = srt_load_acquire(&ring->head); /* release in srt_ring_pop */
        count = ring->mask + 1 - (tail - ring->head_seen);
    }
    return count;
}

bool srt_ring_push(struct srt_ring *ring, void *item)
{
    srt_assert(item);
    size_t tail = srt_load_relaxed(&ring->tail);
    if (free_slots(ring, tail, 1) == 0) {
        return false;
    }
    ring->slots[tail & ring->mask] = item;
    srt_store_release(&ring->tail, tail + 1);
    return true;
}

size_t srt_ring_free_slots(struct srt_ring *ring)
{
    return free_slots(ring, srt_load_relaxed(&ring->tail), ring->mask + 1);
}

void *srt_ring_peek(struct srt_ring *ring)
{
    size_t head = srt_load_relaxed(&ring->head);
    if (head == ring->tail_seen) {
        ring->tail_seen = srt_load_acquire(&ring->tail); /* release in srt_ring_push */
        if (head == ring->tail_seen) {
            return NULL;
        }
    }
    return ring->slots[head & ring->mask];
}

void *srt_ring_pop(struct srt_ring *ring)
{
    void *item = srt_ring_peek(ring);
    if (item) {
        srt_store_release(&ring->head, srt_load_relaxed(&ring->head) + 1);
    }
    return item;
}
