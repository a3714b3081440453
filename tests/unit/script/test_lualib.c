/* Runs the tests that are written in Lua: tests/lua/test_*.lua return a table of functions. */
#include "script_fixture.h"

#include <dirent.h>
#include <stdio.h>

static int run_functions(struct script_fixture *f, const char *file)
{
    lua_State *L = script_state(f->script);
    int failed = 0;
    int count = 0;
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        count++;
        if (script_call(f->script, 0, 0, &f->err)) {
            failed++;
            print_error("%s: %s\n%s\n%s\n", file, lua_tostring(L, -1), f->err.msg,
                        script_traceback(f->script));
        }
    }
    print_message("%s: %d tests\n", file, count);
    assert_true(count > 0);
    return failed;
}

static int run_file(const char *name)
{
    struct script_fixture f = {0};
    script_options_default(&f.options);
    static const struct script_param params[] = {{"limit", "10"}, {"ratio", "0.5"}, {"on", "true"},
                                                 {"name", "x y"}, {"version", "1.2.3"}};
    f.options.params = params;
    f.options.param_count = sizeof params / sizeof *params;
    f.options.deadline_ms = 60000; /* they do much at once */
    fixture_open(&f);
    char path[512];
    snprintf(path, sizeof path, "%s/tests/lua/%s", SRT_SOURCE_DIR, name);
    int count = 0;
    if (script_run_file(f.script, path, &count, &f.err)) {
        fail_msg("%s: %s", path, f.err.msg);
    }
    assert_int_equal(count, 1);
    int failed = run_functions(&f, name);
    script_destroy(f.script);
    return failed;
}

static void tests_in_lua_pass(void **state)
{
    (void)state;
    DIR *dir = opendir(SRT_SOURCE_DIR "/tests/lua");
    assert_non_null(dir);
    int failed = 0;
    int files = 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        size_t len = strlen(entry->d_name);
        if (strncmp(entry->d_name, "test_", 5) == 0 &&
            strcmp(entry->d_name + len - 4, ".lua") == 0) {
            failed += run_file(entry->d_name);
            files++;
        }
    }
    closedir(dir);
    assert_true(files > 0);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tests_in_lua_pass)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
