/* Three structures over the same rows, each in a file of its own:
 *
 *     key_index  [key]--> row_list [r0 r1 r2 ...]    found by key; a key's rows by their subkeys
 *     due_heap   [r7][r0][r9]...                     by (due, key, subkey)
 *     changes    r1 -> r7 -> ...                     since the last state_table_take_changes()
 *
 * A removed row that the changelog has stays on the list of changes as a tombstone, without a cell
 * and without being found any more; it keeps its key's bytes. When a row of that name is made
 * again, both are told, in order. A removed row that the changelog never saw is gone at once, so
 * that what comes and goes between two epochs takes no memory until the next one. */
#include "state/table.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/hash.h"
#include "state/key_index.h"
#include "state/row_list.h"

struct state_table {
    struct state_codec codec;
    struct key_index keys;
    struct due_heap due;
    struct srt_list changes; /* rows, by their `change` */
    uint64_t row_count;
    uint64_t bytes; /* of rows, keys, lists and what cells have allocated */
};

/* --- rows --- */

static void *cell_of(struct table_row *row)
{
    return (uint8_t *)row + table_cell_at(row->subkey_len);
}

static struct table_row *row_of(const struct state_row *shown)
{
    return srt_container_of(shown->subkey, struct table_row, subkey);
}

static void show(struct table_row *row, struct state_row *ret)
{
    *ret = (struct state_row){.key = row->key->bytes,
                              .key_len = row->key->len,
                              .subkey = row->subkey,
                              .subkey_len = row->subkey_len,
                              .due_ms = row->due.due_ms,
                              .cell = row->removed ? NULL : cell_of(row)};
}

static bool comes_before(const struct due_item *a, const struct due_item *b)
{
    const struct table_row *x = (const struct table_row *)a;
    const struct table_row *y = (const struct table_row *)b;
    int order = x->key == y->key
                    ? 0
                    : table_compare(x->key->bytes, x->key->len, y->key->bytes, y->key->len);
    return (order ? order
                  : table_compare(x->subkey, x->subkey_len, y->subkey, y->subkey_len)) < 0;
}

static size_t row_size(const struct state_table *table, size_t subkey_len)
{
    return table_cell_at(subkey_len) + table->codec.cell_bytes;
}

/* Not yet in any list; room in the heap is its own. */
static struct table_row *create_row(struct state_table *table, struct table_key *key,
                                    const uint8_t *subkey, uint32_t subkey_len)
{
    if (!due_heap_reserve(&table->due)) {
        return NULL;
    }
    size_t size = row_size(table, subkey_len);
    struct table_row *row = srt_alloc(size);
    if (!row) {
        due_heap_unreserve(&table->due);
        return NULL;
    }
    *row = (struct table_row){.due = {.due_ms = DUE_NEVER, .place = DUE_NOWHERE},
                              .key = key,
                              .subkey_len = (uint8_t)subkey_len};
    srt_list_init(&row->change);
    if (subkey_len) {
        memcpy(row->subkey, subkey, subkey_len);
    }
    memset(cell_of(row), 0, table->codec.cell_bytes);
    table->bytes += table_allocated_bytes(size);
    return row;
}

static void free_row(struct state_table *table, struct table_row *row)
{
    srt_list_remove(&row->change);
    table->bytes -= table_allocated_bytes(row_size(table, row->subkey_len));
    srt_free(row);
}

/* What a row has only while it is found: its cell and its place in the heap. */
static void empty_row(struct state_table *table, struct table_row *row)
{
    due_heap_set(&table->due, &row->due, DUE_NEVER);
    due_heap_unreserve(&table->due);
    if (table->codec.fini) {
        table->codec.fini(table->codec.arg, cell_of(row));
    }
    table->bytes -= row->cell_heap_bytes;
    row->cell_heap_bytes = 0;
    row->removed = true;
}

static void count_cell(struct state_table *table, struct table_row *row)
{
    if (table->codec.heap_bytes) {
        uint32_t bytes = (uint32_t)table->codec.heap_bytes(table->codec.arg, cell_of(row));
        table->bytes += (uint64_t)bytes - row->cell_heap_bytes;
        row->cell_heap_bytes = bytes;
    }
}

static void set_due(struct state_table *table, struct table_row *row, int64_t due_ms)
{
    if (row->due.due_ms != due_ms) {
        due_heap_set(&table->due, &row->due, due_ms);
    }
}

static void note_change(struct state_table *table, struct table_row *row)
{
    if (srt_list_empty(&row->change)) {
        srt_list_push(&table->changes, &row->change);
    }
}

/* --- keys --- */

static size_t key_size(uint32_t len)
{
    return offsetof(struct table_key, bytes) + len;
}

static struct table_key *make_key(struct state_table *table, const uint8_t *bytes, uint32_t len,
                                  uint64_t hash)
{
    struct table_key *key = key_index_reserve(&table->keys) ? srt_alloc(key_size(len)) : NULL;
    if (!key) {
        return NULL;
    }
    *key = (struct table_key){.len = len};
    if (len) {
        memcpy(key->bytes, bytes, len);
    }
    key_index_put(&table->keys, key, hash);
    table->bytes += table_allocated_bytes(key_size(len));
    return key;
}

static void free_key(struct state_table *table, struct table_key *key)
{
    row_list_fini(&key->rows, &table->bytes);
    table->bytes -= table_allocated_bytes(key_size(key->len));
    srt_free(key);
}

/* Its last row is gone. */
static void unlink_key_without_rows(struct state_table *table, struct table_key *key)
{
    if (key->rows.count == 0) {
        key_index_remove(&table->keys, key, srt_hash(key->bytes, key->len, 0));
        if (key->tombstones == 0) {
            free_key(table, key);
        }
    }
}

static void free_tombstone(struct state_table *table, struct table_row *row)
{
    struct table_key *key = row->key;
    if (--key->tombstones == 0 && key->rows.count == 0) {
        free_key(table, key);
    }
    free_row(table, row);
}

/* --- life --- */

struct state_table *state_table_create(const struct state_codec *codec)
{
    struct state_table *table = srt_xcalloc(1, sizeof *table);
    table->codec = *codec;
    srt_list_init(&table->changes);
    due_heap_init(&table->due, comes_before);
    return table;
}

static void destroy_row(void *arg, struct table_row *row)
{
    struct state_table *table = arg;
    if (table->codec.fini) {
        table->codec.fini(table->codec.arg, cell_of(row));
    }
    srt_free(row);
}

void state_table_destroy(struct state_table *table)
{
    if (!table) {
        return;
    }
    srt_list_for_each_safe(node, &table->changes) {
        struct table_row *row = srt_container_of(node, struct table_row, change);
        if (row->removed) {
            free_tombstone(table, row);
        }
    }
    for (size_t i = 0; i < table->keys.slot_count; i++) {
        struct table_key *key = table->keys.slots[i].key;
        if (key) {
            row_list_each(&key->rows, destroy_row, table);
            free_key(table, key);
        }
    }
    key_index_fini(&table->keys);
    due_heap_fini(&table->due);
    srt_free(table);
}

/* --- finding --- */

struct finding {
    uint64_t hash;
    struct table_key *key; /* NULL: there is none */
    struct row_place place;
    struct table_row *row; /* NULL: there is none; it would be at the place */
};

static inline void find(const struct state_table *table, const uint8_t *key, uint32_t key_len,
                        const uint8_t *subkey, uint32_t subkey_len, struct finding *ret)
{
    *ret = (struct finding){.hash = srt_hash(key_len ? (const void *)key : "", key_len, 0)};
    ret->key = key_index_find(&table->keys, key, key_len, ret->hash);
    if (ret->key && row_list_find(&ret->key->rows, subkey, subkey_len, &ret->place)) {
        ret->row = row_list_at(&ret->key->rows, ret->place);
    }
}

bool state_table_get(struct state_table *table, const uint8_t *key, uint32_t key_len,
                     const uint8_t *subkey, uint32_t subkey_len, struct state_row *ret)
{
    struct finding at;
    find(table, key, key_len, subkey, subkey_len, &at);
    if (at.row) {
        show(at.row, ret);
    }
    return at.row != NULL;
}

bool state_table_first(struct state_table *table, const uint8_t *key, uint32_t key_len,
                       const uint8_t *subkey, uint32_t subkey_len, struct state_row *ret)
{
    struct finding at;
    find(table, key, key_len, subkey, subkey_len, &at);
    struct table_row *row = at.key ? row_list_at(&at.key->rows, at.place) : NULL;
    if (row) {
        show(row, ret);
    }
    return row != NULL;
}

bool state_table_last_before(struct state_table *table, const uint8_t *key, uint32_t key_len,
                             const uint8_t *subkey, uint32_t subkey_len, struct state_row *ret)
{
    struct finding at;
    find(table, key, key_len, subkey, subkey_len, &at);
    struct table_row *row = at.key ? row_list_before(&at.key->rows, at.place) : NULL;
    if (row) {
        show(row, ret);
    }
    return row != NULL;
}

/* Where a row that is found stands in its key's list. */
static struct row_place place_of(const struct table_row *row)
{
    struct row_place place;
    bool found = row_list_find(&row->key->rows, row->subkey, row->subkey_len, &place);
    srt_assert(found && !row->removed);
    return place;
}

bool state_table_next(struct state_table *table, const struct state_row *shown,
                      struct state_row *ret)
{
    (void)table;
    const struct table_row *row = row_of(shown);
    struct row_place place = place_of(row);
    place.index++;
    struct table_row *next = row_list_at(&row->key->rows, place);
    if (next) {
        show(next, ret);
    }
    return next != NULL;
}

/* --- changing --- */

static struct table_row *make_row(struct state_table *table, struct finding *at,
                                  const uint8_t *key, uint32_t key_len, const uint8_t *subkey,
                                  uint32_t subkey_len)
{
    srt_assert(key_len <= STATE_KEY_BYTES_MAX && subkey_len <= STATE_SUBKEY_BYTES_MAX);
    struct table_key *owner = at->key ? at->key : make_key(table, key, key_len, at->hash);
    if (!owner) {
        return NULL;
    }
    struct table_row *row = create_row(table, owner, subkey, subkey_len);
    if (row && row_list_insert(&owner->rows, at->place, row, &table->bytes)) {
        table->row_count++;
        return row;
    }
    if (row) {
        due_heap_unreserve(&table->due);
        free_row(table, row);
    }
    unlink_key_without_rows(table, owner);
    return NULL;
}

int state_table_put(struct state_table *table, const uint8_t *key, uint32_t key_len,
                    const uint8_t *subkey, uint32_t subkey_len, struct state_row *ret,
                    bool *ret_made, struct srt_err *err)
{
    struct finding at;
    find(table, key, key_len, subkey, subkey_len, &at);
    struct table_row *row =
        at.row ? at.row : make_row(table, &at, key, key_len, subkey, subkey_len);
    if (!row) {
        return srt_fail(err, SRT_ENOMEM, "no memory for a row of state");
    }
    *ret_made = !at.row;
    note_change(table, row);
    show(row, ret);
    return SRT_OK;
}

void state_table_touch(struct state_table *table, const struct state_row *shown, int64_t due_ms)
{
    struct table_row *row = row_of(shown);
    srt_assert(!row->removed);
    set_due(table, row, due_ms);
    count_cell(table, row);
    note_change(table, row);
}

static void remove_row(struct state_table *table, struct table_row *row)
{
    struct table_key *key = row->key;
    row_list_remove(&key->rows, place_of(row), &table->bytes);
    table->row_count--;
    empty_row(table, row);
    if (row->logged) {
        note_change(table, row);
        key->tombstones++;
    } else {
        free_row(table, row);
    }
    unlink_key_without_rows(table, key);
}

void state_table_remove(struct state_table *table, const struct state_row *row)
{
    remove_row(table, row_of(row));
}

/* --- changes --- */

void state_table_take_changes(struct state_table *table, state_change_fn each, void *arg)
{
    for (struct srt_list *node; (node = srt_list_pop(&table->changes));) {
        struct table_row *row = srt_container_of(node, struct table_row, change);
        struct state_row shown;
        show(row, &shown);
        each(arg, &shown);
        row->logged = true;
        if (row->removed) {
            free_tombstone(table, row);
        }
    }
}

bool state_table_has_changes(const struct state_table *table)
{
    return !srt_list_empty(&table->changes);
}

/* --- due rows --- */

bool state_table_due(struct state_table *table, int64_t now_ms, struct state_row *ret)
{
    struct due_item *item = due_heap_first(&table->due);
    if (!item || item->due_ms > now_ms) {
        return false;
    }
    show((struct table_row *)item, ret);
    return true;
}

int64_t state_table_last_due(struct state_table *table)
{
    return due_heap_last_ms(&table->due);
}

/* --- loading --- */

static int fill_row(struct state_table *table, struct table_row *row, int64_t due_ms,
                    const uint8_t *data, size_t size, struct srt_err *err)
{
    int code = table->codec.decode(table->codec.arg, cell_of(row), data, size, err);
    if (code == SRT_OK) {
        row->logged = true;
        set_due(table, row, due_ms);
        count_cell(table, row);
    }
    return code;
}

/* A whole new row in the place of an old one. */
static int reload_row(struct state_table *table, const struct finding *at, int64_t due_ms,
                      const uint8_t *data, size_t size, struct srt_err *err)
{
    struct table_row *old = at->row;
    struct table_row *row = create_row(table, old->key, old->subkey, old->subkey_len);
    if (!row) {
        return srt_fail(err, SRT_ENOMEM, "no memory for a row of state");
    }
    int code = fill_row(table, row, due_ms, data, size, err);
    struct table_row *gone = code == SRT_OK ? old : row;
    if (code == SRT_OK) {
        row_list_replace(&old->key->rows, at->place, row);
    }
    empty_row(table, gone);
    free_row(table, gone);
    return code;
}

int state_table_load(struct state_table *table, const uint8_t *key, uint32_t key_len,
                     const uint8_t *subkey, uint32_t subkey_len, int64_t due_ms,
                     const uint8_t *data, size_t size, struct srt_err *err)
{
    struct finding at;
    find(table, key, key_len, subkey, subkey_len, &at);
    if (at.row && data) {
        return reload_row(table, &at, due_ms, data, size, err);
    }
    if (at.row) {
        at.row->logged = false; /* what was read is no change */
        remove_row(table, at.row);
    }
    if (!data) {
        return SRT_OK;
    }
    struct table_row *row = make_row(table, &at, key, key_len, subkey, subkey_len);
    if (!row) {
        return srt_fail(err, SRT_ENOMEM, "no memory for a row of state");
    }
    int code = fill_row(table, row, due_ms, data, size, err);
    if (code != SRT_OK) {
        remove_row(table, row);
    }
    return code;
}

/* --- what there is --- */

uint64_t state_table_row_count(const struct state_table *table)
{
    return table->row_count;
}

uint64_t state_table_key_count(const struct state_table *table)
{
    return table->keys.key_count;
}

uint64_t state_table_bytes(const struct state_table *table)
{
    return table->bytes + key_index_bytes(&table->keys) + due_heap_bytes(&table->due);
}

struct telling {
    state_change_fn each;
    void *arg;
};

static void tell_row(void *arg, struct table_row *row)
{
    const struct telling *telling = arg;
    struct state_row shown;
    show(row, &shown);
    telling->each(telling->arg, &shown);
}

void state_table_each(struct state_table *table, state_change_fn each, void *arg)
{
    struct telling telling = {each, arg};
    for (size_t i = 0; i < table->keys.slot_count; i++) {
        if (table->keys.slots[i].key) {
            row_list_each(&table->keys.slots[i].key->rows, tell_row, &telling);
        }
    }
}
