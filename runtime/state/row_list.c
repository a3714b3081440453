/* Rows come mostly at the end (later windows, later events) and go at the front, but one that comes
 * in the middle of 100,000 must not move all that are behind it.
 *
 *     FEW        [r0 r1]                                   in the key itself
 *     BLOCK      [ . . r0 r1 r2 . ]                        one array
 *     DIRECTORY  [ . b0 b1 b2 . ]   b0 -> [r0 .. r255]     a full block is cut in two
 *
 * Putting a row moves at most half a block, and one time in a hundred the directory's pointers, of
 * which there are a hundred times fewer. A block that is full at the end that grows is not cut: the
 * next one begins with the new row. Neighbours that fit into half a block together are made one. */
#include "state/row_list.h"

#include "base/assert.h"
#include "state/ptr_array.h"

enum row_list_form { FORM_FEW, FORM_BLOCK, FORM_DIRECTORY };

enum { BLOCK_CAP_MIN = 4, DIRECTORY_CAP_MIN = 4 };

static_assert((int)BLOCK_CAP_MIN > (int)ROWS_FEW, "a list that outgrows the key fits into a block");
static_assert((ROW_LIST_BLOCK_ROWS & (ROW_LIST_BLOCK_ROWS - 1)) == 0,
              "a block is doubled until it has them");
static_assert((int)ROW_LIST_BLOCK_ROWS <= (int)PTR_ARRAY_SMALL,
              "a block is filled to its last place");

static struct ptr_array *block_at(const struct row_list *list, uint32_t index)
{
    return list->form == FORM_BLOCK ? list->is.array : ptr_array_get(list->is.array, index);
}

static uint32_t block_count(const struct row_list *list)
{
    return list->form == FORM_DIRECTORY ? list->is.array->count : 1;
}

void row_list_fini(struct row_list *list, uint64_t *bytes)
{
    if (list->form == FORM_DIRECTORY) {
        for (uint32_t i = 0; i < list->is.array->count; i++) {
            ptr_array_destroy(block_at(list, i), bytes);
        }
    }
    if (list->form != FORM_FEW) {
        ptr_array_destroy(list->is.array, bytes);
    }
    *list = (struct row_list){0};
}

/* --- finding --- */

static int compare(const struct table_row *row, const uint8_t *subkey, size_t len)
{
    return table_compare(row->subkey, row->subkey_len, subkey, len);
}

static bool find_in(void *const *rows, uint32_t count, const uint8_t *subkey, size_t len,
                    uint32_t *ret_index)
{
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        /* the last one first: what is new comes there */
        uint32_t mid = high == count ? high - 1 : low + (high - low) / 2;
        int order = compare(rows[mid], subkey, len);
        if (order == 0) {
            *ret_index = mid;
            return true;
        }
        if (order < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    *ret_index = low;
    return false;
}

/* The last block whose first row is not behind the subkey; the first block if there is none. */
static uint32_t find_block(const struct ptr_array *directory, const uint8_t *subkey, size_t len)
{
    uint32_t low = 0;
    uint32_t high = directory->count;
    while (high - low > 1) {
        uint32_t mid = high == directory->count ? high - 1 : low + (high - low) / 2;
        const struct ptr_array *block = ptr_array_get(directory, mid);
        if (compare(ptr_array_get(block, 0), subkey, len) <= 0) {
            low = mid;
        } else {
            high = mid;
        }
    }
    return low;
}

bool row_list_find(const struct row_list *list, const uint8_t *subkey, size_t subkey_len,
                   struct row_place *ret)
{
    ret->block = 0;
    if (list->form == FORM_FEW) {
        return find_in((void *const *)list->is.few, list->count, subkey, subkey_len, &ret->index);
    }
    if (list->form == FORM_DIRECTORY) {
        ret->block = find_block(list->is.array, subkey, subkey_len);
    }
    const struct ptr_array *block = block_at(list, ret->block);
    return find_in(block->at + block->first, block->count, subkey, subkey_len, &ret->index);
}

struct table_row *row_list_at(const struct row_list *list, struct row_place place)
{
    if (list->form == FORM_FEW) {
        return place.index < list->count ? list->is.few[place.index] : NULL;
    }
    const struct ptr_array *block = block_at(list, place.block);
    if (place.index < block->count) {
        return ptr_array_get(block, place.index);
    }
    /* no block is empty */
    return place.block + 1 < block_count(list) ? ptr_array_get(block_at(list, place.block + 1), 0)
                                               : NULL;
}

struct table_row *row_list_before(const struct row_list *list, struct row_place place)
{
    if (list->form == FORM_FEW) {
        return place.index > 0 ? list->is.few[place.index - 1] : NULL;
    }
    if (place.index > 0) {
        return ptr_array_get(block_at(list, place.block), place.index - 1);
    }
    if (place.block == 0) {
        return NULL;
    }
    const struct ptr_array *block = block_at(list, place.block - 1);
    return ptr_array_get(block, block->count - 1);
}

void row_list_each(const struct row_list *list, void (*each)(void *arg, struct table_row *row),
                   void *arg)
{
    for (uint32_t i = 0; list->form == FORM_FEW && i < list->count; i++) {
        each(arg, list->is.few[i]);
    }
    for (uint32_t b = 0; list->form != FORM_FEW && b < block_count(list); b++) {
        const struct ptr_array *block = block_at(list, b);
        for (uint32_t i = 0; i < block->count; i++) {
            each(arg, ptr_array_get(block, i));
        }
    }
}

/* --- putting a row --- */

static bool few_to_block(struct row_list *list, uint64_t *bytes)
{
    struct ptr_array *block = ptr_array_create(BLOCK_CAP_MIN, bytes);
    if (!block) {
        return false;
    }
    memcpy(block->at, list->is.few, list->count * sizeof(void *));
    block->count = list->count;
    list->is.array = block;
    list->form = FORM_BLOCK;
    return true;
}

static bool block_to_directory(struct row_list *list, uint64_t *bytes)
{
    struct ptr_array *directory = ptr_array_create(DIRECTORY_CAP_MIN, bytes);
    if (!directory) {
        return false;
    }
    directory->at[directory->count++] = list->is.array;
    list->is.array = directory;
    list->form = FORM_DIRECTORY;
    return true;
}

/* A second block for a full one, and the place among the two. At worst the next row finds a
 * directory of one block. */
static bool split(struct row_list *list, struct row_place *place, uint64_t *bytes)
{
    struct ptr_array *full = block_at(list, place->block);
    struct ptr_array *fresh = ptr_array_create(ROW_LIST_BLOCK_ROWS, bytes);
    if (!fresh) {
        return false;
    }
    bool at_start = place->index == 0 && place->block == 0;
    bool at_end = place->index == full->count && place->block + 1 == block_count(list);
    if (!ptr_array_insert(&list->is.array, place->block + !at_start, fresh, bytes)) {
        ptr_array_destroy(fresh, bytes);
        return false;
    }
    fresh->first = at_end ? 0 : fresh->cap / 2;
    if (at_end) {
        *place = (struct row_place){place->block + 1, 0};
    } else if (!at_start) {
        uint32_t kept = full->count / 2;
        ptr_array_move_to_front(fresh, full, full->count - kept);
        if (place->index > kept) {
            *place = (struct row_place){place->block + 1, place->index - kept};
        }
    }
    return true;
}

static bool insert_in_block(struct row_list *list, struct row_place place, struct table_row *row,
                            uint64_t *bytes)
{
    struct ptr_array *block = block_at(list, place.block);
    if (block->count == ROW_LIST_BLOCK_ROWS) {
        if ((list->form == FORM_BLOCK && !block_to_directory(list, bytes)) ||
            !split(list, &place, bytes)) {
            return false;
        }
        block = block_at(list, place.block);
    }
    if (!ptr_array_insert(&block, place.index, row, bytes)) {
        return false;
    }
    if (list->form == FORM_BLOCK) {
        list->is.array = block;
    } else {
        list->is.array->at[list->is.array->first + place.block] = block;
    }
    return true;
}

bool row_list_insert(struct row_list *list, struct row_place place, struct table_row *row,
                     uint64_t *bytes)
{
    if (list->form == FORM_FEW && list->count < ROWS_FEW) {
        memmove(list->is.few + place.index + 1, list->is.few + place.index,
                (list->count - place.index) * sizeof(void *));
        list->is.few[place.index] = row;
    } else if ((list->form == FORM_FEW && !few_to_block(list, bytes)) ||
               !insert_in_block(list, place, row, bytes)) {
        return false;
    }
    list->count++;
    return true;
}

/* --- taking a row out --- */

static void drop_block(struct row_list *list, uint32_t index, uint64_t *bytes)
{
    ptr_array_destroy(block_at(list, index), bytes);
    ptr_array_remove(list->is.array, index);
    ptr_array_shrink(&list->is.array, bytes);
}

static bool are_few(const struct row_list *list, uint32_t left, uint32_t right)
{
    return block_at(list, left)->count + block_at(list, right)->count <= ROW_LIST_BLOCK_ROWS / 2;
}

/* One of its blocks has become smaller. */
static void tidy_directory(struct row_list *list, uint32_t index, uint64_t *bytes)
{
    struct ptr_array *block = block_at(list, index);
    if (index > 0 && are_few(list, index - 1, index)) {
        ptr_array_move_to_back(block_at(list, index - 1), block, block->count);
        drop_block(list, index, bytes);
    } else if (index + 1 < block_count(list) && are_few(list, index, index + 1)) {
        ptr_array_move_to_front(block_at(list, index + 1), block, block->count);
        drop_block(list, index, bytes);
    } else if (block->count == 0) {
        drop_block(list, index, bytes);
    }
    if (block_count(list) == 1) {
        block = block_at(list, 0);
        ptr_array_destroy(list->is.array, bytes);
        list->is.array = block;
        list->form = FORM_BLOCK;
    }
}

static void tidy_block(struct row_list *list, uint64_t *bytes)
{
    struct ptr_array *block = list->is.array;
    if (list->count > 1) {
        ptr_array_shrink(&list->is.array, bytes);
        return;
    }
    list->form = FORM_FEW;
    list->is.few[0] = block->count ? ptr_array_get(block, 0) : NULL;
    ptr_array_destroy(block, bytes);
}

void row_list_remove(struct row_list *list, struct row_place place, uint64_t *bytes)
{
    list->count--;
    if (list->form == FORM_FEW) {
        memmove(list->is.few + place.index, list->is.few + place.index + 1,
                (list->count - place.index) * sizeof(void *));
        return;
    }
    ptr_array_remove(block_at(list, place.block), place.index);
    if (list->form == FORM_DIRECTORY) {
        tidy_directory(list, place.block, bytes);
    }
    if (list->form == FORM_BLOCK) {
        tidy_block(list, bytes);
    }
}

void row_list_replace(struct row_list *list, struct row_place place, struct table_row *row)
{
    if (list->form == FORM_FEW) {
        list->is.few[place.index] = row;
        return;
    }
    struct ptr_array *block = block_at(list, place.block);
    block->at[block->first + place.index] = row;
}
