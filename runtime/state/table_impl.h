/* table_impl.h - what a row and a key of a table are made of, for the parts of the table.
 *
 * Owner:   table.c makes and frees both; key_index.c and row_list.c only arrange them.
 * Thread:  the task's.
 * Memory:  a row is one allocation with its subkey and its cell, a key one with its bytes.
 * Fails:   never. */
#ifndef SRT_STATE_TABLE_IMPL_H
#define SRT_STATE_TABLE_IMPL_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/list.h"
#include "state/due_heap.h"

enum { ROWS_FEW = 2 }; /* most keys have one window, and for a moment the next one */

struct ptr_array;

/* The rows of one key; row_list.h. */
struct row_list {
    uint32_t count;
    uint32_t form; /* enum row_list_form */
    union {
        struct table_row *few[ROWS_FEW];
        struct ptr_array *array; /* the block, or the directory */
    } is;
};

struct table_key {
    struct row_list rows;
    uint32_t tombstones; /* removed rows that show it; without rows and these it is gone */
    uint32_t len;
    uint8_t bytes[];
};

struct table_row {
    struct due_item due; /* first: it is what the heap knows of the row */
    struct table_key *key;
    struct srt_list change;  /* on the table's list of changes, or alone */
    uint32_t cell_heap_bytes; /* as last counted */
    bool logged;  /* the changelog has a row of this name */
    bool removed; /* a tombstone: only on the list of changes */
    uint8_t subkey_len;
    uint8_t subkey[]; /* the cell follows, aligned to 8 */
};

static_assert(sizeof(struct table_row) == 48, "a row's head grew");
static_assert(offsetof(struct table_row, due) == 0, "an item is taken for its row");

static inline size_t table_cell_at(size_t subkey_len)
{
    return (offsetof(struct table_row, subkey) + subkey_len + 7) & ~(size_t)7;
}

/* The order of bytes; a shorter one comes before what it begins. NULL is none. */
static inline int table_compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    size_t common = a_len < b_len ? a_len : b_len;
    int order = common ? memcmp(a, b, common) : 0;
    return order ? order : (a_len > b_len) - (a_len < b_len);
}

static inline bool table_equal(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

/* What an allocation takes of memory: glibc's malloc gives multiples of 16 bytes, 8 of them its
 * own, and 32 at least. */
static inline uint64_t table_allocated_bytes(size_t size)
{
    size_t with_head = (size + 8 + 15) & ~(size_t)15;
    return with_head < 32 ? 32 : with_head;
}

#endif
