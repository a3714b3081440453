#include "base/list.h"
#include "support/cmocka_srt.h"

struct thing {
    int number;
    struct srt_list by_age; /* not the first member: container_of must reckon */
    struct srt_list by_name;
};

static int popped(struct srt_list *list)
{
    struct srt_list *node = srt_list_pop(list);
    return node ? srt_container_of(node, struct thing, by_age)->number : -1;
}

static void first_in_is_first_out(void **state)
{
    (void)state;
    struct srt_list list;
    srt_list_init(&list);
    assert_true(srt_list_empty(&list));
    assert_int_equal(popped(&list), -1);
    struct thing things[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    for (int i = 0; i < 3; i++) {
        srt_list_push(&list, &things[i].by_age);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(popped(&list), i);
    }
    assert_true(srt_list_empty(&list));
}

static void thing_may_be_on_two_lists(void **state)
{
    (void)state;
    struct srt_list ages;
    struct srt_list names;
    srt_list_init(&ages);
    srt_list_init(&names);
    struct thing thing = {.number = 5};
    srt_list_push(&ages, &thing.by_age);
    srt_list_push(&names, &thing.by_name);
    srt_list_remove(&thing.by_name);
    assert_true(srt_list_empty(&names));
    srt_list_remove(&thing.by_name); /* harmless when on no list */
    assert_int_equal(popped(&ages), 5);
}

static void loop_body_may_remove_its_node(void **state)
{
    (void)state;
    struct srt_list list;
    srt_list_init(&list);
    struct thing things[5];
    for (int i = 0; i < 5; i++) {
        things[i].number = i;
        srt_list_push(&list, &things[i].by_age);
    }
    srt_list_for_each_safe(node, &list) {
        if (srt_container_of(node, struct thing, by_age)->number % 2 == 0) {
            srt_list_remove(node);
        }
    }
    int sum = 0;
    srt_list_for_each(node, &list) {
        sum = 10 * sum + srt_container_of(node, struct thing, by_age)->number;
    }
    assert_int_equal(sum, 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_is_first_out),
        cmocka_unit_test(thing_may_be_on_two_lists),
        cmocka_unit_test(loop_body_may_remove_its_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
