#include "cli/base64.h"
#include "support/cmocka_srt.h"

static void encodes_the_examples_of_the_rfc(void **state)
{
    static const char *const cases[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct srt_buf buf = {0};
        base64_put(&buf, (const uint8_t *)cases[i][0], strlen(cases[i][0]));
        assert_string_equal(srt_buf_cstr(&buf), cases[i][1]);
        srt_buf_fini(&buf);
    }
}

static void uses_every_digit_of_the_alphabet(void **state)
{
    static const uint8_t bytes[] = {0x00, 0x10, 0x83, 0xfb, 0xff, 0xbf};
    struct srt_buf buf = {0};
    (void)state;
    base64_put(&buf, bytes, sizeof bytes);
    assert_string_equal(srt_buf_cstr(&buf), "ABCD+/+/");
    srt_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_the_examples_of_the_rfc),
        cmocka_unit_test(uses_every_digit_of_the_alphabet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
