#include "aggregate_fixture.h"
#include "state/ordered_list.h"

static void a_list_has_a_bound(void **state)
{
    (void)state;
    struct ordered_list *list = NULL;
    struct ordered_list *other = NULL;
    struct srt_err err;
    size_t half = ORDERED_LIST_BYTES_MAX / 2;
    char *text = calloc(1, half + 1);
    memset(text, 'a', half);
    struct state_value value = value_text(text);
    struct aggregate_at at = {.offset = 1};
    assert_ok(ordered_list_add(&list, ORDERED_EARLIEST, 5, &value, NULL, &at, &err), &err);
    assert_int_equal(ordered_list_add(&list, ORDERED_EARLIEST, 5, &value, NULL, &at, &err),
                     SRT_ETOOBIG);
    assert_ok(ordered_list_add(&other, ORDERED_EARLIEST, 5, &value, NULL, &at, &err), &err);
    assert_int_equal(ordered_list_merge(&list, ORDERED_EARLIEST, 5, other, &err), SRT_ETOOBIG);
    assert_int_equal(ordered_list_count(list), 1);
    /* where one takes the other's place there is room */
    at.offset = 0;
    assert_ok(ordered_list_add(&list, ORDERED_EARLIEST, 1, &value, NULL, &at, &err), &err);
    assert_int_equal(ordered_list_count(list), 1);
    ordered_list_destroy(list);
    ordered_list_destroy(other);
    free(text);
}

static void the_last_value_takes_the_place_of_the_one_before(void **state)
{
    (void)state;
    struct ordered_list *list = NULL;
    struct srt_err err;
    for (int i = 0; i < 100; i++) {
        struct state_value value = i % 2 ? value_text("a text") : value_text("text");
        struct aggregate_at at = {.offset = i};
        assert_ok(ordered_list_add(&list, ORDERED_LATEST, 1, &value, NULL, &at, &err), &err);
        assert_int_equal(ordered_list_value(list, 0)->is.text.len, i % 2 ? 6 : 4);
        assert_true(ordered_list_bytes(list) < 200);
    }
    ordered_list_destroy(list);
}

int main(void)
{
    cmocka_srt_catch_panics();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_has_a_bound),
        cmocka_unit_test(the_last_value_takes_the_place_of_the_one_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
