#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "script/heap.h"

enum { BLOCKS = 200, ROUNDS = 20000, BLOCK_BYTES_MAX = 3000 };

static void assert_filled(const uint8_t *block, size_t size, uint8_t with)
{
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(block[i], with);
    }
}

static void blocks_keep_their_bytes_while_they_change_size(void **state)
{
    (void)state;
    struct heap heap;
    struct srt_rng rng;
    uint8_t *blocks[BLOCKS] = {0};
    size_t sizes[BLOCKS] = {0};
    heap_init(&heap);
    srt_rng_init(&rng, 7);
    for (int round = 0; round < ROUNDS; round++) {
        size_t i = srt_rng_below(&rng, BLOCKS);
        size_t size = srt_rng_below(&rng, BLOCK_BYTES_MAX) + 1;
        if (srt_rng_below(&rng, 4) == 0) {
            heap_free(&heap, blocks[i], sizes[i]);
            blocks[i] = NULL;
            sizes[i] = 0;
            continue;
        }
        blocks[i] = heap_resize(&heap, blocks[i], sizes[i], size);
        assert_non_null(blocks[i]);
        assert_filled(blocks[i], sizes[i] < size ? sizes[i] : size, (uint8_t)i);
        memset(blocks[i], (uint8_t)i, size);
        sizes[i] = size;
    }
    heap_fini(&heap); /* the leak sanitizer sees whether this frees what is left */
}

static void what_cannot_be_had_leaves_the_block_as_it_was(void **state)
{
    (void)state;
    struct heap heap;
    heap_init(&heap);
    char *block = heap_resize(&heap, NULL, 0, 2000);
    memcpy(block, "kept", 5);
    assert_null(heap_resize(&heap, block, 2000, SIZE_MAX - 8));
    assert_string_equal(block, "kept");
    heap_free(&heap, block, 2000);
    heap_free(&heap, NULL, 0);
    assert_true(srt_list_empty(&heap.larges));
    heap_fini(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_keep_their_bytes_while_they_change_size),
        cmocka_unit_test(what_cannot_be_had_leaves_the_block_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
