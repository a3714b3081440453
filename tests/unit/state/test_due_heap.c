#include <errno.h>

#include "base/fault.h"
#include "base/rng.h"
#include "state/due_heap.h"
#include "support/cmocka_srt.h"

enum { ITEMS = 300 };

/* Items of the same time come in the order of their places in an array. */
static bool before(const struct due_item *a, const struct due_item *b)
{
    return a < b;
}

static void init_items(struct due_item *items, struct due_heap *heap)
{
    due_heap_init(heap, before);
    for (int i = 0; i < ITEMS; i++) {
        items[i] = (struct due_item){.due_ms = DUE_NEVER, .place = DUE_NOWHERE};
        assert_true(due_heap_reserve(heap));
    }
}

static struct due_item *lowest(struct due_item *items)
{
    struct due_item *low = NULL;
    for (int i = 0; i < ITEMS; i++) {
        if (items[i].due_ms != DUE_NEVER && (!low || items[i].due_ms < low->due_ms)) {
            low = &items[i];
        }
    }
    return low;
}

static int64_t highest_ms(const struct due_item *items)
{
    int64_t high = INT64_MIN;
    for (int i = 0; i < ITEMS; i++) {
        high = items[i].due_ms != DUE_NEVER && items[i].due_ms > high ? items[i].due_ms : high;
    }
    return high;
}

static void the_first_is_always_the_lowest(void **state)
{
    (void)state;
    struct due_item items[ITEMS];
    struct due_heap heap;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct srt_rng rng;
        srt_rng_init(&rng, seed);
        init_items(items, &heap);
        for (int step = 0; step < 10000; step++) {
            struct due_item *item = &items[srt_rng_below(&rng, ITEMS)];
            int64_t due_ms = (int64_t)srt_rng_below(&rng, 50) - 20;
            bool out = srt_rng_below(&rng, step < 5000 ? 5 : 2) == 0;
            due_heap_set(&heap, item, out ? DUE_NEVER : due_ms);
            if (due_heap_first(&heap) != lowest(items) ||
                due_heap_last_ms(&heap) != highest_ms(items)) {
                fail_msg("seed %d, step %d", (int)seed, step);
            }
        }
        for (int i = 0; i < ITEMS; i++) {
            due_heap_set(&heap, &items[i], DUE_NEVER);
            due_heap_unreserve(&heap);
        }
        assert_null(due_heap_first(&heap));
        assert_int_equal(due_heap_bytes(&heap), 0);
        due_heap_fini(&heap);
    }
}

static void an_item_that_has_room_needs_no_memory(void **state)
{
    (void)state;
    struct due_item items[ITEMS];
    struct due_heap heap;
    init_items(items, &heap);
    srt_fault_arm(SRT_FAULT_alloc, 1, SRT_FAULT_ERRNO_FROM_THEN_ON, ENOMEM);
    for (int i = 0; i < ITEMS; i++) {
        due_heap_set(&heap, &items[i], -i);
    }
    size_t bytes = due_heap_bytes(&heap);
    for (int i = ITEMS - 1; i >= 0; i--) {
        assert_ptr_equal(due_heap_first(&heap), &items[i]);
        due_heap_set(&heap, &items[i], DUE_NEVER);
        due_heap_unreserve(&heap);
    }
    srt_fault_disarm();
    assert_true(bytes >= ITEMS * sizeof(void *));
    due_heap_fini(&heap);
}

static void room_that_is_not_there_is_refused(void **state)
{
    (void)state;
    struct due_heap heap;
    due_heap_init(&heap, before);
    srt_fault_arm(SRT_FAULT_alloc, 1, SRT_FAULT_ERRNO_FROM_THEN_ON, ENOMEM);
    assert_false(due_heap_reserve(&heap));
    srt_fault_disarm();
    assert_int_equal(heap.reserved, 0);
    assert_true(due_heap_reserve(&heap));
    due_heap_unreserve(&heap);
    due_heap_fini(&heap);
}

static void an_item_without_room_is_our_mistake(void **state)
{
    (void)state;
    struct due_item item = {.due_ms = DUE_NEVER, .place = DUE_NOWHERE};
    struct due_heap heap;
    due_heap_init(&heap, before);
    expect_assert_failure(due_heap_set(&heap, &item, 1));
    due_heap_fini(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_always_the_lowest),
        cmocka_unit_test(an_item_that_has_room_needs_no_memory),
        cmocka_unit_test(room_that_is_not_there_is_refused),
        cmocka_unit_test(an_item_without_room_is_our_mistake),
    };
    cmocka_srt_catch_panics();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
