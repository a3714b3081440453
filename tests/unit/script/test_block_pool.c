#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "script/block_pool.h"
#include "script/budget.h"

static int setup(void **state)
{
    static struct block_pool pool;
    block_pool_init(&pool);
    *state = &pool;
    return 0;
}

static int teardown(void **state)
{
    block_pool_fini(*state);
    return 0;
}

/* Under a sanitizer there is nothing in it. */
static void skip_when_empty(const struct block_pool *pool)
{
    if (pool->bytes == 0) {
        skip();
    }
}

static void every_size_fits_its_class_and_wastes_little(void **state)
{
    (void)state;
    for (size_t size = 1; size <= BLOCK_POOL_BLOCK_MAX; size++) {
        uint32_t class_number = block_pool_class(size);
        assert_true(class_number < BLOCK_POOL_CLASS_COUNT);
        size_t bytes = block_pool_class_bytes(class_number);
        assert_true(bytes >= size);
        assert_true(bytes - size < (size <= BLOCK_POOL_FINE_MAX ? 16u : 64u));
        assert_int_equal(bytes % 16, 0);
    }
}

static void a_block_that_came_back_is_handed_out_again(void **state)
{
    struct block_pool *pool = *state;
    skip_when_empty(pool);
    void *first = block_pool_take(pool, 40);
    void *second = block_pool_take(pool, 33);
    assert_non_null(first);
    assert_ptr_not_equal(first, second);
    assert_true(block_pool_owns(pool, first) && block_pool_owns(pool, second));
    block_pool_put(pool, first, 40);
    assert_ptr_not_equal(block_pool_take(pool, 49), first); /* another class */
    assert_ptr_equal(block_pool_take(pool, 48), first);
    assert_int_equal((uintptr_t)second % 16, 0);
}

static void a_pool_that_is_used_up_has_nothing(void **state)
{
    struct block_pool *pool = *state;
    skip_when_empty(pool);
    char *last = NULL;
    size_t count = 0;
    for (char *block; (block = block_pool_take(pool, 1024)) != NULL; last = block) {
        memset(block, 0xa5, 1024);
        assert_true(block_pool_owns(pool, block));
        count++;
    }
    assert_int_equal(count, BLOCK_POOL_BYTES / 1024);
    assert_null(block_pool_take(pool, 16));
    block_pool_put(pool, last, 1024);
    assert_ptr_equal(block_pool_take(pool, 1000), last);
}

static void what_is_not_its_own_is_known(void **state)
{
    struct block_pool *pool = *state;
    struct block_pool none = {0};
    char here;
    void *block = malloc(1);
    assert_false(block_pool_owns(pool, &here));
    assert_false(block_pool_owns(pool, block));
    assert_false(block_pool_owns(&none, block));
    assert_false(block_pool_owns(pool, NULL));
    free(block);
}

/* --- the allocator of a state, with and without room in the pool --- */

struct block {
    unsigned char *data;
    size_t size;
    unsigned char fill;
};

static void assert_filled(const struct block *block, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(block->data[i], block->fill);
    }
}

/* Blocks of all sizes grow, shrink and go; what is in them stays, and they are counted exactly. */
static void blocks_keep_what_is_in_them(void **state)
{
    (void)state;
    enum { BLOCKS = 4000, ROUNDS = 200000 };
    struct budget budget;
    budget_init(&budget, SIZE_MAX, 100);
    struct block *blocks = calloc(BLOCKS, sizeof *blocks);
    struct srt_rng rng;
    srt_rng_init(&rng, 17);
    size_t used = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct block *block = &blocks[srt_rng_below(&rng, BLOCKS)];
        size_t size = srt_rng_below(&rng, srt_rng_below(&rng, 8) ? 1100 : 6000);
        size_t stays = block->size < size ? block->size : size;
        unsigned char *got = budget_alloc(&budget, block->data, block->size, size);
        assert_true((got == NULL) == (size == 0));
        used += size - block->size;
        assert_int_equal(budget.used_bytes, used);
        block->data = got;
        block->size = size;
        assert_filled(block, stays);
        block->fill = (unsigned char)round;
        if (got) {
            memset(got, block->fill, size);
        }
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        assert_filled(&blocks[i], blocks[i].size);
        budget_alloc(&budget, blocks[i].data, blocks[i].size, 0);
    }
    assert_int_equal(budget.used_bytes, 0);
    free(blocks);
    budget_fini(&budget);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_fits_its_class_and_wastes_little),
        cmocka_unit_test_setup_teardown(a_block_that_came_back_is_handed_out_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_pool_that_is_used_up_has_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_its_own_is_known, setup, teardown),
        cmocka_unit_test(blocks_keep_what_is_in_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
