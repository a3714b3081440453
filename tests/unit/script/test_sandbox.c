#include "script_fixture.h"

#include "base/log.h"
#include "support/cmocka_srt.h"

static void dangerous_functions_are_absent(void **state)
{
    struct script_fixture *f = *state;
    static const char *const absent[] = {
        "io",           "debug",       "package",     "load",         "loadstring",  "loadfile",
        "dofile",       "string.dump", "os.execute",  "os.exit",      "os.getenv",   "os.remove",
        "os.rename",    "os.tmpname",  "os.setlocale", "module",      "setfenv",     "newproxy",
        "warn",         "_ENV.io",     "_G.debug",
    };
    char text[100];
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        snprintf(text, sizeof text, "%s == nil", absent[i]);
        assert_runs(f, text, "{}", "true");
    }
}

static void only_listed_globals_exist(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f,
                "local known = s.str.split('_G _VERSION assert collectgarbage coroutine error "
                "getmetatable ipairs math next os pairs pcall print rawequal rawget rawlen rawset "
                "require s select setmetatable string table tonumber tostring type utf8 xpcall') "
                "local n = 0 for _, k in ipairs(known) do n = n + (_G[k] ~= nil and 1 or 0) end "
                "return {n, #known, next(_G) == nil}",
                "{}", "[29,29,true]");
}

static void built_ins_cannot_be_replaced(void **state)
{
    struct script_fixture *f = *state;
    assert_fails(f, "string = nil", "{}", SRT_ESCRIPT,
                 "pipelines.yaml:14: cannot assign to the built-in 'string'; use `local string`");
    assert_fails(f, "_G.pairs = 1", "{}", SRT_ESCRIPT,
                 "pipelines.yaml:14: cannot assign to the built-in 'pairs'; use `local pairs`");
    assert_fails(f, "math.pi = 3", "{}", SRT_ESCRIPT,
                 "pipelines.yaml:14: cannot change 'math': it is built in");
    assert_fails(f, "table.insert = print", "{}", SRT_ESCRIPT,
                 "pipelines.yaml:14: cannot change 'table': it is built in");
    static const char *const attempts[] = {
        "rawset(string, 'rep', print)",
        "rawset(_G, 'string', 1)",
        "setmetatable(string, {})",
        "setmetatable(_G, nil)",
        "getmetatable('').__index = {}",
        "getmetatable('').x = 1",
        "setmetatable('', {})",
        "getmetatable(_G).__index = {}",
        "getmetatable(s.null).__tostring = nil",
    };
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        const char *result = fixture_run(f, attempts[i], "{}");
        if (result) {
            fail_msg("%s gave %s", attempts[i], result);
        }
    }
    assert_runs(f, "('x'):rep(2) .. string.rep('y', 2)", "{}", "\"xxyy\"");
}

static void built_in_tables_read_like_tables(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f,
                "local n = 0 for k, x in pairs(string) do n = n + 1 end "
                "for k in next, math do n = n + 1 end return n > 30 and next(table) ~= nil",
                "{}", "true");
    assert_runs(f, "local t = {} for k in pairs(os) do t[#t + 1] = k end table.sort(t) return t",
                "{}", "[\"clock\",\"date\",\"difftime\",\"time\"]");
}

static void own_globals_work(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f, "counter = (counter or 0) + 1 return counter", "{}", "1");
    assert_runs(f, "counter = (counter or 0) + 1 return counter", "{}", "2");
    assert_runs(f, "function helper(x) return x * 2 end return helper(4)", "{}", "8");
    assert_runs(f, "helper(_G.counter)", "{}", "4");
}

static void finalisers_are_refused(void **state)
{
    struct script_fixture *f = *state;
    assert_fails(f, "setmetatable({}, {__gc = function() while true do end end})", "{}",
                 SRT_ESCRIPT,
                 "pipelines.yaml:14: setmetatable: __gc is not available; use <close>");
    assert_runs(f,
                "local mt = {} local t = setmetatable({}, mt) mt.__gc = function() ran = true end "
                "t = nil for i = 1, 10000 do local x = {i} end return ran == nil",
                "{}", "true");
    script_collect(f->script);
    assert_runs(f, "ran == nil", "{}", "true");
}

static void only_the_garbages_size_can_be_asked(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f, "collectgarbage('count') > 10", "{}", "true");
    static const char *const attempts[] = {"collectgarbage()", "collectgarbage('stop')",
                                           "collectgarbage('setpause', 1000)"};
    for (size_t i = 0; i < 3; i++) {
        assert_null(fixture_run(f, attempts[i], "{}"));
        assert_contains(f->err.msg, "only \"count\" is available");
    }
}

static char logged[512];

static void keep_line(void *arg, enum srt_log_level level, const char *line)
{
    (void)arg;
    (void)level;
    snprintf(logged, sizeof logged, "%s", line);
}

static void print_writes_a_log_line(void **state)
{
    struct script_fixture *f = *state;
    f->options.name = "orders";
    fixture_reopen(f);
    srt_log_set_sink(keep_line, NULL);
    assert_runs(f, "print('a', 1, nil, s.null, 'two\\nlines')", "{}", "nil");
    srt_log_set_sink(NULL, NULL);
    assert_contains(logged, "info  script: orders: a 1 nil null two lines");
}

static void deep_recursion_is_an_error(void **state)
{
    struct script_fixture *f = *state;
    f->options.deadline_ms = 5000;
    fixture_reopen(f);
    /* Lua allows a million slots; whichever limit is met first, it is an error. */
    assert_null(fixture_run(f, "local function f() return 1 + f() end return f()", "{}"));
    assert_true(f->err.code == SRT_ESCRIPT || f->err.code == SRT_EBUDGET);
    assert_null(
        fixture_run(f, "local function f() return (('x'):gsub('x', f)) end return f()", "{}"));
    assert_contains(f->err.msg, "stack overflow");
    assert_null(
        fixture_run(f, "local function f() return coroutine.wrap(f)() end return f()", "{}"));
    assert_contains(script_traceback(f->script), "stack overflow");
    assert_runs(f, "1 + 1", "{}", "2");
}

static void hidden_fields_cannot_be_reached(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f,
                "for k in pairs(v) do if type(k) ~= 'string' then return k end end "
                "for k in next, v do if type(k) ~= 'string' then return k end end return 'none'",
                "{\"a\":{\"b\":1},\"c\":[1]}", "\"none\"");
    assert_runs(f, "local n = 0 for k in pairs(s.array{}) do n = n + 1 end return n", "{}", "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(dangerous_functions_are_absent),
        fixture_test(only_listed_globals_exist),
        fixture_test(built_ins_cannot_be_replaced),
        fixture_test(built_in_tables_read_like_tables),
        fixture_test(own_globals_work),
        fixture_test(finalisers_are_refused),
        fixture_test(only_the_garbages_size_can_be_asked),
        fixture_test(print_writes_a_log_line),
        fixture_test(deep_recursion_is_an_error),
        fixture_test(hidden_fields_cannot_be_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
