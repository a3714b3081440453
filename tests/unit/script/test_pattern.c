#include <stdlib.h>
#include <string.h>

#include "script/pattern.h"
#include "support/cmocka_srt.h"

static volatile sig_atomic_t stop;

static int reset_stop(void **state)
{
    (void)state;
    stop = 0;
    return 0;
}

/* Where the pattern matches: first byte << 8 | end, -1: nowhere, -2: a failure. */
static int search(const char *subject, const char *text)
{
    struct pattern m;
    const char *end;
    pattern_init(&m, subject, strlen(subject), text, strlen(text), &stop);
    const char *at = pattern_search(&m, subject, NULL, &end);
    if (m.failure) {
        return -2;
    }
    return at ? (int)((at - subject) << 8 | (end - subject)) : -1;
}

static void search_finds_the_first_match(void **state)
{
    (void)state;
    assert_int_equal(search("hello", "l+"), 2 << 8 | 4);
    assert_int_equal(search("hello", "l-"), 0);
    assert_int_equal(search("hello", "[^h]o"), 3 << 8 | 5);
    assert_int_equal(search("hello", "(l)%1"), 2 << 8 | 4);
    assert_int_equal(search("f(a(b)c)d", "%b()"), 1 << 8 | 8);
    assert_int_equal(search("THE (quick) fox", "%f[%a]%a+%f[^%a]$"), 12 << 8 | 15);
    assert_int_equal(search("hello", "x"), -1);
    assert_int_equal(search("", ""), 0);
    assert_int_equal(search("", "a?$"), 0);
}

static void captures_hold_texts_and_positions(void **state)
{
    (void)state;
    struct pattern m;
    const char *subject = "key = value";
    pattern_init(&m, subject, strlen(subject), "(%w+) = ()(%w+)", 15, &stop);
    const char *end;
    assert_ptr_equal(pattern_search(&m, subject, NULL, &end), subject);
    assert_int_equal(m.level, 3);
    assert_int_equal(m.captures[0].len, 3);
    assert_int_equal(m.captures[1].len, PATTERN_POSITION);
    assert_ptr_equal(m.captures[1].at, subject + 6);
    assert_int_equal(m.captures[2].len, 5);
}

static void wrong_patterns_fail_where_they_are_reached(void **state)
{
    (void)state;
    assert_int_equal(search("a", "%"), -2);
    assert_int_equal(search("a", "[a"), -2);
    assert_int_equal(search("a", "a)"), -2);
    assert_int_equal(search("a", "%1"), -2);
    assert_int_equal(search("b", "a[b"), -1);
}

static void nothing_is_read_behind_either_end(void **state)
{
    (void)state;
    static const char *const texts[] = {"%",   "[", "[^", "[%", "[]", "[a-", "%b",     "%bx", "%f",
                                        "%f[", "(", "a",  "a*", "a-", "%a",  "%b\"\"", "%1",  "."};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t len = strlen(texts[i]);
        char *text = malloc(len); /* exactly as long: the sanitizer sees what is beyond */
        char *subject = malloc(2);
        memcpy(text, texts[i], len);
        memcpy(subject, "\"a", 2);
        struct pattern m;
        const char *end;
        pattern_init(&m, subject, 2, text, len, &stop);
        pattern_search(&m, subject, NULL, &end);
        pattern_init(&m, subject, 0, text, len, &stop);
        pattern_search(&m, subject, NULL, &end);
        free(text);
        free(subject);
    }
}

static void a_stop_ends_what_would_take_years(void **state)
{
    (void)state;
    stop = 1;
    char subject[3000];
    memset(subject, 'a', sizeof subject - 1);
    subject[sizeof subject - 1] = '\0';
    static const char *const texts[] = {"a-a-a-a-a-a-a-a-a-a-a-a-b", "a*a*a*a*a*a*a*a*a*b",
                                        "a?a?a?a?a?[ab]*[ab]*[ab]*[ab]*[ab]*c", "(.-)%1%1b"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(search(subject, texts[i]), -1);
    }
}

static void literals_are_found_across_pieces(void **state)
{
    (void)state;
    size_t size = 400000;
    char *text = malloc(size);
    memset(text, 'a', size);
    const char *needle = "needle";
    for (size_t at = 65000; at < 66000; at += 7) {
        memcpy(text + at, needle, 6);
        assert_ptr_equal(pattern_search_literal(text, size, needle, 6, &stop), text + at);
        memset(text + at, 'a', 6);
    }
    text[size - 1] = 'b';
    assert_ptr_equal(pattern_search_literal(text, size, text + 200000, 200000, &stop),
                     text + 200000);
    assert_null(pattern_search_literal(text, size - 1, "ab", 2, &stop));
    assert_ptr_equal(pattern_search_literal(text, size, "", 0, &stop), text);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(search_finds_the_first_match, reset_stop),
        cmocka_unit_test_setup(captures_hold_texts_and_positions, reset_stop),
        cmocka_unit_test_setup(wrong_patterns_fail_where_they_are_reached, reset_stop),
        cmocka_unit_test_setup(nothing_is_read_behind_either_end, reset_stop),
        cmocka_unit_test_setup(a_stop_ends_what_would_take_years, reset_stop),
        cmocka_unit_test_setup(literals_are_found_across_pieces, reset_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
