/* A table against a plain grid of all its possible rows, compared after each step. Every key and
 * subkey that can be is in a sorted list, so that the grid's order is the table's. */
#include <errno.h>
#include <stdio.h>

#include "base/fault.h"
#include "base/rng.h"
#include "table_fixture.h"

enum { NAMES_MAX = 1500, GRID_MAX = 1600, NAME_BYTES_MAX = 12, DUE_TIMES = 7, NOTHING = -1 };

struct name {
    uint8_t bytes[NAME_BYTES_MAX];
    uint32_t len;
};

struct square {
    bool live;
    bool logged; /* the changelog has it */
    bool changed;
    bool tombstone; /* a logged row was removed since the changes were taken */
    int64_t number;
    int64_t due_ms;
    uint8_t heap_size;
};

static struct world {
    struct srt_rng rng;
    struct state_table *table;
    int keys;
    int subkeys;
    struct name key[NAMES_MAX];
    struct name subkey[NAMES_MAX];
    struct square grid[GRID_MAX]; /* [key][subkey] */
    bool faults;                  /* every allocation fails once */
    uint64_t failed;
    uint64_t told;
    uint64_t tombstones;
} w;

static char now[120]; /* which run and step, for a failure */

static int below(int limit)
{
    return (int)srt_rng_below(&w.rng, (uint64_t)limit);
}

/* --- the grid --- */

static struct square *square_at(int place)
{
    return place == NOTHING ? NULL : &w.grid[place];
}

static const struct name *key_at(int place)
{
    return &w.key[place / w.subkeys];
}

static const struct name *subkey_at(int place)
{
    return &w.subkey[place % w.subkeys];
}

static int squares(void)
{
    return w.keys * w.subkeys;
}

static int live_from(int place, int end)
{
    while (place < end && !w.grid[place].live) {
        place++;
    }
    return place < end ? place : NOTHING;
}

static int live_before(int place, int start)
{
    while (--place >= start && !w.grid[place].live) {
    }
    return place >= start ? place : NOTHING;
}

static int random_live(void)
{
    int from = below(squares());
    int found = live_from(from, squares());
    return found == NOTHING ? live_from(0, from) : found;
}

/* The grid is in the order of (key, subkey), so the first of the earliest comes first. */
static int first_due(void)
{
    int first = NOTHING;
    for (int i = 0; i < squares(); i++) {
        const struct square *s = &w.grid[i];
        if (s->live && s->due_ms != STATE_NEVER_DUE &&
            (first == NOTHING || s->due_ms < w.grid[first].due_ms)) {
            first = i;
        }
    }
    return first;
}

static int64_t last_due(void)
{
    int64_t last = INT64_MIN;
    for (int i = 0; i < squares(); i++) {
        const struct square *s = &w.grid[i];
        if (s->live && s->due_ms != STATE_NEVER_DUE && s->due_ms > last) {
            last = s->due_ms;
        }
    }
    return last;
}

/* --- comparing --- */

static bool is_name(const struct name *name, const uint8_t *bytes, uint32_t len)
{
    return name->len == len && (len == 0 || memcmp(name->bytes, bytes, len) == 0);
}

static void check_row(const struct state_row *row, int place)
{
    const struct square *s = square_at(place);
    const struct test_cell *cell = row->cell;
    assert_true(is_name(key_at(place), row->key, row->key_len));
    assert_true(is_name(subkey_at(place), row->subkey, row->subkey_len));
    assert_int_equal(row->due_ms, s->due_ms);
    assert_non_null(cell);
    assert_int_equal(cell->number, s->number);
    assert_int_equal(cell->heap_size, s->heap_size);
}

static void check_found(bool found, const struct state_row *row, int place)
{
    assert_int_equal(found, place != NOTHING);
    if (found) {
        check_row(row, place);
    }
}

static bool get(int place, struct state_row *ret)
{
    const struct name *key = key_at(place);
    const struct name *subkey = subkey_at(place);
    return state_table_get(w.table, key->bytes, key->len, subkey->bytes, subkey->len, ret);
}

static void count_row(void *arg, const struct state_row *row)
{
    assert_non_null(row->cell);
    ++*(uint64_t *)arg;
}

static void check_all(void)
{
    uint64_t rows = 0;
    uint64_t keys = 0;
    bool changes = false;
    for (int k = 0; k < w.keys; k++) {
        bool any = false;
        for (int place = k * w.subkeys; place < (k + 1) * w.subkeys; place++) {
            struct state_row row;
            const struct square *s = &w.grid[place];
            check_found(get(place, &row), &row, s->live ? place : NOTHING);
            rows += s->live;
            any = any || s->live;
            changes = changes || s->changed || s->tombstone;
        }
        keys += any;
    }
    uint64_t seen = 0;
    state_table_each(w.table, count_row, &seen);
    assert_int_equal(seen, rows);
    assert_int_equal(state_table_row_count(w.table), rows);
    assert_int_equal(state_table_key_count(w.table), keys);
    assert_int_equal(state_table_has_changes(w.table), changes);
    assert_int_equal(state_table_last_due(w.table), last_due());
    struct state_row row;
    int due = first_due();
    check_found(state_table_due(w.table, STATE_NEVER_DUE - 1, &row), &row, due);
    if (due != NOTHING) {
        assert_false(state_table_due(w.table, w.grid[due].due_ms - 1, &row));
        assert_true(state_table_due(w.table, w.grid[due].due_ms, &row));
    }
}

/* --- steps --- */

/* True while an allocation is to fail before the step succeeds; the table is then as it was. */
static bool fails(int code, int *n)
{
    srt_fault_disarm();
    if (code == SRT_OK) {
        return false;
    }
    assert_int_equal(code, SRT_ENOMEM);
    assert_true(w.faults);
    check_all();
    w.failed++;
    ++*n;
    return true;
}

static void arm(int n, enum srt_fault_action action)
{
    if (w.faults) {
        srt_fault_arm(SRT_FAULT_alloc, (uint64_t)n, action, ENOMEM);
    }
}

static int64_t random_due(void)
{
    int pick = below(DUE_TIMES + 1);
    return pick == DUE_TIMES ? STATE_NEVER_DUE : pick * 1000 - 2000;
}

static void touch(struct state_row *row, int place)
{
    struct square *s = square_at(place);
    struct test_cell *cell = row->cell;
    cell->number = s->number = (int64_t)srt_rng_next(&w.rng);
    if (below(3) == 0) {
        s->heap_size = (uint8_t)below(200);
        assert_int_equal(test_cell_set_heap(cell, s->heap_size), SRT_OK);
    }
    s->due_ms = below(3) == 0 ? s->due_ms : random_due();
    state_table_touch(w.table, row, s->due_ms);
    s->changed = true;
}

static void put(int place)
{
    const struct name *key = key_at(place);
    const struct name *subkey = subkey_at(place);
    struct square *s = square_at(place);
    struct state_row row;
    struct srt_err err;
    bool made;
    int code;
    int n = 1;
    do {
        arm(n, SRT_FAULT_ERRNO);
        code = state_table_put(w.table, key->bytes, key->len, subkey->bytes, subkey->len, &row,
                               &made, &err);
    } while (fails(code, &n));
    assert_int_equal(made, !s->live);
    if (made) {
        *s = (struct square){.live = true, .due_ms = STATE_NEVER_DUE, .tombstone = s->tombstone};
    }
    s->changed = true;
    check_row(&row, place);
    if (below(8) > 0) {
        touch(&row, place);
    }
}

static void note_removed(struct square *s, bool by_us)
{
    bool tombstone = s->tombstone || (by_us && s->logged);
    *s = (struct square){.tombstone = tombstone};
}

static void take_out(int place)
{
    struct state_row row;
    assert_true(get(place, &row));
    arm(1, SRT_FAULT_ERRNO_FROM_THEN_ON); /* it needs no memory */
    state_table_remove(w.table, &row);
    srt_fault_disarm();
    note_removed(square_at(place), true);
}

static void take_due(void)
{
    struct state_row row;
    int due = first_due();
    check_found(state_table_due(w.table, 2000, &row), &row,
                due != NOTHING && w.grid[due].due_ms <= 2000 ? due : NOTHING);
    if (due != NOTHING && w.grid[due].due_ms <= 2000) {
        state_table_remove(w.table, &row);
        note_removed(square_at(due), true);
    }
}

static int load(int place, int64_t due_ms, const uint8_t *data, size_t size)
{
    const struct name *key = key_at(place);
    const struct name *subkey = subkey_at(place);
    struct srt_err err;
    int n = 1;
    int code;
    do {
        arm(n, SRT_FAULT_ERRNO);
        code = state_table_load(w.table, key->bytes, key->len, subkey->bytes, subkey->len, due_ms,
                                data, size, &err);
        if (code == SRT_ECORRUPT) {
            srt_fault_disarm();
            break;
        }
    } while (fails(code, &n));
    return code;
}

static void load_something(int place)
{
    struct square *s = square_at(place);
    uint8_t data[TEST_CELL_BYTES];
    struct square fresh = {.live = true, .logged = true, .tombstone = s->tombstone};
    switch (below(4)) {
    case 0:
        assert_int_equal(load(place, 0, NULL, 0), SRT_OK);
        note_removed(s, false);
        break;
    case 1: /* damage changes nothing */
        assert_int_equal(load(place, 0, data, (size_t)below(TEST_CELL_BYTES)), SRT_ECORRUPT);
        break;
    default:
        fresh.number = below(1000);
        fresh.heap_size = (uint8_t)below(100);
        fresh.due_ms = random_due();
        test_cell_write(data, fresh.number, fresh.heap_size);
        assert_int_equal(load(place, fresh.due_ms, data, sizeof data), SRT_OK);
        *s = fresh;
    }
}

/* From any place, which need not be a row, to the end of its key. */
static void walk(int place)
{
    const struct name *key = key_at(place);
    const struct name *subkey = subkey_at(place);
    int start = place / w.subkeys * w.subkeys;
    int end = start + w.subkeys;
    struct state_row row;
    check_found(state_table_last_before(w.table, key->bytes, key->len, subkey->bytes, subkey->len,
                                        &row),
                &row, live_before(place, start));
    int at = live_from(place, end);
    bool found = state_table_first(w.table, key->bytes, key->len, subkey->bytes, subkey->len, &row);
    check_found(found, &row, at);
    for (int steps = below(30); found && steps > 0; steps--) {
        at = live_from(at + 1, end);
        found = state_table_next(w.table, &row, &row);
        check_found(found, &row, at);
    }
}

static int find_place(const struct state_row *row)
{
    for (int i = 0; i < squares(); i++) {
        if (is_name(key_at(i), row->key, row->key_len) &&
            is_name(subkey_at(i), row->subkey, row->subkey_len)) {
            return i;
        }
    }
    fail_msg("a change of a row that cannot be");
    return NOTHING;
}

static void take_change(void *arg, const struct state_row *row)
{
    (void)arg;
    int place = find_place(row);
    struct square *s = square_at(place);
    w.told++;
    if (row->cell) {
        assert_true(s->live && s->changed);
        assert_false(s->tombstone); /* which is told first */
        check_row(row, place);
        s->changed = false;
        s->logged = true;
    } else {
        assert_true(s->tombstone);
        assert_int_equal(row->due_ms, STATE_NEVER_DUE);
        s->tombstone = false;
        w.tombstones++;
    }
}

static void take_changes(void)
{
    state_table_take_changes(w.table, take_change, NULL);
    for (int i = 0; i < squares(); i++) {
        assert_false(w.grid[i].changed || w.grid[i].tombstone);
    }
}

/* --- runs --- */

static int compare_names(const void *a, const void *b)
{
    const struct name *x = a;
    const struct name *y = b;
    for (uint32_t i = 0; i < x->len && i < y->len; i++) {
        if (x->bytes[i] != y->bytes[i]) {
            return x->bytes[i] < y->bytes[i] ? -1 : 1;
        }
    }
    return x->len < y->len ? -1 : x->len > y->len;
}

/* The empty one, ones that begin others, and zero bytes are among them. */
static void make_names(struct name *names, int count)
{
    int have = 0;
    while (have < count) {
        struct name fresh = {.len = have == 0 ? 0 : (uint32_t)below(NAME_BYTES_MAX + 1)};
        for (uint32_t i = 0; i < fresh.len; i++) {
            fresh.bytes[i] = below(2) ? (uint8_t)below(3) : (uint8_t)below(256);
        }
        bool is_new = true;
        for (int i = 0; i < have && is_new; i++) {
            is_new = compare_names(&names[i], &fresh) != 0;
        }
        if (is_new) {
            names[have++] = fresh;
        }
    }
    qsort(names, (size_t)count, sizeof *names, compare_names);
}

static void step(int fullness)
{
    int place = below(squares());
    int what = below(100);
    if (what < 70) {
        int live = random_live();
        if (below(100) < fullness) {
            put(place);
        } else if (live != NOTHING) {
            take_out(live);
        }
    } else if (what < 76) {
        take_due();
    } else if (what < 86) {
        if (!w.grid[place].tombstone) {
            load_something(place);
        }
    } else if (what < 97) {
        walk(place);
    } else {
        take_changes();
    }
}

static void run(uint64_t seed, int keys, int subkeys, int steps, bool faults)
{
    memset(&w, 0, sizeof w);
    srt_rng_init(&w.rng, seed);
    w.keys = keys;
    w.subkeys = subkeys;
    w.faults = faults;
    make_names(w.key, keys);
    make_names(w.subkey, subkeys);
    w.table = state_table_create(&test_codec);
    uint64_t empty_bytes = state_table_bytes(w.table);
    int fullness = 90;
    for (int i = 0; i < steps; i++) {
        snprintf(now, sizeof now, "seed %llu, %d keys, %d subkeys, faults %d, step %d",
                 (unsigned long long)seed, keys, subkeys, faults, i);
        if (i % (steps / 6) == 0) { /* it fills, empties, and stays as it is by turns */
            fullness = i == 0 ? 100 : 20 + below(3) * 35;
        }
        step(fullness);
        check_all();
    }
    for (int live; (live = random_live()) != NOTHING;) {
        take_out(live);
    }
    take_changes();
    check_all();
    assert_true(w.told > 0 && w.tombstones > 0 && (w.failed > 0) == faults);
    assert_int_equal(state_table_bytes(w.table), empty_bytes);
    /* and once more with rows, changes and tombstones in it, for the leak checker */
    for (int i = 0; i < squares(); i++) {
        put(i);
    }
    take_changes();
    for (int i = 0; i < squares(); i += 2) {
        take_out(i);
        put(i);
        take_out(i);
    }
    state_table_destroy(w.table);
    now[0] = '\0';
}

static void a_table_is_like_the_grid(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        run(seed, 3, 1, 2000, false);
        run(seed, 30, 40, 2000, false);
        run(seed, 1, 1500, 4000, false);
        run(seed, 800, 2, 3000, false);
    }
}

static void it_is_as_before_when_memory_is_out(void **state)
{
    (void)state;
    run(11, 3, 4, 2000, true);
    run(12, 25, 40, 2000, true);
    run(13, 1, 1400, 3000, true);
    run(14, 700, 1, 2000, true);
}

static int say_where(void **state)
{
    (void)state;
    srt_fault_disarm();
    if (now[0]) {
        print_error("at %s\n", now);
        now[0] = '\0';
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_table_is_like_the_grid, say_where),
        cmocka_unit_test_teardown(it_is_as_before_when_memory_is_out, say_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
