/* What a table promises, one thing at a time; test_table_model.c has the rest. The forms of the
 * lists behind it (row_list.c, ptr_array.c) and the index of keys (key_index.c) are met by size. */
#include <time.h>

#include "base/buf.h"
#include "base/hash.h"
#include "state/key_index.h"
#include "table_fixture.h"

/* What was told, as "key/subkey=number " or "key/subkey- ". */
struct told {
    struct srt_buf text;
};

static void tell(void *arg, const struct state_row *row)
{
    struct told *told = arg;
    srt_buf_put(&told->text, row->key, row->key_len);
    srt_buf_put_str(&told->text, "/");
    srt_buf_put(&told->text, row->subkey, row->subkey_len);
    if (row->cell) {
        srt_buf_printf(&told->text, "=%lld ", (long long)((struct test_cell *)row->cell)->number);
    } else {
        srt_buf_put_str(&told->text, "- ");
    }
}

static void check_changes(struct state_table *table, const char *expected)
{
    struct told told = {0};
    state_table_take_changes(table, tell, &told);
    assert_string_equal(srt_buf_cstr(&told.text), expected);
    srt_buf_fini(&told.text);
    assert_false(state_table_has_changes(table));
}

static const uint8_t *bytes_of(const char *text)
{
    return (const uint8_t *)text;
}

static bool get(struct state_table *table, const char *key, const char *subkey,
                struct state_row *ret)
{
    return state_table_get(table, bytes_of(key), (uint32_t)strlen(key), bytes_of(subkey),
                           (uint32_t)strlen(subkey), ret);
}

static void set(struct state_table *table, const char *key, const char *subkey, int64_t number,
                int64_t due_ms)
{
    struct state_row row;
    struct srt_err err;
    bool made;
    assert_ok(state_table_put(table, bytes_of(key), (uint32_t)strlen(key), bytes_of(subkey),
                              (uint32_t)strlen(subkey), &row, &made, &err),
              &err);
    ((struct test_cell *)row.cell)->number = number;
    state_table_touch(table, &row, due_ms);
}

static void drop(struct state_table *table, const char *key, const char *subkey)
{
    struct state_row row;
    assert_true(get(table, key, subkey, &row));
    state_table_remove(table, &row);
}

static void load(struct state_table *table, const char *key, const char *subkey, int64_t number)
{
    struct srt_err err;
    uint8_t data[TEST_CELL_BYTES];
    test_cell_write(data, number, 5);
    assert_ok(state_table_load(table, bytes_of(key), (uint32_t)strlen(key), bytes_of(subkey),
                               (uint32_t)strlen(subkey), 7, data, sizeof data, &err),
              &err);
}

/* --- due rows --- */

static void due_rows_come_by_time_then_key_then_subkey(void **state)
{
    (void)state;
    static const char *const expected[] = {"a/1",  "b/",  "/9",  "/99", "a/0",
                                           "a/00", "ab/", "b/0", "b/1"};
    struct state_table *table = state_table_create(&test_codec);
    struct state_row row;
    set(table, "b", "1", 0, 20);
    set(table, "b", "0", 0, 20);
    set(table, "", "99", 0, 20);
    set(table, "a", "00", 0, 20);
    set(table, "ab", "", 0, 20);
    set(table, "a", "0", 0, 20);
    set(table, "", "9", 0, 20);
    set(table, "b", "", 0, 10);
    set(table, "a", "1", 0, -10);
    set(table, "c", "", 0, STATE_NEVER_DUE);
    assert_false(state_table_due(table, -11, &row));
    assert_int_equal(state_table_last_due(table), 20);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        struct told told = {0};
        assert_true(state_table_due(table, 20, &row));
        tell(&told, &row);
        size_t len = strlen(expected[i]);
        assert_memory_equal(srt_buf_cstr(&told.text), expected[i], len);
        assert_int_equal(told.text.data[len], '=');
        srt_buf_fini(&told.text);
        state_table_remove(table, &row);
    }
    assert_false(state_table_due(table, STATE_NEVER_DUE - 1, &row));
    assert_int_equal(state_table_last_due(table), INT64_MIN);
    assert_int_equal(state_table_row_count(table), 1);
    state_table_destroy(table);
}

/* --- changes --- */

static void a_change_is_told_once(void **state)
{
    (void)state;
    struct state_table *table = state_table_create(&test_codec);
    check_changes(table, "");
    set(table, "a", "", 1, 5);
    set(table, "a", "", 2, 6);
    assert_true(state_table_has_changes(table));
    check_changes(table, "a/=2 ");
    check_changes(table, "");
    state_table_destroy(table);
}

static void what_comes_and_goes_between_is_left_out_and_takes_no_memory(void **state)
{
    (void)state;
    struct state_table *table = state_table_create(&test_codec);
    uint64_t empty = state_table_bytes(table);
    set(table, "a", "x", 1, 5);
    drop(table, "a", "x");
    assert_false(state_table_has_changes(table));
    assert_int_equal(state_table_bytes(table), empty);
    check_changes(table, "");
    state_table_destroy(table);
}

static void a_row_that_was_told_leaves_a_tombstone(void **state)
{
    (void)state;
    struct state_table *table = state_table_create(&test_codec);
    uint64_t empty = state_table_bytes(table);
    set(table, "a", "x", 1, 5);
    check_changes(table, "a/x=1 ");
    set(table, "a", "x", 2, 5);
    drop(table, "a", "x");
    struct state_row row;
    assert_false(get(table, "a", "x", &row));
    assert_int_equal(state_table_key_count(table), 0);
    assert_true(state_table_bytes(table) > empty);
    check_changes(table, "a/x- ");
    assert_int_equal(state_table_bytes(table), empty);
    state_table_destroy(table);
}

static void removed_and_made_again_is_told_twice_in_order(void **state)
{
    (void)state;
    struct state_table *table = state_table_create(&test_codec);
    set(table, "a", "x", 1, 5);
    check_changes(table, "a/x=1 ");
    drop(table, "a", "x");
    set(table, "a", "x", 2, 5);
    drop(table, "a", "x");
    set(table, "a", "x", 3, 5);
    check_changes(table, "a/x- a/x=3 ");
    drop(table, "a", "x");
    set(table, "a", "x", 4, 5);
    drop(table, "a", "x");
    check_changes(table, "a/x- ");
    state_table_destroy(table);
}

/* --- loading --- */

static void what_is_loaded_is_no_change_but_its_end_is(void **state)
{
    (void)state;
    struct state_table *table = state_table_create(&test_codec);
    struct srt_err err;
    struct state_row row;
    load(table, "a", "", 1);
    load(table, "a", "", 2);
    load(table, "b", "", 3);
    assert_ok(state_table_load(table, bytes_of("b"), 1, NULL, 0, 0, NULL, 0, &err), &err);
    assert_ok(state_table_load(table, bytes_of("c"), 1, NULL, 0, 0, NULL, 0, &err), &err);
    assert_int_equal(state_table_row_count(table), 1);
    assert_true(get(table, "a", "", &row));
    assert_int_equal(((struct test_cell *)row.cell)->number, 2);
    assert_true(state_table_due(table, 7, &row));
    check_changes(table, "");
    drop(table, "a", "");
    check_changes(table, "a/- ");
    state_table_destroy(table);
}

static void a_damaged_row_leaves_what_is_there(void **state)
{
    (void)state;
    struct state_table *table = state_table_create(&test_codec);
    struct srt_err err;
    struct state_row row;
    load(table, "a", "", 1);
    uint64_t bytes = state_table_bytes(table);
    for (size_t size = 0; size < TEST_CELL_BYTES; size++) {
        const uint8_t data[TEST_CELL_BYTES] = {0};
        assert_int_equal(
            state_table_load(table, bytes_of("a"), 1, NULL, 0, 9, data, size, &err), SRT_ECORRUPT);
        assert_int_equal(
            state_table_load(table, bytes_of("b"), 1, NULL, 0, 9, data, size, &err), SRT_ECORRUPT);
    }
    assert_true(get(table, "a", "", &row));
    assert_int_equal(((struct test_cell *)row.cell)->number, 1);
    assert_int_equal(row.due_ms, 7);
    assert_int_equal(state_table_row_count(table), 1);
    assert_int_equal(state_table_bytes(table), bytes);
    state_table_destroy(table);
}

/* --- many rows of one key --- */

static struct state_row put_number(struct state_table *table, uint64_t number)
{
    struct state_row row;
    struct srt_err err;
    bool made;
    uint8_t subkey[8];
    srt_put_be64(subkey, number);
    assert_ok(state_table_put(table, bytes_of("key"), 3, subkey, sizeof subkey, &row, &made, &err),
              &err);
    assert_true(made);
    return row;
}

static uint64_t number_of(const struct state_row *row)
{
    assert_int_equal(row->subkey_len, 8);
    return srt_get_be64(row->subkey);
}

/* Without quadratic time: moving all rows behind each new one would take half a minute. */
enum { MANY = 300000, SECONDS_MAX = 8 };

typedef uint64_t order_fn(uint64_t i);

static uint64_t appended(uint64_t i)
{
    return i;
}

static uint64_t prepended(uint64_t i)
{
    return MANY - 1 - i;
}

/* 0, the last, 1, the last but one ...: each between those before and those behind. */
static uint64_t in_the_middle(uint64_t i)
{
    return i % 2 ? MANY - 1 - i / 2 : i / 2;
}

/* Odd multiplier, MANY is not a multiple of it: each number once, all over. */
static uint64_t anywhere(uint64_t i)
{
    return i * 7919 % MANY;
}

static void check_many(struct state_table *table)
{
    struct state_row row;
    bool found = state_table_first(table, bytes_of("key"), 3, NULL, 0, &row);
    uint64_t count = 0;
    while (found) {
        assert_int_equal(number_of(&row), count);
        found = state_table_next(table, &row, &row);
        count++;
    }
    assert_int_equal(count, MANY);
}

static void put_and_remove_many(order_fn *order, order_fn *removal)
{
    struct state_table *table = state_table_create(&test_codec);
    uint64_t empty = state_table_bytes(table);
    clock_t start = clock();
    for (uint64_t i = 0; i < MANY; i++) {
        put_number(table, order(i));
    }
    check_many(table);
    /* 48 bytes and a subkey and a cell, and less than three pointers for each */
    assert_true(state_table_bytes(table) < MANY * UINT64_C(130));
    for (uint64_t i = 0; i < MANY; i++) {
        struct state_row row;
        uint8_t subkey[8];
        srt_put_be64(subkey, removal(i));
        assert_true(state_table_get(table, bytes_of("key"), 3, subkey, sizeof subkey, &row));
        state_table_remove(table, &row);
    }
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    assert_true(seconds < SECONDS_MAX);
    assert_int_equal(state_table_bytes(table), empty);
    state_table_destroy(table);
}

static void a_key_may_have_many_rows(void **state)
{
    (void)state;
    put_and_remove_many(appended, appended);
    put_and_remove_many(prepended, in_the_middle);
    put_and_remove_many(in_the_middle, prepended);
    put_and_remove_many(anywhere, anywhere);
}

static void going_on_at_the_end_takes_no_more_memory_than_what_is_there(void **state)
{
    (void)state;
    struct state_table *table = state_table_create(&test_codec);
    struct state_row row;
    uint64_t most = 0;
    for (uint64_t i = 0; i < 100000; i++) {
        put_number(table, i);
        if (i >= 1000) {
            assert_true(state_table_first(table, bytes_of("key"), 3, NULL, 0, &row));
            assert_int_equal(number_of(&row), i - 1000);
            state_table_remove(table, &row);
        }
        most = state_table_bytes(table) > most ? state_table_bytes(table) : most;
    }
    assert_true(most < 1001 * UINT64_C(160));
    state_table_destroy(table);
}

/* --- the keys of one task --- */

/* A task has keys of some key groups only, which are the lowest bits of their hash. */
static void keys_of_one_key_group_do_not_crowd(void **state)
{
    (void)state;
    enum { KEYS = 4000, GROUPS = 128 };
    struct key_index index = {0};
    uint64_t hashes[KEYS];
    struct table_key *keys[KEYS];
    uint64_t number = 0;
    for (int i = 0; i < KEYS; number++) {
        uint64_t hash = srt_hash(&number, sizeof number, 0);
        if (hash % GROUPS == 0) {
            struct table_key *key = srt_xcalloc(1, sizeof *key + sizeof number);
            key->len = sizeof number;
            memcpy(key->bytes, &number, sizeof number);
            assert_true(key_index_reserve(&index));
            key_index_put(&index, key, hash);
            keys[i] = key;
            hashes[i++] = hash;
        }
    }
    size_t longest = 0;
    size_t run = 0;
    for (size_t i = 0; i < index.slot_count; i++) {
        run = index.slots[i].key ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    assert_true(longest < 100);
    for (int i = 0; i < KEYS; i++) {
        assert_ptr_equal(key_index_find(&index, keys[i]->bytes, keys[i]->len, hashes[i]), keys[i]);
        key_index_remove(&index, keys[i], hashes[i]);
        assert_null(key_index_find(&index, keys[i]->bytes, keys[i]->len, hashes[i]));
        srt_free(keys[i]);
    }
    assert_int_equal(key_index_bytes(&index), 0);
    key_index_fini(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(due_rows_come_by_time_then_key_then_subkey),
        cmocka_unit_test(a_change_is_told_once),
        cmocka_unit_test(what_comes_and_goes_between_is_left_out_and_takes_no_memory),
        cmocka_unit_test(a_row_that_was_told_leaves_a_tombstone),
        cmocka_unit_test(removed_and_made_again_is_told_twice_in_order),
        cmocka_unit_test(what_is_loaded_is_no_change_but_its_end_is),
        cmocka_unit_test(a_damaged_row_leaves_what_is_there),
        cmocka_unit_test(a_key_may_have_many_rows),
        cmocka_unit_test(going_on_at_the_end_takes_no_more_memory_than_what_is_there),
        cmocka_unit_test(keys_of_one_key_group_do_not_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
