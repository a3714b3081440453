/* Every file of tests/mistakes/config is wrong in one way; the comment that it begins with is what
 * is said of it, word for word. See the README.md there. */
#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "app/settings.h"
#include "support/cmocka_srt.h"

enum { FILES_MAX = 500, ARGS_MAX = 8 };

static char *names[FILES_MAX];
static size_t name_count;

static const char *environment(void *arg, const char *name)
{
    (void)arg;
    return !strcmp(name, "EMPTY") ? "" : NULL;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text);
    size_t m = strlen(end);
    return n > m && !strcmp(text + n - m, end);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int find_files(void **state)
{
    (void)state;
    DIR *dir = opendir(".");
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (ends_with(entry->d_name, ".yaml") || ends_with(entry->d_name, ".lua")) {
            assert_true(name_count < FILES_MAX);
            names[name_count++] = strdup(entry->d_name);
        }
    }
    closedir(dir);
    qsort(names, name_count, sizeof(names[0]), compare);
    return 0;
}

static int free_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < name_count; i++) {
        free(names[i]);
    }
    return 0;
}

static char *read_file(const char *name)
{
    FILE *file = fopen(name, "rb");
    assert_non_null(file);
    char *text = calloc(1, 1 << 16);
    size_t n = fread(text, 1, (1 << 16) - 1, file);
    assert_true(n > 0 && n < (1 << 16) - 1);
    fclose(file);
    return text;
}

/* A file in three parts: arguments, what is expected, and the rest. */
struct mistake {
    char *text;
    char *args[ARGS_MAX + 1];
    size_t arg_count;
    struct srt_buf header; /* the argument lines as they stand */
    struct srt_buf expected;
    const char *body;
};

static void parse(const char *name, struct mistake *ret)
{
    bool lua = ends_with(name, ".lua");
    const char *comment = lua ? "-- " : "# ";
    char argument[16];
    snprintf(argument, sizeof(argument), "%s$ --set ", comment);
    *ret = (struct mistake){.text = read_file(name)};
    const char *at = ret->text;
    while (!strncmp(at, comment, strlen(comment)) ||
           !strncmp(at, lua ? "--\n" : "#\n", lua ? 3 : 2)) {
        const char *end = strchr(at, '\n');
        assert_non_null(end);
        if (!strncmp(at, argument, strlen(argument))) {
            const char *value = at + strlen(argument);
            assert_true(ret->arg_count < ARGS_MAX);
            ret->args[ret->arg_count++] = strndup(value, (size_t)(end - value));
            srt_buf_put(&ret->header, at, (size_t)(end + 1 - at));
        } else {
            size_t skip =
                strlen(comment) < (size_t)(end - at) ? strlen(comment) : (size_t)(end - at);
            srt_buf_put(&ret->expected, at + skip, (size_t)(end + 1 - at) - skip);
        }
        at = end + 1;
    }
    ret->body = at;
}

static void mistake_free(struct mistake *it)
{
    for (size_t i = 0; i < it->arg_count; i++) {
        free(it->args[i]);
    }
    srt_buf_fini(&it->header);
    srt_buf_fini(&it->expected);
    free(it->text);
}

static void check(const char *name, const struct mistake *it, struct srt_buf *ret_said,
                  size_t *ret_errors)
{
    const char *const paths[] = {name};
    const char *const lua_files[] = {name, NULL};
    bool lua = ends_with(name, ".lua");
    struct config_doc *doc = config_doc_create(environment, NULL);
    struct config_node *root = lua ? NULL : config_doc_read(doc, paths, 1);
    struct settings_options options = {.assignments = (const char *const *)it->args,
                                       .lua_files = lua ? lua_files : NULL};
    struct settings settings;
    bool ok = settings_read(doc, root, &options, &settings);
    *ret_errors = diag_error_count(doc);
    assert_int_equal(ok, *ret_errors == 0);
    diag_print(doc, DIAG_TEXT, ret_said);
    config_doc_destroy(doc);
}

/* Write the comment anew: the lines in it move the ones below, so once for their number, once for
 * good. */
static void update(const char *name)
{
    const char *comment = ends_with(name, ".lua") ? "--" : "#";
    for (int round = 0; round < 2; round++) {
        struct mistake it;
        struct srt_buf said;
        size_t errors;
        parse(name, &it);
        srt_buf_init(&said);
        check(name, &it, &said, &errors);
        FILE *file = fopen(name, "wb");
        assert_non_null(file);
        fwrite(it.header.data, 1, it.header.len, file);
        for (char *line = (char *)(uintptr_t)srt_buf_cstr(&said); *line;) {
            char *end = strchr(line, '\n');
            fprintf(file, "%s%s%.*s\n", comment, end > line ? " " : "", (int)(end - line), line);
            line = end + 1;
        }
        fputs(it.body, file);
        assert_int_equal(fclose(file), 0);
        srt_buf_fini(&said);
        mistake_free(&it);
    }
}

static void every_mistake_is_answered_with_what_its_file_says(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < name_count; i++) {
        if (getenv("MISTAKES_UPDATE")) {
            update(names[i]);
        }
        struct mistake it;
        struct srt_buf said;
        size_t errors;
        parse(names[i], &it);
        srt_buf_init(&said);
        check(names[i], &it, &said, &errors);
        if (errors == 0 || strcmp(srt_buf_cstr(&said), srt_buf_cstr(&it.expected)) != 0) {
            print_error("%s: expected\n%s\nsaid\n%s\n", names[i], srt_buf_cstr(&it.expected),
                        srt_buf_cstr(&said));
            wrong++;
        }
        srt_buf_fini(&said);
        mistake_free(&it);
    }
    assert_int_equal(wrong, 0);
}

static void there_are_enough_of_them(void **state)
{
    (void)state;
    assert_true(name_count >= 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mistake_is_answered_with_what_its_file_says),
        cmocka_unit_test(there_are_enough_of_them),
    };
    if (chdir(SRT_SOURCE_DIR "/tests/mistakes/config")) {
        perror(SRT_SOURCE_DIR "/tests/mistakes/config");
        return 1;
    }
    return cmocka_run_group_tests(tests, find_files, free_names);
}
