/* ptr_array.h - pointers in one run of memory with room at both ends.
 *
 * Owner:   whoever holds it: row_list.c.
 * Thread:  one at a time.
 * Memory:  one allocation each; what it takes is added to and taken from *bytes.
 * Fails:   ptr_array_insert: false when there is no memory, and nothing is changed. */
#ifndef SRT_STATE_PTR_ARRAY_H
#define SRT_STATE_PTR_ARRAY_H

#include <stdbool.h>
#include <stdint.h>

/* Up to here an array is filled before it grows; larger ones keep room for many at one end. */
enum { PTR_ARRAY_SMALL = 256 };

struct ptr_array {
    uint32_t first; /* at[first] to at[first + count - 1] are in use */
    uint32_t count;
    uint32_t cap;
    void *at[];
};

struct ptr_array *ptr_array_create(uint32_t cap, uint64_t *bytes); /* NULL: no memory */
void ptr_array_destroy(struct ptr_array *array, uint64_t *bytes);

static inline void *ptr_array_get(const struct ptr_array *array, uint32_t index)
{
    return array->at[array->first + index];
}

/* Moves the fewer ones of those before and behind `index`. It may move to other memory. */
bool ptr_array_insert(struct ptr_array **array, uint32_t index, void *ptr, uint64_t *bytes);
void ptr_array_remove(struct ptr_array *array, uint32_t index);
/* Give memory back when most of it is unused. It may move to other memory. */
void ptr_array_shrink(struct ptr_array **array, uint64_t *bytes);

/* The last `count` ones of `from` go in front of those in `to`, or the first ones behind. There is
 * room for them. */
void ptr_array_move_to_front(struct ptr_array *to, struct ptr_array *from, uint32_t count);
void ptr_array_move_to_back(struct ptr_array *to, struct ptr_array *from, uint32_t count);

#endif
