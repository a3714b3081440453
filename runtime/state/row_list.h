/* row_list.h - the rows of one key, in the order of their subkeys.
 *
 * Owner:   the key; rows belong to the table.
 * Thread:  the task's.
 * Memory:  none for two rows; then a block of pointers; from some hundred rows blocks and a
 *          directory of them. What it takes is added to and taken from *bytes.
 * Fails:   row_list_insert: false when there is no memory, and nothing is changed. */
#ifndef SRT_STATE_ROW_LIST_H
#define SRT_STATE_ROW_LIST_H

#include "state/table_impl.h"

enum { ROW_LIST_BLOCK_ROWS = SRT_HOSTILE ? 8 : 256 };

/* Where a row is, or would be; good until the list changes. All zeroes is the first. */
struct row_place {
    uint32_t block; /* in the directory */
    uint32_t index; /* in the block; at its end: a row would be put there */
};

/* All zeroes is an empty list. */
void row_list_fini(struct row_list *list, uint64_t *bytes); /* of blocks; rows are the table's */

/* True when there is the row, else *ret is where it would be. */
bool row_list_find(const struct row_list *list, const uint8_t *subkey, size_t subkey_len,
                   struct row_place *ret);

/* At a place that row_list_find() gave. */
bool row_list_insert(struct row_list *list, struct row_place place, struct table_row *row,
                     uint64_t *bytes);
void row_list_remove(struct row_list *list, struct row_place place, uint64_t *bytes);
void row_list_replace(struct row_list *list, struct row_place place, struct table_row *row);

/* The row at a place or the first one behind it, and the last one before; NULL: none. */
struct table_row *row_list_at(const struct row_list *list, struct row_place place);
struct table_row *row_list_before(const struct row_list *list, struct row_place place);

/* Calls `each` with every row, in order; the list must not change. */
void row_list_each(const struct row_list *list, void (*each)(void *arg, struct table_row *row),
                   void *arg);

#endif
