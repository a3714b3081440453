/* A hash table of keys; each key has its rows in one block of pointers, in the order of their
 * subkeys. Rows are mostly made at the end (later windows, later events) and removed at the front,
 * so the block has room at both ends and moves only what is behind a row in the middle.
 *
 *     slots   [key]--> rows [ . . | r0 r1 r2 | . . ]      r = {owner, due place, due, cell, subkey}
 *     heap    [r7][r0][r9]...                             by (due, key, subkey)
 *     changes r1 -> r7 -> ...                             since the last state_table_take_changes()
 *
 * A removed row that was given to the changelog before stays in the list of changes as a tombstone
 * of its own, without being found any more; when it is made again, both are told, in order. */
#include "state/table.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/hash.h"
#include "state/due_heap.h"

struct row {
    struct due_item due; /* first: the heap's view of it */
    struct key *key;
    struct row *change_next;
    uint32_t heap_bytes; /* of the cell, as last counted */
    uint8_t subkey_len;
    bool changed; /* in the list of changes */
    bool logged;  /* the changelog has it */
    bool removed; /* only in the list of changes */
    /* the cell, then the subkey */
    _Alignas(8) uint8_t bytes[];
};

struct key {
    uint64_t hash;
    struct row **rows; /* the block */
    uint32_t first;    /* of the rows in the block */
    uint32_t count;
    uint32_t cap;
    uint32_t refs; /* rows that show it: also removed ones */
    uint32_t len;
    struct row *few[1]; /* the block of most keys */
    uint8_t bytes[];
};

struct state_table {
    struct state_codec codec;
    struct key **slots;
    size_t slot_count; /* a power of two, or 0 */
    size_t key_count;
    uint64_t row_count;
    uint64_t bytes;
    struct due_heap due;
    struct row *changes;
    struct row **changes_end;
    struct key *last; /* the key that was found last */
};

/* --- bytes --- */

static size_t subkey_at(const struct state_table *table)
{
    return table->codec.cell_bytes;
}

static void show(const struct state_table *table, struct row *row, struct state_row *ret)
{
    *ret = (struct state_row){.key = row->key->bytes,
                              .key_len = row->key->len,
                              .subkey = row->bytes + subkey_at(table),
                              .subkey_len = row->subkey_len,
                              .due_ms = row->due.due_ms,
                              .cell = row->removed ? NULL : row->bytes};
}

static int compare_bytes(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order ? order : a_len < b_len ? -1 : a_len > b_len;
}

static bool due_before(const struct due_item *a, const struct due_item *b, void *arg)
{
    const struct state_table *table = arg;
    if (a->due_ms != b->due_ms) {
        return a->due_ms < b->due_ms;
    }
    const struct row *x = (const struct row *)a;
    const struct row *y = (const struct row *)b;
    int order = compare_bytes(x->key->bytes, x->key->len, y->key->bytes, y->key->len);
    size_t at = subkey_at(table);
    order = order ? order
                  : compare_bytes(x->bytes + at, x->subkey_len, y->bytes + at, y->subkey_len);
    return order < 0;
}

/* --- life --- */

struct state_table *state_table_create(const struct state_codec *codec)
{
    struct state_table *table = srt_xcalloc(1, sizeof *table);
    table->codec = *codec;
    table->changes_end = &table->changes;
    due_heap_init(&table->due, due_before, table);
    return table;
}

static void fini_cell(struct state_table *table, struct row *row)
{
    if (table->codec.fini && !row->removed) {
        table->codec.fini(table->codec.arg, row->bytes);
    }
}

static void free_changes(struct state_table *table)
{
    for (struct row *row = table->changes; row;) {
        struct row *next = row->change_next;
        if (row->removed) {
            if (--row->key->refs == 0) {
                srt_free(row->key);
            }
            srt_free(row);
        }
        row = next;
    }
}

void state_table_destroy(struct state_table *table)
{
    if (!table) {
        return;
    }
    free_changes(table);
    for (size_t i = 0; i < table->slot_count; i++) {
        struct key *key = table->slots[i];
        if (!key) {
            continue;
        }
        for (uint32_t r = 0; r < key->count; r++) {
            struct row *row = key->rows[key->first + r];
            fini_cell(table, row);
            srt_free(row);
        }
        if (key->rows != key->few) {
            srt_free(key->rows);
        }
        srt_free(key);
    }
    due_heap_fini(&table->due);
    srt_free(table->slots);
    srt_free(table);
}

/* --- keys --- */

static struct key *find_key(struct state_table *table, const uint8_t *bytes, uint32_t len,
                            uint64_t hash)
{
    struct key *last = table->last;
    if (last && last->hash == hash && last->len == len && memcmp(last->bytes, bytes, len) == 0) {
        return last;
    }
    size_t mask = table->slot_count - 1;
    for (size_t i = hash & mask; table->slot_count > 0; i = (i + 1) & mask) {
        struct key *key = table->slots[i];
        if (!key) {
            return NULL;
        }
        if (key->hash == hash && key->len == len && memcmp(key->bytes, bytes, len) == 0) {
            table->last = key;
            return key;
        }
    }
    return NULL;
}

static void put_key(struct key **slots, size_t slot_count, struct key *key)
{
    size_t i = key->hash & (slot_count - 1);
    while (slots[i]) {
        i = (i + 1) & (slot_count - 1);
    }
    slots[i] = key;
}

static bool grow_slots(struct state_table *table)
{
    if ((table->key_count + 1) * 4 <= table->slot_count * 3) {
        return true;
    }
    size_t count = table->slot_count ? 2 * table->slot_count : 16;
    struct key **slots = srt_alloc(count * sizeof(struct key *));
    if (!slots) {
        return false;
    }
    memset(slots, 0, count * sizeof(struct key *));
    for (size_t i = 0; i < table->slot_count; i++) {
        if (table->slots[i]) {
            put_key(slots, count, table->slots[i]);
        }
    }
    table->bytes += (count - table->slot_count) * sizeof(struct key *);
    srt_free(table->slots);
    table->slots = slots;
    table->slot_count = count;
    return true;
}

static struct key *make_key(struct state_table *table, const uint8_t *bytes, uint32_t len,
                            uint64_t hash)
{
    struct key *key = grow_slots(table) ? srt_alloc(sizeof *key + len) : NULL;
    if (!key) {
        return NULL;
    }
    *key = (struct key){.hash = hash, .len = len, .cap = 1};
    key->rows = key->few;
    memcpy(key->bytes, bytes, len);
    put_key(table->slots, table->slot_count, key);
    table->key_count++;
    table->bytes += sizeof *key + len;
    return key;
}

/* Take a key without rows out of the table: close the gap, so that no probe stops early. */
static void unlink_key(struct state_table *table, struct key *key)
{
    size_t mask = table->slot_count - 1;
    size_t hole = key->hash & mask;
    while (table->slots[hole] != key) {
        hole = (hole + 1) & mask;
    }
    for (size_t i = (hole + 1) & mask; table->slots[i]; i = (i + 1) & mask) {
        size_t home = table->slots[i]->hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            table->slots[hole] = table->slots[i];
            hole = i;
        }
    }
    table->slots[hole] = NULL;
    table->key_count--;
    table->bytes -= sizeof *key + key->len;
    if (table->last == key) {
        table->last = NULL;
    }
    if (key->rows != key->few) {
        table->bytes -= key->cap * sizeof(struct row *);
        srt_free(key->rows);
        key->rows = key->few;
        key->cap = 1;
    }
    if (key->refs == 0) {
        srt_free(key); /* else its last tombstone does */
    }
}

/* --- rows of a key --- */

/* The place of the first row whose subkey is not below; *ret_found: it is equal. */
static uint32_t place_of(const struct state_table *table, const struct key *key,
                         const uint8_t *subkey, uint32_t len, bool *ret_found)
{
    uint32_t low = 0;
    uint32_t high = key->count;
    size_t at = subkey_at(table);
    *ret_found = false;
    while (low < high) {
        /* the last one first: what is new comes there */
        uint32_t mid = high == key->count ? high - 1 : low + (high - low) / 2;
        const struct row *row = key->rows[key->first + mid];
        int order = compare_bytes(row->bytes + at, row->subkey_len, subkey, len);
        if (order == 0) {
            *ret_found = true;
            return mid;
        }
        if (order < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static bool make_room(struct state_table *table, struct key *key)
{
    if (key->first + key->count < key->cap) {
        return true;
    }
    if (key->first > key->cap / 2) {
        memmove(key->rows, key->rows + key->first, key->count * sizeof(struct row *));
        key->first = 0;
        return true;
    }
    uint32_t cap = key->cap < 4 ? 4 : 2 * key->cap;
    struct row **rows = srt_alloc(cap * sizeof(struct row *));
    if (!rows) {
        return false;
    }
    memcpy(rows, key->rows + key->first, key->count * sizeof(struct row *));
    if (key->rows != key->few) {
        table->bytes -= key->cap * sizeof(struct row *);
        srt_free(key->rows);
    }
    table->bytes += cap * sizeof(struct row *);
    key->rows = rows;
    key->cap = cap;
    key->first = 0;
    return true;
}

static void insert_row(struct key *key, uint32_t place, struct row *row)
{
    struct row **at = key->rows + key->first + place;
    memmove(at + 1, at, (key->count - place) * sizeof(struct row *));
    *at = row;
    key->count++;
    key->refs++;
}

static void take_out_row(struct key *key, uint32_t place)
{
    struct row **at = key->rows + key->first + place;
    if (place == 0) {
        key->first++;
    } else {
        memmove(at, at + 1, (key->count - place - 1) * sizeof(struct row *));
    }
    key->count--;
    if (key->count == 0) {
        key->first = 0;
    }
}

static size_t row_bytes(const struct state_table *table, const struct row *row)
{
    return sizeof *row + table->codec.cell_bytes + row->subkey_len;
}

static struct row *make_row(struct state_table *table, struct key *key, uint32_t place,
                            const uint8_t *subkey, uint32_t subkey_len)
{
    if (!make_room(table, key) || !due_heap_reserve(&table->due)) {
        return NULL;
    }
    struct row *row = srt_alloc(sizeof *row + table->codec.cell_bytes + subkey_len);
    if (!row) {
        due_heap_unreserve(&table->due);
        return NULL;
    }
    *row = (struct row){.key = key, .subkey_len = (uint8_t)subkey_len};
    row->due = (struct due_item){.due_ms = STATE_NEVER_DUE, .place = DUE_NOWHERE};
    memset(row->bytes, 0, table->codec.cell_bytes);
    memcpy(row->bytes + subkey_at(table), subkey, subkey_len);
    insert_row(key, place, row);
    table->row_count++;
    table->bytes += row_bytes(table, row);
    return row;
}

/* --- changes --- */

static void note_change(struct state_table *table, struct row *row)
{
    if (!row->changed) {
        row->changed = true;
        row->change_next = NULL;
        *table->changes_end = row;
        table->changes_end = &row->change_next;
    }
}

static void free_row(struct state_table *table, struct row *row)
{
    (void)table;
    if (--row->key->refs == 0 && row->key->count == 0) {
        srt_free(row->key);
    }
    srt_free(row);
}

void state_table_take_changes(struct state_table *table, state_change_fn each, void *arg)
{
    struct row *row = table->changes;
    table->changes = NULL;
    table->changes_end = &table->changes;
    while (row) {
        struct row *next = row->change_next;
        struct state_row shown;
        row->changed = false;
        if (!row->removed || row->logged) {
            show(table, row, &shown);
            each(arg, &shown);
        }
        if (row->removed) {
            free_row(table, row);
        } else {
            row->logged = true;
        }
        row = next;
    }
}

bool state_table_has_changes(const struct state_table *table)
{
    return table->changes != NULL;
}

/* --- the heap of due rows --- */

static void set_due(struct state_table *table, struct row *row, int64_t due_ms)
{
    if (row->due.due_ms != due_ms) {
        due_heap_set(&table->due, &row->due, due_ms);
    }
}

static void count_heap_bytes(struct state_table *table, struct row *row)
{
    if (table->codec.heap_bytes) {
        uint32_t bytes = (uint32_t)table->codec.heap_bytes(table->codec.arg, row->bytes);
        table->bytes += (uint64_t)bytes - row->heap_bytes;
        row->heap_bytes = bytes;
    }
}

/* --- finding --- */

static struct row *find_row(struct state_table *table, const uint8_t *key_bytes, uint32_t key_len,
                            const uint8_t *subkey, uint32_t subkey_len, struct key **ret_key,
                            uint32_t *ret_place, uint64_t *ret_hash)
{
    *ret_hash = srt_hash(key_bytes, key_len, 0);
    struct key *key = find_key(table, key_bytes, key_len, *ret_hash);
    *ret_key = key;
    *ret_place = 0;
    if (!key) {
        return NULL;
    }
    bool found;
    *ret_place = place_of(table, key, subkey, subkey_len, &found);
    return found ? key->rows[key->first + *ret_place] : NULL;
}

bool state_table_get(struct state_table *table, const uint8_t *key, uint32_t key_len,
                     const uint8_t *subkey, uint32_t subkey_len, struct state_row *ret)
{
    struct key *found;
    uint32_t place;
    uint64_t hash;
    struct row *row = find_row(table, key, key_len, subkey, subkey_len, &found, &place, &hash);
    if (row) {
        show(table, row, ret);
    }
    return row != NULL;
}

static struct row *find_or_make(struct state_table *table, const uint8_t *key, uint32_t key_len,
                                const uint8_t *subkey, uint32_t subkey_len, bool *ret_made)
{
    srt_assert(key_len <= STATE_KEY_BYTES_MAX && subkey_len <= STATE_SUBKEY_BYTES_MAX);
    struct key *found;
    uint32_t place;
    uint64_t hash;
    struct row *row = find_row(table, key, key_len, subkey, subkey_len, &found, &place, &hash);
    *ret_made = row == NULL;
    if (row) {
        return row;
    }
    struct key *owner = found ? found : make_key(table, key, key_len, hash);
    row = owner ? make_row(table, owner, place, subkey, subkey_len) : NULL;
    if (!row && owner && !found) {
        unlink_key(table, owner);
    }
    return row;
}

int state_table_put(struct state_table *table, const uint8_t *key, uint32_t key_len,
                    const uint8_t *subkey, uint32_t subkey_len, struct state_row *ret,
                    bool *ret_made, struct srt_err *err)
{
    struct row *row = find_or_make(table, key, key_len, subkey, subkey_len, ret_made);
    if (!row) {
        return srt_fail(err, SRT_ENOMEM, "no memory for a row of state");
    }
    note_change(table, row);
    show(table, row, ret);
    return SRT_OK;
}

static struct row *row_of(const struct state_table *table, const struct state_row *row)
{
    (void)table;
    return (struct row *)((uint8_t *)row->cell - offsetof(struct row, bytes));
}

void state_table_touch(struct state_table *table, const struct state_row *shown, int64_t due_ms)
{
    struct row *row = row_of(table, shown);
    set_due(table, row, due_ms);
    count_heap_bytes(table, row);
    note_change(table, row);
}

static void remove_row(struct state_table *table, struct row *row)
{
    struct key *key = row->key;
    bool found;
    uint32_t place =
        place_of(table, key, row->bytes + subkey_at(table), row->subkey_len, &found);
    srt_assert(found);
    set_due(table, row, STATE_NEVER_DUE);
    due_heap_unreserve(&table->due);
    fini_cell(table, row);
    take_out_row(key, place);
    table->row_count--;
    table->bytes -= row_bytes(table, row) + row->heap_bytes;
    row->removed = true;
    bool keeps = row->changed || row->logged;
    if (keeps) {
        note_change(table, row);
    } else {
        key->refs--;
        srt_free(row);
    }
    if (key->count == 0) {
        unlink_key(table, key);
    }
}

void state_table_remove(struct state_table *table, const struct state_row *row)
{
    remove_row(table, row_of(table, row));
}

/* --- ranges --- */

bool state_table_first(struct state_table *table, const uint8_t *key, uint32_t key_len,
                       const uint8_t *subkey, uint32_t subkey_len, struct state_row *ret)
{
    struct key *found;
    uint32_t place;
    uint64_t hash;
    (void)find_row(table, key, key_len, subkey, subkey_len, &found, &place, &hash);
    if (!found || place == found->count) {
        return false;
    }
    show(table, found->rows[found->first + place], ret);
    return true;
}

bool state_table_last_before(struct state_table *table, const uint8_t *key, uint32_t key_len,
                             const uint8_t *subkey, uint32_t subkey_len, struct state_row *ret)
{
    struct key *found;
    uint32_t place;
    uint64_t hash;
    (void)find_row(table, key, key_len, subkey, subkey_len, &found, &place, &hash);
    if (!found || place == 0) {
        return false;
    }
    show(table, found->rows[found->first + place - 1], ret);
    return true;
}

bool state_table_next(struct state_table *table, const struct state_row *shown,
                      struct state_row *ret)
{
    struct row *row = row_of(table, shown);
    struct key *key = row->key;
    bool found;
    uint32_t place =
        place_of(table, key, row->bytes + subkey_at(table), row->subkey_len, &found);
    if (place + 1 >= key->count) {
        return false;
    }
    show(table, key->rows[key->first + place + 1], ret);
    return true;
}

/* --- due rows --- */

bool state_table_due(struct state_table *table, int64_t now_ms, struct state_row *ret)
{
    struct due_item *item = due_heap_first(&table->due);
    if (!item || item->due_ms > now_ms) {
        return false;
    }
    show(table, (struct row *)item, ret);
    return true;
}

int64_t state_table_last_due(struct state_table *table)
{
    return due_heap_last_ms(&table->due);
}

/* --- loading --- */

int state_table_load(struct state_table *table, const uint8_t *key, uint32_t key_len,
                     const uint8_t *subkey, uint32_t subkey_len, int64_t due_ms,
                     const uint8_t *data, size_t size, struct srt_err *err)
{
    struct state_row shown;
    if (state_table_get(table, key, key_len, subkey, subkey_len, &shown)) {
        struct row *old = row_of(table, &shown);
        old->logged = false; /* what was read is no change */
        remove_row(table, old);
    }
    if (!data) {
        return SRT_OK;
    }
    bool made;
    struct row *row = find_or_make(table, key, key_len, subkey, subkey_len, &made);
    if (!row) {
        return srt_fail(err, SRT_ENOMEM, "no memory for a row of state");
    }
    row->logged = true;
    int code = table->codec.decode(table->codec.arg, row->bytes, data, size, err);
    if (code != SRT_OK) {
        row->logged = false;
        remove_row(table, row);
        return code;
    }
    set_due(table, row, due_ms);
    count_heap_bytes(table, row);
    return SRT_OK;
}

/* --- what there is --- */

uint64_t state_table_row_count(const struct state_table *table)
{
    return table->row_count;
}

uint64_t state_table_key_count(const struct state_table *table)
{
    return table->key_count;
}

uint64_t state_table_bytes(const struct state_table *table)
{
    return table->bytes + due_heap_bytes(&table->due);
}

void state_table_each(struct state_table *table, state_change_fn each, void *arg)
{
    for (size_t i = 0; i < table->slot_count; i++) {
        struct key *key = table->slots[i];
        for (uint32_t r = 0; key && r < key->count; r++) {
            struct state_row shown;
            show(table, key->rows[key->first + r], &shown);
            each(arg, &shown);
        }
    }
}
