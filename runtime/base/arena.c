#include "base/arena.h"

#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

enum { FIRST_CHUNK_BYTES = 1024, CHUNK_BYTES_MAX = 64 * 1024 };

struct srt_arena_chunk {
    struct srt_arena_chunk *next;
    size_t cap;
    size_t used;
    _Alignas(max_align_t) uint8_t data[];
};

void srt_arena_init(struct srt_arena *arena)
{
    *arena = (struct srt_arena){0};
}

static void free_chunks(struct srt_arena_chunk *chunk)
{
    while (chunk) {
        struct srt_arena_chunk *next = chunk->next;
        srt_free(chunk);
        chunk = next;
    }
}

void srt_arena_fini(struct srt_arena *arena)
{
    free_chunks(arena->first);
    *arena = (struct srt_arena){0};
}

void srt_arena_clear(struct srt_arena *arena)
{
    if (!arena->first) {
        return;
    }
    free_chunks(arena->first->next);
    arena->first->next = NULL;
    arena->first->used = 0;
    arena->last = arena->first;
}

static struct srt_arena_chunk *add_chunk(struct srt_arena *arena, size_t size)
{
    size_t cap = arena->last ? arena->last->cap * 2 : FIRST_CHUNK_BYTES;
    cap = cap > CHUNK_BYTES_MAX ? CHUNK_BYTES_MAX : cap;
    cap = cap < size ? size : cap;
    struct srt_arena_chunk *chunk = srt_alloc(sizeof *chunk + cap);
    if (!chunk) {
        return NULL;
    }
    chunk->next = NULL;
    chunk->cap = cap;
    chunk->used = 0;
    if (arena->last) {
        arena->last->next = chunk;
    } else {
        arena->first = chunk;
    }
    arena->last = chunk;
    return chunk;
}

void *srt_arena_alloc(struct srt_arena *arena, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    size = (size + align - 1) / align * align;
    struct srt_arena_chunk *chunk = arena->last;
    if (!chunk || chunk->cap - chunk->used < size) {
        chunk = add_chunk(arena, size);
        if (!chunk) {
            return NULL;
        }
    }
    void *at = chunk->data + chunk->used;
    chunk->used += size;
    return at;
}

void *srt_arena_copy(struct srt_arena *arena, const void *data, size_t size)
{
    void *to = srt_arena_alloc(arena, size);
    if (to && size) {
        memcpy(to, data, size);
    }
    return to;
}
