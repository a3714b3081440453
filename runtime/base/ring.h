/* ring.h - a bounded single-producer single-consumer ring of pointers.
 *
 * Owner:   two threads: one pushes, one pops; what is pushed changes owner with the pop.
 * Thread:  push and free_slots on the producer, pop and peek on the consumer.
 * Memory:  slots are fixed at create.
 * Fails:   push returns false when full: the caller's back-pressure. */
#ifndef SRT_BASE_RING_H
#define SRT_BASE_RING_H

#include <stdbool.h>
#include <stddef.h>

struct srt_ring;

struct srt_ring *srt_ring_create(size_t slot_count); /* rounded up to a power of two */
void srt_ring_destroy(struct srt_ring *ring);        /* accepts NULL; what is inside is not freed */

bool srt_ring_push(struct srt_ring *ring, void *item);
size_t srt_ring_free_slots(struct srt_ring *ring); /* at least this many pushes will succeed */

void *srt_ring_pop(struct srt_ring *ring);  /* NULL when empty */
void *srt_ring_peek(struct srt_ring *ring); /* NULL when empty; stays in the ring */

#endif
