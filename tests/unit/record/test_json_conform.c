/* RFC 8259 clause by clause: what must be accepted and what must be refused, and where. */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "json_padded.h"
#include "record/json.h"

struct accepted {
    const char *text;
    size_t size;
};
#define YES(literal)                                                                               \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static const struct accepted accepted[] = {
    /* 2. grammar: any value may be the whole text; white space around the six structural characters
     */
    YES("null"),
    YES("true"),
    YES("false"),
    YES("0"),
    YES("\"\""),
    YES("[]"),
    YES("{}"),
    YES(" null"),
    YES("null "),
    YES("\t\n\r null\r\n\t "),
    YES("[ ]"),
    YES("{ }"),
    YES("[\n]"),
    YES("{\r\n}"),
    YES(" [ 1 , 2 ] "),
    YES("\t[\t1\t,\t2\t]\t"),
    YES("\n{\n\"a\"\n:\n1\n,\n\"b\"\n:\n2\n}\n"),
    YES("{\"a\"  :  [ { } , [ ] ]  }"),

    /* 3. values */
    YES("[null,true,false]"),
    YES("[null, true, false, 1, \"s\", [], {}]"),
    YES("{\"n\":null,\"t\":true,\"f\":false}"),

    /* 4. objects */
    YES("{\"\":0}"),
    YES("{\"a\":1}"),
    YES("{\"a\":1,\"b\":2}"),
    YES("{\"a\":1,\"a\":2}"),
    YES("{\"a\":{\"a\":{\"a\":{}}}}"),
    YES("{\"a\":[],\"b\":{},\"c\":[{}]}"),
    YES("{\"a\\\"b\":1}"),
    YES("{\"\\u0061\":1}"),
    YES("{\"gr\xc3\xb6\xc3\x9f"
        "e\":1}"),
    YES("{\"a key that is longer than sixteen bytes\":\"and so is its value, by far\"}"),

    /* 5. arrays */
    YES("[1]"),
    YES("[1,2,3]"),
    YES("[[]]"),
    YES("[[],[]]"),
    YES("[[[[[[[[]]]]]]]]"),
    YES("[{},{},[{}]]"),
    YES("[1,\"2\",[3],{\"4\":5}]"),

    /* 6. numbers */
    YES("-0"),
    YES("1"),
    YES("-1"),
    YES("10"),
    YES("1234567890"),
    YES("0.0"),
    YES("-0.0"),
    YES("0.5"),
    YES("10.25"),
    YES("0.000000000000000000000001"),
    YES("1e0"),
    YES("1E0"),
    YES("1e5"),
    YES("1E5"),
    YES("1e+5"),
    YES("1E+5"),
    YES("1e-5"),
    YES("1E-5"),
    YES("0e0"),
    YES("0E+0"),
    YES("0e00001"),
    YES("1.5e3"),
    YES("1.5E-3"),
    YES("-1.5e+3"),
    YES("9223372036854775807"),
    YES("-9223372036854775808"),
    YES("9223372036854775808"),
    YES("123456789012345678901234567890"),
    YES("1e400"),
    YES("-1e400"),
    YES("1e-400"),
    YES("[-0,0,-1,1.0,1e1]"),
    YES("{\"a\":-1.5e+3}"),

    /* 7. strings: escapes */
    YES("\"\\\"\""),
    YES("\"\\\\\""),
    YES("\"\\/\""),
    YES("\"\\b\""),
    YES("\"\\f\""),
    YES("\"\\n\""),
    YES("\"\\r\""),
    YES("\"\\t\""),
    YES("\"\\u0000\""),
    YES("\"\\u001f\""),
    YES("\"\\u0022\""),
    YES("\"\\uABCD\""),
    YES("\"\\uabcd\""),
    YES("\"\\uAbCd\""),
    YES("\"\\u0123\\u4567\\u89ab\\ucdef\""),
    YES("\"\\ud83d\\ude00\""),
    YES("\"\\uD834\\uDD1E\""),
    /* 8.2: lone surrogates as escapes are within the grammar */
    YES("\"\\ud800\""),
    YES("\"\\udc00\""),
    YES("\"\\ude00\\ud83d\""),
    YES("\"\\ud800abc\""),
    YES("\"\\\\u0041\""),
    YES("\"\\\\\\\"\""),
    YES("\"\\\\\\\\\""),
    YES("\"[{]},:\""),
    YES("\"/\""),
    YES("\"'\""),
    YES("\" \""),
    YES("\"\x7f\""),
    YES("\"exactly sixteen!\""),
    YES("\"fifteen bytes..\""),
    YES("\"seventeen bytes..\""),
    YES("\"a string that goes on for more than two blocks of sixteen bytes\""),
    YES("\"an escape late in the string, after the first block\\n\""),

    /* 7., 8.1: all of Unicode, as UTF-8 */
    YES("\"\xc2\x80\""),
    YES("\"\xdf\xbf\""),
    YES("\"\xe0\xa0\x80\""),
    YES("\"\xe1\x80\x80\""),
    YES("\"\xec\xbf\xbf\""),
    YES("\"\xed\x80\x80\""),
    YES("\"\xed\x9f\xbf\""),
    YES("\"\xee\x80\x80\""),
    YES("\"\xef\xbf\xbd\""),
    YES("\"\xef\xbf\xbf\""),
    YES("\"\xf0\x90\x80\x80\""),
    YES("\"\xf0\x9f\x98\x80\""),
    YES("\"\xf3\xbf\xbf\xbf\""),
    YES("\"\xf4\x8f\xbf\xbf\""),
    YES("\"\xe2\x80\xa8\xe2\x80\xa9\""),
    YES("\"\xef\xbb\xbf\""),
    YES("\"a\xc3\xa4o\xc3\xb6u\xc3\xbc, and after these plain text again\""),
};

struct refused {
    const char *text;
    size_t size;
    size_t at; /* the first wrong byte */
};
#define NO(literal, at)                                                                            \
    {                                                                                              \
        literal, sizeof(literal) - 1, at                                                           \
    }

static const struct refused refused[] = {
    /* 2. grammar */
    NO("", 0),
    NO(" ", 1),
    NO("\n\n", 2),
    NO("1 2", 2),
    NO("[] []", 3),
    NO("{}{}", 2),
    NO("null,", 4),
    NO("[1]]", 3),
    NO("{}}", 2),
    NO("]", 0),
    NO("}", 0),
    NO(",", 0),
    NO(":", 0),
    NO("[", 1),
    NO("{", 1),
    NO("[[", 2),
    NO("[1", 2),
    NO("[1,", 3),
    NO("[1 ", 3),
    NO("[}", 1),
    NO("[1}", 2),
    NO("{]", 1),
    NO("{\"a\":1]", 6),
    NO("[[1}]", 3),
    NO("[{\"a\":1]", 7),
    NO("\x0b"
       "1",
       0),
    NO("\x0c"
       "1",
       0),
    NO("\xc2\xa0"
       "1",
       0),
    NO("1\x00", 1),
    NO("\x00", 0),
    NO("[1,\x00"
       "2]",
       3),
    NO("/* c */ 1", 0),
    NO("1 // c", 2),
    NO("[1, # c\n2]", 4),
    /* 8.1: no byte order mark is added; a text that begins with one is not JSON */
    NO("\xef\xbb\xbf{}", 0),

    /* 3. values: lower case, and no others */
    NO("nul", 3),
    NO("nulL", 3),
    NO("Null", 0),
    NO("NULL", 0),
    NO("nulls", 4),
    NO("n", 1),
    NO("True", 0),
    NO("tru", 3),
    NO("trux", 3),
    NO("truee", 4),
    NO("False", 0),
    NO("fals", 4),
    NO("falsy", 4),
    NO("undefined", 0),
    NO("NaN", 0),
    NO("nan", 1),
    NO("Infinity", 0),
    NO("-Infinity", 1),
    NO("-NaN", 1),
    NO("inf", 0),
    NO("yes", 0),
    NO("'a'", 0),
    NO("a", 0),
    NO("[a]", 1),
    NO("{\"a\":b}", 5),
    NO("[nul]", 4),
    NO("[true1]", 5),

    /* 4. objects */
    NO("{\"a\"", 4),
    NO("{\"a\" ", 5),
    NO("{\"a\":", 5),
    NO("{\"a\": ", 6),
    NO("{\"a\":1", 6),
    NO("{\"a\":1,", 7),
    NO("{\"a\":1,}", 7),
    NO("{,}", 1),
    NO("{,\"a\":1}", 1),
    NO("{\"a\"}", 4),
    NO("{\"a\":}", 5),
    NO("{\"a\",1}", 4),
    NO("{\"a\" 1}", 5),
    NO("{\"a\"::1}", 5),
    NO("{\"a\":1:2}", 6),
    NO("{\"a\":1 \"b\":2}", 7),
    NO("{\"a\":1,,\"b\":2}", 7),
    NO("{\"a\":1;\"b\":2}", 6),
    NO("{a:1}", 1),
    NO("{'a':1}", 1),
    NO("{1:1}", 1),
    NO("{null:1}", 1),
    NO("{[]:1}", 1),
    NO("{\"a\":1,b:2}", 7),
    NO("{\"a\":{\"b\"}}", 9),
    NO("{\"a\":{\"b\":1,}}", 12),
    NO("{\"a\":{b:1}}", 6),
    NO("{\"a\\x\":1}", 4),
    NO("{\"a", 3),
    NO("{\"a\n\":1}", 3),
    NO("{\"a\xff\":1}", 3),

    /* 5. arrays */
    NO("[,]", 1),
    NO("[,1]", 1),
    NO("[1,]", 3),
    NO("[1,,2]", 3),
    NO("[1 2]", 3),
    NO("[1:2]", 2),
    NO("[1;2]", 2),
    NO("[\"a\":1]", 4),
    NO("[[1,]]", 4),
    NO("[[,1]]", 2),
    NO("[[1 2]]", 4),
    NO("[(1)]", 1),

    /* 6. numbers */
    NO("-", 1),
    NO("+", 0),
    NO("+1", 0),
    NO("--1", 1),
    NO("-a", 1),
    NO("- 1", 1),
    NO("00", 1),
    NO("01", 1),
    NO("-01", 2),
    NO("[012]", 2),
    NO("0x1", 1),
    NO("0b1", 1),
    NO("1_000", 1),
    NO("1,000", 1),
    NO("1 000", 2),
    NO(".5", 0),
    NO("-.5", 1),
    NO("5.", 2),
    NO("-5.", 3),
    NO("[5.]", 3),
    NO("5.e3", 2),
    NO("5..3", 2),
    NO("5.3.1", 3),
    NO("1e", 2),
    NO("1e+", 3),
    NO("1e-", 3),
    NO("[1e]", 3),
    NO("1e+-1", 3),
    NO("1ee1", 2),
    NO("1e1.5", 3),
    NO("1e1e1", 3),
    NO("e1", 0),
    NO("1a", 1),
    NO("1f", 1),
    NO("1.0f", 3),
    NO("1L", 1),
    NO("\xef\xbc\x91", 0), /* a full-width digit one */

    /* 7. strings */
    NO("\"", 1),
    NO("\"a", 2),
    NO("a\"", 0),
    NO("\"a\"b", 3),
    NO("\"\"\"", 2),
    NO("\"\\\"", 3),
    NO("\"\\", 2),
    NO("\"\\a\"", 2),
    NO("\"\\x41\"", 2),
    NO("\"\\'\"", 2),
    NO("\"\\0\"", 2),
    NO("\"\\N\"", 2),
    NO("\"\\U0041\"", 2),
    NO("\"\\v\"", 2),
    NO("\"\\e\"", 2),
    NO("\"\\ n\"", 2),
    NO("\"\\\n\"", 2),
    NO("\"\\\xc3\xa4\"", 2),
    NO("\"\\u\"", 3),
    NO("\"\\u1\"", 4),
    NO("\"\\u12\"", 5),
    NO("\"\\u123\"", 6),
    NO("\"\\u123", 6),
    NO("\"\\u123g\"", 6),
    NO("\"\\ug123\"", 3),
    NO("\"\\u-123\"", 3),
    NO("\"\\u+123\"", 3),
    NO("\"\\u 123\"", 3),
    NO("\"\\u{41}\"", 3),
    NO("\"\\ud83d\\u\"", 9),
    NO("\"\\ud83d\\x\"", 8),
    NO("[\"a]", 4),
    NO("\"a\x00"
       "b\"",
       2),
    NO("\"\x01\"", 1),
    NO("\"\x08\"", 1),
    NO("\"\t\"", 1),
    NO("\"\n\"", 1),
    NO("\"\r\"", 1),
    NO("\"\x1b[0m\"", 1),
    NO("\"\x1f\"", 1),
    NO("\"a control character after one block \x1f\"", 37),

    /* 8.1: what is not UTF-8 (RFC 3629) */
    NO("\"\x80\"", 1),
    NO("\"\xbf\"", 1),
    NO("\"\xc0\x80\"", 1),
    NO("\"\xc1\xbf\"", 1),
    NO("\"\xc2\"", 1),
    NO("\"\xc2\x41\"", 1),
    NO("\"\xc2\xc2\x80\"", 1),
    NO("\"\xe0\x80\x80\"", 1),
    NO("\"\xe0\x9f\xbf\"", 1),
    NO("\"\xe1\x80\"", 1),
    NO("\"\xe1\x80\x41\"", 1),
    NO("\"\xe1\x41\x80\"", 1),
    NO("\"\xed\xa0\x80\"", 1),
    NO("\"\xed\xbf\xbf\"", 1),
    NO("\"\xed\xa0\xbd\xed\xb8\x80\"", 1),
    NO("\"\xf0\x80\x80\x80\"", 1),
    NO("\"\xf0\x8f\xbf\xbf\"", 1),
    NO("\"\xf0\x9f\x98\"", 1),
    NO("\"\xf0\x9f\x41\x80\"", 1),
    NO("\"\xf0\x9f\x98\x41\"", 1),
    NO("\"\xf4\x90\x80\x80\"", 1),
    NO("\"\xf5\x80\x80\x80\"", 1),
    NO("\"\xf8\x88\x80\x80\x80\"", 1),
    NO("\"\xfe\"", 1),
    NO("\"\xff\"", 1),
    NO("\"gr\xf6\xdf"
       "e\"",
       3),
    NO("\"\xc3\xa4\xc3\"", 3),
    NO("\"\xf0\x9f\x98", 1),
    NO("\"\xc2", 1),
    NO("\xff\xfe{\x00}\x00", 0),
};

/* The text on the heap without a byte to spare, at each of several alignments, so that a sanitizer
 * sees any read beyond it. */
static int judge(const char *text, size_t size, bool index_too, size_t *ret_at)
{
    int first = 1;
    for (size_t shift = 0; shift < 4; shift++) {
        char *space = malloc(shift + size + (shift + size == 0));
        memcpy(space + shift, text, size);
        size_t at = SIZE_MAX;
        int rc = json_validate(space + shift, size, &at);
        if (index_too) {
            struct json_index index;
            json_index_init(&index);
            size_t index_at = SIZE_MAX;
            assert_int_equal(json_index(&index, space + shift, size, &index_at), rc);
            assert_int_equal(index_at, at);
            json_index_fini(&index);
            json_padded_check(text, size);
        }
        free(space);
        assert_true(first == 1 || first == rc);
        first = rc;
        *ret_at = at;
    }
    return first;
}

static void what_the_rfc_allows_is_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        size_t at;
        int rc = judge(accepted[i].text, accepted[i].size, true, &at);
        if (rc != SRT_OK) {
            print_error("refused at %zu: %s\n", at, accepted[i].text);
        }
        assert_int_equal(rc, SRT_OK);
    }
}

static void what_the_rfc_forbids_is_refused_at_the_wrong_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        size_t at;
        int rc = judge(refused[i].text, refused[i].size, true, &at);
        if (rc != SRT_EPARSE || at != refused[i].at) {
            print_error("code %d at %zu: %s\n", rc, at, refused[i].text);
        }
        assert_int_equal(rc, SRT_EPARSE);
        assert_int_equal(at, refused[i].at);
    }
}

/* Every accepted text as a member of an array and of an object, and two levels down. */
static void accepted_texts_nest(void **state)
{
    (void)state;
    static const char *const around[][2] = {
        {"[", "]"}, {"{\"k\":", "}"}, {"[0,[", ",1],2]"}, {"{\"a\":{\"b\":", "},\"c\":[]}"}};
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        for (size_t k = 0; k < sizeof around / sizeof around[0]; k++) {
            struct srt_buf buf = {0};
            srt_buf_put_str(&buf, around[k][0]);
            srt_buf_put(&buf, accepted[i].text, accepted[i].size);
            srt_buf_put_str(&buf, around[k][1]);
            size_t at;
            assert_int_equal(judge((const char *)buf.data, buf.len, true, &at), SRT_OK);
            srt_buf_fini(&buf);
        }
    }
}

/* No proper prefix of an object or array is valid, and the error never lies before its last byte...
 */
static void every_prefix_of_a_container_is_refused_at_its_end(void **state)
{
    (void)state;
    static const char text[] = " {\"id\": -12.5e+3, \"ok\": [true, false, null], \"s\": "
                               "\"a\\u00e4\\n\xc3\xa4\", \"o\": {\"e\": {}}}";
    for (size_t size = 0; size < sizeof text - 1; size++) {
        size_t at;
        assert_int_equal(judge(text, size, true, &at), SRT_EPARSE);
        if (at != size) { /* ... but for a sequence of UTF-8 that is cut */
            assert_int_equal((unsigned char)text[at], 0xc3);
            assert_int_equal(size, at + 1);
        }
    }
    size_t at;
    assert_int_equal(judge(text, sizeof text - 1, true, &at), SRT_OK);
}

static void nesting_is_allowed_up_to_the_limit(void **state)
{
    (void)state;
    enum { MAX = SRT_JSON_DEPTH_MAX };
    static const char *const pairs[][2] = {{"[", "]"}, {"{\"a\":", "}"}, {"[{\"a\":", "}]"}};
    for (size_t k = 0; k < 3; k++) {
        size_t per_turn = k == 2 ? 2 : 1;
        for (size_t depth = MAX - 2; depth <= MAX + 2; depth += per_turn) {
            struct srt_buf buf = {0};
            for (size_t i = 0; i < depth; i += per_turn) {
                srt_buf_put_str(&buf, pairs[k][0]);
            }
            srt_buf_put_str(&buf, "1");
            for (size_t i = 0; i < depth; i += per_turn) {
                srt_buf_put_str(&buf, pairs[k][1]);
            }
            size_t at;
            int rc = judge((const char *)buf.data, buf.len, true, &at);
            assert_int_equal(rc, depth <= MAX ? SRT_OK : SRT_ETOOBIG);
            if (depth > MAX) {
                assert_true(buf.data[at] == '[' || buf.data[at] == '{');
            }
            srt_buf_fini(&buf);
        }
    }
}

static void a_megabyte_of_brackets_is_refused_quietly(void **state)
{
    (void)state;
    size_t size = 1 << 20;
    char *text = malloc(size);
    memset(text, '[', size);
    size_t at;
    assert_int_equal(json_validate(text, size, &at), SRT_ETOOBIG);
    assert_int_equal(at, SRT_JSON_DEPTH_MAX);
    free(text);
}

int main(void)
{
    static_assert(sizeof accepted / sizeof accepted[0] + sizeof refused / sizeof refused[0] >= 300,
                  "every clause has its cases");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_rfc_allows_is_accepted),
        cmocka_unit_test(what_the_rfc_forbids_is_refused_at_the_wrong_byte),
        cmocka_unit_test(accepted_texts_nest),
        cmocka_unit_test(every_prefix_of_a_container_is_refused_at_its_end),
        cmocka_unit_test(nesting_is_allowed_up_to_the_limit),
        cmocka_unit_test(a_megabyte_of_brackets_is_refused_quietly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
