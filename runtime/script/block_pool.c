#include "script/block_pool.h"

#include <string.h>
#include <sys/mman.h>

#include "base/assert.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED true
#elif defined(__has_feature)
#define IS_SANITIZED (__has_feature(address_sanitizer) || __has_feature(memory_sanitizer))
#else
#define IS_SANITIZED false
#endif

void block_pool_init(struct block_pool *pool)
{
    memset(pool, 0, sizeof *pool);
    if (IS_SANITIZED) {
        return;
    }
    void *from = mmap(NULL, BLOCK_POOL_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (from != MAP_FAILED) {
        /* A small script shall not cost 2 MiB; an old kernel may not know how to care. */
        (void)madvise(from, BLOCK_POOL_BYTES, MADV_NOHUGEPAGE);
        pool->from = from;
        pool->bytes = BLOCK_POOL_BYTES;
    }
}

void block_pool_fini(struct block_pool *pool)
{
    if (pool->bytes) {
        srt_assert(munmap(pool->from, pool->bytes) == 0);
    }
    memset(pool, 0, sizeof *pool);
}

void *block_pool_carve(struct block_pool *pool, uint32_t class_number)
{
    size_t size = block_pool_class_bytes(class_number);
    if (pool->bytes - pool->carved_bytes < size) {
        return NULL;
    }
    void *block = pool->from + pool->carved_bytes;
    pool->carved_bytes += size;
    return block;
}
