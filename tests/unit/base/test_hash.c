#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"

/* The published values of XXH3_64bits: a key must go to the same key group for ever. */
static void the_hash_is_xxh3(void **state)
{
    (void)state;
    assert_true(srt_hash("", 0, 0) == UINT64_C(0x2d06800538d394c2));
    assert_true(srt_hash("a", 1, 0) == UINT64_C(0xe6c632b61e964e1f));
    assert_true(srt_hash("abc", 3, 0) == UINT64_C(0x78af5f94892f3950));
}

static void another_seed_gives_another_hash(void **state)
{
    (void)state;
    assert_true(srt_hash("abc", 3, 1) != srt_hash("abc", 3, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hash_is_xxh3),
        cmocka_unit_test(another_seed_gives_another_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
