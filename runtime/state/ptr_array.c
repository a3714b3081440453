/* A large array whose room at one end is used up is moved to its middle while a quarter of it is
 * free, else made twice as large: either pays for as many insertions at that end as an eighth of
 * it, so that going on at one end while the other is eaten up takes constant time each. */
#include "state/ptr_array.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "state/table_impl.h"

enum { CAP_MIN = 4 };

static size_t size_of(uint32_t cap)
{
    return offsetof(struct ptr_array, at) + cap * sizeof(void *);
}

struct ptr_array *ptr_array_create(uint32_t cap, uint64_t *bytes)
{
    struct ptr_array *array = srt_alloc(size_of(cap));
    if (array) {
        *array = (struct ptr_array){.cap = cap};
        *bytes += table_allocated_bytes(size_of(cap));
    }
    return array;
}

void ptr_array_destroy(struct ptr_array *array, uint64_t *bytes)
{
    *bytes -= table_allocated_bytes(size_of(array->cap));
    srt_free(array);
}

static void move_to(struct ptr_array *array, uint32_t first)
{
    memmove(array->at + first, array->at + array->first, array->count * sizeof(void *));
    array->first = first;
}

/* Into other memory, to its middle. */
static bool resize(struct ptr_array **array, uint32_t cap, uint64_t *bytes)
{
    struct ptr_array *old = *array;
    struct ptr_array *fresh = ptr_array_create(cap, bytes);
    if (!fresh) {
        return false;
    }
    fresh->count = old->count;
    fresh->first = (cap - old->count) / 2;
    memcpy(fresh->at + fresh->first, old->at + old->first, old->count * sizeof(void *));
    ptr_array_destroy(old, bytes);
    *array = fresh;
    return true;
}

static bool make_room(struct ptr_array **array, bool in_front, uint64_t *bytes)
{
    const struct ptr_array *a = *array;
    if (in_front ? a->first > 0 : a->first + a->count < a->cap) {
        return true;
    }
    bool large = a->cap > PTR_ARRAY_SMALL;
    if (a->count == a->cap || (large && a->count > a->cap - a->cap / 4)) {
        return resize(array, 2 * a->cap, bytes);
    }
    uint32_t room = a->cap - a->count;
    move_to(*array, in_front ? room - room / 2 : room / 2);
    return true;
}

bool ptr_array_insert(struct ptr_array **array, uint32_t index, void *ptr, uint64_t *bytes)
{
    bool in_front = index < (*array)->count / 2;
    if (!make_room(array, in_front, bytes)) {
        return false;
    }
    struct ptr_array *a = *array;
    srt_assert(index <= a->count);
    void **at = a->at + a->first + index;
    if (in_front) {
        memmove(a->at + a->first - 1, a->at + a->first, index * sizeof(void *));
        a->first--;
        at--;
    } else {
        memmove(at + 1, at, (a->count - index) * sizeof(void *));
    }
    a->count++;
    *at = ptr;
    return true;
}

void ptr_array_remove(struct ptr_array *array, uint32_t index)
{
    srt_assert(index < array->count);
    void **first = array->at + array->first;
    array->count--;
    if (index < array->count / 2) {
        memmove(first + 1, first, index * sizeof(void *));
        array->first++;
    } else {
        memmove(first + index, first + index + 1, (array->count - index) * sizeof(void *));
    }
}

void ptr_array_shrink(struct ptr_array **array, uint64_t *bytes)
{
    uint32_t cap = (*array)->cap;
    if (cap > CAP_MIN && (*array)->count < cap / 4) {
        (void)resize(array, cap / 2, bytes); /* without memory it stays large */
    }
}

void ptr_array_move_to_front(struct ptr_array *to, struct ptr_array *from, uint32_t count)
{
    srt_assert(count <= from->count && to->count + count <= to->cap);
    uint32_t room = to->cap - to->count - count;
    move_to(to, room / 2 + count);
    to->first -= count;
    to->count += count;
    from->count -= count;
    memcpy(to->at + to->first, from->at + from->first + from->count, count * sizeof(void *));
}

void ptr_array_move_to_back(struct ptr_array *to, struct ptr_array *from, uint32_t count)
{
    srt_assert(count <= from->count && to->count + count <= to->cap);
    uint32_t room = to->cap - to->count - count;
    move_to(to, room / 2);
    memcpy(to->at + to->first + to->count, from->at + from->first, count * sizeof(void *));
    to->count += count;
    from->first += count;
    from->count -= count;
}
