/* checkpoint.c against docs/format/journal.md: the golden bytes were made by another program. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fault.h"
#include "store/checkpoint.h"

/* A segment's row has 8 bytes more than in version 1. */
static const uint8_t golden[] =
    "\x00\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00\x09\x00\x00\x00\x01"
    "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
    "\x00\x00\x00\x02\x00\x01\x74\x00\x00\x00\x00\x00\x00\x00\x03\x00"
    "\x00\x00\x00\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\x00\x00\x00"
    "\x00\x00\x03\x00\x00\x00\x00\x00\x00\x01\xf4\x00\x00\x00\x00\x00"
    "\x00\x00\x4d\x00\x00\x00\x00\x00\x00\x00\x58\x00\x00\x00\x05\x00"
    "\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x53";
static const uint8_t golden_1[] =
    "\x00\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x09\x00\x00\x00\x01"
    "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
    "\x00\x00\x00\x02\x00\x01\x74\x00\x00\x00\x00\x00\x00\x00\x03\x00"
    "\x00\x00\x00\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\x00\x00\x00"
    "\x00\x00\x03\x00\x00\x00\x00\x00\x00\x01\xf4\x00\x00\x00\x00\x00"
    "\x00\x00\x4d\x00\x00\x00\x00\x00\x00\x00\x58\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x01\x53";

static void make(struct checkpoint *cp, struct srt_buf *bytes)
{
    struct topic_id id;
    for (size_t i = 0; i < sizeof id.bytes; i++) {
        id.bytes[i] = (uint8_t)i;
    }
    *cp = (struct checkpoint){.clean = true, .boundary = 9};
    struct checkpoint_partition *row = checkpoint_add(cp, false, &id, 2, "t");
    row->log_start = 3;
    row->next_offset = 10;
    struct checkpoint_segment segment = {
        .base_offset = 3, .size_bytes = 500, .max_timestamp_ms = 77, .created_ms = 88,
        .generation = 5, .clean = true};
    checkpoint_add_segment(row, &segment);
    srt_buf_put(&cp->snapshot, "S", 1);
    srt_buf_init(bytes);
    checkpoint_encode(cp, bytes);
}

static void a_checkpoint_has_the_documented_bytes(void **state)
{
    (void)state;
    struct checkpoint cp, back;
    struct srt_buf bytes;
    make(&cp, &bytes);
    assert_int_equal(bytes.len, sizeof golden - 1);
    assert_memory_equal(bytes.data, golden, bytes.len);
    assert_true(checkpoint_is_clean(bytes.data, bytes.len));
    assert_int_equal(checkpoint_decode(bytes.data, bytes.len, &back), SRT_OK);
    assert_true(back.clean && back.has_snapshot);
    assert_int_equal(back.boundary, 9);
    assert_int_equal(back.partition_count, 1);
    struct checkpoint_partition *row =
        checkpoint_find(&back, &cp.partitions[0].topic_id, 2);
    assert_non_null(row);
    assert_null(checkpoint_find(&back, &cp.partitions[0].topic_id, 1));
    assert_string_equal(row->topic, "t");
    assert_int_equal(row->log_start, 3);
    assert_int_equal(row->next_offset, 10);
    assert_int_equal(row->segments[0].generation, 5);
    assert_true(row->segments[0].clean);
    srt_buf_clear(&bytes);
    checkpoint_encode(&back, &bytes);
    assert_int_equal(bytes.len, sizeof golden - 1);
    assert_memory_equal(bytes.data, golden, bytes.len);
    assert_int_equal(back.snapshot.len, 1);
    checkpoint_fini(&cp);
    checkpoint_fini(&back);
    srt_buf_fini(&bytes);
}

static void the_version_before_has_no_generations(void **state)
{
    (void)state;
    struct checkpoint back;
    assert_true(checkpoint_is_clean(golden_1, sizeof golden_1 - 1));
    assert_int_equal(checkpoint_decode(golden_1, sizeof golden_1 - 1, &back), SRT_OK);
    const struct checkpoint_segment *segment = &back.partitions[0].segments[0];
    assert_int_equal(segment->base_offset, 3);
    assert_int_equal(segment->created_ms, 88);
    assert_int_equal(segment->generation, 0);
    assert_false(segment->clean);
    checkpoint_fini(&back);
}

static void a_shortened_or_prolonged_checkpoint_is_refused(void **state)
{
    (void)state;
    struct checkpoint cp, back;
    struct srt_buf bytes;
    make(&cp, &bytes);
    for (size_t size = 0; size < bytes.len; size++) {
        uint8_t *copy = malloc(size ? size : 1);
        memcpy(copy, bytes.data, size);
        assert_int_equal(checkpoint_decode(copy, size, &back), SRT_ECORRUPT);
        free(copy);
    }
    srt_buf_put_u8(&bytes, 0);
    assert_int_equal(checkpoint_decode(bytes.data, bytes.len, &back), SRT_ECORRUPT);
    bytes.data[1] = 3;
    assert_int_equal(checkpoint_decode(bytes.data, bytes.len, &back), SRT_EVERSION);
    checkpoint_fini(&cp);
    srt_buf_fini(&bytes);
}

/* Under valid checksums, too: whoever reads a partition relies on it. */
static void a_checkpoint_that_contradicts_itself_is_refused(void **state)
{
    (void)state;
    static const struct {
        int64_t log_start, next_offset, base;
        bool is_sound;
    } cases[] = {{3, 10, 3, true},   {0, 10, 10, true},  {10, 10, 3, true},
                 {11, 10, 3, false}, {-1, 10, 3, false}, {0, -1, 0, false},
                 {3, 10, 11, false}, {3, 10, -1, false}, {3, 10, 2, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct checkpoint cp, back;
        struct srt_buf bytes;
        make(&cp, &bytes);
        struct checkpoint_partition *row = &cp.partitions[0];
        struct checkpoint_segment before = {.base_offset = 2, .size_bytes = 64};
        row->log_start = cases[i].log_start;
        row->next_offset = cases[i].next_offset;
        row->segments[0].base_offset = cases[i].base;
        checkpoint_add_segment(row, &before);
        struct checkpoint_segment first = row->segments[0];
        row->segments[0] = before;
        row->segments[1] = first;
        srt_buf_clear(&bytes);
        checkpoint_encode(&cp, &bytes);
        int rc = checkpoint_decode(bytes.data, bytes.len, &back);
        assert_int_equal(rc, cases[i].is_sound ? SRT_OK : SRT_ECORRUPT);
        if (rc == SRT_OK) {
            checkpoint_fini(&back);
        }
        checkpoint_fini(&cp);
        srt_buf_fini(&bytes);
    }
}

static void without_memory_a_checkpoint_is_not_taken_for_an_empty_one(void **state)
{
    (void)state;
    struct checkpoint cp, back;
    struct srt_buf bytes;
    make(&cp, &bytes);
    srt_fault_arm(SRT_FAULT_alloc, 1, SRT_FAULT_ERRNO, ENOMEM);
    assert_int_equal(checkpoint_decode(bytes.data, bytes.len, &back), SRT_ENOMEM);
    srt_fault_disarm();
    srt_buf_fini(&bytes);
    checkpoint_fini(&cp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_checkpoint_has_the_documented_bytes),
        cmocka_unit_test(without_memory_a_checkpoint_is_not_taken_for_an_empty_one),
        cmocka_unit_test(a_checkpoint_that_contradicts_itself_is_refused),
        cmocka_unit_test(the_version_before_has_no_generations),
        cmocka_unit_test(a_shortened_or_prolonged_checkpoint_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
