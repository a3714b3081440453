#include "base/alloc.h"
#include "pipeline/epoch.h"
#include "support/cmocka_srt.h"

static void a_part_keeps_its_own_copies(void **state)
{
    (void)state;
    struct epoch_part *part = epoch_part_create(2);
    char detail[] = "inode";
    const struct topic_id id = {.bytes = {1}};
    for (int i = 0; i < 20; i++) {
        const struct engine_position position = {.source_name = "file:/x",
                                                 .offset = i,
                                                 .detail = (const uint8_t *)detail,
                                                 .detail_len = 5};
        epoch_part_position(part, &position);
        struct srt_buf batches = {0};
        srt_buf_put(&batches, "0123456789", 10);
        epoch_part_append(part, &id, i, &batches);
        assert_null(batches.data);
    }
    detail[0] = 'X';
    assert_int_equal(part->position_count, 20);
    assert_int_equal(part->append_count, 20);
    assert_memory_equal(part->positions[19].detail, "inode", 5);
    assert_int_equal(part->positions[19].offset, 19);
    assert_int_equal(part->appends[19].partition, 19);
    srt_buf_put_str(&part->sinks[1], "line\n");
    struct epoch_part *joined = epoch_part_create(0);
    epoch_part_join(joined, part);
    epoch_part_join(joined, part);
    assert_int_equal(joined->append_count, 40);
    assert_int_equal(joined->position_count, 40);
    assert_ptr_equal(joined->appends[39].batches, part->appends[19].batches);
    epoch_part_destroy(joined);
    epoch_part_destroy(part);
    epoch_part_destroy(NULL);
}

static void counters_add_up(void **state)
{
    (void)state;
    struct runner_counters sum = {1, 2, 3, 4, 5, 6};
    const struct runner_counters more = {10, 20, 30, 40, 50, 60};
    epoch_counters_add(&sum, &more);
    assert_int_equal(sum.in, 11);
    assert_int_equal(sum.out, 22);
    assert_int_equal(sum.dropped, 33);
    assert_int_equal(sum.late, 44);
    assert_int_equal(sum.retried, 55);
    assert_int_equal(sum.dead, 66);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_keeps_its_own_copies),
        cmocka_unit_test(counters_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
