#include "config_fixture.h"

struct thing {
    bool flag;
    int64_t whole;
    int64_t count;
    int64_t duration_ms;
    int64_t keep_ms;
    uint64_t size_bytes;
    int64_t cap_bytes;
    double ratio;
    char *name;
    int kind;
    struct srt_option_strings list;
    struct srt_option_range range;
};

static const char *const kinds[] = {"json", "text", "bytes", NULL};

static const struct srt_option options[] = {
    {"flag", SRT_OPTION_BOOL, offsetof(struct thing, flag), "true", 0, 0, NULL, "A flag.", NULL},
    {"whole", SRT_OPTION_INT, offsetof(struct thing, whole), "3", 1, 1024, NULL, "A number.", NULL},
    {"count", SRT_OPTION_COUNT, offsetof(struct thing, count), "10k", 0, 1000000, NULL, "A count.",
     NULL},
    {"duration", SRT_OPTION_DURATION, offsetof(struct thing, duration_ms), "100ms", 1, 60000, NULL,
     "A duration.", NULL},
    {"keep", SRT_OPTION_DURATION, offsetof(struct thing, keep_ms), "7d", -1, INT64_MAX, NULL,
     "A duration or forever.", NULL},
    {"size", SRT_OPTION_SIZE, offsetof(struct thing, size_bytes), "1MiB", 1024, 1 << 30, NULL,
     "A size.", NULL},
    {"cap", SRT_OPTION_SIZE, offsetof(struct thing, cap_bytes), "unlimited", -1, INT64_MAX, NULL,
     "A size or unlimited.", NULL},
    {"ratio", SRT_OPTION_DOUBLE, offsetof(struct thing, ratio), "0.5", 0, 1, NULL, "A ratio.",
     NULL},
    {"name", SRT_OPTION_STRING, offsetof(struct thing, name), NULL, 0, 0, NULL, "A name.", NULL},
    {"kind", SRT_OPTION_ENUM, offsetof(struct thing, kind), "text", 0, 0, kinds, "A kind.", NULL},
    {"list", SRT_OPTION_STRINGS, offsetof(struct thing, list), NULL, 0, 0, NULL, "A list.", NULL},
    {"range", SRT_OPTION_RANGE, offsetof(struct thing, range), "100ms..10s", 0, 3600000, NULL,
     "A range.", NULL},
    {"later", SRT_OPTION_STRING, 0, NULL, 0, 0, NULL, "Not yet.", "0.2"},
    SRT_OPTION_END,
};

static bool read_text(struct config_doc *doc, const char *text, struct thing *thing)
{
    static const char *const also[] = {"mine", NULL};
    struct config_node *root = config_doc_read_text(doc, "a.yaml", text);
    assert_non_null(root);
    return config_read_options(doc, root, options, also, thing, "the thing");
}

static void defaults_come_first(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    struct thing thing = {0};
    assert_true(config_read_options(doc, NULL, options, NULL, &thing, "the thing"));
    assert_true(thing.flag);
    assert_int_equal(thing.whole, 3);
    assert_int_equal(thing.count, 10000);
    assert_int_equal(thing.duration_ms, 100);
    assert_int_equal(thing.keep_ms, 7 * 86400000LL);
    assert_int_equal(thing.size_bytes, 1 << 20);
    assert_int_equal(thing.cap_bytes, -1);
    assert_null(thing.name);
    assert_int_equal(thing.kind, 1);
    assert_int_equal(thing.range.to_ms, 10000);
    config_doc_destroy(doc);
}

static void every_type_is_read(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    struct thing thing = {0};
    assert_true(read_text(doc,
                          "flag: false\nwhole: 7\ncount: 2k\nduration: 1s500ms\nkeep: forever\n"
                          "size: 64KiB\ncap: 10MB\nratio: 0.25\nname: no\nkind: bytes\n"
                          "list: [a, b]\nrange: 1s..2m\nmine: { anything: 1 }\nx-note: [1]\n",
                          &thing));
    assert_int_equal(diag_count(doc), 0);
    assert_false(thing.flag);
    assert_int_equal(thing.whole, 7);
    assert_int_equal(thing.count, 2000);
    assert_int_equal(thing.duration_ms, 1500);
    assert_int_equal(thing.keep_ms, -1);
    assert_int_equal(thing.size_bytes, 65536);
    assert_int_equal(thing.cap_bytes, 10000000);
    assert_true(thing.ratio > 0.249 && thing.ratio < 0.251);
    assert_string_equal(thing.name, "no");
    assert_int_equal(thing.kind, 2);
    assert_int_equal(thing.list.count, 2);
    assert_string_equal(thing.list.items[1], "b");
    assert_int_equal(thing.range.from_ms, 1000);
    assert_int_equal(thing.range.to_ms, 120000);
    config_doc_destroy(doc);
}

static void one_scalar_is_a_list_of_one(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    struct thing thing = {0};
    assert_true(read_text(doc, "list: alone\n", &thing));
    assert_int_equal(thing.list.count, 1);
    assert_string_equal(thing.list.items[0], "alone");
    config_doc_destroy(doc);
}

static void wrong_values_say_what_would_be_right(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"keep: 7",
         "error[E011]: 'keep' is '7'; it takes a duration such as 500ms, 30s, 1h30m, 7d, or "
         "forever\n --> a.yaml:1:7\n  |\n1 | keep: 7\n  |       ^ seven what? write 7d\n"},
        {"duration: 250", "250 what? write 250s"},
        {"duration: soon", "'duration' is 'soon'; it takes a duration"},
        {"duration: 2m", "'duration' is '2m'; it is at most 1m\n"},
        {"duration: 0ms", "it is at least 1ms"},
        {"duration: 99999999999999999d", "it is at most 1m"},
        {"size: 1048576", "1048576 what? write 1048576B"},
        {"size: 64", "64 what? write 64MiB"},
        {"size: 2GiB", "it is at most 1GiB"},
        {"whole: 0", "from 1 to 1024"},
        {"whole: many", "'whole' is 'many'; it takes a whole number"},
        {"whole: 99999999999999999999", "it is at most 1024"},
        {"count: 3x", "a count such as 100, 10k, 2M"},
        {"flag: yes", "write true"},
        {"flag: maybe", "'flag' is 'maybe'; it takes true or false"},
        {"kind: jsn", "'kind' is 'jsn'; it takes json, text or bytes"},
        {"kind: jsn", "did you mean 'json'?"},
        {"ratio: 1.5", "from 0 to 1"},
        {"ratio: nan", "E011"},
        {"range: 10s", "as in 100ms..10s"},
        {"range: 10s..1s", "write 1s..10s"},
        {"name: [a]", "'name' is a list; it takes a single value"},
        {"name: {a: b}", "'name' is a map"},
        {"name:", "'name' has no value"},
        {"list: {a: b}", "'list' is a map; it takes a list"},
        {"list: [[a]]", "one of them is a list"},
        {"later: x", "error[E090]: 'later' is not available in this version\n --> a.yaml:1:1\n"},
        {"whle: 1", "error[E010]: unknown key 'whle' in the thing\n"},
        {"whle: 1", "did you mean 'whole'?"},
        {"whle: 1", "= keys: mine, flag, whole, count"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config_doc *doc = fixture_doc();
        struct thing thing = {0};
        assert_false(read_text(doc, cases[i][0], &thing));
        fixture_assert_says(doc, cases[i][1]);
        assert_int_equal(diag_error_count(doc), 1);
        config_doc_destroy(doc);
    }
}

static void all_mistakes_are_shown_at_once(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    struct thing thing = {0};
    assert_false(read_text(doc, "whole: x\nflag: 2\nnope: 1\n", &thing));
    assert_int_equal(diag_error_count(doc), 3);
    config_doc_destroy(doc);
}

static void overriding_keeps_what_is_not_named(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    struct thing thing = {.whole = 5, .count = 9};
    struct config_node *root = config_doc_read_text(doc, "a.yaml", "whole: 6\n");
    assert_true(config_override_options(doc, root, options, NULL, &thing, "the thing"));
    assert_int_equal(thing.whole, 6);
    assert_int_equal(thing.count, 9);
    config_doc_destroy(doc);
}

static void known_confusions_are_named_before_near_spellings(void **state)
{
    (void)state;
    assert_string_equal(config_alias_of("where"), "filter");
    assert_string_equal(config_alias_of("groupBy"), "group_by");
    assert_null(config_alias_of("filter"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_come_first),
        cmocka_unit_test(every_type_is_read),
        cmocka_unit_test(one_scalar_is_a_list_of_one),
        cmocka_unit_test(wrong_values_say_what_would_be_right),
        cmocka_unit_test(all_mistakes_are_shown_at_once),
        cmocka_unit_test(overriding_keeps_what_is_not_named),
        cmocka_unit_test(known_confusions_are_named_before_near_spellings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
