#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_fixture.h"

static char dir[256];

static int make_dir(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof(dir), "%s/srt-include-XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    char command[512];
    snprintf(command, sizeof(command), "rm -r '%s'", dir);
    return system(command);
}

static char *put_file(const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return strdup(path);
}

static struct config_node *read_one(struct config_doc *doc, char *take_path)
{
    const char *paths[] = {take_path};
    struct config_node *root = config_doc_read(doc, paths, 1);
    free(take_path);
    return root;
}

static void included_files_are_merged_by_name(void **state)
{
    (void)state;
    free(put_file("merge_b.yaml",
                  "version: 1\ntopics: { two: {} }\npipelines: { p: { from: one } }\n"));
    struct config_doc *doc = fixture_doc();
    struct config_node *root =
        read_one(doc, put_file("merge.yaml",
                               "version: 1\ntopics: { one: {} }\ninclude: [ \"merge_*.yaml\" ]\n"));
    assert_int_equal(diag_count(doc), 0);
    const struct config_node *topics = config_find(root, "topics");
    assert_int_equal(topics->entry_count, 2);
    assert_string_equal(topics->entries[1].key, "two");
    assert_non_null(strstr(topics->entries[1].key_mark.file, "merge_b.yaml"));
    assert_non_null(config_find(config_find(root, "pipelines"), "p"));
    config_doc_destroy(doc);
}

static void a_name_in_two_files_is_an_error_that_shows_both(void **state)
{
    (void)state;
    free(put_file("twice_b.yaml", "topics:\n  one: {}\n"));
    struct config_doc *doc = fixture_doc();
    read_one(doc, put_file("twice.yaml", "topics:\n  one: {}\ninclude: twice_b.yaml\n"));
    char expected[600];
    fixture_assert_says(doc, "error[E005]: 'one' is defined twice in topics\n");
    snprintf(expected, sizeof(expected), "= first at %s/twice.yaml:2:3\n", dir);
    fixture_assert_says(doc, expected);
    config_doc_destroy(doc);
}

static void a_cycle_is_refused(void **state)
{
    (void)state;
    free(put_file("cycle_b.yaml", "include: [cycle.yaml]\n"));
    struct config_doc *doc = fixture_doc();
    read_one(doc, put_file("cycle.yaml", "include: [cycle_b.yaml]\n"));
    fixture_assert_says(doc, "error[E004]:");
    fixture_assert_says(doc, "is part of this configuration already");
    config_doc_destroy(doc);
}

static void a_file_that_is_not_there_is_an_error_and_an_empty_pattern_a_warning(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    read_one(doc, put_file("none.yaml", "include: [ missing.yaml, \"none/*.yaml\" ]\n"));
    fixture_assert_says(doc, "error[E004]: no file matches");
    fixture_assert_says(doc, "warning[E004]: no file matches");
    fixture_assert_says(doc, "none.yaml:1:12\n");
    assert_int_equal(diag_error_count(doc), 1);
    config_doc_destroy(doc);
}

static void variables_work_in_includes(void **state)
{
    (void)state;
    free(put_file("node-7.yaml", "topics: { mine: {} }\n"));
    struct config_doc *doc = fixture_doc();
    struct config_node *root =
        read_one(doc, put_file("var.yaml", "include: [ \"${HOST}.yaml\" ]\n"));
    assert_int_equal(diag_count(doc), 0);
    assert_non_null(config_find(config_find(root, "topics"), "mine"));
    config_doc_destroy(doc);
}

static void files_that_cannot_be_read_are_errors(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    const char *paths[] = {dir, "/nowhere/at/all.yaml"};
    assert_null(config_doc_read(doc, paths, 2));
    fixture_assert_says(doc, "Is a directory");
    fixture_assert_says(
        doc, "error[E001]: cannot read '/nowhere/at/all.yaml': No such file or directory\n"
             " --> /nowhere/at/all.yaml\n");
    fixture_assert_says(doc, "2 problems in 2 files\n");
    config_doc_destroy(doc);
}

static void several_files_are_one_configuration(void **state)
{
    (void)state;
    char *a = put_file("several_a.yaml", "topics: { one: {} }\n");
    char *b = put_file("several_b.yaml", "topics: { two: {} }\n");
    struct config_doc *doc = fixture_doc();
    const char *paths[] = {a, b};
    struct config_node *root = config_doc_read(doc, paths, 2);
    assert_int_equal(config_find(root, "topics")->entry_count, 2);
    config_doc_destroy(doc);
    free(a);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(included_files_are_merged_by_name),
        cmocka_unit_test(a_name_in_two_files_is_an_error_that_shows_both),
        cmocka_unit_test(a_cycle_is_refused),
        cmocka_unit_test(a_file_that_is_not_there_is_an_error_and_an_empty_pattern_a_warning),
        cmocka_unit_test(variables_work_in_includes),
        cmocka_unit_test(files_that_cannot_be_read_are_errors),
        cmocka_unit_test(several_files_are_one_configuration),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
