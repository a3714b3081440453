/* segment_audit.c and file_window.c: where the good batches go on behind damaged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/atomic.h"
#include "record/batch.h"
#include "store/segment.h"
#include "store/segment_audit.h"
#include "support/fake_disk.h"

enum { BATCHES = 12, RECORDS = 3 };

struct fixture {
    struct fake_disk *disk;
    struct topic_id id;
    struct srt_buf bytes; /* of the segment's file */
    uint64_t at[BATCHES + 1];
    struct checkpoint_segment row;
    struct segment_audit audit;
};

static void add_record(struct batch_builder *b, const uint8_t *value, size_t size)
{
    const struct record rec = {
        .value = value, .value_len = (int32_t)size, .key_len = RECORD_ABSENT, .timestamp_ms = 5};
    assert_int_equal(batch_builder_add(b, &rec), SRT_OK);
}

/* Batch i has three records; the first of batch 4 is, byte for byte, a batch that would go on from
 * batch 4's offset: somebody stores batches as values. */
static void build(struct fixture *f)
{
    struct batch_builder b, inner;
    const uint8_t *data;
    size_t size;
    batch_builder_init(&b);
    batch_builder_init(&inner);
    for (int i = 0; i < BATCHES; i++) {
        uint8_t value[400] = {0};
        size_t value_size = 40 + (size_t)i;
        memset(value, 'a' + i, sizeof value);
        if (i == 4) {
            add_record(&inner, (const uint8_t *)"false", 5);
            batch_builder_finish(&inner, &data, &value_size);
            memcpy(value, data, value_size);
            batch_set_base_offset(value, 4 * RECORDS + 1);
        }
        batch_builder_clear(&b);
        for (int j = 0; j < RECORDS; j++) {
            add_record(&b, value, value_size);
        }
        batch_builder_finish(&b, &data, &size);
        f->at[i] = f->bytes.len;
        srt_buf_put(&f->bytes, data, size);
        batch_set_base_offset(f->bytes.data + f->at[i], i * RECORDS);
    }
    f->at[BATCHES] = f->bytes.len;
    batch_builder_fini(&b);
    batch_builder_fini(&inner);
}

static void write_file(struct fixture *f, const char *path)
{
    const struct io_fs *fs = fake_disk_fs(f->disk);
    struct srt_err err;
    assert_int_equal(io_write_file_atomic(fs, path, f->bytes.data, f->bytes.len, &err), SRT_OK);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct segment_files files;
    uint8_t header[SEGMENT_HEADER_BYTES];
    f->disk = fake_disk_create();
    f->id = (struct topic_id){{1, 2, 3}};
    segment_files_init(&files, fake_disk_fs(f->disk), 1, true);
    struct segment *seg = segment_new(&files, &f->id, 0, "", 0, 0, 1234);
    segment_encode_header(seg, header);
    segment_unref(seg);
    segment_files_fini(&files);
    srt_buf_put(&f->bytes, header, sizeof header);
    build(f);
    f->row = (struct checkpoint_segment){.size_bytes = f->bytes.len, .created_ms = 1234};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    segment_audit_fini(&f->audit);
    srt_buf_fini(&f->bytes);
    assert_int_equal(fake_disk_open_fds(f->disk), 0);
    fake_disk_destroy(f->disk);
    free(f);
    return 0;
}

static void audit(struct fixture *f)
{
    const struct segment_audit_task task = {.fs = fake_disk_fs(f->disk),
                                            .dir = "",
                                            .topic_id = f->id,
                                            .segment = &f->row,
                                            .end_offset = BATCHES * RECORDS};
    struct srt_err err;
    write_file(f, "/00000000000000000000.seg");
    segment_audit_fini(&f->audit);
    assert_int_equal(segment_audit_run(&f->audit, &task, true, &err), SRT_OK);
}

static void expect_range(struct fixture *f, size_t i, int from_batch, int to_batch)
{
    assert_true(i < f->audit.range_count);
    assert_int_equal(f->audit.ranges[i].from, f->at[from_batch]);
    assert_int_equal(f->audit.ranges[i].to, f->at[to_batch]);
    assert_int_equal(f->audit.ranges[i].first_offset, from_batch * RECORDS);
    assert_int_equal(f->audit.ranges[i].next_offset, to_batch * RECORDS);
}

static void an_undamaged_segment_has_nothing_to_tell(void **state)
{
    struct fixture *f = *state;
    audit(f);
    assert_true(segment_audit_is_clean(&f->audit));
    assert_int_equal(f->audit.end_position, f->at[BATCHES]);
}

static void damaged_batches_are_told_one_by_one(void **state)
{
    struct fixture *f = *state;
    f->bytes.data[f->at[2] + 70] ^= 1;
    f->bytes.data[f->at[7] + 100] ^= 1;
    f->bytes.data[f->at[BATCHES] - 1] ^= 1;
    audit(f);
    assert_int_equal(f->audit.range_count, 3);
    expect_range(f, 0, 2, 3);
    expect_range(f, 1, 7, 8);
    expect_range(f, 2, BATCHES - 1, BATCHES);
}

static void every_header_field_may_be_wrong(void **state)
{
    struct fixture *f = *state;
    for (uint64_t i = 0; i < BATCH_HEADER_BYTES; i++) {
        if (i >= 12 && i < 16) {
            continue; /* the leader epoch says nothing */
        }
        f->bytes.data[f->at[3] + i] ^= 0x21;
        audit(f);
        assert_int_equal(f->audit.range_count, 1);
        expect_range(f, 0, 3, 4);
        f->bytes.data[f->at[3] + i] ^= 0x21;
    }
}

/* The batch inside of the record has a right CRC and a plausible offset; it leads to nothing. */
static void a_batch_inside_of_a_record_is_not_taken_for_one(void **state)
{
    struct fixture *f = *state;
    f->bytes.data[f->at[4] + 10] ^= 1; /* the length: it has to be searched */
    audit(f);
    assert_int_equal(f->audit.range_count, 1);
    expect_range(f, 0, 4, 5);
}

static void what_is_cut_off_is_lost_and_what_stands_before_is_not(void **state)
{
    struct fixture *f = *state;
    f->bytes.len = f->at[10];
    audit(f);
    assert_int_equal(f->audit.range_count, 1);
    assert_int_equal(f->audit.ranges[0].from, f->at[10]);
    assert_int_equal(f->audit.ranges[0].to, f->at[10]);
    assert_int_equal(f->audit.ranges[0].first_offset, 10 * RECORDS);
    assert_int_equal(f->audit.ranges[0].next_offset, BATCHES * RECORDS);
}

static void a_wrong_header_and_a_wrong_size_are_no_loss(void **state)
{
    struct fixture *f = *state;
    f->bytes.data[50] = 1; /* reserved */
    f->row.size_bytes += 8;
    audit(f);
    assert_true(f->audit.bad_header);
    assert_true(f->audit.wrong_size);
    assert_int_equal(f->audit.range_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_undamaged_segment_has_nothing_to_tell, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_batches_are_told_one_by_one, setup, teardown),
        cmocka_unit_test_setup_teardown(every_header_field_may_be_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(a_batch_inside_of_a_record_is_not_taken_for_one, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_cut_off_is_lost_and_what_stands_before_is_not,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_wrong_header_and_a_wrong_size_are_no_loss, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
