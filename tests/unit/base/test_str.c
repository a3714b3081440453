#include <math.h>

#include "base/str.h"
#include "support/cmocka_srt.h"

/* A slice whose end is the end of its memory: reading one byte more is seen by a sanitizer. */
static struct srt_str exact(const char *text)
{
    static char *copy;
    free(copy);
    size_t len = strlen(text);
    copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    return (struct srt_str){copy, len};
}

static void slices_compare_with_text(void **state)
{
    (void)state;
    assert_true(srt_str_is(srt_str_of("abc"), "abc"));
    assert_false(srt_str_is(srt_str_of("abc"), "ab"));
    assert_false(srt_str_is(srt_str_of("ab"), "abc"));
    assert_true(srt_str_is(srt_str_of(NULL), ""));
    assert_int_equal(SRT_STR("four").n, 4);
}

enum { REFUSED = SRT_EPARSE, TOO_LARGE = SRT_ERANGE };

struct row {
    const char *text;
    int rc;
    int64_t value;
};

#define CHECK_ROWS(rows, type, parse)                                                              \
    for (size_t i = 0; i < sizeof(rows) / sizeof *(rows); i++) {                                   \
        type value = 77;                                                                           \
        int rc = parse(exact((rows)[i].text), &value);                                             \
        if (rc != (rows)[i].rc) {                                                                  \
            fail_msg("'%s' gives %s", (rows)[i].text, srt_code_name(rc));                          \
        }                                                                                          \
        assert_true(value == (type)(rc == SRT_OK ? (rows)[i].value : 77));                         \
    }

static void durations_need_units_in_falling_order(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"0ms", SRT_OK, 0},
        {"500ms", SRT_OK, 500},
        {"7d", SRT_OK, 604800000},
        {"1h30m", SRT_OK, 5400000},
        {"1d2h3m4s5ms", SRT_OK, 93784005},
        {"90m", SRT_OK, 5400000},
        {"9223372036854775807ms", SRT_OK, INT64_MAX},
        {"9223372036854775808ms", TOO_LARGE, 0},
        {"9223372036854775807ms1ms", REFUSED, 0},
        {"106751991167d", SRT_OK, 106751991167 * 86400000},
        {"106751991168d", TOO_LARGE, 0},
        {"106751991167d9223372036854775807ms", TOO_LARGE, 0},
        {"99999999999999999999d", TOO_LARGE, 0},
        {"", REFUSED, 0},
        {"7", REFUSED, 0},
        {"s", REFUSED, 0},
        {"7 d", REFUSED, 0},
        {"7D", REFUSED, 0},
        {"7days", REFUSED, 0},
        {"-1s", REFUSED, 0},
        {"1.5h", REFUSED, 0},
        {"30m1h", REFUSED, 0},
        {"1h1h", REFUSED, 0},
        {"1h30", REFUSED, 0},
    };
    CHECK_ROWS(rows, int64_t, srt_parse_duration_ms)
}

static void sizes_need_a_unit(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"0B", SRT_OK, 0},
        {"512B", SRT_OK, 512},
        {"64KiB", SRT_OK, 65536},
        {"10MB", SRT_OK, 10000000},
        {"2GiB", SRT_OK, 2147483648},
        {"1TiB", SRT_OK, 1099511627776},
        {"3KB", SRT_OK, 3000},
        {"4TB", SRT_OK, 4000000000000},
        {"8388608TiB", TOO_LARGE, 0}, /* 2^63 */
        {"8388607TiB", SRT_OK, 8388607 * 1099511627776},
        {"", REFUSED, 0},
        {"64", REFUSED, 0},
        {"64kib", REFUSED, 0},
        {"64K", REFUSED, 0},
        {"1MiB1KiB", REFUSED, 0},
        {"1 MiB", REFUSED, 0},
    };
    CHECK_ROWS(rows, uint64_t, srt_parse_size)
}

static void counts_may_have_thousands(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"0", SRT_OK, 0},
        {"12", SRT_OK, 12},
        {"10k", SRT_OK, 10000},
        {"3M", SRT_OK, 3000000},
        {"2G", SRT_OK, 2000000000},
        {"9223372036854775807", SRT_OK, INT64_MAX},
        {"9223372036854775808", TOO_LARGE, 0},
        {"10000000000G", TOO_LARGE, 0},
        {"", REFUSED, 0},
        {"k", REFUSED, 0},
        {"10K", REFUSED, 0},
        {"1k1", REFUSED, 0},
        {"-1", REFUSED, 0},
    };
    CHECK_ROWS(rows, int64_t, srt_parse_count)
}

static void integers_have_no_decoration(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"0", SRT_OK, 0},
        {"-0", SRT_OK, 0},
        {"007", SRT_OK, 7},
        {"9223372036854775807", SRT_OK, INT64_MAX},
        {"-9223372036854775808", SRT_OK, INT64_MIN},
        {"9223372036854775808", TOO_LARGE, 0},
        {"-9223372036854775809", TOO_LARGE, 0},
        {"18446744073709551616", TOO_LARGE, 0},
        {"", REFUSED, 0},
        {"-", REFUSED, 0},
        {"+1", REFUSED, 0},
        {"1 ", REFUSED, 0},
        {"0x10", REFUSED, 0},
        {"1e3", REFUSED, 0},
    };
    CHECK_ROWS(rows, int64_t, srt_parse_int)
}

static void doubles_are_finite_decimal_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
        double value;
    } rows[] = {
        {"0", SRT_OK, 0},          {"1.5", SRT_OK, 1.5},    {"-2e3", SRT_OK, -2000},
        {".25", SRT_OK, 0.25},     {"1e-3", SRT_OK, 0.001}, {"1e999", TOO_LARGE, 0},
        {"", REFUSED, 0},          {"nan", REFUSED, 0},     {"inf", REFUSED, 0},
        {"0x10", REFUSED, 0},      {"1.5.2", REFUSED, 0},   {"1,5", REFUSED, 0},
        {" 1", REFUSED, 0},        {"e", REFUSED, 0},       {"-", REFUSED, 0},
        {"1000000000000000000000000000000000000000000000000000000000000000000", REFUSED, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double value = 77;
        int rc = srt_parse_double(exact(rows[i].text), &value);
        if (rc != rows[i].rc) {
            fail_msg("'%s' gives %s", rows[i].text, srt_code_name(rc));
        }
        assert_true(fabs(value - (rc == SRT_OK ? rows[i].value : 77)) < 1e-12);
    }
}

static void bools_are_two_words(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"true", SRT_OK, true}, {"false", SRT_OK, false}, {"yes", REFUSED, 0}, {"True", REFUSED, 0},
        {"1", REFUSED, 0},      {"", REFUSED, 0},         {"tru", REFUSED, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool value = false;
        assert_int_equal(srt_parse_bool(exact(rows[i].text), &value), rows[i].rc);
        assert_int_equal(value, rows[i].rc == SRT_OK && rows[i].value);
    }
}

static void formatted_numbers_are_the_shortest_that_parse_back(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } durations[] = {
        {0, "0ms"},           {1, "1ms"},         {1000, "1s"},
        {5400000, "1h30m"},   {604800000, "7d"},  {93784005, "1d2h3m4s5ms"},
        {INT64_MAX, "106751991167d7h12m55s807ms"},
    };
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        char text[SRT_DURATION_TEXT_MAX];
        int64_t back;
        assert_string_equal(srt_format_duration(text, durations[i].ms), durations[i].text);
        assert_int_equal(srt_parse_duration_ms(srt_str_of(text), &back), SRT_OK);
        assert_true(back == durations[i].ms);
    }
    static const struct {
        uint64_t bytes;
        const char *text;
    } sizes[] = {
        {0, "0B"},           {1, "1B"},           {1000, "1KB"},          {1024, "1KiB"},
        {1025, "1025B"},     {65536, "64KiB"},    {3000000, "3MB"},       {1ull << 30, "1GiB"},
        {3ull << 39, "1536GiB"}, {UINT64_MAX, "18446744073709551615B"},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char text[SRT_SIZE_TEXT_MAX];
        assert_string_equal(srt_format_size(text, sizes[i].bytes), sizes[i].text);
    }
}

static void edit_distance_counts_slips(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        size_t distance;
    } rows[] = {
        {"", "", 0},           {"a", "", 1},         {"topic", "topic", 0},
        {"topci", "topic", 2}, {"tpic", "topic", 1}, {"kitten", "sitting", 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct srt_str a = srt_str_of(rows[i].a);
        struct srt_str b = srt_str_of(rows[i].b);
        assert_int_equal(srt_edit_distance(a, b, 5), rows[i].distance);
        assert_int_equal(srt_edit_distance(b, a, 5), rows[i].distance);
    }
    assert_int_equal(srt_edit_distance(SRT_STR("kitten"), SRT_STR("sitting"), 2), 3);
    assert_int_equal(srt_edit_distance(SRT_STR("a"), SRT_STR("abcdef"), 2), 3);
    char word[65];
    memset(word, 'a', 64);
    word[64] = '\0';
    assert_int_equal(srt_edit_distance(srt_str_of(word), srt_str_of(word), 2), 3); /* too long */
    word[63] = '\0';
    assert_int_equal(srt_edit_distance(srt_str_of(word), srt_str_of(word), 2), 0);
}

static void utf8_is_what_the_rfc_says(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",
        "plain",
        "long enough for the way that takes eight bytes at once",
        "\xc2\x80",         /* U+0080 */
        "\xdf\xbf",         /* U+07FF */
        "\xe0\xa0\x80",     /* U+0800 */
        "\xed\x9f\xbf",     /* U+D7FF */
        "\xee\x80\x80",     /* U+E000 */
        "\xef\xbf\xbf",     /* U+FFFF */
        "\xf0\x90\x80\x80", /* U+10000 */
        "\xf4\x8f\xbf\xbf", /* U+10FFFF */
        "seven b\xc3\xbcts and more",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct srt_str s = exact(good[i]);
        assert_true(srt_utf8_valid(s.p, s.n));
    }
    static const char *const bad[] = {
        "\x80",                 /* continuation alone */
        "\xc3",                 /* ends early */
        "\xe2\x82",
        "\xf0\x9f\x98",
        "\xc0\xaf",             /* overlong */
        "\xc1\xbf",
        "\xe0\x9f\xbf",
        "\xf0\x8f\xbf\xbf",
        "\xed\xa0\x80",         /* surrogate */
        "\xed\xbf\xbf",
        "\xf4\x90\x80\x80",     /* above U+10FFFF */
        "\xf5\x80\x80\x80",
        "\xff",
        "\xc3(",                /* no continuation */
        "\xe2\x82(",
        "\xf0\x9f\x98(",
        "eight by\xfe",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct srt_str s = exact(bad[i]);
        if (srt_utf8_valid(s.p, s.n)) {
            fail_msg("row %zu was accepted", i);
        }
    }
    assert_true(srt_utf8_valid("a\0b", 3));
    (void)exact("");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_compare_with_text),
        cmocka_unit_test(durations_need_units_in_falling_order),
        cmocka_unit_test(sizes_need_a_unit),
        cmocka_unit_test(counts_may_have_thousands),
        cmocka_unit_test(integers_have_no_decoration),
        cmocka_unit_test(doubles_are_finite_decimal_numbers),
        cmocka_unit_test(bools_are_two_words),
        cmocka_unit_test(formatted_numbers_are_the_shortest_that_parse_back),
        cmocka_unit_test(edit_distance_counts_slips),
        cmocka_unit_test(utf8_is_what_the_rfc_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
