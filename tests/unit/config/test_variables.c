#include "config_fixture.h"

static const char *value_of(struct config_doc *doc, const char *scalar)
{
    char text[512];
    snprintf(text, sizeof(text), "a: %s\n", scalar);
    struct config_node *root = config_doc_read_text(doc, "a.yaml", text);
    return root && config_doc_resolve(doc, root) ? config_find(root, "a")->text : NULL;
}

static void the_four_forms_are_replaced(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"${HOST}", "node-7"},
        {"pre-${HOST}-post", "pre-node-7-post"},
        {"${UNSET:-fallback}", "fallback"},
        {"${EMPTY:-fallback}", "fallback"},
        {"${EMPTY}", ""},
        {"${HOST:-fallback}", "node-7"},
        {"${UNSET:-}", ""},
        {"${HOST:?must be there}", "node-7"},
        {"cost $$5 and $${HOST}", "cost $5 and ${HOST}"},
        {"v.line:match('%d+$')", "v.line:match('%d+$')"},
        {"$HOST", "$HOST"},
        {"'${HOST}'", "node-7"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config_doc *doc = fixture_doc();
        assert_string_equal(value_of(doc, cases[i][0]), cases[i][1]);
        assert_int_equal(diag_count(doc), 0);
        config_doc_destroy(doc);
    }
}

static void a_value_cannot_add_structure(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    assert_string_equal(value_of(doc, "${NASTY}"), "a: b # c\n- d");
    config_doc_destroy(doc);
}

static void keys_and_comments_are_left_alone(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    struct config_node *root =
        config_doc_read_text(doc, "a.yaml", "# ${UNSET}\n'${UNSET}': 1\nx-note: ${UNSET}\n");
    assert_true(config_doc_resolve(doc, root));
    assert_non_null(config_find(root, "${UNSET}"));
    config_doc_destroy(doc);
}

static void what_is_not_set_is_an_error_at_its_place(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    assert_null(value_of(doc, "x ${UNSET} y"));
    fixture_assert_prints(doc, "error[E003]: UNSET is not set\n"
                               " --> a.yaml:1:6\n"
                               "  |\n"
                               "1 | a: x ${UNSET} y\n"
                               "  |      ^^^^^^^^ set it, or give a default: ${UNSET:-...}\n"
                               "1 problem in 1 file\n");
    config_doc_destroy(doc);
    doc = fixture_doc();
    assert_null(value_of(doc, "${EMPTY:?the name of the host}"));
    fixture_assert_says(doc, "error[E003]: EMPTY is empty: the name of the host");
    config_doc_destroy(doc);
    doc = fixture_doc();
    assert_null(value_of(doc, "${9lives}"));
    fixture_assert_says(doc, "what follows '${' is not the name of a variable");
    config_doc_destroy(doc);
}

static void an_error_in_a_block_points_at_its_line(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    struct config_node *root = config_doc_read_text(doc, "a.yaml", "a: |\n  one\n  two ${UNSET}\n");
    assert_false(config_doc_resolve(doc, root));
    fixture_assert_says(doc, " --> a.yaml:3:7\n");
    config_doc_destroy(doc);
}

static void params_come_before_the_environment_within_their_pipeline(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    struct config_node *root =
        config_doc_read_text(doc, "a.yaml",
                             "pipelines:\n"
                             "  p:\n"
                             "    params: { HOST: mine, other: \"${HOST}\" }\n"
                             "    from: ${HOST}\n"
                             "    dlq: ${other}\n"
                             "  q: { from: \"${HOST}\" }\n");
    assert_true(config_doc_resolve(doc, root));
    const struct config_node *pipelines = config_find(root, "pipelines");
    assert_string_equal(config_find(config_find(pipelines, "p"), "from")->text, "mine");
    assert_string_equal(config_find(config_find(pipelines, "p"), "dlq")->text, "node-7");
    assert_string_equal(config_find(config_find(pipelines, "q"), "from")->text, "node-7");
    config_doc_destroy(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_four_forms_are_replaced),
        cmocka_unit_test(a_value_cannot_add_structure),
        cmocka_unit_test(keys_and_comments_are_left_alone),
        cmocka_unit_test(what_is_not_set_is_an_error_at_its_place),
        cmocka_unit_test(an_error_in_a_block_points_at_its_line),
        cmocka_unit_test(params_come_before_the_environment_within_their_pipeline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
