#include "config_fixture.h"

static void scalars_keep_their_text_whatever_yaml_would_make_of_it(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    struct config_node *root = config_doc_read_text(
        doc, "a.yaml", "country: no\nversion: 1.10\nempty:\nnull_text: ~\n'q': 'x'\n");
    assert_non_null(root);
    assert_string_equal(config_find(root, "country")->text, "no");
    assert_string_equal(config_find(root, "version")->text, "1.10");
    assert_true(config_find(root, "empty")->is_null);
    assert_string_equal(config_find(root, "null_text")->text, "~");
    assert_true(config_find(root, "q")->quoted);
    assert_null(config_find(root, "nothing"));
    assert_int_equal(diag_count(doc), 0);
    config_doc_destroy(doc);
}

static void marks_say_where_keys_and_values_stand(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    struct config_node *root =
        config_doc_read_text(doc, "a.yaml", "a:\n  - bc: def\n    f: |\n      one\n      two\n");
    const struct config_node *item = config_find(root, "a")->items[0];
    const struct config_entry *entry = config_find_entry(item, "bc");
    assert_int_equal(entry->key_mark.line, 2);
    assert_int_equal(entry->key_mark.column, 5);
    assert_int_equal(entry->key_mark.width, 2);
    assert_int_equal(entry->value->mark.column, 9);
    const struct config_node *block = config_find(item, "f");
    assert_true(block->block);
    assert_int_equal(block->mark.line, 3);
    assert_string_equal(block->text, "one\ntwo\n");
    config_doc_destroy(doc);
}

static void columns_count_characters_and_not_bytes(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    struct config_node *root = config_doc_read_text(doc, "a.yaml", "\xc3\xa4\xc3\xb6: { x: 1 }\n");
    const struct config_entry *entry = config_find_entry(root, "\xc3\xa4\xc3\xb6");
    assert_int_equal(entry->key_mark.width, 2);
    assert_int_equal(config_find_entry(entry->value, "x")->key_mark.column, 7);
    config_doc_destroy(doc);
}

static void a_duplicate_key_is_an_error_that_shows_both_places(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    config_doc_read_text(doc, "a.yaml", "topics:\n  x: {}\n  y: {}\n  x: {}\n");
    fixture_assert_prints(doc, "error[E005]: 'x' is given twice\n"
                               " --> a.yaml:4:3\n"
                               "  |\n"
                               "4 |   x: {}\n"
                               "  |   ^\n"
                               "  = first at a.yaml:2:3\n"
                               "1 problem in 1 file\n");
    config_doc_destroy(doc);
}

static void a_tab_as_indentation_is_called_by_its_name(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    assert_null(config_doc_read_text(doc, "a.yaml", "a:\n\tb: 1\n"));
    fixture_assert_says(doc, "error[E002]: a tab is used for indentation\n --> a.yaml:2:1\n");
    config_doc_destroy(doc);
}

static void what_is_not_yaml_is_an_error_at_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"a: b: c\n", "mapping values are not allowed"},
        {"a: [1, 2\n", "E002"},
        {"a: @x\n", "cannot start any token"},
        {"a: \"x\n", "unexpected end of stream"},
        {"- 1\n- 2\n", "a configuration is a map of sections, this is a list"},
        {"just text\n", "this is 'just text'"},
        {"a: 1\n---\nb: 2\n", "a second document begins"},
        {"a: \xff\xfe\n", "not UTF-8"},
        {"a: \x01\n", "control character"},
        {"{a: b}: 1\n", "a key must be plain text"},
        {"a: *nothing\n", "nothing before is named '&nothing'"},
        {"a: &x [ *x ]\n", "nothing before is named '&x'"},
        {"a: !odd 1\n", "the tag '!odd' has no meaning"},
        {"a: !secret token\n", "error[E090]: '!secret' is not available in this version"},
        {"a: \"x\\0y\"\n", "NUL"},
        {"<<: 1\n", "'<<' takes a map"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config_doc *doc = fixture_doc();
        config_doc_read_text(doc, "a.yaml", cases[i].text);
        assert_true(diag_error_count(doc) >= 1);
        fixture_assert_says(doc, cases[i].says);
        config_doc_destroy(doc);
    }
}

static void an_empty_file_is_an_empty_map(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "# only a comment\n", "---\n", "~x: 1\n"};
    for (size_t i = 0; i < 3; i++) {
        struct config_doc *doc = fixture_doc();
        struct config_node *root = config_doc_read_text(doc, "a.yaml", texts[i]);
        assert_non_null(root);
        assert_int_equal(root->kind, CONFIG_MAP);
        assert_int_equal(root->entry_count, 0);
        assert_int_equal(diag_count(doc), 0);
        config_doc_destroy(doc);
    }
}

static void an_alias_is_a_copy_of_its_anchor(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    struct config_node *root = config_doc_read_text(doc, "a.yaml", "a: &x { k: [1, 2] }\nb: *x\n");
    const struct config_node *a = config_find(root, "a");
    const struct config_node *b = config_find(root, "b");
    assert_ptr_not_equal(a, b);
    assert_string_equal(config_find(b, "k")->items[1]->text, "2");
    assert_ptr_not_equal(config_find(a, "k"), config_find(b, "k"));
    config_doc_destroy(doc);
}

static void merge_keys_give_way_to_what_the_map_has_itself(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    struct config_node *root = config_doc_read_text(
        doc, "a.yaml",
        "x-a: &a { p: 1, q: 1 }\nx-b: &b { q: 2, r: 2 }\nm: { <<: [*a, *b], p: 3 }\n");
    const struct config_node *map = config_find(root, "m");
    assert_int_equal(diag_count(doc), 0);
    assert_int_equal(map->entry_count, 3);
    assert_string_equal(config_find(map, "p")->text, "3");
    assert_string_equal(config_find(map, "q")->text, "1");
    assert_string_equal(config_find(map, "r")->text, "2");
    config_doc_destroy(doc);
}

static void a_billion_laughs_is_refused(void **state)
{
    (void)state;
    char text[2048];
    size_t n = (size_t)snprintf(text, sizeof(text), "x0: &x0 [a,a,a,a,a,a,a,a,a,a]\n");
    for (int i = 1; i < 10; i++) {
        n += (size_t)snprintf(text + n, sizeof(text) - n,
                              "x%d: &x%d [*x%d,*x%d,*x%d,*x%d,*x%d,*x%d,*x%d,*x%d,*x%d,*x%d]\n", i,
                              i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1,
                              i - 1);
    }
    struct config_doc *doc = fixture_doc();
    assert_null(config_doc_read_text(doc, "a.yaml", text));
    assert_int_equal(diag_error_count(doc), 1);
    fixture_assert_says(doc, "more than 200000 values, aliases counted");
    config_doc_destroy(doc);
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    char text[512];
    memset(text, '[', 300);
    memset(text + 300, ']', 200);
    text[500] = '\0';
    memcpy(text, "a: ", 3);
    struct config_doc *doc = fixture_doc();
    assert_null(config_doc_read_text(doc, "a.yaml", text));
    fixture_assert_says(doc, "nested deeper than 64 levels");
    config_doc_destroy(doc);
}

static void a_map_has_a_bounded_number_of_keys(void **state)
{
    (void)state;
    struct srt_buf text;
    srt_buf_init(&text);
    for (int i = 0; i <= 10000; i++) {
        srt_buf_printf(&text, "k%d: 1\n", i);
    }
    struct config_doc *doc = fixture_doc();
    assert_null(config_doc_read_text(doc, "a.yaml", srt_buf_cstr(&text)));
    fixture_assert_says(doc, "a map has more than 10000 keys\n     --> a.yaml:10001:1\n");
    config_doc_destroy(doc);
    srt_buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_keep_their_text_whatever_yaml_would_make_of_it),
        cmocka_unit_test(marks_say_where_keys_and_values_stand),
        cmocka_unit_test(columns_count_characters_and_not_bytes),
        cmocka_unit_test(a_duplicate_key_is_an_error_that_shows_both_places),
        cmocka_unit_test(a_tab_as_indentation_is_called_by_its_name),
        cmocka_unit_test(what_is_not_yaml_is_an_error_at_its_place),
        cmocka_unit_test(an_empty_file_is_an_empty_map),
        cmocka_unit_test(an_alias_is_a_copy_of_its_anchor),
        cmocka_unit_test(merge_keys_give_way_to_what_the_map_has_itself),
        cmocka_unit_test(a_billion_laughs_is_refused),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(a_map_has_a_bounded_number_of_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
