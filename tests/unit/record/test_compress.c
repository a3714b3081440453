/* compress.c: each codec, against bytes that other programs wrote. */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/limits.h"
#include "base/rng.h"
#include "base/varint.h"
#include "record/compress.h"
#include "support/cmocka_srt.h"

/* What all of these hold: twelve lines "0: the quick brown fox" to "11: ...". */
/* gzip -9 -n */
static const uint8_t by_gzip[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x33, 0xb0, 0x52, 0x28, 0xc9, 0x48,
    0x55, 0x28, 0x2c, 0xcd, 0x4c, 0xce, 0x56, 0x48, 0x2a, 0xca, 0x2f, 0xcf, 0x53, 0x48, 0xcb, 0xaf,
    0xe0, 0x32, 0xc4, 0x2e, 0x6c, 0x84, 0x5d, 0xd8, 0x18, 0xbb, 0xb0, 0x09, 0x76, 0x61, 0x53, 0xec,
    0xc2, 0x66, 0xd8, 0x85, 0xcd, 0xb1, 0x0b, 0x5b, 0x60, 0x17, 0xb6, 0xc4, 0xe1, 0x1d, 0x03, 0x1c,
    0xe2, 0x38, 0xfc, 0x09, 0x00, 0xde, 0x98, 0x01, 0xd5, 0x16, 0x01, 0x00, 0x00,
};
/* snappy of Rust, a raw block */
static const uint8_t by_snappy_raw[] = {
    0x96, 0x02, 0x5c, 0x30, 0x3a, 0x20, 0x74, 0x68, 0x65, 0x20, 0x71, 0x75, 0x69, 0x63, 0x6b, 0x20,
    0x62, 0x72, 0x6f, 0x77, 0x6e, 0x20, 0x66, 0x6f, 0x78, 0x0a, 0x31, 0x56, 0x17, 0x00, 0x00, 0x32,
    0x56, 0x17, 0x00, 0x00, 0x33, 0x56, 0x17, 0x00, 0x00, 0x34, 0x56, 0x17, 0x00, 0x00, 0x35, 0x56,
    0x17, 0x00, 0x00, 0x36, 0x56, 0x17, 0x00, 0x00, 0x37, 0x56, 0x17, 0x00, 0x00, 0x38, 0x56, 0x17,
    0x00, 0x00, 0x39, 0x56, 0x17, 0x00, 0x00, 0x31, 0x5e, 0xe7, 0x00, 0x00, 0x31, 0x56, 0x30, 0x00,
};
/* kafka-python, in blocks of 200 bytes behind Java's header */
static const uint8_t by_snappy_blocks[] = {
    0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01,
    0x00, 0x00, 0x00, 0x4d, 0xc8, 0x01, 0x5c, 0x30, 0x3a, 0x20, 0x74, 0x68, 0x65, 0x20, 0x71, 0x75,
    0x69, 0x63, 0x6b, 0x20, 0x62, 0x72, 0x6f, 0x77, 0x6e, 0x20, 0x66, 0x6f, 0x78, 0x0a, 0x31, 0x56,
    0x17, 0x00, 0x00, 0x32, 0x56, 0x17, 0x00, 0x00, 0x33, 0x56, 0x17, 0x00, 0x00, 0x34, 0x56, 0x17,
    0x00, 0x00, 0x35, 0x56, 0x17, 0x00, 0x00, 0x36, 0x56, 0x17, 0x00, 0x00, 0x37, 0x56, 0x17, 0x00,
    0x3c, 0x38, 0x3a, 0x20, 0x74, 0x68, 0x65, 0x20, 0x71, 0x75, 0x69, 0x63, 0x6b, 0x20, 0x62, 0x72,
    0x6f, 0x00, 0x00, 0x00, 0x26, 0x4e, 0x58, 0x77, 0x6e, 0x20, 0x66, 0x6f, 0x78, 0x0a, 0x39, 0x3a,
    0x20, 0x74, 0x68, 0x65, 0x20, 0x71, 0x75, 0x69, 0x63, 0x6b, 0x20, 0x62, 0x72, 0x6f, 0x0d, 0x17,
    0x04, 0x31, 0x30, 0x5a, 0x18, 0x00, 0x00, 0x31, 0x56, 0x18, 0x00,
};
/* lz4 -9 */
static const uint8_t by_lz4[] = {
    0x04, 0x22, 0x4d, 0x18, 0x64, 0x40, 0xa7, 0x52, 0x00, 0x00, 0x00, 0xff, 0x09, 0x30, 0x3a,
    0x20, 0x74, 0x68, 0x65, 0x20, 0x71, 0x75, 0x69, 0x63, 0x6b, 0x20, 0x62, 0x72, 0x6f, 0x77,
    0x6e, 0x20, 0x66, 0x6f, 0x78, 0x0a, 0x31, 0x17, 0x00, 0x03, 0x1f, 0x32, 0x17, 0x00, 0x03,
    0x1f, 0x33, 0x17, 0x00, 0x03, 0x1f, 0x34, 0x17, 0x00, 0x03, 0x1f, 0x35, 0x17, 0x00, 0x03,
    0x1f, 0x36, 0x17, 0x00, 0x03, 0x1f, 0x37, 0x17, 0x00, 0x03, 0x1f, 0x38, 0x17, 0x00, 0x03,
    0x1f, 0x39, 0xcf, 0x00, 0x04, 0x0f, 0xe7, 0x00, 0x05, 0x0e, 0xe8, 0x00, 0x50, 0x20, 0x66,
    0x6f, 0x78, 0x0a, 0x00, 0x00, 0x00, 0x00, 0x22, 0xf5, 0xa8, 0x5d,
};
/* lz4 -1 -B4 -BD --content-size: blocks that depend on each other */
static const uint8_t by_lz4_linked[] = {
    0x04, 0x22, 0x4d, 0x18, 0x6c, 0x40, 0x16, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x72, 0x53,
    0x00, 0x00, 0x00, 0xff, 0x09, 0x30, 0x3a, 0x20, 0x74, 0x68, 0x65, 0x20, 0x71, 0x75, 0x69, 0x63,
    0x6b, 0x20, 0x62, 0x72, 0x6f, 0x77, 0x6e, 0x20, 0x66, 0x6f, 0x78, 0x0a, 0x31, 0x17, 0x00, 0x03,
    0x1f, 0x32, 0x17, 0x00, 0x03, 0x1f, 0x33, 0x17, 0x00, 0x03, 0x1f, 0x34, 0x17, 0x00, 0x03, 0x1f,
    0x35, 0x17, 0x00, 0x03, 0x1f, 0x36, 0x17, 0x00, 0x03, 0x1f, 0x37, 0x17, 0x00, 0x03, 0x1f, 0x38,
    0x17, 0x00, 0x03, 0x1f, 0x39, 0x17, 0x00, 0x03, 0x1f, 0x31, 0xe7, 0x00, 0x05, 0x0e, 0xe8, 0x00,
    0x50, 0x20, 0x66, 0x6f, 0x78, 0x0a, 0x00, 0x00, 0x00, 0x00, 0x22, 0xf5, 0xa8, 0x5d,
};
/* zstd -19 --no-check */
static const uint8_t by_zstd[] = {
    0x28, 0xb5, 0x2f, 0xfd, 0x60, 0x16, 0x00, 0xd5, 0x01, 0x00, 0x24, 0x02, 0x30, 0x3a,
    0x20, 0x74, 0x68, 0x65, 0x20, 0x71, 0x75, 0x69, 0x63, 0x6b, 0x20, 0x62, 0x72, 0x6f,
    0x77, 0x6e, 0x20, 0x66, 0x6f, 0x78, 0x0a, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37,
    0x38, 0x39, 0x31, 0x31, 0x0b, 0xa8, 0x10, 0xf0, 0xfa, 0xdf, 0x03, 0xb0, 0x23, 0xeb,
    0x10, 0xfe, 0x1f, 0x2f, 0x0e, 0x4b, 0xa8, 0x25, 0x8a, 0xe6, 0x26, 0x03,
};
/* zstd --check from a pipe: no size in the header, a checksum behind */
static const uint8_t by_zstd_stream[] = {
    0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0xfd, 0x01, 0x00, 0x34, 0x02, 0x30, 0x3a, 0x20, 0x74, 0x68,
    0x65, 0x20, 0x71, 0x75, 0x69, 0x63, 0x6b, 0x20, 0x62, 0x72, 0x6f, 0x77, 0x6e, 0x20, 0x66, 0x6f,
    0x78, 0x0a, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x31, 0x30, 0x31, 0x0b, 0x00,
    0x6b, 0xab, 0xc5, 0xd4, 0x28, 0x08, 0x14, 0x06, 0x14, 0x01, 0xca, 0x01, 0x85, 0x01, 0x45, 0x80,
    0x72, 0x40, 0x61, 0x40, 0x11, 0xa8, 0x32, 0xc7, 0xab, 0x27, 0xa1, 0xa0,
};

struct golden {
    enum compression kind;
    const uint8_t *data;
    size_t size;
};

static const struct golden goldens[] = {
    {COMPRESSION_GZIP, by_gzip, sizeof by_gzip},
    {COMPRESSION_SNAPPY, by_snappy_raw, sizeof by_snappy_raw},
    {COMPRESSION_SNAPPY, by_snappy_blocks, sizeof by_snappy_blocks},
    {COMPRESSION_LZ4, by_lz4, sizeof by_lz4},
    {COMPRESSION_LZ4, by_lz4_linked, sizeof by_lz4_linked},
    {COMPRESSION_ZSTD, by_zstd, sizeof by_zstd},
    {COMPRESSION_ZSTD, by_zstd_stream, sizeof by_zstd_stream},
};

enum { GOLDEN_COUNT = sizeof(goldens) / sizeof(goldens[0]), SIZE_MAX_BYTES = 1 << 20 };

static struct srt_buf plain; /* what the goldens hold */

static int setup(void **state)
{
    (void)state;
    srt_buf_clear(&plain);
    for (int i = 0; i < 12; i++) {
        srt_buf_printf(&plain, "%d: the quick brown fox\n", i);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    srt_buf_fini(&plain);
    return 0;
}

static int decode(enum compression kind, const void *data, size_t size, size_t size_max,
                  struct srt_buf *to)
{
    uint8_t *exact = malloc(size + (size == 0)); /* the sanitizer sees a read behind it */
    memcpy(exact, data, size);
    int rc = compress_decode(kind, exact, size, size_max, to);
    free(exact);
    return rc;
}

static void assert_is(const struct srt_buf *buf, size_t from, const void *data, size_t size)
{
    assert_int_equal(buf->len, from + size);
    assert_memory_equal(buf->data + from, data, size);
}

static void what_others_compressed_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        const struct golden *g = &goldens[i];
        struct srt_buf buf = {0};
        srt_buf_put_str(&buf, "kept");
        assert_int_equal(decode(g->kind, g->data, g->size, SIZE_MAX_BYTES, &buf), SRT_OK);
        assert_memory_equal(buf.data, "kept", 4);
        assert_is(&buf, 4, plain.data, plain.len);
        srt_buf_fini(&buf);
    }
}

static void the_limit_is_exact(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        const struct golden *g = &goldens[i];
        struct srt_buf buf = {0};
        assert_int_equal(decode(g->kind, g->data, g->size, plain.len - 1, &buf), SRT_ETOOBIG);
        assert_int_equal(buf.len, 0);
        assert_int_equal(decode(g->kind, g->data, g->size, 0, &buf), SRT_ETOOBIG);
        assert_int_equal(decode(g->kind, g->data, g->size, plain.len, &buf), SRT_OK);
        srt_buf_fini(&buf);
    }
}

static void what_is_cut_off_is_damage(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        const struct golden *g = &goldens[i];
        for (size_t size = 0; size < g->size; size++) {
            struct srt_buf buf = {0};
            int rc = decode(g->kind, g->data, size, SIZE_MAX_BYTES, &buf);
            /* Java's framing has no end: it may end behind its header and behind each block. */
            bool may_end = g->data == by_snappy_blocks && (size == 16 || size == 16 + 4 + 77);
            assert_int_equal(rc, may_end ? SRT_OK : SRT_ECORRUPT);
            assert_int_equal(buf.len, size == 97 && may_end ? 200 : 0);
            srt_buf_fini(&buf);
        }
    }
}

/* Not every codec has a checksum: what comes out may be other bytes, but never more than the limit
 * and never without a clear answer. The batch's CRC is what guards them. */
static void a_changed_byte_is_an_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        const struct golden *g = &goldens[i];
        uint8_t copy[256];
        for (size_t at = 0; at < g->size; at++) {
            for (int bit = 0; bit < 8; bit++) {
                struct srt_buf buf = {0};
                memcpy(copy, g->data, g->size);
                copy[at] ^= (uint8_t)(1 << bit);
                int rc = decode(g->kind, copy, g->size, 4096, &buf);
                assert_true(rc == SRT_OK || rc == SRT_ECORRUPT || rc == SRT_ETOOBIG);
                assert_true(buf.len <= 4096);
                srt_buf_fini(&buf);
            }
        }
    }
}

/* --- our own --- */

static void fill(uint8_t *data, size_t size, struct srt_rng *rng, bool compressible)
{
    for (size_t i = 0; i < size; i++) {
        data[i] = (uint8_t)srt_rng_next(rng);
        if (compressible) {
            data[i] &= 3;
        }
    }
}

static void each_codec_gives_back_what_it_got(void **state)
{
    (void)state;
    static const size_t sizes[] = {64, 1000, 32 << 10, (32 << 10) + 1, 200000, 3 << 20};
    struct srt_rng rng;
    srt_rng_init(&rng, 7);
    uint8_t *data = malloc(3 << 20);
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        fill(data, sizes[s], &rng, true);
        for (int kind = COMPRESSION_GZIP; kind < COMPRESSION_COUNT; kind++) {
            struct srt_buf packed = {0};
            struct srt_buf back = {0};
            srt_buf_put_str(&packed, "kept");
            int rc = compress_encode((enum compression)kind, data, sizes[s], &packed);
            if (rc == SRT_ETOOBIG && sizes[s] < 1000) {
                srt_buf_fini(&packed);
                continue; /* the header costs more than is won */
            }
            assert_int_equal(rc, SRT_OK);
            assert_true(packed.len - 4 < sizes[s]);
            assert_int_equal(
                decode((enum compression)kind, packed.data + 4, packed.len - 4, sizes[s], &back),
                SRT_OK);
            assert_is(&back, 0, data, sizes[s]);
            srt_buf_fini(&packed);
            srt_buf_fini(&back);
        }
    }
    free(data);
}

static void what_does_not_get_smaller_is_refused(void **state)
{
    (void)state;
    struct srt_rng rng;
    srt_rng_init(&rng, 11);
    uint8_t data[5000];
    fill(data, sizeof data, &rng, false);
    for (int kind = COMPRESSION_GZIP; kind < COMPRESSION_COUNT; kind++) {
        struct srt_buf packed = {0};
        srt_buf_put_str(&packed, "kept");
        for (size_t size = 0; size < sizeof data; size = size * 2 + 1) {
            assert_int_equal(compress_encode((enum compression)kind, data, size, &packed),
                             SRT_ETOOBIG);
        }
        assert_is(&packed, 0, "kept", 4);
        srt_buf_fini(&packed);
    }
}

/* Java's clients read only some of what the formats allow. */
static void what_is_written_is_what_javas_clients_read(void **state)
{
    (void)state;
    uint8_t *data = calloc(1, 100000);
    struct srt_buf packed = {0};
    assert_int_equal(compress_encode(COMPRESSION_SNAPPY, data, 100000, &packed), SRT_OK);
    assert_memory_equal(packed.data, by_snappy_blocks, 16);
    srt_buf_clear(&packed);
    assert_int_equal(compress_encode(COMPRESSION_LZ4, data, 100000, &packed), SRT_OK);
    assert_int_equal(srt_get_be32(packed.data), 0x04224d18);
    assert_int_equal(packed.data[4] & 0xe3,
                     0x60); /* version 1, independent blocks, no dictionary */
    srt_buf_fini(&packed);
    free(data);
}

/* --- bombs --- */

static void a_bomb_costs_no_more_than_the_limit(void **state)
{
    (void)state;
    enum { BOMB_BYTES = 64 << 20 };
    uint8_t *zeroes = calloc(1, BOMB_BYTES);
    for (int kind = COMPRESSION_GZIP; kind < COMPRESSION_COUNT; kind++) {
        struct srt_buf packed = {0};
        struct srt_buf out = {0};
        assert_int_equal(compress_encode((enum compression)kind, zeroes, BOMB_BYTES, &packed),
                         SRT_OK);
        assert_true(packed.len < BOMB_BYTES / 16);
        assert_int_equal(
            decode((enum compression)kind, packed.data, packed.len, SIZE_MAX_BYTES, &out),
            SRT_ETOOBIG);
        assert_int_equal(out.len, 0);
        assert_true(out.cap <= 4 * SIZE_MAX_BYTES);
        srt_buf_fini(&packed);
        srt_buf_fini(&out);
    }
    free(zeroes);
}

static void a_claimed_size_makes_no_memory(void **state)
{
    (void)state;
    static const uint8_t snappy[] = {0xff, 0xff, 0xff, 0x1f, 0x00, 'a'}; /* 64 MiB */
    static const uint8_t snappy_most[] = {0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 'a'};
    /* a frame of 64 MiB, and a block of one byte */
    static const uint8_t zstd[] = {0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0x00, 0x00,
                                   0x00, 0x04, 0x09, 0x00, 0x00, 'a'};
    struct srt_buf out = {0};
    assert_int_equal(
        decode(COMPRESSION_SNAPPY, snappy, sizeof snappy, SRT_BATCH_UNPACKED_BYTES_MAX, &out),
        SRT_ECORRUPT);
    assert_int_equal(decode(COMPRESSION_SNAPPY, snappy_most, sizeof snappy_most,
                            SRT_BATCH_UNPACKED_BYTES_MAX, &out),
                     SRT_ETOOBIG);
    assert_int_equal(
        decode(COMPRESSION_ZSTD, zstd, sizeof zstd, SRT_BATCH_UNPACKED_BYTES_MAX, &out),
        SRT_ECORRUPT);
    assert_true(out.cap <= SIZE_MAX_BYTES);
    srt_buf_fini(&out);
}

static void block_lengths_beyond_the_data_are_damage(void **state)
{
    (void)state;
    uint8_t copy[sizeof by_snappy_blocks];
    static const uint32_t lengths[] = {0, 1, 78, 200, INT32_MAX, UINT32_MAX};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct srt_buf out = {0};
        memcpy(copy, by_snappy_blocks, sizeof copy);
        srt_put_be32(copy + 16, lengths[i]);
        assert_int_equal(decode(COMPRESSION_SNAPPY, copy, sizeof copy, SIZE_MAX_BYTES, &out),
                         SRT_ECORRUPT);
        srt_buf_fini(&out);
    }
}

static void several_frames_are_one_run(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        const struct golden *g = &goldens[i];
        if (g->kind == COMPRESSION_SNAPPY) {
            continue; /* has no frames */
        }
        struct srt_buf in = {0};
        struct srt_buf out = {0};
        srt_buf_put(&in, g->data, g->size);
        srt_buf_put(&in, g->data, g->size);
        assert_int_equal(decode(g->kind, in.data, in.len, SIZE_MAX_BYTES, &out), SRT_OK);
        assert_int_equal(out.len, 2 * plain.len);
        assert_memory_equal(out.data + plain.len, plain.data, plain.len);
        srt_buf_fini(&in);
        srt_buf_fini(&out);
    }
}

static void a_number_without_a_codec_is_unavailable(void **state)
{
    (void)state;
    struct srt_buf out = {0};
    for (int kind = COMPRESSION_COUNT; kind < 8; kind++) {
        assert_int_equal(decode((enum compression)kind, "x", 1, 100, &out), SRT_EUNAVAILABLE);
    }
    assert_string_equal(compress_names[COMPRESSION_ZSTD], "zstd");
    assert_null(compress_names[COMPRESSION_COUNT]);
}

static void without_memory_the_buffer_stays_as_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        for (int fail_at = 1;; fail_at++) {
            struct srt_buf out = {0};
            srt_fault_arm(SRT_FAULT_alloc, (uint64_t)fail_at, SRT_FAULT_ERRNO, ENOMEM);
            int rc = compress_decode(goldens[i].kind, goldens[i].data, goldens[i].size,
                                     SIZE_MAX_BYTES, &out);
            srt_fault_disarm();
            assert_false(srt_buf_failed(&out));
            assert_int_equal(out.len, rc == SRT_OK ? plain.len : 0);
            srt_buf_fini(&out);
            if (rc == SRT_OK) {
                assert_true(fail_at > 1);
                break;
            }
            assert_int_equal(rc, SRT_ENOMEM);
        }
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_others_compressed_is_read),
        TEST(the_limit_is_exact),
        TEST(what_is_cut_off_is_damage),
        TEST(a_changed_byte_is_an_answer),
        TEST(each_codec_gives_back_what_it_got),
        TEST(what_does_not_get_smaller_is_refused),
        TEST(what_is_written_is_what_javas_clients_read),
        TEST(a_bomb_costs_no_more_than_the_limit),
        TEST(a_claimed_size_makes_no_memory),
        TEST(block_lengths_beyond_the_data_are_damage),
        TEST(several_frames_are_one_run),
        TEST(a_number_without_a_codec_is_unavailable),
        TEST(without_memory_the_buffer_stays_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
