#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "json_padded.h"
#include "record/json.h"
#include "record/json_quotes.h"

static size_t find_plainly(const uint8_t *text, size_t size, size_t *ret, bool *ret_special)
{
    size_t count = 0;
    bool escaped = false;
    *ret_special = false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"' && !escaped) {
            ret[count++] = i;
        }
        escaped = text[i] == '\\' && !escaped;
        *ret_special |= text[i] == '\\' || text[i] < ' ' || text[i] >= 0x80;
    }
    return count;
}

static void random_bytes(struct srt_rng *rng, uint8_t *text, size_t size)
{
    static const char few[] = "\"\"\"a \\\\\\\\\x7f";
    bool any = srt_rng_below(rng, 8) == 0;
    bool slashes = srt_rng_below(rng, 2) == 0;
    for (size_t i = 0; i < size; i++) {
        text[i] = any ? (uint8_t)srt_rng_next(rng)
                      : (uint8_t)few[srt_rng_below(rng, slashes ? sizeof few - 1 : 5)];
    }
}

static void quotes_are_found_as_by_a_plain_loop(void **state)
{
    (void)state;
    enum { SIZE_MAX_TRIED = 400 };
    static struct json_quotes quotes;
    static size_t expected[SIZE_MAX_TRIED];
    uint8_t text[SIZE_MAX_TRIED + JSON_PAD_BYTES];
    struct srt_rng rng;
    srt_rng_init(&rng, 77);
    for (int round = 0; round < 20000; round++) {
        size_t size = srt_rng_below(&rng, SIZE_MAX_TRIED + 1);
        memset(text, 0, sizeof text);
        random_bytes(&rng, text, size);
        if (!json_quotes_find(&quotes, text, size)) {
            print_message("this processor has no fast way\n");
            skip();
        }
        bool special;
        size_t count = find_plainly(text, size, expected, &special);
        for (size_t i = 0; i < count; i++) {
            if (quotes.at[i] != expected[i]) {
                fail_msg("seed 77, round %d: quote %zu is at %zu, not at %u", round, i, expected[i],
                         quotes.at[i]);
            }
        }
        assert_int_equal(quotes.at[count], size);
        assert_int_equal(quotes.at[count + 1], size);
        assert_int_equal(quotes.has_special, special);
    }
}

static void the_longest_text_of_quotes_has_room(void **state)
{
    (void)state;
    struct json_quotes *quotes = malloc(sizeof *quotes);
    uint8_t *text = calloc(1, JSON_QUOTES_TEXT_MAX + 1 + JSON_PAD_BYTES);
    memset(text, '"', JSON_QUOTES_TEXT_MAX + 1);
    assert_false(json_quotes_find(quotes, text, JSON_QUOTES_TEXT_MAX + 1));
    text[JSON_QUOTES_TEXT_MAX] = '\0';
    if (json_quotes_find(quotes, text, JSON_QUOTES_TEXT_MAX)) {
        assert_int_equal(quotes->at[JSON_QUOTES_TEXT_MAX - 1], JSON_QUOTES_TEXT_MAX - 1);
        assert_int_equal(quotes->at[JSON_QUOTES_TEXT_MAX], JSON_QUOTES_TEXT_MAX);
    }
    free(text);
    free(quotes);
}

/* A record with a wrong byte, or none, at each place; with and without what needs a second look. */
static void each_wrong_byte_is_found_where_it_stands(void **state)
{
    (void)state;
    static const char *const records[] = {
        "{\"id\":-12,\"price\":91.29,\"name\":\"\",\"tags\":[\"a\",{\"b\":null},[]],\"e\":1e5,"
        "\"t\":true}",
        " { \"id\" : 0 , \"zero\" : 0.5 , \"long\" : 12345678901234567890.125 , \"f\" : false } ",
        "{\"a\":\"\\\\\\\"x\\u00e4\",\"\xc3\xa4\":\"\xe2\x82\xac\","
        "\"\\\"\":[\"\\\\\",\"\\n\"],\"z\":-0.0e-1}",
        "[1,22,333,4.5,\"six\",[7],{\"8\":9}]",
    };
    static const char wrong[] = "\"\\,:{}[]x0.e- \n\xff\0";
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        size_t size = strlen(records[i]);
        json_padded_check(records[i], size);
        for (size_t at = 0; at < size; at++) {
            char text[256];
            memcpy(text, records[i], size);
            json_padded_check(text, at); /* it ends too early */
            for (size_t k = 0; k < sizeof wrong - 1; k++) {
                text[at] = wrong[k];
                json_padded_check(text, size);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_are_found_as_by_a_plain_loop),
        cmocka_unit_test(the_longest_text_of_quotes_has_room),
        cmocka_unit_test(each_wrong_byte_is_found_where_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
