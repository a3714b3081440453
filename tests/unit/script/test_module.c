#include "script_fixture.h"

#include <sys/stat.h>

#include "script/module.h"
#include "support/cmocka_srt.h"
#include "support/temp_dir.h"

struct module_fixture {
    struct script_fixture script;
    struct temp_dir dir;
    const char *paths[3];
};

static int setup(void **state)
{
    struct module_fixture *f = calloc(1, sizeof *f);
    temp_dir_make(&f->dir);
    temp_dir_write_file(&f->dir, "orders.lua",
                        "local M = {n = 5}\nfunction M.double(v)\n  return v.a * 2\nend\n"
                        "loads = (loads or 0) + 1\nreturn M");
    temp_dir_write_file(&f->dir, "broken.lua", "\n\nlocal x = = 1");
    temp_dir_write_file(&f->dir, "raising.lua", "\nerror('at start')");
    temp_dir_write_file(&f->dir, "circle_a.lua", "require 'circle_b'");
    temp_dir_write_file(&f->dir, "circle_b.lua", "require 'circle_a'");
    temp_dir_write_file(&f->dir, "nothing.lua", "");
    temp_dir_write_file(&f->dir, "endless.lua", "while true do end");
    assert_int_equal(mkdir(temp_dir_path(&f->dir, "deep"), 0700), 0);
    temp_dir_write_file(&f->dir, "deep/inner.lua", "return { name = ... , f = function() end }");
    temp_dir_write_file(&f->dir, "deep/init.lua", "return 'init'");
    script_options_default(&f->script.options);
    f->paths[0] = "/nonexistent";
    f->paths[1] = f->dir.path;
    f->script.options.paths = f->paths;
    fixture_open(&f->script);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct module_fixture *f = *state;
    script_destroy(f->script.script);
    srt_buf_fini(&f->script.out);
    temp_dir_remove(&f->dir);
    free(f);
    return 0;
}

static void modules_are_loaded_once(void **state)
{
    struct module_fixture *f = *state;
    assert_runs(&f->script, "require('orders') == require 'orders' and loads == 1", "{}", "true");
    assert_runs(&f->script, "require 'deep.inner'.name .. require 'deep'", "{}",
                "\"deep.innerinit\"");
    assert_runs(&f->script, "require 'nothing'", "{}", "true");
}

static void files_override_the_library_that_is_built_in(void **state)
{
    struct module_fixture *f = *state;
    assert_int_equal(mkdir(temp_dir_path(&f->dir, "streamrt"), 0700), 0);
    temp_dir_write_file(&f->dir, "streamrt/str.lua", "return { mine = true }");
    fixture_reopen(&f->script);
    assert_runs(&f->script, "s.str.mine", "{}", "true");
    assert_runs(&f->script, "require 'streamrt.time'.format(0)", "{}",
                "\"1970-01-01T00:00:00.000Z\"");
}

static void names_cannot_lead_out_of_the_folders(void **state)
{
    struct module_fixture *f = *state;
    static const char *const names[] = {
        "../etc/passwd", "/etc/passwd", "a/b", "..",  ".",     "",
        "a..b",          "a.",          ".a",  "a b", "a\\0b", "orders.lua/"};
    char text[100];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(text, sizeof text, "require '%s'", names[i]);
        assert_null(fixture_run(&f->script, text, "{}"));
        assert_int_equal(f->script.err.code, SRT_ESCRIPT);
        assert_contains(f->script.err.msg, "pipelines.yaml:14: ");
    }
}

static void failures_name_their_place(void **state)
{
    struct module_fixture *f = *state;
    char want[400];
    snprintf(want, sizeof want, "%s/broken.lua:3: unexpected symbol near '='", f->dir.path);
    assert_fails(&f->script, "require 'broken'", "{}", SRT_ESCRIPT, want);
    snprintf(want, sizeof want, "%s/raising.lua:2: at start", f->dir.path);
    assert_fails(&f->script, "require 'raising'", "{}", SRT_ESCRIPT, want);
    assert_fails(&f->script, "require 'raising'", "{}", SRT_ESCRIPT, want); /* again */
    assert_null(fixture_run(&f->script, "require 'circle_a'", "{}"));
    assert_contains(f->script.err.msg, "module 'circle_a' requires itself");
    snprintf(want, sizeof want,
             "pipelines.yaml:14: there is no module 'absent'; looked for it in /nonexistent/, %s/, "
             "and the library of streamrt",
             f->dir.path);
    assert_fails(&f->script, "require 'absent'", "{}", SRT_ESCRIPT, want);
    assert_null(fixture_run(&f->script, "require 'endless'", "{}"));
    assert_int_equal(f->script.err.code, SRT_EBUDGET);
}

static void use_takes_a_function_of_a_module(void **state)
{
    struct module_fixture *f = *state;
    struct script *script = f->script.script;
    struct script_fn fn;
    assert_ok(script_use(script, "orders.double", &fn, &f->script.err), &f->script.err);
    assert_int_equal(fn.param_count, 1);
    script_push_fn(script, &fn);
    lua_newtable(script_state(script));
    assert_int_equal(script_call(script, 1, 1, &f->script.err), SRT_ESCRIPT);
    char want[400];
    snprintf(want, sizeof want,
             "%s/orders.lua:3: attempt to perform arithmetic on a nil value (field 'a')",
             f->dir.path);
    assert_string_equal(f->script.err.msg, want);
    assert_ok(script_use(script, "deep.inner.f", &fn, &f->script.err), &f->script.err);
    assert_ok(script_use(script, "streamrt.parse.combined", &fn, &f->script.err), &f->script.err);
}

static void use_says_what_is_missing(void **state)
{
    struct module_fixture *f = *state;
    static const struct {
        const char *name;
        int code;
        const char *message;
    } cases[] = {
        {"orders", SRT_ENOENT, "use 'orders': expected module.function"},
        {"orders.", SRT_ENOENT, "use 'orders.': expected module.function"},
        {".f", SRT_ENOENT, "use '.f': expected module.function"},
        {"absent.f", SRT_ENOENT, "use 'absent.f': there is no module 'absent' in lua.path"},
        {"../x.f", SRT_ENOENT, "use '../x.f': there is no module '../x' in lua.path"},
        {"orders.tripple", SRT_ENOENT,
         "use 'orders.tripple': module 'orders' has no function 'tripple'"},
        {"orders.n", SRT_ENOENT, "use 'orders.n': module 'orders' has no function 'n'"},
        {"nothing.f", SRT_ENOENT,
         "use 'nothing.f': module 'nothing' returned a boolean, not a table of functions"},
    };
    lua_State *L = script_state(f->script.script);
    int top = lua_gettop(L);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct script_fn fn;
        int rc = script_use(f->script.script, cases[i].name, &fn, &f->script.err);
        assert_string_equal(f->script.err.msg, cases[i].message);
        assert_int_equal(rc, cases[i].code);
        assert_int_equal(lua_gettop(L), top);
    }
    struct script_fn fn;
    assert_int_equal(script_use(f->script.script, "raising.f", &fn, &f->script.err), SRT_ESCRIPT);
    assert_contains(f->script.err.msg, "raising.lua:2: at start");
}

static void every_module_of_the_library_is_built_in(void **state)
{
    struct module_fixture *f = *state;
    assert_true(module_embedded_count >= 5);
    for (size_t i = 0; i < module_embedded_count; i++) {
        char text[200];
        assert_int_equal(strlen(module_embedded[i].text), module_embedded[i].len);
        snprintf(text, sizeof text, "type(require '%s')", module_embedded[i].name);
        assert_runs(&f->script, text, "{}", "\"table\"");
    }
}

#define module_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        module_test(modules_are_loaded_once),
        module_test(files_override_the_library_that_is_built_in),
        module_test(names_cannot_lead_out_of_the_folders),
        module_test(failures_name_their_place),
        module_test(use_takes_a_function_of_a_module),
        module_test(use_says_what_is_missing),
        module_test(every_module_of_the_library_is_built_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
