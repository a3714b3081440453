#include "script_fixture.h"

#include "support/cmocka_srt.h"
#include "support/temp_dir.h"

static void a_failed_call_leaves_the_stack_as_it_was(void **state)
{
    struct script_fixture *f = *state;
    lua_State *L = script_state(f->script);
    struct script_fn fn;
    assert_ok(fixture_compile(f, "error('no')", SCRIPT_AUTO, &fn), &f->err);
    int top = lua_gettop(L);
    script_push_fn(f->script, &fn);
    lua_pushinteger(L, 1);
    lua_pushinteger(L, 2);
    assert_int_equal(script_call(f->script, 2, 1, &f->err), SRT_ESCRIPT);
    assert_string_equal(f->err.msg, "pipelines.yaml:14: no");
    assert_int_equal(lua_gettop(L), top);
}

static void all_results_can_be_had(void **state)
{
    struct script_fixture *f = *state;
    lua_State *L = script_state(f->script);
    struct script_fn fn;
    assert_ok(fixture_compile(f, "function(v) return v, 2, nil end", SCRIPT_AUTO, &fn), &f->err);
    int top = lua_gettop(L);
    script_push_fn(f->script, &fn);
    lua_pushinteger(L, 1);
    assert_ok(script_call(f->script, 1, LUA_MULTRET, &f->err), &f->err);
    assert_int_equal(lua_gettop(L), top + 3);
    lua_settop(L, top);
}

static void functions_are_taken_and_released(void **state)
{
    struct script_fixture *f = *state;
    lua_State *L = script_state(f->script);
    struct script_fn fn;
    lua_pushinteger(L, 5);
    assert_int_equal(script_fn_take(f->script, &fn), SRT_EINVAL);
    int top = lua_gettop(L);
    assert_int_equal(luaL_dostring(L, "return function(a, b, ...) return b end"), LUA_OK);
    assert_int_equal(script_fn_take(f->script, &fn), SRT_OK);
    assert_int_equal(lua_gettop(L), top);
    assert_true(fn.has_vararg);
    assert_int_equal(fn.param_count, 255);
    script_fn_release(f->script, &fn);
    assert_int_equal(fn.ref, LUA_NOREF);
}

static void a_file_runs_and_leaves_its_results(void **state)
{
    struct script_fixture *f = *state;
    struct temp_dir dir;
    temp_dir_make(&dir);
    temp_dir_write_file(&dir, "ok.lua", "#!/usr/bin/env streamrt\nreturn 1, s.null, (...)");
    temp_dir_write_file(&dir, "bad.lua", "\nlocal x = = 1");
    temp_dir_write_file(&dir, "raises.lua", "local function f()\n error('no')\nend\nf()");
    temp_dir_write_file(&dir, "binary.lua", "\033Lua and more");
    int count = 0;
    assert_ok(script_run_file(f->script, temp_dir_path(&dir, "ok.lua"), &count, &f->err), &f->err);
    assert_int_equal(count, 3);
    lua_pop(script_state(f->script), count);
    char want[400];
    assert_int_equal(script_run_file(f->script, temp_dir_path(&dir, "bad.lua"), &count, &f->err),
                     SRT_EPARSE);
    snprintf(want, sizeof want, "%s:2: unexpected symbol near '='", temp_dir_path(&dir, "bad.lua"));
    assert_string_equal(f->err.msg, want);
    assert_int_equal(script_run_file(f->script, temp_dir_path(&dir, "raises.lua"), &count, &f->err),
                     SRT_ESCRIPT);
    snprintf(want, sizeof want, "%s:2: no", temp_dir_path(&dir, "raises.lua"));
    assert_string_equal(f->err.msg, want);
    assert_int_equal(script_run_file(f->script, temp_dir_path(&dir, "binary.lua"), &count, &f->err),
                     SRT_EPARSE);
    assert_contains(f->err.msg, "attempt to load a binary chunk");
    assert_int_equal(script_run_file(f->script, temp_dir_path(&dir, "gone.lua"), &count, &f->err),
                     SRT_ENOENT);
    temp_dir_remove(&dir);
}

static void a_state_that_gets_too_little_memory_is_refused(void **state)
{
    (void)state;
    struct script_options options;
    script_options_default(&options);
    /* Every step of creation meets a refusal once. */
    for (size_t bytes = 1000; bytes < 200000; bytes += 4096) {
        struct script *script = NULL;
        struct srt_err err = {0};
        options.memory_bytes = bytes;
        int rc = script_create(&options, &script, &err);
        if (rc) {
            assert_int_equal(rc, SRT_EBUDGET);
        }
        script_destroy(script);
    }
}

static void random_numbers_repeat_with_the_seed(void **state)
{
    struct script_fixture *f = *state;
    char first[64];
    for (uint64_t seed = 1; seed < 4; seed++) {
        f->options.random_seed = seed;
        fixture_reopen(f);
        const char *numbers = fixture_run(f, "{math.random(1000000), math.random(1000000)}", "{}");
        if (seed == 1) {
            snprintf(first, sizeof first, "%s", numbers);
        } else {
            assert_string_not_equal(numbers, first);
        }
    }
    f->options.random_seed = 1;
    fixture_reopen(f);
    assert_runs(f, "{math.random(1000000), math.random(1000000)}", "{}", first);
}

static void time_is_the_injected_clocks(void **state)
{
    struct script_fixture *f = *state;
    struct srt_clock_fake fake;
    srt_clock_fake_init(&fake, 1431857103250);
    f->options.clock = &fake.clock;
    fixture_reopen(f);
    assert_runs(f, "{os.time(), s.now(), os.date('%F %T')}", "{}",
                "[1431857103,1431857103250,\"2015-05-17 10:05:03\"]");
    srt_clock_fake_advance(&fake, 1000);
    assert_runs(f, "os.time()", "{}", "1431857104");
}

static void memory_is_counted(void **state)
{
    struct script_fixture *f = *state;
    size_t before = script_memory_bytes(f->script);
    assert_runs(f, "big = ('x'):rep(1000000) return #big", "{}", "1000000");
    assert_true(script_memory_bytes(f->script) > before + 900000);
    assert_true(script_memory_peak_bytes(f->script) >= script_memory_bytes(f->script));
    assert_runs(f, "big = nil return 1", "{}", "1");
    script_collect(f->script);
    assert_true(script_memory_bytes(f->script) < before + 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_failed_call_leaves_the_stack_as_it_was),
        fixture_test(all_results_can_be_had),
        fixture_test(functions_are_taken_and_released),
        fixture_test(a_file_runs_and_leaves_its_results),
        fixture_test(a_state_that_gets_too_little_memory_is_refused),
        fixture_test(random_numbers_repeat_with_the_seed),
        fixture_test(time_is_the_injected_clocks),
        fixture_test(memory_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
