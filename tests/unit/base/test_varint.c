#include "base/rng.h"
#include "base/varint.h"
#include "support/cmocka_srt.h"

static void fixed_width_is_big_endian_at_any_address(void **state)
{
    (void)state;
    uint8_t bytes[16] = {0};
    srt_put_be16(bytes + 1, 0x0102);
    assert_memory_equal(bytes, "\0\1\2", 3);
    assert_int_equal(srt_get_be16(bytes + 1), 0x0102);
    srt_put_be32(bytes + 3, 0x03040506);
    assert_memory_equal(bytes + 3, "\3\4\5\6", 4);
    assert_int_equal(srt_get_be32(bytes + 3), 0x03040506);
    srt_put_be64(bytes + 5, 0x0708090a0b0c0d0eu);
    assert_memory_equal(bytes + 5, "\7\10\11\12\13\14\15\16", 8);
    assert_true(srt_get_be64(bytes + 5) == 0x0708090a0b0c0d0eu);
}

static void zigzag_bytes_are_kafkas(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *bytes;
        size_t size;
    } rows[] = {
        {0, "\0", 1},
        {-1, "\1", 1},
        {1, "\2", 1},
        {63, "\176", 1},
        {-64, "\177", 1},
        {64, "\200\1", 2},
        {-65, "\201\1", 2},
        {INT32_MAX, "\376\377\377\377\17", 5},
        {INT32_MIN, "\377\377\377\377\17", 5},
        {INT64_MAX, "\376\377\377\377\377\377\377\377\377\1", 10},
        {INT64_MIN, "\377\377\377\377\377\377\377\377\377\1", 10},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t bytes[SRT_VARLONG_MAX_BYTES];
        assert_int_equal(srt_put_varlong(bytes, rows[i].value), rows[i].size);
        assert_memory_equal(bytes, rows[i].bytes, rows[i].size);
        assert_int_equal(srt_varlong_size(rows[i].value), rows[i].size);
        int64_t back = 0;
        assert_int_equal(srt_get_varlong(bytes, sizeof bytes, &back), rows[i].size);
        assert_true(back == rows[i].value);
        if (rows[i].size <= SRT_VARINT_MAX_BYTES) {
            int32_t value = (int32_t)rows[i].value;
            int32_t small = 0;
            assert_int_equal(srt_put_varint(bytes, value), rows[i].size);
            assert_int_equal(srt_varint_size(value), rows[i].size);
            assert_int_equal(srt_get_varint(bytes, sizeof bytes, &small), rows[i].size);
            assert_int_equal(small, value);
        }
    }
}

static void random_numbers_come_back(void **state)
{
    (void)state;
    struct srt_rng rng;
    srt_rng_init(&rng, 11);
    for (int i = 0; i < 20000; i++) {
        int64_t value = (int64_t)(srt_rng_next(&rng) >> srt_rng_below(&rng, 64));
        value = i % 2 ? value : -value;
        uint8_t bytes[SRT_VARLONG_MAX_BYTES];
        size_t size = srt_put_varlong(bytes, value);
        int64_t back = 0;
        assert_int_equal(srt_get_varlong(bytes, size, &back), size);
        assert_true(back == value);
        for (size_t cut = 0; cut < size; cut++) {
            assert_int_equal(srt_get_varlong(bytes, cut, &back), 0);
        }
    }
}

static void malformed_numbers_are_refused(void **state)
{
    (void)state;
    int64_t value = 77;
    int32_t small = 77;
    static const uint8_t endless[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    assert_int_equal(srt_get_varlong(endless, sizeof endless, &value), 0);
    assert_int_equal(srt_get_varint(endless, sizeof endless, &small), 0);
    static const uint8_t bits_65[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    assert_int_equal(srt_get_varlong(bits_65, sizeof bits_65, &value), 0);
    static const uint8_t bits_33[] = {0xff, 0xff, 0xff, 0xff, 0x1f};
    assert_int_equal(srt_get_varint(bits_33, sizeof bits_33, &small), 0);
    assert_int_equal(srt_get_varlong(bits_33, sizeof bits_33, &value), 5);
    static const uint8_t six_bytes[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
    assert_int_equal(srt_get_varint(six_bytes, sizeof six_bytes, &small), 0);
    assert_int_equal(srt_get_varint(six_bytes, 0, &small), 0);
    assert_int_equal(small, 77); /* set on success only */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_width_is_big_endian_at_any_address),
        cmocka_unit_test(zigzag_bytes_are_kafkas),
        cmocka_unit_test(random_numbers_come_back),
        cmocka_unit_test(malformed_numbers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
