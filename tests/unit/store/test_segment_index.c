/* segment_index.c: found, written, read again, and never believed further than it is right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/segment_index.h"
#include "support/fake_disk.h"

static const char path[] = "/index";

/* Entry i: offset 10 * (i + 1), position 1000 * (i + 1), older than 100 * (i + 1). */
static void fill(struct segment_index *index, int count)
{
    for (int i = (int)index->count; i < count; i++) {
        segment_index_add(index, 0, 1000, (uint32_t)(10 * (i + 1)), (uint64_t)(1000 * (i + 1)),
                          100 * (i + 1));
    }
    assert_int_equal(index->count, count);
}

static void only_batches_an_interval_apart_are_noted(void **state)
{
    (void)state;
    struct segment_index index;
    segment_index_init(&index);
    segment_index_add(&index, 64, 100, 1, 163, 0);
    assert_int_equal(index.count, 0);
    segment_index_add(&index, 64, 100, 2, 164, 0);
    segment_index_add(&index, 64, 100, 3, 263, 0);
    segment_index_add(&index, 64, 100, 4, 264, 0);
    assert_int_equal(index.count, 2);
    assert_int_equal(index.entries[1].relative_offset, 4);
    segment_index_fini(&index);
}

static void a_search_finds_the_last_place_to_begin(void **state)
{
    (void)state;
    struct segment_index index;
    segment_index_init(&index);
    assert_null(segment_index_find(&index, 5));
    fill(&index, 50);
    assert_null(segment_index_find(&index, 9));
    assert_null(segment_index_find_time(&index, 100));
    for (int i = 0; i < 50; i++) {
        assert_int_equal(segment_index_find(&index, 10 * (i + 1))->position, 1000 * (i + 1));
        assert_int_equal(segment_index_find(&index, 10 * (i + 1) + 9)->position, 1000 * (i + 1));
        assert_int_equal(segment_index_find_time(&index, 100 * (i + 1) + 1)->position,
                         1000 * (i + 1));
        assert_int_equal(segment_index_find_time(&index, 100 * (i + 2))->position, 1000 * (i + 1));
    }
    segment_index_fini(&index);
}

static void what_was_written_is_read_up_to_the_segments_end(void **state)
{
    (void)state;
    struct fake_disk *disk = fake_disk_create();
    const struct io_fs *fs = fake_disk_fs(disk);
    struct segment_index index, back;
    segment_index_init(&index);
    for (int count = 1; count <= 30; count += 7) { /* each time only what is new */
        fill(&index, count);
        segment_index_write(&index, fs, path, 777);
        assert_int_equal(index.written_count, count);
        segment_index_init(&back);
        segment_index_read(&back, fs, path, 777, 1 << 20);
        assert_int_equal(back.count, count);
        assert_memory_equal(back.entries, index.entries, back.count * sizeof *back.entries);
        segment_index_fini(&back);
    }
    segment_index_init(&back);
    segment_index_read(&back, fs, path, 777, 5001);
    assert_int_equal(back.count, 5);
    segment_index_fini(&back);
    segment_index_init(&back);
    segment_index_read(&back, fs, path, 778, 1 << 20); /* another segment's */
    assert_int_equal(back.count, 0);
    segment_index_cut(fs, path, 777, 3001);
    segment_index_read(&back, fs, path, 777, 1 << 20);
    assert_int_equal(back.count, 3);
    segment_index_fini(&back);
    segment_index_fini(&index);
    fake_disk_destroy(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_batches_an_interval_apart_are_noted),
        cmocka_unit_test(a_search_finds_the_last_place_to_begin),
        cmocka_unit_test(what_was_written_is_read_up_to_the_segments_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
