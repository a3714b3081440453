/* arena.h - many small allocations that end together.
 *
 * Owner:   the caller; init/fini, the struct may be embedded. A zeroed struct is a valid empty
 *          arena.
 * Thread:  one at a time.
 * Memory:  chunks that double up to 64 KiB; clear frees all but the first.
 * Fails:   srt_arena_alloc returns NULL when there is no memory. */
#ifndef SRT_BASE_ARENA_H
#define SRT_BASE_ARENA_H

#include <stddef.h>

struct srt_arena_chunk; /* private */

struct srt_arena {
    struct srt_arena_chunk *first;
    struct srt_arena_chunk *last; /* the one being filled */
};

void srt_arena_init(struct srt_arena *arena);
void srt_arena_fini(struct srt_arena *arena);
void srt_arena_clear(struct srt_arena *arena);

/* Aligned for any type. */
void *srt_arena_alloc(struct srt_arena *arena, size_t size);

/* A copy of bytes; a size of 0 gives a valid pointer. */
void *srt_arena_copy(struct srt_arena *arena, const void *data, size_t size);

#endif
