/* atomic.h - the few atomic operations that the project uses, named by what they order.
 *
 * Owner:   whoever declares the cell; its comment names the writing and the reading roles.
 * Thread:  any; every acquire has a release, and the comment at the load names it.
 * Memory:  none.
 * Fails:   never. */
#ifndef SRT_BASE_ATOMIC_H
#define SRT_BASE_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Publish with release, read with acquire: what the writer wrote before is seen by who reads it. */
#define srt_load_acquire(cell)         atomic_load_explicit((cell), memory_order_acquire)
#define srt_store_release(cell, value) atomic_store_explicit((cell), (value), memory_order_release)

/* Counters and hints: the number alone matters, nothing is ordered by it. */
#define srt_load_relaxed(cell)         atomic_load_explicit((cell), memory_order_relaxed)
#define srt_store_relaxed(cell, value) atomic_store_explicit((cell), (value), memory_order_relaxed)
#define srt_add_relaxed(cell, value)                                                               \
    atomic_fetch_add_explicit((cell), (value), memory_order_relaxed)

/* The cell becomes the value if that is higher. */
static inline void srt_raise_relaxed(_Atomic int64_t *cell, int64_t value)
{
    int64_t seen = srt_load_relaxed(cell);
    while (seen < value &&
           !atomic_compare_exchange_weak_explicit(cell, &seen, value, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

/* Reference counts: the last one to leave sees all that the others did. */
#define srt_ref_add(cell)  ((void)atomic_fetch_add_explicit((cell), 1, memory_order_relaxed))
#define srt_ref_drop(cell) (atomic_fetch_sub_explicit((cell), 1, memory_order_acq_rel) == 1)

#define srt_exchange(cell, value) atomic_exchange_explicit((cell), (value), memory_order_acq_rel)

#endif
