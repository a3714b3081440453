#include <stdio.h>

#include "base/map.h"
#include "base/rng.h"
#include "support/cmocka_srt.h"

static int values[1000];

static void empty_map_finds_and_removes_nothing(void **state)
{
    (void)state;
    struct srt_map map = {0};
    assert_null(srt_map_find_str(&map, "x"));
    assert_null(srt_map_remove_str(&map, "x"));
    size_t cursor = 0;
    void *value;
    assert_false(srt_map_next(&map, &cursor, NULL, NULL, &value));
    srt_map_fini(&map);
}

static void set_returns_what_was_there(void **state)
{
    (void)state;
    struct srt_map map;
    srt_map_init(&map);
    assert_null(srt_map_set_str(&map, "a", &values[1]));
    assert_ptr_equal(srt_map_set_str(&map, "a", &values[2]), &values[1]);
    assert_int_equal(map.used, 1);
    assert_ptr_equal(srt_map_find_str(&map, "a"), &values[2]);
    assert_ptr_equal(srt_map_remove_str(&map, "a"), &values[2]);
    assert_null(srt_map_find_str(&map, "a"));
    assert_int_equal(map.used, 0);
    expect_assert_failure(srt_map_set_str(&map, "a", NULL));
    srt_map_fini(&map);
}

static void keys_are_bytes_and_are_copied(void **state)
{
    (void)state;
    struct srt_map map;
    srt_map_init(&map);
    char key[3] = {'a', '\0', 'b'};
    srt_map_set(&map, key, 3, &values[1]);
    srt_map_set(&map, key, 2, &values[2]);
    srt_map_set(&map, key, 0, &values[3]); /* the empty key is a key */
    key[0] = 'x';
    assert_null(srt_map_find(&map, key, 3));
    assert_ptr_equal(srt_map_find(&map, "a\0b", 3), &values[1]);
    assert_ptr_equal(srt_map_find(&map, "a\0", 2), &values[2]);
    assert_ptr_equal(srt_map_find(&map, "", 0), &values[3]);
    srt_map_fini(&map);
}

enum { KEYS = 200, STEPS = 100000 };

static void key_text(char to[16], size_t i)
{
    snprintf(to, 16, "key-%zu", i);
}

static void check_against_model(const struct srt_map *map, void *const *model)
{
    size_t count = 0;
    for (size_t i = 0; i < KEYS; i++) {
        char key[16];
        key_text(key, i);
        assert_ptr_equal(srt_map_find_str(map, key), model[i]);
        count += model[i] != NULL;
    }
    assert_int_equal(map->used, count);
    size_t cursor = 0;
    const void *key;
    size_t key_len;
    void *value;
    size_t walked = 0;
    bool seen[KEYS] = {false};
    while (srt_map_next(map, &cursor, &key, &key_len, &value)) {
        char text[16] = "";
        memcpy(text, key, key_len);
        size_t i = (size_t)strtoul(text + 4, NULL, 10);
        assert_ptr_equal(value, model[i]);
        assert_false(seen[i]);
        seen[i] = true;
        walked++;
    }
    assert_int_equal(walked, count);
}

/* Random changes beside an array that does the same; mostly full and mostly empty in turns, so that
 * graves pile up and the table is rebuilt. */
static void behaves_like_an_array_of_its_keys(void **state)
{
    (void)state;
    struct srt_rng rng;
    srt_rng_init(&rng, 4711);
    struct srt_map map;
    srt_map_init(&map);
    void *model[KEYS] = {NULL};
    for (int step = 0; step < STEPS; step++) {
        size_t i = srt_rng_below(&rng, KEYS);
        char key[16];
        key_text(key, i);
        bool filling = (step / 5000) % 2 == 0;
        if (srt_rng_below(&rng, 10) < (filling ? 8 : 2)) {
            void *value = &values[srt_rng_below(&rng, 1000)];
            assert_ptr_equal(srt_map_set_str(&map, key, value), model[i]);
            model[i] = value;
        } else {
            assert_ptr_equal(srt_map_remove_str(&map, key), model[i]);
            model[i] = NULL;
        }
        if (step % 1000 == 0) {
            check_against_model(&map, model);
        }
    }
    check_against_model(&map, model);
    assert_true(map.cap <= 4 * KEYS); /* graves do not make it grow for ever */
    srt_map_fini(&map);
}

int main(void)
{
    cmocka_srt_catch_panics();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_map_finds_and_removes_nothing),
        cmocka_unit_test(set_returns_what_was_there),
        cmocka_unit_test(keys_are_bytes_and_are_copied),
        cmocka_unit_test(behaves_like_an_array_of_its_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
