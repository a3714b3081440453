#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static void allocations_are_aligned_and_do_not_overlap(void **state)
{
    (void)state;
    struct srt_arena arena;
    srt_arena_init(&arena);
    uint8_t *items[200];
    for (size_t i = 0; i < 200; i++) {
        items[i] = srt_arena_alloc(&arena, i + 1);
        assert_non_null(items[i]);
        assert_int_equal((uintptr_t)items[i] % _Alignof(max_align_t), 0);
        memset(items[i], (int)i, i + 1);
    }
    for (size_t i = 0; i < 200; i++) {
        for (size_t at = 0; at <= i; at++) {
            assert_int_equal(items[i][at], (uint8_t)i);
        }
    }
    srt_arena_fini(&arena);
}

static void an_allocation_larger_than_a_chunk_gets_its_own(void **state)
{
    (void)state;
    struct srt_arena arena;
    srt_arena_init(&arena);
    char *text = srt_arena_copy(&arena, "small", 6);
    uint8_t *large = srt_arena_alloc(&arena, 1 << 20);
    assert_non_null(large);
    memset(large, 7, 1 << 20);
    assert_string_equal(text, "small");
    srt_arena_fini(&arena);
}

static void clear_makes_room_again(void **state)
{
    (void)state;
    struct srt_arena arena;
    srt_arena_init(&arena);
    void *first = srt_arena_alloc(&arena, 64);
    (void)srt_arena_alloc(&arena, 1 << 18);
    srt_arena_clear(&arena);
    assert_ptr_equal(srt_arena_alloc(&arena, 64), first);
    srt_arena_fini(&arena);
    srt_arena_clear(&arena); /* of an empty one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_aligned_and_do_not_overlap),
        cmocka_unit_test(an_allocation_larger_than_a_chunk_gets_its_own),
        cmocka_unit_test(clear_makes_room_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
