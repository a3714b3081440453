/* table.h - the keyed state of one stage in one task: rows by key and subkey, each with a cell of
 * the stage's own making and a time at which it is due.
 *
 * Owner:   the task's state (pipeline/keyed_state.h); cells and keys are the table's.
 * Thread:  the task's.
 * Memory:  in RAM; state_table_bytes() counts rows, keys, cells and what cells allocate.
 * Fails:   state_table_put: SRT_ENOMEM, nothing changed. Loading: what the codec's decode says.
 *
 *     key "ada"  --+-- subkey 0x..09 [cell, due 10:00]      rows of a key are in the order of
 *                  `-- subkey 0x..0a [cell, due 11:00]      their subkeys' bytes
 *
 *     all rows with a due time form one heap, ordered by (due, key, subkey)
 *
 * A stage finds its cell anew for each record: nothing keeps a pointer over another call that may
 * change the table, so that a table on a disk can take this one's place. */
#ifndef SRT_STATE_TABLE_H
#define SRT_STATE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct state_table;

enum {
    STATE_SUBKEY_BYTES_MAX = 255,
    STATE_KEY_BYTES_MAX = 32 << 10, /* the stage refuses longer ones before it comes here */
};
#define STATE_NEVER_DUE INT64_MAX

/* How a stage's cells become bytes and go away. */
struct state_codec {
    size_t cell_bytes; /* a new cell is zeroed */
    void (*encode)(void *arg, const void *cell, struct srt_buf *to);
    int (*decode)(void *arg, void *cell, const uint8_t *data, size_t size, struct srt_err *err);
    void (*fini)(void *arg, void *cell);              /* NULL: nothing to free */
    size_t (*heap_bytes)(void *arg, const void *cell); /* NULL: none */
    void *arg;
};

/* A row as its table shows it: borrowed until the next call that changes the table. */
struct state_row {
    const uint8_t *key;
    uint32_t key_len;
    const uint8_t *subkey;
    uint32_t subkey_len;
    int64_t due_ms; /* STATE_NEVER_DUE: never */
    void *cell;
};

struct state_table *state_table_create(const struct state_codec *codec);
void state_table_destroy(struct state_table *table); /* accepts NULL */

/* False when there is no such row. */
bool state_table_get(struct state_table *table, const uint8_t *key, uint32_t key_len,
                     const uint8_t *subkey, uint32_t subkey_len, struct state_row *ret);
/* The row, made with a zeroed cell when there is none (*ret_made says so). It counts as changed. */
int state_table_put(struct state_table *table, const uint8_t *key, uint32_t key_len,
                    const uint8_t *subkey, uint32_t subkey_len, struct state_row *ret,
                    bool *ret_made, struct srt_err *err);
/* The row's cell was changed through its pointer; `due_ms` is its new due time. */
void state_table_touch(struct state_table *table, const struct state_row *row, int64_t due_ms);
void state_table_remove(struct state_table *table, const struct state_row *row);

/* The first row of a key at or behind a subkey (`first`) or before it (`last_before`). */
bool state_table_first(struct state_table *table, const uint8_t *key, uint32_t key_len,
                       const uint8_t *subkey, uint32_t subkey_len, struct state_row *ret);
bool state_table_last_before(struct state_table *table, const uint8_t *key, uint32_t key_len,
                             const uint8_t *subkey, uint32_t subkey_len, struct state_row *ret);
/* The next row of the same key. */
bool state_table_next(struct state_table *table, const struct state_row *row,
                      struct state_row *ret);

/* The row that is due first, in the order (due, key, subkey); false when none is due at or before
 * `now_ms`. */
bool state_table_due(struct state_table *table, int64_t now_ms, struct state_row *ret);
/* The highest due time of all rows but STATE_NEVER_DUE; INT64_MIN when there is none. Linear. */
int64_t state_table_last_due(struct state_table *table);

/* Each row that was made, changed or removed since the last call, in no particular order. A removed
 * one has a NULL cell. A row that was made and removed in between is left out unless an earlier
 * call gave it, or it was loaded; one that was removed and made again is told twice, in this
 * order. */
typedef void (*state_change_fn)(void *arg, const struct state_row *row);
void state_table_take_changes(struct state_table *table, state_change_fn each, void *arg);
bool state_table_has_changes(const struct state_table *table);

/* Put a row that was read back: it does not count as changed. A later one of the same name takes
 * its place; `data` NULL removes it. When it fails, the row is as it was. Rows of a name are loaded
 * before one of that name is removed by hand. */
int state_table_load(struct state_table *table, const uint8_t *key, uint32_t key_len,
                     const uint8_t *subkey, uint32_t subkey_len, int64_t due_ms,
                     const uint8_t *data, size_t size, struct srt_err *err);

uint64_t state_table_row_count(const struct state_table *table);
uint64_t state_table_key_count(const struct state_table *table);
uint64_t state_table_bytes(const struct state_table *table);

/* Every row, in no particular order; the table must not change meanwhile. */
void state_table_each(struct state_table *table, state_change_fn each, void *arg);

#endif
