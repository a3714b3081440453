#include "pipeline/item.h"
#include "support/cmocka_srt.h"

#include <stdio.h>

static void key_groups_are_fixed_and_spread(void **state)
{
    (void)state;
    uint32_t hits[ITEM_KEY_GROUP_COUNT] = {0};
    for (int i = 0; i < 12800; i++) {
        char key[16];
        int len = snprintf(key, sizeof key, "key-%d", i);
        uint32_t group = item_key_group((const uint8_t *)key, len);
        assert_true(group < ITEM_KEY_GROUP_COUNT);
        hits[group]++;
    }
    for (size_t i = 0; i < ITEM_KEY_GROUP_COUNT; i++) {
        assert_in_range(hits[i], 50, 150);
    }
    /* State is stored by these: they never change. XXH3("abc") = 0x78af5f94892f3950. */
    assert_int_equal(item_key_group((const uint8_t *)"abc", 3), 0x50);
    assert_int_equal(item_key_group(NULL, RECORD_ABSENT), item_key_group((const uint8_t *)"", 0));
}

static void groups_are_dealt_out_to_all_tasks_in_order(void **state)
{
    (void)state;
    for (uint32_t tasks = 1; tasks <= 7; tasks++) {
        uint32_t last = 0;
        for (uint32_t group = 0; group < ITEM_KEY_GROUP_COUNT; group++) {
            uint32_t task = item_task_of_group(group, tasks);
            assert_in_range(task, last, last + 1);
            last = task;
        }
        assert_int_equal(last, tasks - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_groups_are_fixed_and_spread),
        cmocka_unit_test(groups_are_dealt_out_to_all_tasks_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
