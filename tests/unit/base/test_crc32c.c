#include "base/crc32c.h"
#include "support/cmocka_srt.h"

/* RFC 3720, appendix B.4. */
static void gives_the_published_check_values(void **state)
{
    (void)state;
    uint8_t bytes[32];
    assert_int_equal(srt_crc32c(0, "123456789", 9), 0xe3069283);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(srt_crc32c(0, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(srt_crc32c(0, bytes, 32), 0x62a8ab43);
    for (uint8_t i = 0; i < 32; i++) {
        bytes[i] = i;
    }
    assert_int_equal(srt_crc32c(0, bytes, 32), 0x46dd794e);
    assert_int_equal(srt_crc32c(0, "", 0), 0);
}

static void parts_give_what_the_whole_gives(void **state)
{
    (void)state;
    uint8_t bytes[1000];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 31 + i / 7);
    }
    uint32_t whole = srt_crc32c(0, bytes, sizeof bytes);
    for (size_t cut = 0; cut <= sizeof bytes; cut += 13) {
        uint32_t first = srt_crc32c(0, bytes, cut);
        assert_int_equal(srt_crc32c(first, bytes + cut, sizeof bytes - cut), whole);
    }
}

static void every_flipped_bit_changes_it(void **state)
{
    (void)state;
    uint8_t bytes[64] = "some text that is protected";
    uint32_t whole = srt_crc32c(0, bytes, sizeof bytes);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_not_equal(srt_crc32c(0, bytes, sizeof bytes), whole);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_published_check_values),
        cmocka_unit_test(parts_give_what_the_whole_gives),
        cmocka_unit_test(every_flipped_bit_changes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
