#include "script/native_doc.h"

#include "support/cmocka_srt.h"

static int setup(void **state)
{
    static struct native_doc doc;
    native_doc_init(&doc);
    *state = &doc;
    return 0;
}

static int teardown(void **state)
{
    native_doc_fini(*state);
    return 0;
}

static void set(struct native_doc *doc, const char *text)
{
    native_doc_clear(doc);
    native_doc_set(doc, text, strlen(text));
}

/* The member of the root, or of its member `inner`. */
static struct native_value get(struct native_doc *doc, const char *inner, const char *key)
{
    struct native_value value;
    assert_true(native_doc_root(doc, &value));
    if (inner) {
        assert_true(native_doc_member(doc, &value, inner, strlen(inner), &value));
    }
    assert_true(native_doc_member(doc, &value, key, strlen(key), &value));
    return value;
}

static void assert_text(const struct native_value *value, enum native_kind kind, const char *text)
{
    assert_int_equal(value->kind, kind);
    assert_int_equal(value->len, strlen(text));
    assert_memory_equal(value->text, text, value->len);
}

static void members_have_the_kind_that_a_script_would_see(void **state)
{
    struct native_doc *doc = *state;
    set(doc, " {\"i\":7,\"f\":7.0,\"big\":9223372036854775808,\"z\":-0,\"s\":\"x\",\"e\":\"\\n\","
             "\"t\":true,\"n\":false,\"0\":null,\"o\":{\"a\":[1, 2]},\"i\":8} ");
    struct native_value value = get(doc, NULL, "i");
    assert_int_equal(value.kind, NATIVE_INTEGER);
    assert_int_equal(value.integer, 8); /* of equal keys the last */
    value = get(doc, NULL, "f");
    assert_int_equal(value.kind, NATIVE_FLOAT);
    assert_true(value.number == 7.0);
    assert_int_equal(get(doc, NULL, "big").kind, NATIVE_FLOAT);
    assert_int_equal(get(doc, NULL, "z").kind, NATIVE_FLOAT);
    value = get(doc, NULL, "s");
    assert_text(&value, NATIVE_TEXT, "x");
    value = get(doc, NULL, "e");
    assert_text(&value, NATIVE_ESCAPED, "\\n");
    assert_int_equal(get(doc, NULL, "t").kind, NATIVE_TRUE);
    assert_int_equal(get(doc, NULL, "n").kind, NATIVE_FALSE);
    assert_int_equal(get(doc, NULL, "0").kind, NATIVE_NULL);
    assert_int_equal(get(doc, NULL, "none").kind, NATIVE_NIL);
    value = get(doc, "o", "a");
    assert_text(&value, NATIVE_JSON, "[1, 2]");
}

static void elements_are_counted_from_one(void **state)
{
    struct native_doc *doc = *state;
    set(doc, "{\"a\":[\"x\",null],\"o\":{\"1\":2}}");
    struct native_value list = get(doc, NULL, "a");
    struct native_value value;
    assert_true(native_doc_element(doc, &list, 1, &value));
    assert_text(&value, NATIVE_TEXT, "x");
    assert_true(native_doc_element(doc, &list, 2, &value));
    assert_int_equal(value.kind, NATIVE_NULL);
    assert_true(native_doc_element(doc, &list, 0, &value));
    assert_int_equal(value.kind, NATIVE_NIL);
    assert_true(native_doc_element(doc, &list, 3, &value));
    assert_int_equal(value.kind, NATIVE_NIL);
    assert_true(native_doc_member(doc, &list, "x", 1, &value));
    assert_int_equal(value.kind, NATIVE_NIL);
    int64_t length = 0;
    assert_true(native_doc_length(doc, &list, &length));
    assert_int_equal(length, 2);
    struct native_value object = get(doc, NULL, "o");
    assert_true(native_doc_element(doc, &object, 1, &value));
    assert_int_equal(value.kind, NATIVE_NIL); /* the key is the string "1" */
    assert_false(native_doc_length(doc, &object, &length));
}

static void what_has_no_members_is_undecided(void **state)
{
    struct native_doc *doc = *state;
    set(doc, "{\"s\":\"x\"}");
    struct native_value text = get(doc, NULL, "s");
    struct native_value none = get(doc, NULL, "none");
    struct native_value value;
    assert_false(native_doc_member(doc, &text, "len", 3, &value));
    assert_false(native_doc_element(doc, &none, 1, &value));
}

static void a_text_that_is_no_object_is_undecided(void **state)
{
    struct native_doc *doc = *state;
    struct native_value value;
    static const char *const texts[] = {"", "5", "\"x\"", "null", "{", "{\"a\":1}x", "{\"a\":01}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        set(doc, texts[i]);
        assert_false(native_doc_root(doc, &value));
        assert_false(native_doc_root(doc, &value)); /* and stays so */
        assert_null(native_doc_index_of(doc, texts[i], strlen(texts[i])));
    }
    static char lengthy[NATIVE_TEXT_BYTES_MAX + 1];
    memset(lengthy, ' ', sizeof lengthy);
    memcpy(lengthy, "{}", 2);
    native_doc_set(doc, lengthy, sizeof lengthy);
    assert_false(native_doc_root(doc, &value));
    native_doc_set(doc, lengthy, sizeof lengthy - 1);
    assert_true(native_doc_root(doc, &value));
}

static void a_text_is_indexed_once_until_it_is_cleared(void **state)
{
    struct native_doc *doc = *state;
    char text[] = "{\"a\":1}";
    native_doc_set(doc, text, sizeof text - 1);
    assert_null(native_doc_index_of(doc, text, sizeof text - 1));
    assert_int_equal(get(doc, NULL, "a").integer, 1);
    assert_non_null(native_doc_index_of(doc, text, sizeof text - 1));
    assert_null(native_doc_index_of(doc, text, 2));
    text[5] = '2';
    native_doc_set(doc, text, sizeof text - 1);
    assert_int_equal(get(doc, NULL, "a").integer, 1); /* it was promised to stay as it is */
    native_doc_clear(doc);
    native_doc_set(doc, text, sizeof text - 1);
    assert_int_equal(get(doc, NULL, "a").integer, 2);
}

static void more_inner_containers_than_are_kept_are_read(void **state)
{
    struct native_doc *doc = *state;
    set(doc, "{\"a\":{\"x\":1},\"b\":{\"x\":2},\"c\":{\"x\":3},\"d\":{\"x\":4},\"e\":{\"x\":5},"
             "\"f\":{\"x\":6}}");
    for (int round = 0; round < 3; round++) {
        for (char c = 'a'; c <= 'f'; c++) {
            char name[] = {c, '\0'};
            assert_int_equal(get(doc, name, "x").integer, c - 'a' + 1);
        }
    }
    set(doc, "{\"a\":{\"x\":7}}"); /* at the place of another one */
    assert_int_equal(get(doc, "a", "x").integer, 7);
}

static void a_large_index_is_given_back_with_its_record(void **state)
{
    struct native_doc *doc = *state;
    static char text[NATIVE_TEXT_BYTES_MAX];
    size_t len = 0;
    text[len++] = '[';
    while (len < sizeof text - 2) {
        text[len++] = '1';
        text[len++] = ',';
    }
    text[len - 1] = ']';
    struct native_value value;
    native_doc_set(doc, text, len);
    assert_true(native_doc_root(doc, &value));
    assert_true(doc->index.cap > 1 << 14);
    native_doc_clear(doc);
    assert_int_equal(doc->index.cap, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(members_have_the_kind_that_a_script_would_see, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(elements_are_counted_from_one, setup, teardown),
        cmocka_unit_test_setup_teardown(what_has_no_members_is_undecided, setup, teardown),
        cmocka_unit_test_setup_teardown(a_text_that_is_no_object_is_undecided, setup, teardown),
        cmocka_unit_test_setup_teardown(a_text_is_indexed_once_until_it_is_cleared, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(more_inner_containers_than_are_kept_are_read, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_large_index_is_given_back_with_its_record, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
