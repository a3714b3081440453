/* table_fixture.h - cells for tests of tables: a number, and memory of their own.
 *
 * Owner:   the test.
 * Thread:  one.
 * Memory:  cells allocate with srt_alloc, so that it can be made to fail.
 * Fails:   decoding, as a stage's codec does. */
#ifndef SRT_UNIT_TABLE_FIXTURE_H
#define SRT_UNIT_TABLE_FIXTURE_H

#include "base/alloc.h"
#include "base/varint.h"
#include "state/table.h"
#include "support/cmocka_srt.h"

struct test_cell {
    int64_t number;
    uint8_t *heap; /* NULL or of heap_size */
    uint64_t heap_size;
};

enum { TEST_CELL_BYTES = 9, TEST_CELL_VERSION = 7 };

static inline void test_cell_write(uint8_t *to, int64_t number, uint8_t heap_size)
{
    srt_put_be64(to, (uint64_t)number);
    to[8] = heap_size;
}

static inline void test_cell_encode(void *arg, const void *cell, struct srt_buf *to)
{
    const struct test_cell *c = cell;
    uint8_t bytes[TEST_CELL_BYTES];
    (void)arg;
    test_cell_write(bytes, c->number, (uint8_t)c->heap_size);
    srt_buf_put(to, bytes, sizeof bytes);
}

static inline int test_cell_set_heap(struct test_cell *cell, uint64_t size)
{
    uint8_t *heap = size ? srt_alloc(size) : NULL;
    if (size && !heap) {
        return SRT_ENOMEM;
    }
    srt_free(cell->heap);
    cell->heap = heap;
    cell->heap_size = size;
    return SRT_OK;
}

static inline int test_cell_decode(void *arg, void *cell, const uint8_t *data, size_t size,
                                   struct srt_err *err)
{
    struct test_cell *c = cell;
    (void)arg;
    if (size < TEST_CELL_BYTES) {
        (void)test_cell_set_heap(c, size); /* a damaged one may leave memory to free */
        return srt_fail(err, SRT_ECORRUPT, "a cell ends after %zu bytes", size);
    }
    c->number = (int64_t)srt_get_be64(data);
    if (test_cell_set_heap(c, data[8]) != SRT_OK) {
        return srt_fail(err, SRT_ENOMEM, "no memory for a cell");
    }
    return SRT_OK;
}

static inline void test_cell_fini(void *arg, void *cell)
{
    (void)arg;
    srt_free(((struct test_cell *)cell)->heap);
}

static inline size_t test_cell_heap_bytes(void *arg, const void *cell)
{
    (void)arg;
    return ((const struct test_cell *)cell)->heap_size;
}

static const struct state_codec test_codec = {
    .cell_bytes = sizeof(struct test_cell),
    .encode = test_cell_encode,
    .decode = test_cell_decode,
    .fini = test_cell_fini,
    .heap_bytes = test_cell_heap_bytes,
};

#endif
