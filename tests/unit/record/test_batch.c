#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "base/fault.h"
#include "base/rng.h"
#include "base/varint.h"
#include "record/batch.h"
#include "record/header.h"

/* Two records at 1700000000000 and 1700000000005 ms: {key "k1", value "hello", header h = "x"} and
 * {no key, no value}. Written out by hand from docs/format/batch.md; the CRC comes from another
 * implementation. */
static const uint8_t golden[] = {
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* base offset 0 */
    0x00, 0x00, 0x00, 0x4a,                         /* length: 74 bytes follow */
    0xff, 0xff, 0xff, 0xff,                         /* leader epoch -1 */
    0x02,                                           /* magic */
    0xbc, 0x85, 0xcc, 0xad,                         /* CRC-32C */
    0x00, 0x00,                                     /* attributes */
    0x00, 0x00, 0x00, 0x01,                         /* last offset delta 1 */
    0x00, 0x00, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x00, /* base timestamp */
    0x00, 0x00, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x05, /* max timestamp */
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* producer id -1 */
    0xff, 0xff,                                     /* producer epoch -1 */
    0xff, 0xff, 0xff, 0xff,                         /* base sequence -1 */
    0x00, 0x00, 0x00, 0x02,                         /* record count */
    0x22,                                           /* 17 bytes follow */
    0x00, 0x00, 0x00,                               /* attributes, time delta 0, offset delta 0 */
    0x04, 'k',  '1',                                /* key */
    0x0a, 'h',  'e',  'l',  'l',  'o',              /* value */
    0x02, 0x02, 'h',  0x02, 'x',                    /* one header */
    0x0c,                                           /* 6 bytes follow */
    0x00, 0x0a, 0x02,                               /* attributes, time delta 5, offset delta 1 */
    0x01, 0x01, 0x00,                               /* no key, no value, no headers */
};

static struct record rec_of(const char *key, const char *value, int64_t timestamp_ms)
{
    return (struct record){
        .key = (const uint8_t *)key,
        .key_len = key ? (int32_t)strlen(key) : RECORD_ABSENT,
        .value = (const uint8_t *)value,
        .value_len = value ? (int32_t)strlen(value) : RECORD_ABSENT,
        .timestamp_ms = timestamp_ms,
        .offset = -1,
    };
}

static void golden_bytes_are_written(void **state)
{
    (void)state;
    struct srt_buf headers = {0};
    header_put(&headers, "h", 1, "x", 1);
    struct batch_builder b;
    batch_builder_init(&b);
    struct record first = rec_of("k1", "hello", 1700000000000);
    first.headers = headers.data;
    first.headers_len = (uint32_t)headers.len;
    first.header_count = 1;
    struct record second = rec_of(NULL, NULL, 1700000000005);
    assert_int_equal(batch_builder_add(&b, &first), SRT_OK);
    assert_int_equal(batch_builder_add(&b, &second), SRT_OK);
    const uint8_t *data;
    size_t size;
    batch_builder_finish(&b, &data, &size);
    assert_int_equal(size, sizeof golden);
    assert_int_equal(batch_builder_size(&b), size);
    assert_memory_equal(data, golden, size);
    batch_builder_fini(&b);
    srt_buf_fini(&headers);
}

static void golden_bytes_are_read(void **state)
{
    (void)state;
    struct batch_info info;
    assert_int_equal(batch_check_records(golden, sizeof golden, &info), SRT_OK);
    assert_int_equal(info.base_offset, 0);
    assert_int_equal(info.size_bytes, sizeof golden);
    assert_int_equal(info.crc, 0xbc85ccad);
    assert_int_equal(info.attributes, 0);
    assert_int_equal(info.last_offset_delta, 1);
    assert_int_equal(info.record_count, 2);
    assert_int_equal(info.base_timestamp_ms, 1700000000000);
    assert_int_equal(info.max_timestamp_ms, 1700000000005);
    assert_int_equal(info.producer_id, -1);
    assert_int_equal(info.producer_epoch, -1);
    assert_int_equal(info.base_sequence, -1);

    struct batch_reader reader;
    assert_int_equal(batch_reader_init(&reader, golden, &info, NULL), SRT_OK);
    struct record rec;
    assert_int_equal(batch_reader_next(&reader, &rec), SRT_OK);
    assert_int_equal(rec.offset, 0);
    assert_int_equal(rec.timestamp_ms, 1700000000000);
    assert_int_equal(rec.key_len, 2);
    assert_memory_equal(rec.key, "k1", 2);
    assert_int_equal(rec.value_len, 5);
    assert_memory_equal(rec.value, "hello", 5);
    assert_int_equal(rec.header_count, 1);
    assert_int_equal(header_check(rec.headers, rec.headers_len, 1), SRT_OK);
    assert_int_equal(batch_reader_next(&reader, &rec), SRT_OK);
    assert_int_equal(rec.offset, 1);
    assert_int_equal(rec.timestamp_ms, 1700000000005);
    assert_int_equal(rec.key_len, RECORD_ABSENT);
    assert_null(rec.key);
    assert_int_equal(rec.value_len, RECORD_ABSENT);
    assert_null(rec.value);
    assert_int_equal(batch_reader_next(&reader, &rec), SRT_EEND);
    assert_int_equal(batch_reader_next(&reader, &rec), SRT_EEND);
}

/* A copy of the golden batch with some bytes changed and the CRC made right again. */
static int check_changed(size_t at, const void *bytes, size_t count)
{
    uint8_t copy[sizeof golden];
    memcpy(copy, golden, sizeof copy);
    memcpy(copy + at, bytes, count);
    srt_put_be32(copy + 17, srt_crc32c(0, copy + 21, sizeof copy - 21));
    struct batch_info info;
    return batch_check_records(copy, sizeof copy, &info);
}

static void the_base_offset_is_outside_the_crc(void **state)
{
    (void)state;
    uint8_t copy[sizeof golden];
    memcpy(copy, golden, sizeof copy);
    batch_set_base_offset(copy, 123456789012345);
    struct batch_info info;
    assert_int_equal(batch_check_records(copy, sizeof copy, &info), SRT_OK);
    assert_int_equal(batch_last_offset(&info), 123456789012346);
    struct batch_reader reader;
    struct record rec;
    assert_int_equal(batch_reader_init(&reader, copy, &info, NULL), SRT_OK);
    assert_int_equal(batch_reader_next(&reader, &rec), SRT_OK);
    assert_int_equal(rec.offset, 123456789012345);
}

static void every_missing_end_asks_for_more(void **state)
{
    (void)state;
    struct batch_info info;
    for (size_t size = 0; size < sizeof golden; size++) {
        assert_int_equal(batch_parse(golden, size, &info), SRT_EAGAIN);
        assert_int_equal(batch_check_records(golden, size, &info), SRT_EAGAIN);
    }
}

static void bytes_behind_the_batch_do_not_matter(void **state)
{
    (void)state;
    uint8_t space[sizeof golden + 9];
    memset(space, 0xee, sizeof space);
    memcpy(space, golden, sizeof golden);
    struct batch_info info;
    assert_int_equal(batch_check_records(space, sizeof space, &info), SRT_OK);
    assert_int_equal(info.size_bytes, sizeof golden);
}

static void every_flipped_bit_behind_the_epoch_is_noticed(void **state)
{
    (void)state;
    uint8_t copy[sizeof golden];
    for (size_t bit = 16 * 8; bit < sizeof golden * 8; bit++) {
        memcpy(copy, golden, sizeof copy);
        copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        struct batch_info info;
        assert_int_not_equal(batch_check(copy, sizeof copy, &info), SRT_OK);
    }
}

static void another_magic_is_another_version(void **state)
{
    (void)state;
    for (unsigned magic = 0; magic < 256; magic++) {
        uint8_t byte = (uint8_t)magic;
        assert_int_equal(check_changed(16, &byte, 1), magic == 2 ? SRT_OK : SRT_EVERSION);
    }
    struct batch_info info;
    uint8_t old[17] = {0};
    assert_int_equal(batch_parse(old, sizeof old, &info), SRT_EVERSION);
}

static void impossible_headers_are_corrupt(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t bytes[8];
        size_t count;
    } cases[] = {
        {0, {0x80}, 1},                                           /* base offset < 0 */
        {0, {0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 8}, /* last offset overflows */
        {8, {0xff, 0xff, 0xff, 0xff}, 4},                         /* length < 0 */
        {8, {0x00, 0x00, 0x00, 0x30}, 4},                         /* shorter than a header */
        {8, {0x00, 0x00, 0x00, 0x00}, 4},                         /* nothing */
        {23, {0xff, 0xff, 0xff, 0xff}, 4},                        /* last delta < 0 */
        {23, {0x00, 0x00, 0x00, 0x00}, 4},                        /* last delta < count - 1 */
        {23, {0x00, 0x00, 0x00, 0x02}, 4},                        /* last delta > count - 1 */
        {57, {0xff, 0xff, 0xff, 0xff}, 4},                        /* count < 0 */
        {57, {0x00, 0x00, 0x00, 0x00}, 4},                        /* no records */
        {57, {0x00, 0x00, 0x00, 0x01}, 4},                        /* fewer than there are */
        {57, {0x00, 0x00, 0x00, 0x03}, 4},                        /* more than there are */
        {57, {0x7f, 0xff, 0xff, 0xff}, 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(check_changed(cases[i].at, cases[i].bytes, cases[i].count), SRT_ECORRUPT);
    }
}

static void impossible_records_are_corrupt(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t byte;
    } cases[] = {
        {61, 0x20}, /* one byte short */
        {61, 0x24}, /* one byte long */
        {61, 0x01}, /* -1 bytes */
        {61, 0x7e}, /* beyond the batch */
        {61, 0x00}, /* nothing */
        {64, 0x02}, /* offset delta 1 first */
        {64, 0x01}, /* offset delta -1 */
        {65, 0x06}, /* a longer key shifts all behind it */
        {65, 0x03}, /* key of -2 bytes */
        {68, 0x03}, /* value of -2 bytes */
        {68, 0x40}, /* value beyond the record */
        {74, 0x04}, /* two headers */
        {74, 0x00}, /* no header, but its bytes */
        {74, 0x01}, /* -1 headers */
        {75, 0x08}, /* header's name too long */
        {77, 0x06}, /* header's value too long */
        {77, 0x00}, /* header's value too short */
        {82, 0x00}, /* second record: offset delta 0 again */
        {85, 0x02}, /* second record: a header and no bytes for it */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(check_changed(cases[i].at, &cases[i].byte, 1), SRT_ECORRUPT);
    }
}

static void overlong_numbers_are_corrupt(void **state)
{
    (void)state;
    static const uint8_t overlong[11] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                         0x80, 0x80, 0x80, 0x80, 0x01};
    assert_int_equal(check_changed(61, overlong, 11), SRT_ECORRUPT);
    assert_int_equal(check_changed(63, overlong, 11), SRT_ECORRUPT);
    assert_int_equal(check_changed(64, overlong, 6), SRT_ECORRUPT);
}

static void compressions_of_later_are_unavailable(void **state)
{
    (void)state;
    for (uint8_t codec = COMPRESSION_COUNT; codec < 8; codec++) {
        uint8_t attributes[2] = {0, codec};
        assert_int_equal(check_changed(21, attributes, 2), SRT_EUNAVAILABLE);
    }
}

static void append_time_gives_every_record_the_maximum(void **state)
{
    (void)state;
    uint8_t copy[sizeof golden];
    memcpy(copy, golden, sizeof copy);
    copy[22] = BATCH_ATTR_APPEND_TIME;
    srt_put_be32(copy + 17, srt_crc32c(0, copy + 21, sizeof copy - 21));
    struct batch_info info;
    struct batch_reader reader;
    struct record rec;
    assert_int_equal(batch_check_records(copy, sizeof copy, &info), SRT_OK);
    assert_int_equal(batch_reader_init(&reader, copy, &info, NULL), SRT_OK);
    assert_int_equal(batch_reader_next(&reader, &rec), SRT_OK);
    assert_int_equal(rec.timestamp_ms, 1700000000005);
}

static void gaps_of_a_compaction_are_readable_but_not_from_outside(void **state)
{
    (void)state;
    uint8_t copy[sizeof golden];
    memcpy(copy, golden, sizeof copy);
    srt_put_be32(copy + 23, 9); /* last offset delta */
    copy[82] = 0x12;            /* the second record's offset delta: 9 */
    srt_put_be32(copy + 17, srt_crc32c(0, copy + 21, sizeof copy - 21));
    struct batch_info info;
    assert_int_equal(batch_check(copy, sizeof copy, &info), SRT_OK);
    assert_int_equal(batch_check_records(copy, sizeof copy, &info), SRT_ECORRUPT);
    struct batch_reader reader;
    struct record rec;
    assert_int_equal(batch_reader_init(&reader, copy, &info, NULL), SRT_OK);
    assert_int_equal(batch_reader_next(&reader, &rec), SRT_OK);
    assert_int_equal(batch_reader_next(&reader, &rec), SRT_OK);
    assert_int_equal(rec.offset, 9);
    assert_int_equal(batch_reader_next(&reader, &rec), SRT_EEND);
}

/* --- the builder --- */

static void timestamps_may_go_back_be_absent_and_be_extreme(void **state)
{
    (void)state;
    static const int64_t times[] = {1000, 5,         -1,        INT64_MAX,    INT64_MIN,
                                    0,    INT64_MAX, INT64_MIN, 1700000000000};
    enum { COUNT = sizeof times / sizeof times[0] };
    struct batch_builder b;
    batch_builder_init(&b);
    for (int i = 0; i < COUNT; i++) {
        struct record rec = rec_of("k", "v", times[i]);
        assert_int_equal(batch_builder_add(&b, &rec), SRT_OK);
    }
    const uint8_t *data;
    size_t size;
    batch_builder_finish(&b, &data, &size);
    struct batch_info info;
    assert_int_equal(batch_check_records(data, size, &info), SRT_OK);
    assert_int_equal(info.base_timestamp_ms, 1000);
    assert_true(info.max_timestamp_ms == INT64_MAX);
    struct batch_reader reader;
    struct record rec;
    assert_int_equal(batch_reader_init(&reader, data, &info, NULL), SRT_OK);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(batch_reader_next(&reader, &rec), SRT_OK);
        assert_true(rec.timestamp_ms == times[i]);
    }
    batch_builder_fini(&b);
}

static void a_cleared_builder_starts_anew(void **state)
{
    (void)state;
    struct batch_builder b;
    batch_builder_init(&b);
    assert_int_equal(batch_builder_size(&b), BATCH_HEADER_BYTES);
    struct record rec = rec_of("key", "value", 99);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(batch_builder_add(&b, &rec), SRT_OK);
        const uint8_t *data;
        size_t size;
        batch_builder_finish(&b, &data, &size);
        struct batch_info info;
        assert_int_equal(batch_check_records(data, size, &info), SRT_OK);
        assert_int_equal(info.record_count, 1);
        assert_int_equal(info.base_timestamp_ms, 99);
        batch_builder_clear(&b);
        assert_int_equal(batch_builder_size(&b), BATCH_HEADER_BYTES);
        assert_int_equal(b.record_count, 0);
    }
    batch_builder_fini(&b);
}

static void adding_goes_on_after_finishing(void **state)
{
    (void)state;
    struct batch_builder b;
    batch_builder_init(&b);
    struct record rec = rec_of("key", "value", 7);
    const uint8_t *data;
    size_t size;
    struct batch_info info;
    for (int count = 1; count <= 3; count++) {
        assert_int_equal(batch_builder_add(&b, &rec), SRT_OK);
        batch_builder_finish(&b, &data, &size);
        assert_int_equal(batch_check_records(data, size, &info), SRT_OK);
        assert_int_equal(info.record_count, count);
    }
    batch_builder_fini(&b);
}

static void out_of_memory_leaves_the_batch_whole(void **state)
{
    (void)state;
    struct batch_builder b;
    batch_builder_init(&b);
    struct record small = rec_of("k", "v", 1);
    srt_fault_arm(SRT_FAULT_alloc, 1, SRT_FAULT_ERRNO, 12);
    assert_int_equal(batch_builder_add(&b, &small), SRT_ENOMEM);
    srt_fault_disarm();
    assert_int_equal(batch_builder_add(&b, &small), SRT_OK);

    static char large_value[100000];
    memset(large_value, 'x', sizeof large_value - 1);
    struct record large = rec_of("k", large_value, 2);
    srt_fault_arm(SRT_FAULT_alloc, 1, SRT_FAULT_ERRNO, 12);
    assert_int_equal(batch_builder_add(&b, &large), SRT_ENOMEM);
    srt_fault_disarm();
    assert_int_equal(b.record_count, 1);
    assert_int_equal(batch_builder_add(&b, &small), SRT_OK);

    const uint8_t *data;
    size_t size;
    batch_builder_finish(&b, &data, &size);
    struct batch_info info;
    assert_int_equal(batch_check_records(data, size, &info), SRT_OK);
    assert_int_equal(info.record_count, 2);
    batch_builder_fini(&b);
}

static void a_record_beyond_two_gigabytes_is_refused(void **state)
{
    (void)state;
    struct batch_builder b;
    batch_builder_init(&b);
    struct record rec = rec_of("k", "v", 1);
    rec.value_len = INT32_MAX; /* never read */
    assert_int_equal(batch_builder_add(&b, &rec), SRT_ETOOBIG);
    assert_int_equal(batch_builder_size(&b), BATCH_HEADER_BYTES);
    batch_builder_fini(&b);
}

/* --- against a model --- */

static uint8_t pool[300000];

static struct record random_record(struct srt_rng *rng, const struct srt_buf *headers)
{
    static const int32_t lengths[] = {-1, 0,   1,   7,   62,   63,   64,
                                      65, 127, 128, 200, 8191, 8192, 20000};
    enum { COUNT = sizeof lengths / sizeof lengths[0] };
    struct record rec = {
        .key = pool + srt_rng_below(rng, 1000),
        .key_len = lengths[srt_rng_below(rng, COUNT)],
        .value = pool + srt_rng_below(rng, 1000),
        .value_len = lengths[srt_rng_below(rng, COUNT)],
        .timestamp_ms = (int64_t)(srt_rng_next(rng) >> (1 + srt_rng_below(rng, 62))),
        .offset = -1,
    };
    if (srt_rng_below(rng, 3) == 0) {
        rec.headers = headers->data;
        rec.headers_len = (uint32_t)headers->len;
        rec.header_count = 2;
    }
    return rec;
}

static void assert_same(const struct record *a, const struct record *b)
{
    assert_int_equal(a->key_len, b->key_len);
    assert_int_equal(a->value_len, b->value_len);
    assert_true(a->timestamp_ms == b->timestamp_ms);
    assert_int_equal(a->header_count, b->header_count);
    assert_int_equal(a->headers_len, b->headers_len);
    if (a->key_len > 0) {
        assert_memory_equal(a->key, b->key, (size_t)a->key_len);
    }
    if (a->value_len > 0) {
        assert_memory_equal(a->value, b->value, (size_t)a->value_len);
    }
    if (a->headers_len > 0) {
        assert_memory_equal(a->headers, b->headers, a->headers_len);
    }
}

static void what_is_built_is_read(void **state)
{
    (void)state;
    struct srt_rng rng;
    srt_rng_init(&rng, 20240607);
    for (size_t i = 0; i < sizeof pool; i++) {
        pool[i] = (uint8_t)srt_rng_next(&rng);
    }
    struct srt_buf headers = {0};
    header_put(&headers, "trace", 5, pool, 100);
    header_put(&headers, "none", 4, NULL, RECORD_ABSENT);
    struct batch_builder b;
    batch_builder_init(&b);
    for (int round = 0; round < 60; round++) {
        enum { MAX = 150 };
        static struct record added[MAX];
        int32_t count = 1 + (int32_t)srt_rng_below(&rng, MAX);
        batch_builder_clear(&b);
        for (int32_t i = 0; i < count; i++) {
            added[i] = random_record(&rng, &headers);
            size_t before = batch_builder_size(&b);
            assert_int_equal(batch_builder_add(&b, &added[i]), SRT_OK);
            assert_true(batch_builder_size(&b) - before <= batch_record_size_max(&added[i]));
        }
        const uint8_t *data;
        size_t size;
        batch_builder_finish(&b, &data, &size);
        uint8_t *exact = malloc(size); /* so that a sanitizer sees a read beyond the end */
        memcpy(exact, data, size);
        struct batch_info info;
        assert_int_equal(batch_check_records(exact, size, &info), SRT_OK);
        struct batch_reader reader;
        assert_int_equal(batch_reader_init(&reader, exact, &info, NULL), SRT_OK);
        struct record rec;
        for (int32_t i = 0; i < count; i++) {
            assert_int_equal(batch_reader_next(&reader, &rec), SRT_OK);
            assert_int_equal(rec.offset, i);
            assert_same(&rec, &added[i]);
        }
        assert_int_equal(batch_reader_next(&reader, &rec), SRT_EEND);
        free(exact);
    }
    batch_builder_fini(&b);
    srt_buf_fini(&headers);
}

/* Damaged batches under a right CRC: the reader may refuse them, but must stay inside. */
static void hostile_bytes_never_lead_outside(void **state)
{
    (void)state;
    struct srt_rng rng;
    srt_rng_init(&rng, 99);
    size_t read = 0;
    for (int round = 0; round < 50000; round++) {
        uint8_t *copy = malloc(sizeof golden);
        memcpy(copy, golden, sizeof golden);
        size_t changes = 1 + srt_rng_below(&rng, 4);
        for (size_t i = 0; i < changes; i++) {
            copy[23 + srt_rng_below(&rng, sizeof golden - 23)] = (uint8_t)srt_rng_next(&rng);
        }
        srt_put_be32(copy + 17, srt_crc32c(0, copy + 21, sizeof golden - 21));
        struct batch_info info;
        struct batch_reader reader;
        struct record rec;
        if (batch_check(copy, sizeof golden, &info) == SRT_OK &&
            batch_reader_init(&reader, copy, &info, NULL) == SRT_OK) {
            while (batch_reader_next(&reader, &rec) == SRT_OK) {
                assert_true(rec.headers + rec.headers_len <= copy + sizeof golden);
                assert_true(rec.key_len < 0 || rec.key + rec.key_len <= copy + sizeof golden);
                assert_true(rec.value_len < 0 || rec.value + rec.value_len <= copy + sizeof golden);
                read++;
            }
        }
        batch_check_records(copy, sizeof golden, &info);
        free(copy);
    }
    assert_true(read > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_bytes_are_written),
        cmocka_unit_test(golden_bytes_are_read),
        cmocka_unit_test(the_base_offset_is_outside_the_crc),
        cmocka_unit_test(every_missing_end_asks_for_more),
        cmocka_unit_test(bytes_behind_the_batch_do_not_matter),
        cmocka_unit_test(every_flipped_bit_behind_the_epoch_is_noticed),
        cmocka_unit_test(another_magic_is_another_version),
        cmocka_unit_test(impossible_headers_are_corrupt),
        cmocka_unit_test(impossible_records_are_corrupt),
        cmocka_unit_test(overlong_numbers_are_corrupt),
        cmocka_unit_test(compressions_of_later_are_unavailable),
        cmocka_unit_test(append_time_gives_every_record_the_maximum),
        cmocka_unit_test(gaps_of_a_compaction_are_readable_but_not_from_outside),
        cmocka_unit_test(timestamps_may_go_back_be_absent_and_be_extreme),
        cmocka_unit_test(a_cleared_builder_starts_anew),
        cmocka_unit_test(adding_goes_on_after_finishing),
        cmocka_unit_test(out_of_memory_leaves_the_batch_whole),
        cmocka_unit_test(a_record_beyond_two_gigabytes_is_refused),
        cmocka_unit_test(what_is_built_is_read),
        cmocka_unit_test(hostile_bytes_never_lead_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
