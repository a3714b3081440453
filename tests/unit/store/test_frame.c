/* frame.c against docs/format/journal.md: the golden bytes were made by another program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "record/batch.h"
#include "store/frame.h"
#include "store/journal.h"

static const uint8_t golden[] =
    "\x53\x52\x54\x46\x00\x01\x00\x00\x11\x22\x33\x44\x55\x66\x77\x88"
    "\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x88\x00\x00\x00\x03"
    "\x00\x00\x00\x00\xf5\xf0\xc2\x96\x02\x09\x00\x00\x00\x00\x00\x03"
    "\x61\x62\x63\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
    "\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\xe8"
    "\x04\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x05"
    "\x00\x00\x00\x00\x00\x00\x00\x01\x68\x69\x00\x00\x00\x00\x00\x00"
    "\x46\x45\x4e\x44\x01\x46\xb2\x66";

static const uint8_t golden_header[] =
    "\x53\x52\x54\x4a\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00\x00\x08"
    "\x11\x22\x33\x44\x55\x66\x77\x88\x00\x00\x00\x00\x00\x00\x14\x01"
    "\xa7\x10\xde\x75";

static struct topic_id some_topic(void)
{
    struct topic_id id;
    for (size_t i = 0; i < sizeof id.bytes; i++) {
        id.bytes[i] = (uint8_t)i;
    }
    return id;
}

/* The frame's bytes in one piece. */
static void finish(struct frame_builder *b, uint64_t journal_id, uint64_t sequence,
                   struct srt_buf *to)
{
    struct iovec *parts;
    int count;
    size_t size = frame_builder_size(b);
    assert_int_equal(frame_builder_finish(b, journal_id, sequence, &parts, &count), SRT_OK);
    for (int i = 0; i < count; i++) {
        srt_buf_put(to, parts[i].iov_base, parts[i].iov_len);
    }
    assert_int_equal(to->len, size);
}

static void a_frame_has_the_documented_bytes(void **state)
{
    (void)state;
    struct frame_builder b;
    struct srt_buf frame;
    struct topic_id id = some_topic();
    srt_buf_init(&frame);
    frame_builder_init(&b);
    frame_builder_begin(&b);
    frame_builder_meta(&b, 9, (const uint8_t *)"abc", 3);
    frame_builder_trim(&b, &id, 2, 1000);
    frame_builder_checkpoint(&b, 5, 0, 1, (const uint8_t *)"hi", 2);
    finish(&b, 0x1122334455667788, 7, &frame);
    assert_int_equal(frame.len, sizeof golden - 1);
    assert_memory_equal(frame.data, golden, frame.len);
    srt_buf_fini(&frame);
    frame_builder_fini(&b);
}

static void a_journal_file_header_has_the_documented_bytes(void **state)
{
    (void)state;
    struct journal_header header = {.flags = JOURNAL_FLAG_OS,
                                    .file_sequence = 8,
                                    .id = 0x1122334455667788,
                                    .first_frame = 5121};
    uint8_t bytes[JOURNAL_HEADER_BYTES];
    journal_header_encode(bytes, &header);
    assert_memory_equal(bytes, golden_header, sizeof golden_header - 1);
    for (size_t i = sizeof golden_header - 1; i < sizeof bytes; i++) {
        assert_int_equal(bytes[i], 0);
    }
    struct journal_header back;
    assert_int_equal(journal_header_decode(bytes, sizeof bytes, &back), SRT_OK);
    assert_memory_equal(&back.id, &header.id, sizeof header.id);
    assert_int_equal(back.first_frame, 5121);
    for (size_t i = 0; i < 36; i++) {
        bytes[i] ^= 0x10;
        assert_int_equal(journal_header_decode(bytes, sizeof bytes, &back), SRT_ECORRUPT);
        bytes[i] ^= 0x10;
    }
}

static void put_batch(struct srt_buf *to, int count, size_t value_size, int64_t base_offset)
{
    struct batch_builder b;
    const uint8_t *data;
    size_t size;
    uint8_t *value = calloc(1, value_size);
    batch_builder_init(&b);
    for (int i = 0; i < count; i++) {
        struct record rec = {
            .key_len = RECORD_ABSENT, .value = value, .value_len = (int32_t)value_size};
        assert_int_equal(batch_builder_add(&b, &rec), SRT_OK);
    }
    batch_builder_finish(&b, &data, &size);
    size_t at = to->len;
    srt_buf_put(to, data, size);
    batch_set_base_offset(to->data + at, base_offset);
    batch_builder_fini(&b);
    free(value);
}

/* Small batches are copied, large ones referenced; entries come back as they went in. */
static void build_all_kinds(struct srt_buf *batches, struct srt_buf *frame)
{
    struct frame_builder b;
    struct topic_id id = some_topic();
    srt_buf_init(batches);
    srt_buf_init(frame);
    put_batch(batches, 2, 30, 100);
    put_batch(batches, 1, 3000, 102);
    frame_builder_init(&b);
    frame_builder_begin(&b);
    frame_builder_append(&b, &id, 3, 100, batches->data, batches->len);
    frame_builder_meta(&b, 0, NULL, 0);
    frame_builder_meta(&b, 127, (const uint8_t *)"12345678", 8);
    frame_builder_trim(&b, &id, 3, 55);
    frame_builder_checkpoint(&b, 1, 2, 3, (const uint8_t *)"x", 1);
    finish(&b, 42, 1, frame);
    frame_builder_fini(&b);
}

static void entries_come_back_as_they_went_in(void **state)
{
    (void)state;
    struct srt_buf batches, frame;
    struct frame_info info;
    struct frame_entry entry;
    struct topic_id id = some_topic();
    size_t at = 0;
    build_all_kinds(&batches, &frame);
    assert_int_equal(frame_check(frame.data, frame.len, &info), SRT_OK);
    assert_int_equal(info.size_bytes, frame.len);
    assert_int_equal(info.entry_count, 5);
    assert_int_equal(frame_next(frame.data, &info, &at, &entry), SRT_OK);
    assert_int_equal(entry.kind, FRAME_APPEND);
    assert_true(topic_id_equal(&entry.topic_id, &id));
    assert_int_equal(entry.partition, 3);
    assert_int_equal(entry.offset, 100);
    assert_int_equal(entry.size, batches.len);
    assert_memory_equal(entry.data, batches.data, batches.len);
    assert_int_equal(frame_next(frame.data, &info, &at, &entry), SRT_OK);
    assert_int_equal(entry.kind, FRAME_META);
    assert_int_equal(entry.size, 0);
    assert_int_equal(frame_next(frame.data, &info, &at, &entry), SRT_OK);
    assert_int_equal(entry.meta_kind, 127);
    assert_memory_equal(entry.data, "12345678", 8);
    assert_int_equal(frame_next(frame.data, &info, &at, &entry), SRT_OK);
    assert_int_equal(entry.kind, FRAME_TRIM);
    assert_int_equal(entry.offset, 55);
    assert_int_equal(frame_next(frame.data, &info, &at, &entry), SRT_OK);
    assert_int_equal(entry.kind, FRAME_CHECKPOINT);
    assert_int_equal(entry.part_index, 2);
    assert_int_equal(entry.part_count, 3);
    assert_int_equal(frame_next(frame.data, &info, &at, &entry), SRT_EEND);
    srt_buf_fini(&batches);
    srt_buf_fini(&frame);
}

static void every_flipped_bit_makes_a_frame_not_whole(void **state)
{
    (void)state;
    struct srt_buf batches, frame;
    struct frame_info info;
    build_all_kinds(&batches, &frame);
    for (size_t i = 0; i < frame.len * 8; i++) {
        frame.data[i / 8] ^= (uint8_t)(1u << (i % 8));
        assert_int_equal(frame_check(frame.data, frame.len, &info), SRT_ECORRUPT);
        frame.data[i / 8] ^= (uint8_t)(1u << (i % 8));
    }
    srt_buf_fini(&batches);
    srt_buf_fini(&frame);
}

/* Copied to memory of exactly that size, so that the sanitizer sees a read beyond it. */
static void every_shortened_frame_is_not_whole(void **state)
{
    (void)state;
    struct srt_buf batches, frame;
    struct frame_info info;
    build_all_kinds(&batches, &frame);
    for (size_t size = 0; size < frame.len; size++) {
        uint8_t *copy = malloc(size ? size : 1);
        memcpy(copy, frame.data, size);
        assert_int_equal(frame_check(copy, size, &info), SRT_ECORRUPT);
        free(copy);
    }
    srt_buf_fini(&batches);
    srt_buf_fini(&frame);
}

static void offsets_with_a_gap_make_a_frame_not_whole(void **state)
{
    (void)state;
    struct srt_buf batches, frame;
    struct frame_builder b;
    struct frame_info info;
    struct topic_id id = some_topic();
    srt_buf_init(&batches);
    srt_buf_init(&frame);
    put_batch(&batches, 2, 30, 100);
    put_batch(&batches, 1, 30, 103);
    frame_builder_init(&b);
    frame_builder_begin(&b);
    frame_builder_append(&b, &id, 3, 100, batches.data, batches.len);
    finish(&b, 42, 1, &frame);
    assert_int_equal(frame_check(frame.data, frame.len, &info), SRT_ECORRUPT);
    frame_builder_fini(&b);
    srt_buf_fini(&batches);
    srt_buf_fini(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_has_the_documented_bytes),
        cmocka_unit_test(a_journal_file_header_has_the_documented_bytes),
        cmocka_unit_test(entries_come_back_as_they_went_in),
        cmocka_unit_test(every_flipped_bit_makes_a_frame_not_whole),
        cmocka_unit_test(every_shortened_frame_is_not_whole),
        cmocka_unit_test(offsets_with_a_gap_make_a_frame_not_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
