/* block_pool.h - small blocks for a Lua state: lists of free blocks by size, in one mapping.
 *
 * Owner:   a budget.
 * Thread:  the state's.
 * Memory:  BLOCK_POOL_BYTES of address space, taken from the system page by page as it is touched
 *          for the first time, and given back by block_pool_fini(). A pool that is used up has
 *          nothing until blocks of that size come back.
 * Fails:   block_pool_take: NULL; the caller then asks the C library.
 *
 * Lua knows the size of a block when it frees it, so a block has no header. Which blocks are the
 * pool's is told by their address. Sanitized builds have an empty pool, so that the sanitizer sees
 * every block. */
#ifndef SRT_SCRIPT_BLOCK_POOL_H
#define SRT_SCRIPT_BLOCK_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BLOCK_POOL_BYTES = SRT_HOSTILE ? 64 << 10 : 4 << 20,
    BLOCK_POOL_BLOCK_MAX = 1024,
    /* 16 bytes apart up to 256, then 64: large blocks of every size would lie idle otherwise. */
    BLOCK_POOL_FINE_MAX = 256,
    BLOCK_POOL_FINE_COUNT = BLOCK_POOL_FINE_MAX / 16,
    BLOCK_POOL_COARSE_COUNT = (BLOCK_POOL_BLOCK_MAX - BLOCK_POOL_FINE_MAX) / 64,
    BLOCK_POOL_CLASS_COUNT = BLOCK_POOL_FINE_COUNT + BLOCK_POOL_COARSE_COUNT,
};

struct block_pool_free {
    struct block_pool_free *next;
};

struct block_pool {
    char *from;
    size_t bytes;        /* 0: there is no memory */
    size_t carved_bytes; /* what lies behind was never handed out */
    struct block_pool_free *free[BLOCK_POOL_CLASS_COUNT];
};

/* Without memory the pool stays empty, which is no error. */
void block_pool_init(struct block_pool *pool);
void block_pool_fini(struct block_pool *pool);

/* The class of a size of 1 to BLOCK_POOL_BLOCK_MAX bytes, and the bytes of its blocks. */
static inline uint32_t block_pool_class(size_t size)
{
    return (uint32_t)(size <= BLOCK_POOL_FINE_MAX
                          ? (size - 1) / 16
                          : BLOCK_POOL_FINE_COUNT + (size - BLOCK_POOL_FINE_MAX - 1) / 64);
}

static inline size_t block_pool_class_bytes(uint32_t class_number)
{
    return class_number < BLOCK_POOL_FINE_COUNT
               ? ((size_t)class_number + 1) * 16
               : BLOCK_POOL_FINE_MAX + ((size_t)class_number - BLOCK_POOL_FINE_COUNT + 1) * 64;
}

static inline bool block_pool_owns(const struct block_pool *pool, const void *block)
{
    return (uintptr_t)block - (uintptr_t)pool->from < pool->bytes;
}

/* A block of that class that was never used; NULL when there is none left. */
void *block_pool_carve(struct block_pool *pool, uint32_t class_number);

static inline void *block_pool_take(struct block_pool *pool, size_t size)
{
    uint32_t class_number = block_pool_class(size);
    struct block_pool_free *block = pool->free[class_number];
    if (block) {
        pool->free[class_number] = block->next;
        return block;
    }
    return block_pool_carve(pool, class_number);
}

/* `size` is what it was taken with. */
static inline void block_pool_put(struct block_pool *pool, void *block, size_t size)
{
    uint32_t class_number = block_pool_class(size);
    struct block_pool_free *freed = block;
    freed->next = pool->free[class_number];
    pool->free[class_number] = freed;
}

#endif
