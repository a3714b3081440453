#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record/codec.h"

static void names_and_codecs_correspond(void **state)
{
    (void)state;
    enum codec codec;
    assert_true(codec_parse(SRT_STR("json"), &codec));
    assert_int_equal(codec, CODEC_JSON);
    assert_true(codec_parse(SRT_STR("text"), &codec));
    assert_int_equal(codec, CODEC_TEXT);
    assert_true(codec_parse(SRT_STR("bytes"), &codec));
    assert_int_equal(codec, CODEC_BYTES);
    assert_string_equal(codec_name(CODEC_JSON), "json");
    assert_string_equal(codec_name(CODEC_TEXT), "text");
    assert_string_equal(codec_name(CODEC_BYTES), "bytes");
}

static void unknown_names_are_refused_and_leave_the_result(void **state)
{
    (void)state;
    enum codec codec = CODEC_TEXT;
    assert_false(codec_parse(SRT_STR("JSON"), &codec));
    assert_false(codec_parse(SRT_STR("jso"), &codec));
    assert_false(codec_parse(SRT_STR(""), &codec));
    assert_int_equal(codec, CODEC_TEXT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_codecs_correspond),
        cmocka_unit_test(unknown_names_are_refused_and_leave_the_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
