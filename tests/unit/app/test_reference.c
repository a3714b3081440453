/* The commented configuration and the reference pages against the tables they describe. With
 * REFERENCE_UPDATE set, the generated pages are written anew. */
#include <ctype.h>
#include <stdio.h>

#include "app/settings.h"
#include "pipeline/operator.h"
#include "support/cmocka_srt.h"

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        fail_msg("cannot read %s", path);
    }
    char *text = calloc(1, 1 << 18);
    size_t n = fread(text, 1, (1 << 18) - 1, file);
    assert_true(n < (1 << 18) - 1);
    fclose(file);
    return text;
}

#define CONFIG SRT_SOURCE_DIR "/config/streamrt.yaml"

static void the_commented_configuration_passes_its_own_check(void **state)
{
    (void)state;
    struct config_doc *doc = config_doc_create(NULL, NULL);
    const char *const paths[] = {CONFIG};
    struct config_node *root = config_doc_read(doc, paths, 1);
    struct settings_options options = {.assignments = NULL};
    struct settings settings;
    bool ok = settings_read(doc, root, &options, &settings);
    struct srt_buf buf;
    srt_buf_init(&buf);
    diag_print(doc, DIAG_TEXT, &buf);
    assert_string_equal(srt_buf_cstr(&buf), "");
    assert_true(ok);
    srt_buf_fini(&buf);
    config_doc_destroy(doc);
}

/* A line of the file that is the option, perhaps commented out, perhaps in flow style; and whether
 * a comment explains it: above it, or behind it. */
struct found {
    bool key;
    bool fallback;
    bool comment;
};

static bool stands_there(const char *line, size_t n, const char *name)
{
    char pattern[80];
    int m = snprintf(pattern, sizeof(pattern), "%s:", name);
    for (const char *at = line; at + m <= line + n; at++) {
        bool begins = at == line || at[-1] == ' ';
        bool ends = at + m == line + n || at[m] == ' ' || at[m] == '\n';
        if (begins && ends && !strncmp(at, pattern, (size_t)m)) {
            return true;
        }
    }
    return false;
}

static bool is_comment(const char *line)
{
    line += strspn(line, " ");
    return line[0] == '#' && line[1] == ' ' && line[2] != '\n';
}

static void look_at(const char *text, const struct srt_option *option, struct found *found)
{
    bool above = false;
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\n");
        if (stands_there(line, n, option->name)) {
            char with_default[200];
            snprintf(with_default, sizeof(with_default), "%s: %s", option->name,
                     option->fallback ? option->fallback : "");
            found->key = true;
            found->fallback |=
                !option->fallback || memmem(line, n, with_default, strlen(with_default));
            found->comment |= above || memmem(line, n, " # ", 3);
        }
        above = is_comment(line) || (above && line[strspn(line, " ")] != '\n');
        line += n + (line[n] == '\n');
    }
}

static void check_table(const char *text, const char *path, const struct srt_option *options)
{
    for (const struct srt_option *option = options; option->name; option++) {
        if (option->since) {
            continue;
        }
        struct found found = {false, false, false};
        look_at(text, option, &found);
        if (!found.key || !found.fallback || !found.comment) {
            fail_msg("config/streamrt.yaml: '%s' of '%s': %s", option->name, path,
                     !found.key        ? "is missing"
                     : !found.fallback ? "is there without its default"
                                       : "is there without a comment");
        }
    }
}

static void the_commented_configuration_has_every_option_with_its_default(void **state)
{
    (void)state;
    char *text = read_file(CONFIG);
    struct settings_table table;
    for (size_t i = 0; settings_table_at(i, &table); i++) {
        check_table(text, table.path, table.options);
    }
    for (const char *const *name = operator_names(); *name; name++) {
        const struct operator* op = operator_find(*name);
        const struct srt_option step = {.name = op->key};
        const struct srt_option steps[] = {step, SRT_OPTION_END};
        check_table(text, "steps", steps);
        if (op->options) {
            check_table(text, op->key, op->options);
        }
    }
    free(text);
}

static bool known_somewhere(const char *name)
{
    static const char *const others[] = {"as",    "on_error", "name", "when",
                                         "steps", "use",      "fn",   NULL};
    for (size_t i = 0; others[i]; i++) {
        if (!strcmp(others[i], name)) {
            return true;
        }
    }
    struct settings_table table;
    for (size_t i = 0; settings_table_at(i, &table); i++) {
        for (const struct srt_option *option = table.options; option->name; option++) {
            if (!option->since && !strcmp(option->name, name)) {
                return true;
            }
        }
    }
    return operator_find(name) != NULL;
}

/* Keys in the live part are checked by reading it; a commented line `# key: value` must name one
 * that exists, too. */
static void what_is_commented_out_exists(void **state)
{
    (void)state;
    char *text = read_file(CONFIG);
    for (char *line = text; *line;) {
        size_t n = strcspn(line, "\n");
        const char *at = line + strspn(line, " ");
        char name[64] = "";
        int end = 0;
        if (sscanf(at, "# %63[a-z_]: %n", name, &end) == 1 && end > 0 &&
            strcmp(name, "in_lua") != 0 && strcmp(name, "sync") != 0 && !known_somewhere(name)) {
            fail_msg("config/streamrt.yaml: '%s' is commented out and does not exist", name);
        }
        line += n + (line[n] == '\n');
    }
    free(text);
}

static void compare_page(const char *path, void (*document)(struct srt_buf *to))
{
    struct srt_buf buf;
    srt_buf_init(&buf);
    document(&buf);
    if (getenv("REFERENCE_UPDATE")) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        fputs(srt_buf_cstr(&buf), file);
        assert_int_equal(fclose(file), 0);
    }
    char *text = read_file(path);
    assert_string_equal(text, srt_buf_cstr(&buf));
    free(text);
    srt_buf_fini(&buf);
}

static void the_pages_of_the_reference_are_what_the_tables_give(void **state)
{
    (void)state;
    compare_page(SRT_SOURCE_DIR "/docs/reference/options.md", settings_document);
    compare_page(SRT_SOURCE_DIR "/docs/reference/operators.md", operator_document);
}

static void every_code_of_an_error_is_explained(void **state)
{
    (void)state;
    char *text = read_file(SRT_SOURCE_DIR "/docs/reference/errors.md");
    for (int code = 0; code < DIAG_CODE_COUNT; code++) {
        char heading[200];
        snprintf(heading, sizeof(heading), "\n### %s: %s\n", diag_code_name((enum diag_code)code),
                 diag_code_text((enum diag_code)code));
        if (!strstr(text, heading)) {
            fail_msg("docs/reference/errors.md has no heading%s", heading);
        }
    }
#define CODE_ROW(name, number, what, retriable)                                                    \
    if (!strstr(text, "| `" #name "` | " what " | ")) {                                            \
        fail_msg("docs/reference/errors.md has no row for " #name);                                \
    }
    SRT_ERR_MAP(CODE_ROW)
#undef CODE_ROW
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_commented_configuration_passes_its_own_check),
        cmocka_unit_test(the_commented_configuration_has_every_option_with_its_default),
        cmocka_unit_test(what_is_commented_out_exists),
        cmocka_unit_test(the_pages_of_the_reference_are_what_the_tables_give),
        cmocka_unit_test(every_code_of_an_error_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
