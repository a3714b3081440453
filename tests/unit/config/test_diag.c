#include "config_fixture.h"

static struct config_doc *doc_with(const char *text)
{
    struct config_doc *doc = fixture_doc();
    assert_non_null(config_doc_read_text(doc, "streamrt.yaml", text));
    return doc;
}

static void a_problem_looks_like_a_compilers(void **state)
{
    (void)state;
    struct config_doc *doc = doc_with("steps:\n"
                                      "  - a: b\n\n\n\n\n\n\n\n"
                                      "  - fliter: v.total > 0\n");
    struct config_mark mark = {"streamrt.yaml", 10, 5, 6};
    struct diag *diag =
        diag_report(doc, DIAG_ERROR, DIAG_E012, &mark, "unknown step '%s'", "fliter");
    diag_help(diag, "did you mean '%s'?", "filter");
    diag_note(diag, "steps: filter, map");
    fixture_assert_prints(doc, "error[E012]: unknown step 'fliter'\n"
                               "  --> streamrt.yaml:10:5\n"
                               "   |\n"
                               "10 |   - fliter: v.total > 0\n"
                               "   |     ^^^^^^ did you mean 'filter'?\n"
                               "   = steps: filter, map\n"
                               "1 problem in 1 file\n");
    config_doc_destroy(doc);
}

static void problems_stand_in_the_order_of_the_file(void **state)
{
    (void)state;
    struct config_doc *doc = doc_with("a: 1\nb: 2\n");
    diag_report(doc, DIAG_ERROR, DIAG_E011, &(struct config_mark){"streamrt.yaml", 2, 1, 1},
                "second");
    diag_report(doc, DIAG_WARNING, DIAG_E011, &(struct config_mark){"streamrt.yaml", 1, 1, 1},
                "first");
    char *text = fixture_print(doc, DIAG_TEXT);
    assert_true(strstr(text, "first") < strstr(text, "second"));
    assert_non_null(strstr(text, "2 problems in 1 file\n"));
    free(text);
    assert_int_equal(diag_error_count(doc), 1);
    config_doc_destroy(doc);
}

static void a_line_without_a_column_is_underlined_whole(void **state)
{
    (void)state;
    struct config_doc *doc = doc_with("a: 1\n  \n# end =\n");
    diag_report(doc, DIAG_ERROR, DIAG_L001, &(struct config_mark){"streamrt.yaml", 3, 0, 0},
                "bad Lua");
    fixture_assert_prints(doc, "error[L001]: bad Lua\n"
                               " --> streamrt.yaml:3\n"
                               "  |\n"
                               "3 | # end =\n"
                               "  | ^^^^^^^\n"
                               "1 problem in 1 file\n");
    config_doc_destroy(doc);
}

static void more_than_twenty_are_counted_and_not_shown(void **state)
{
    (void)state;
    struct config_doc *doc = doc_with("a: 1\n");
    for (int i = 0; i < 25; i++) {
        struct diag *diag =
            diag_report(doc, DIAG_ERROR, DIAG_E010, &(struct config_mark){"streamrt.yaml", 1, 1, 1},
                        "no %d", i);
        diag_help(diag, "help %d", i);
        diag_note(diag, "note %d", i);
    }
    diag_report(doc, DIAG_WARNING, DIAG_E004, NULL, "a warning has its own room");
    assert_int_equal(diag_error_count(doc), 25);
    fixture_assert_says(doc, "a warning has its own room");
    fixture_assert_says(doc, "26 problems in 2 files, 21 of them shown\n");
    config_doc_destroy(doc);
}

static void long_lines_are_cut_around_the_caret(void **state)
{
    (void)state;
    char text[400] = "a: ";
    memset(text + 3, 'x', 300);
    text[250] = 'Y';
    struct config_doc *doc = doc_with(text);
    diag_report(doc, DIAG_ERROR, DIAG_E011, &(struct config_mark){"streamrt.yaml", 1, 251, 1},
                "there");
    char *shown = fixture_print(doc, DIAG_TEXT);
    const char *line = strstr(shown, "1 | ") + 4;
    const char *caret = strstr(line, "\n  | ") + 5;
    assert_int_equal(strchr(line, 'Y') - line, strchr(caret, '^') - caret);
    assert_true(strchr(line, '\n') - line <= 96);
    free(shown);
    config_doc_destroy(doc);
}

static void tabs_and_wide_bytes_do_not_move_the_caret(void **state)
{
    (void)state;
    struct config_doc *doc = doc_with("# \t\xc3\xa4\xc3\xb6 here\n");
    diag_report(doc, DIAG_ERROR, DIAG_E011, &(struct config_mark){"streamrt.yaml", 1, 7, 4},
                "there");
    fixture_assert_says(doc, "1 | #  \xc3\xa4\xc3\xb6 here\n  |       ^^^^\n");
    config_doc_destroy(doc);
}

static void json_is_an_array_with_places(void **state)
{
    (void)state;
    struct config_doc *doc = doc_with("a: 1\n");
    struct diag *diag =
        diag_report(doc, DIAG_ERROR, DIAG_E011, &(struct config_mark){"streamrt.yaml", 1, 4, 1},
                    "say \"%s\"", "x\\y");
    diag_note(diag, "n");
    char *text = fixture_print(doc, DIAG_JSON);
    assert_string_equal(
        text, "[{\"code\":\"E011\",\"level\":\"error\",\"message\":\"say \\\"x\\\\y\\\"\","
              "\"file\":\"streamrt.yaml\",\"line\":1,\"column\":4,\"width\":1,"
              "\"help\":null,\"notes\":[\"n\"]}]\n");
    free(text);
    config_doc_destroy(doc);
    doc = doc_with("a: 1\n");
    text = fixture_print(doc, DIAG_JSON);
    assert_string_equal(text, "[]\n");
    free(text);
    text = fixture_print(doc, DIAG_TEXT);
    assert_string_equal(text, "");
    free(text);
    config_doc_destroy(doc);
}

static void sarif_names_rule_file_and_region(void **state)
{
    (void)state;
    struct config_doc *doc = doc_with("a: 1\n");
    diag_report(doc, DIAG_WARNING, DIAG_E031, &(struct config_mark){"streamrt.yaml", 1, 4, 1}, "m");
    char *text = fixture_print(doc, DIAG_SARIF);
    assert_non_null(strstr(text, "\"version\":\"2.1.0\""));
    assert_non_null(
        strstr(text, "{\"ruleId\":\"E031\",\"level\":\"warning\",\"message\":{\"text\":\"m\"},"
                     "\"locations\":[{\"physicalLocation\":{\"artifactLocation\":{\"uri\":"
                     "\"streamrt.yaml\"},\"region\":{\"startLine\":1,\"startColumn\":4,"
                     "\"endColumn\":5}}}]}"));
    free(text);
    config_doc_destroy(doc);
}

static void control_characters_never_reach_the_terminal(void **state)
{
    (void)state;
    struct config_doc *doc = doc_with("a: 1\n");
    diag_report(doc, DIAG_ERROR, DIAG_E011, NULL, "x\033[2Jy\nz");
    char *text = fixture_print(doc, DIAG_TEXT);
    assert_null(strchr(text, '\033'));
    assert_non_null(strstr(text, "x [2Jy z\n"));
    free(text);
    config_doc_destroy(doc);
}

static void nearest_is_within_two_letters(void **state)
{
    (void)state;
    static const char *const names[] = {"filter", "reject", "map", "to", NULL};
    assert_string_equal(diag_nearest("fliter", names), "filter");
    assert_string_equal(diag_nearest("rejct", names), "reject");
    assert_string_equal(diag_nearest("mapp", names), "map");
    assert_null(diag_nearest("xyz", names));
    assert_null(diag_nearest("aggregate", names));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_problem_looks_like_a_compilers),
        cmocka_unit_test(problems_stand_in_the_order_of_the_file),
        cmocka_unit_test(a_line_without_a_column_is_underlined_whole),
        cmocka_unit_test(more_than_twenty_are_counted_and_not_shown),
        cmocka_unit_test(long_lines_are_cut_around_the_caret),
        cmocka_unit_test(tabs_and_wide_bytes_do_not_move_the_caret),
        cmocka_unit_test(json_is_an_array_with_places),
        cmocka_unit_test(sarif_names_rule_file_and_region),
        cmocka_unit_test(control_characters_never_reach_the_terminal),
        cmocka_unit_test(nearest_is_within_two_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
