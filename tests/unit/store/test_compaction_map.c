#include "store/compaction_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static struct compaction_key key_of(int number)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%d", number);
    return compaction_map_key((const uint8_t *)text, (size_t)len);
}

static void the_last_offset_of_a_key_is_found(void **state)
{
    (void)state;
    struct compaction_map map;
    compaction_map_init(&map, 1 << 16);
    for (int64_t offset = 0; offset < 30000; offset++) {
        assert_int_equal(compaction_map_put(&map, key_of((int)(offset % 7001)), offset), SRT_OK);
    }
    assert_int_equal(map.used, 7001);
    for (int k = 0; k < 7001; k++) {
        int64_t offset = compaction_map_find(&map, key_of(k));
        assert_true(offset >= 30000 - 7001 && offset % 7001 == k);
    }
    assert_int_equal(compaction_map_find(&map, key_of(7001)), -1);
    compaction_map_fini(&map);
}

static void an_empty_map_knows_no_key(void **state)
{
    (void)state;
    struct compaction_map map;
    compaction_map_init(&map, 64);
    assert_int_equal(compaction_map_find(&map, key_of(1)), -1);
    compaction_map_fini(&map);
}

static void a_full_map_takes_no_new_key_but_knows_the_old_ones(void **state)
{
    (void)state;
    struct compaction_map map;
    compaction_map_init(&map, 64);
    int count = 0;
    while (compaction_map_put(&map, key_of(count), count) == SRT_OK) {
        count++;
    }
    assert_int_equal(count, 48);
    assert_int_equal(compaction_map_put(&map, key_of(1000), 100), SRT_EAGAIN);
    assert_int_equal(compaction_map_put(&map, key_of(5), 100), SRT_OK);
    assert_int_equal(compaction_map_find(&map, key_of(5)), 100);
    assert_int_equal(compaction_map_find(&map, key_of(47)), 47);
    compaction_map_fini(&map);
}

/* 64 bits of two keys may agree; all 128 do not. */
static void keys_that_share_half_of_their_hash_are_two(void **state)
{
    (void)state;
    struct compaction_map map;
    compaction_map_init(&map, 64);
    struct compaction_key a = {7, 1};
    struct compaction_key b = {7, 2};
    assert_int_equal(compaction_map_put(&map, a, 10), SRT_OK);
    assert_int_equal(compaction_map_find(&map, b), -1);
    assert_int_equal(compaction_map_put(&map, b, 20), SRT_OK);
    assert_int_equal(compaction_map_find(&map, a), 10);
    assert_int_equal(compaction_map_find(&map, b), 20);
    compaction_map_fini(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_offset_of_a_key_is_found),
        cmocka_unit_test(an_empty_map_knows_no_key),
        cmocka_unit_test(a_full_map_takes_no_new_key_but_knows_the_old_ones),
        cmocka_unit_test(keys_that_share_half_of_their_hash_are_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
