#include "script/heap.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/* What stands before a large block. */
struct large {
    alignas(max_align_t) struct srt_list node;
};

void heap_init(struct heap *heap)
{
    block_pool_init(&heap->pool);
    srt_list_init(&heap->larges);
}

void heap_fini(struct heap *heap)
{
    struct srt_list *node;
    while ((node = srt_list_pop(&heap->larges)) != NULL) {
        free(srt_container_of(node, struct large, node));
    }
    block_pool_fini(&heap->pool);
}

static struct large *large_of(void *block)
{
    return block ? (struct large *)block - 1 : NULL;
}

/* realloc() for a block that is no small one, or NULL. */
static void *resize_large(struct heap *heap, void *block, size_t size)
{
    struct large *large = large_of(block);
    if (size > SIZE_MAX - sizeof *large) {
        return NULL;
    }
    if (large) {
        srt_list_remove(&large->node); /* it may move */
    }
    struct large *got = realloc(large, sizeof *got + size);
    if (got) {
        srt_list_init(&got->node);
        srt_list_push(&heap->larges, &got->node);
        return got + 1;
    }
    if (large) {
        srt_list_push(&heap->larges, &large->node);
    }
    return NULL;
}

void heap_free(struct heap *heap, void *block, size_t had)
{
    if (!block) {
        return;
    }
    if (block_pool_owns(&heap->pool, block)) {
        block_pool_put(&heap->pool, block, had);
    } else {
        srt_list_remove(&large_of(block)->node);
        free(large_of(block));
    }
}

void *heap_resize(struct heap *heap, void *block, size_t had, size_t size)
{
    struct block_pool *pool = &heap->pool;
    bool is_small = size <= BLOCK_POOL_BLOCK_MAX;
    bool was_pooled = block && block_pool_owns(pool, block);
    if (!is_small && !was_pooled) {
        return resize_large(heap, block, size);
    }
    if (was_pooled && is_small && block_pool_class(size) == block_pool_class(had)) {
        return block;
    }
    void *got = is_small ? block_pool_take(pool, size) : NULL;
    if (!got && !was_pooled) {
        return resize_large(heap, block, size);
    }
    got = got ? got : resize_large(heap, NULL, size);
    if (got && block) {
        memcpy(got, block, had < size ? had : size);
        heap_free(heap, block, had);
    }
    return got;
}
