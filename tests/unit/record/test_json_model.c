/* json_validate and json_index against another validator, written plainly after the grammar of RFC
 * 8259, on texts that are nearly right: random values, then a few bytes changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/rng.h"
#include "base/str.h"
#include "json_padded.h"
#include "record/json.h"

/* --- the model: recursive, byte by byte, -1 for wrong, else the position behind --- */

static const char *in;
static long in_size;

static int peek(long at)
{
    return at < in_size ? (unsigned char)in[at] : -1;
}

static long model_space(long at)
{
    while (peek(at) == ' ' || peek(at) == '\t' || peek(at) == '\n' || peek(at) == '\r') {
        at++;
    }
    return at;
}

static long model_string(long at)
{
    if (peek(at++) != '"') {
        return -1;
    }
    for (;;) {
        int c = peek(at++);
        if (c == '"') {
            return at;
        }
        if (c < 0x20) {
            return -1; /* the end, too */
        }
        if (c != '\\') {
            continue;
        }
        c = peek(at++);
        if (c == 'u') {
            for (int i = 0; i < 4; i++) {
                c = peek(at++);
                if (c < 0 || !strchr("0123456789abcdefABCDEF", c) || c == 0) {
                    return -1;
                }
            }
        } else if (c <= 0 || !strchr("\"\\/bfnrt", c)) {
            return -1;
        }
    }
}

static long model_digits(long at)
{
    long start = at;
    while (peek(at) >= '0' && peek(at) <= '9') {
        at++;
    }
    return at > start ? at : -1;
}

static long model_number(long at)
{
    at += peek(at) == '-';
    long start = at;
    at = model_digits(at);
    if (at < 0 || (peek(start) == '0' && at > start + 1)) {
        return -1;
    }
    if (peek(at) == '.') {
        at = model_digits(at + 1);
    }
    if (at >= 0 && (peek(at) == 'e' || peek(at) == 'E')) {
        at++;
        at += peek(at) == '+' || peek(at) == '-';
        at = model_digits(at);
    }
    return at;
}

static long model_value(long at, int depth);

static long model_members(long at, int depth, char close)
{
    if (depth == SRT_JSON_DEPTH_MAX) {
        return -1;
    }
    at = model_space(at + 1);
    if (peek(at) == close) {
        return at + 1;
    }
    for (;;) {
        if (close == '}') {
            at = model_string(at);
            at = at < 0 ? -1 : model_space(at);
            if (at < 0 || peek(at) != ':') {
                return -1;
            }
            at = model_space(at + 1);
        }
        at = model_value(at, depth + 1);
        at = at < 0 ? -1 : model_space(at);
        if (at < 0) {
            return -1;
        }
        if (peek(at) == close) {
            return at + 1;
        }
        if (peek(at) != ',') {
            return -1;
        }
        at = model_space(at + 1);
    }
}

static long model_value(long at, int depth)
{
    static const char *const words[] = {"null", "true", "false"};
    int c = peek(at);
    if (c == '{') {
        return model_members(at, depth, '}');
    }
    if (c == '[') {
        return model_members(at, depth, ']');
    }
    if (c == '"') {
        return model_string(at);
    }
    for (size_t i = 0; i < 3; i++) {
        long len = (long)strlen(words[i]);
        if (in_size - at >= len && memcmp(in + at, words[i], (size_t)len) == 0) {
            return at + len;
        }
    }
    return model_number(at);
}

/* Outside strings only ASCII is valid, so UTF-8 may be asked of the text as a whole. */
static bool model_valid(const char *text, size_t size)
{
    in = text;
    in_size = (long)size;
    long at = model_value(model_space(0), 0);
    return at >= 0 && model_space(at) == in_size && srt_utf8_valid(text, size);
}

/* --- texts --- */

static void put_random_space(struct srt_buf *to, struct srt_rng *rng)
{
    while (srt_rng_below(rng, 6) == 0) {
        srt_buf_put_u8(to, (uint8_t) " \t\n\r"[srt_rng_below(rng, 4)]);
    }
}

static void put_random_string(struct srt_buf *to, struct srt_rng *rng)
{
    static const char *const pieces[] = {"a",        "key",          "\\n",
                                         "\\\"",     "\\u00e4",      "\\ud83d\\ude00",
                                         "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                         " ",        "[{]},:",       "sixteen bytes of",
                                         "\\\\",     "\x7f"};
    srt_buf_put_u8(to, '"');
    for (uint64_t n = srt_rng_below(rng, 5); n > 0; n--) {
        srt_buf_put_str(to, pieces[srt_rng_below(rng, sizeof pieces / sizeof pieces[0])]);
    }
    srt_buf_put_u8(to, '"');
}

static void put_random_value(struct srt_buf *to, struct srt_rng *rng, int depth)
{
    static const char *const scalars[] = {"null", "true", "false", "0",      "-0",   "7",
                                          "12.5", "1e5",  "-1E-2", "123456", "0.001"};
    put_random_space(to, rng);
    uint64_t kind = srt_rng_below(rng, depth < 5 ? 6 : 3);
    if (kind < 2) {
        srt_buf_put_str(to, scalars[srt_rng_below(rng, sizeof scalars / sizeof scalars[0])]);
    } else if (kind == 2) {
        put_random_string(to, rng);
    } else {
        bool object = kind > 3;
        srt_buf_put_u8(to, object ? '{' : '[');
        uint64_t count = srt_rng_below(rng, 5);
        for (uint64_t i = 0; i < count; i++) {
            if (i > 0) {
                srt_buf_put_u8(to, ',');
            }
            if (object) {
                put_random_space(to, rng);
                put_random_string(to, rng);
                put_random_space(to, rng);
                srt_buf_put_u8(to, ':');
            }
            put_random_value(to, rng, depth + 1);
        }
        put_random_space(to, rng);
        srt_buf_put_u8(to, object ? '}' : ']');
    }
    put_random_space(to, rng);
}

static size_t mutate(char *text, size_t size, struct srt_rng *rng)
{
    static const char bytes[] = "{}[]\",:\\ \n0123456789-+.eEtfnu\x01\x80\xc3\xe2\xff";
    for (uint64_t n = 1 + srt_rng_below(rng, 3); n > 0 && size > 0; n--) {
        size_t at = srt_rng_below(rng, size);
        switch (srt_rng_below(rng, 4)) {
        case 0:
            text[at] = bytes[srt_rng_below(rng, sizeof bytes - 1)];
            break;
        case 1:
            memmove(text + at, text + at + 1, size - at - 1);
            size--;
            break;
        case 2:
            memmove(text + at + 1, text + at, size - at);
            text[at] = bytes[srt_rng_below(rng, sizeof bytes - 1)];
            size++;
            break;
        default:
            text[at] = (char)srt_rng_next(rng);
            break;
        }
    }
    return size;
}

/* On a block without a byte to spare. Returns whether it is valid. */
static bool compare(const char *text, size_t size, struct json_index *index)
{
    char *exact = malloc(size + (size == 0));
    memcpy(exact, text, size);
    bool expected = model_valid(exact, size);
    size_t at = 0;
    size_t index_at = 0;
    int rc = json_validate(exact, size, &at);
    assert_int_equal(rc == SRT_OK, expected);
    assert_int_equal(json_index(index, exact, size, &index_at), rc);
    if (!expected) {
        assert_int_equal(at, index_at);
        assert_true(at <= size);
        /* What stands before the wrong byte is the beginning of something valid. */
        assert_true(size == 0 || at == size || !model_valid(exact, at + 1));
    }
    json_padded_check(exact, size);
    free(exact);
    return expected;
}

static void random_texts_are_judged_as_by_the_model(void **state)
{
    (void)state;
    struct srt_rng rng;
    srt_rng_init(&rng, 20250101);
    struct srt_buf buf = {0};
    struct json_index index;
    json_index_init(&index);
    size_t valid = 0;
    size_t invalid = 0;
    for (int round = 0; round < 40000; round++) {
        srt_buf_clear(&buf);
        put_random_value(&buf, &rng, 0);
        assert_true(compare((const char *)buf.data, buf.len, &index));
        srt_buf_reserve(&buf, 8);
        size_t size = mutate((char *)buf.data, buf.len, &rng);
        bool ok = compare((const char *)buf.data, size, &index);
        valid += ok;
        invalid += !ok;
    }
    assert_true(valid > 4000); /* a change inside a string often does no harm */
    assert_true(invalid > 10000);
    json_index_fini(&index);
    srt_buf_fini(&buf);
}

/* Every text of up to five of the bytes that matter. */
static void all_short_texts_are_judged_as_by_the_model(void **state)
{
    (void)state;
    static const char alphabet[] = "{}[],:\"\\1-.e0 ";
    enum { LETTERS = sizeof alphabet - 1, LENGTH = 5 };
    struct json_index index;
    json_index_init(&index);
    char text[LENGTH];
    size_t total = 1;
    for (size_t length = 1; length <= LENGTH; length++) {
        total *= LETTERS;
        for (size_t n = 0; n < total; n++) {
            size_t rest = n;
            for (size_t i = 0; i < length; i++) {
                text[i] = alphabet[rest % LETTERS];
                rest /= LETTERS;
            }
            size_t at;
            bool expected = model_valid(text, length);
            if ((json_validate(text, length, &at) == SRT_OK) != expected ||
                (json_index(&index, text, length, &at) == SRT_OK) != expected) {
                fail_msg("'%.*s' should be %s", (int)length, text, expected ? "valid" : "invalid");
            }
        }
    }
    json_index_fini(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_texts_are_judged_as_by_the_model),
        cmocka_unit_test(all_short_texts_are_judged_as_by_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
