/* heap.h - the memory of one Lua state: small blocks from a pool, large ones from the C library,
 * and a way to give everything back without asking Lua.
 *
 * Owner:   a budget.
 * Thread:  the state's.
 * Memory:  the pool's (block_pool.h), and what the C library gives, with two pointers a block.
 * Fails:   heap_resize: NULL when there is no memory; the old block is as it was. */
#ifndef SRT_SCRIPT_HEAP_H
#define SRT_SCRIPT_HEAP_H

#include <stddef.h>

#include "base/list.h"
#include "script/block_pool.h"

struct heap {
    struct block_pool pool;
    struct srt_list larges; /* every block that is not the pool's */
};

void heap_init(struct heap *heap);
/* Frees every block there is: whoever used them must not look at them any more. */
void heap_fini(struct heap *heap);

/* As realloc(). `had` is the size that the block was asked for with, 0 without a block. */
void *heap_resize(struct heap *heap, void *block, size_t had, size_t size);
void heap_free(struct heap *heap, void *block, size_t had); /* accepts NULL */

#endif
