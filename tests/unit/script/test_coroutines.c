#include "script_fixture.h"

static void coroutines_work_as_in_lua(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f,
                "local co = coroutine.create(function(a, b) local c = coroutine.yield(a + b) "
                "return c * 2, 'end' end) return {coroutine.resume(co, 1, 2)}",
                "{}", "[true,3]");
    assert_runs(
        f,
        "local co = coroutine.create(function(a) local c = coroutine.yield(a) return c * 2 end) "
        "coroutine.resume(co, 1) local t = {coroutine.status(co), coroutine.resume(co, 21)} "
        "t[#t + 1] = coroutine.status(co) t[#t + 1] = (coroutine.resume(co)) return t",
        "{}", "[\"suspended\",true,42,\"dead\",false]");
    assert_runs(
        f,
        "local t = {} for i in coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end "
        "end) do t[#t + 1] = i end return t",
        "{}", "[1,2,3]");
    assert_runs(f, "{coroutine.isyieldable(), coroutine.wrap(coroutine.isyieldable)()}", "{}",
                "[false,true]");
    assert_runs(f,
                "local outer outer = coroutine.create(function() return coroutine.wrap(function() "
                "return coroutine.status(outer) end)() end) return {coroutine.resume(outer)}",
                "{}", "[true,\"normal\"]");
    assert_runs(f, "select(2, coroutine.running())", "{}", "true");
}

static void errors_come_out_of_them(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f, "{coroutine.resume(coroutine.create(error), 'no')}", "{}", "[false,\"no\"]");
    assert_runs(f, "{pcall(coroutine.wrap(function() error({1}) end))}", "{}", "[false,[1]]");
    assert_fails(f, "coroutine.wrap(function() error('no', 0) end)()", "{}", SRT_ESCRIPT,
                 "pipelines.yaml:14: no");
    assert_fails(f, "coroutine.resume(1)", "{}", SRT_ESCRIPT,
                 "pipelines.yaml:14: bad argument #1 to 'resume' (coroutine expected, got number)");
    assert_fails(f, "coroutine.yield(1)", "{}", SRT_ESCRIPT,
                 "attempt to yield from outside a coroutine");
}

static void closing_runs_what_is_to_be_closed(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f,
                "local log = {} local co = coroutine.create(function() "
                "local x <close> = setmetatable({}, {__close = function() log[1] = 'closed' end}) "
                "coroutine.yield() end) coroutine.resume(co) "
                "return {coroutine.close(co), log[1], coroutine.status(co)}",
                "{}", "[true,\"closed\",\"dead\"]");
    assert_runs(f,
                "local co = coroutine.create(function() "
                "local x <close> = setmetatable({}, {__close = function() error('x', 0) end}) "
                "coroutine.yield() end) coroutine.resume(co) return {coroutine.close(co)}",
                "{}", "[false,\"x\"]");
    assert_runs(f, "{pcall(coroutine.close, (coroutine.running()))}", "{}",
                "[false,\"cannot close a running coroutine\"]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(coroutines_work_as_in_lua),
        fixture_test(errors_come_out_of_them),
        fixture_test(closing_runs_what_is_to_be_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
