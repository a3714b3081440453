#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/rng.h"
#include "base/str.h"
#include "record/json.h"

static void assert_bytes(const struct srt_buf *buf, const char *expected, size_t size)
{
    assert_false(srt_buf_failed(buf));
    assert_int_equal(buf->len, size);
    assert_memory_equal(buf->data, expected, size);
}

#define ASSERT_UNESCAPED(raw, expected)                                                            \
    do {                                                                                           \
        struct srt_buf out_ = {0};                                                                 \
        json_unescape(raw, sizeof(raw) - 1, &out_);                                                \
        assert_bytes(&out_, expected, sizeof(expected) - 1);                                       \
        srt_buf_fini(&out_);                                                                       \
    } while (0)

#define ASSERT_WRITTEN(text, expected)                                                             \
    do {                                                                                           \
        struct srt_buf out_ = {0};                                                                 \
        json_put_string(&out_, text, sizeof(text) - 1);                                            \
        assert_bytes(&out_, expected, sizeof(expected) - 1);                                       \
        srt_buf_fini(&out_);                                                                       \
    } while (0)

static void escapes_are_resolved(void **state)
{
    (void)state;
    ASSERT_UNESCAPED("plain", "plain");
    ASSERT_UNESCAPED("\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t");
    ASSERT_UNESCAPED("a\\u0041z", "aAz");
    ASSERT_UNESCAPED("\\u0000", "\0");
    ASSERT_UNESCAPED("\\u007f\\u0080\\u07ff\\u0800\\uffff",
                     "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf");
    ASSERT_UNESCAPED("\\uD83D\\uDE00", "\xf0\x9f\x98\x80");
    ASSERT_UNESCAPED("\\ud800\\udc00\\udbff\\udfff", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
    ASSERT_UNESCAPED("\xc3\xa4\\n\xf0\x9f\x98\x80", "\xc3\xa4\n\xf0\x9f\x98\x80");
}

static void half_a_surrogate_pair_is_replaced(void **state)
{
    (void)state;
    ASSERT_UNESCAPED("\\ud800", "\xef\xbf\xbd");
    ASSERT_UNESCAPED("\\udc00", "\xef\xbf\xbd");
    ASSERT_UNESCAPED("\\ud800x", "\xef\xbf\xbdx");
    ASSERT_UNESCAPED("\\ud800\\n", "\xef\xbf\xbd\n");
    ASSERT_UNESCAPED("\\ud800\\ud800\\udc00", "\xef\xbf\xbd\xf0\x90\x80\x80");
    ASSERT_UNESCAPED("\\udc00\\ud800", "\xef\xbf\xbd\xef\xbf\xbd");
    ASSERT_UNESCAPED("\\ud800\\u0041", "\xef\xbf\xbd"
                                       "A");
}

static void unescaping_appends(void **state)
{
    (void)state;
    struct srt_buf out = {0};
    json_unescape("a\\n", 3, &out);
    json_unescape("", 0, &out);
    json_unescape("\\tb", 3, &out);
    assert_bytes(&out, "a\n\tb", 4);
    srt_buf_fini(&out);
}

static void what_must_be_escaped_is(void **state)
{
    (void)state;
    ASSERT_WRITTEN("", "\"\"");
    ASSERT_WRITTEN("plain", "\"plain\"");
    ASSERT_WRITTEN("a\"b\\c/d", "\"a\\\"b\\\\c/d\"");
    ASSERT_WRITTEN("\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"");
    ASSERT_WRITTEN("\0\x01\x1f\x7f", "\"\\u0000\\u0001\\u001f\x7f\"");
    ASSERT_WRITTEN("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
                   "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
    ASSERT_WRITTEN("more than sixteen plain bytes, then a \" and so on",
                   "\"more than sixteen plain bytes, then a \\\" and so on\"");
}

static void what_is_not_utf8_is_replaced(void **state)
{
    (void)state;
    ASSERT_WRITTEN("\xff", "\"\xef\xbf\xbd\"");
    ASSERT_WRITTEN("a\x80z", "\"a\xef\xbf\xbdz\"");
    ASSERT_WRITTEN("gr\xf6\xdf"
                   "e",
                   "\"gr\xef\xbf\xbd\xef\xbf\xbd"
                   "e\"");
    ASSERT_WRITTEN("\xc3", "\"\xef\xbf\xbd\"");
    ASSERT_WRITTEN("\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    ASSERT_WRITTEN("\xf0\x9f\x98", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    ASSERT_WRITTEN("\xc3\xa4\xc3", "\"\xc3\xa4\xef\xbf\xbd\"");
}

/* Whatever bytes go in, valid JSON comes out; and when they were UTF-8, the same bytes come
 * back. */
static void any_bytes_give_a_valid_string_that_reads_back(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a",
                                         "\"",
                                         "\\",
                                         "\n",
                                         "\x01",
                                         "\xc3\xa4",
                                         "\xe2\x82\xac",
                                         "\xf0\x9f\x98\x80",
                                         "\xff",
                                         "\xc3",
                                         "sixteen bytes of",
                                         "/",
                                         "\xed\xa0\x80",
                                         "\x7f"};
    struct srt_rng rng;
    srt_rng_init(&rng, 5);
    size_t kept = 0;
    for (int round = 0; round < 20000; round++) {
        struct srt_buf in = {0};
        struct srt_buf out = {0};
        struct srt_buf back = {0};
        size_t count = srt_rng_below(&rng, 12);
        bool tame = srt_rng_below(&rng, 2) == 0;
        for (size_t i = 0; i < count; i++) {
            const char *piece = pieces[srt_rng_below(&rng, tame ? 8 : 14)];
            srt_buf_put_str(&in, piece);
        }
        srt_buf_put_str(&in, "");
        char *exact = malloc(in.len + (in.len == 0));
        memcpy(exact, in.data, in.len);
        json_put_string(&out, exact, in.len);
        size_t at;
        assert_int_equal(json_validate((const char *)out.data, out.len, &at), SRT_OK);
        if (srt_utf8_valid(in.data, in.len)) {
            json_unescape((const char *)out.data + 1, out.len - 2, &back);
            assert_int_equal(back.len, in.len);
            assert_memory_equal(back.data, in.data, in.len);
            kept++;
        }
        free(exact);
        srt_buf_fini(&in);
        srt_buf_fini(&out);
        srt_buf_fini(&back);
    }
    assert_true(kept > 9000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_are_resolved),
        cmocka_unit_test(half_a_surrogate_pair_is_replaced),
        cmocka_unit_test(unescaping_appends),
        cmocka_unit_test(what_must_be_escaped_is),
        cmocka_unit_test(what_is_not_utf8_is_replaced),
        cmocka_unit_test(any_bytes_give_a_valid_string_that_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
