#include "script_fixture.h"

#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "support/cmocka_srt.h"

/* How much later than the deadline a call may end: less than what costs it its state. */
enum { SLACK_MS = 200 };

/* A deadline is of processor time, whatever else the machine does. */
static int64_t used_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The thread sanitizer hands a signal over only when the thread calls into libc, which a loop in
 * Lua need not do: each_thread_is_stopped_by_itself has one that does. */
static void skip_where_signals_wait(void)
{
#if defined(__SANITIZE_THREAD__)
    skip();
#endif
}

static void expect_too_long(struct script_fixture *f, const char *text)
{
    skip_where_signals_wait();
    int64_t from_ms = used_ms();
    const char *result = fixture_run(f, text, "{}");
    int64_t took_ms = used_ms() - from_ms;
    if (result) {
        fail_msg("%s gave %s", text, result);
    }
    assert_int_equal(f->err.code, SRT_EBUDGET);
    assert_contains(f->err.msg, "ran longer than 100ms");
    assert_true(took_ms >= 90);
    assert_true(took_ms < 100 + SLACK_MS);
    assert_runs(f, "1 + 1", "{}", "2"); /* the state goes on */
}

static void endless_loops_end(void **state)
{
    static const char *const texts[] = {
        "while true do end",
        "local function f() return f() end return f()",
        "for i = 1, math.huge do local x = i * 2 end",
        "repeat local t = {} until false",
        "goto a ::a:: goto a",
        "('x'):rep(1000000):gsub('.', function() while true do end end)",
        "table.sort({3, 2, 1}, function() while true do end end)",
        "setmetatable({}, {__index = function() while true do end end}).x = 1 "
        "return setmetatable({}, {__index = function() while true do end end}).x",
        "for _ in function() while true do end end do end",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        expect_too_long(*state, texts[i]);
    }
}

static void the_end_cannot_be_caught(void **state)
{
    static const char *const texts[] = {
        "while true do pcall(function() while true do end end) end",
        "while true do pcall(pcall, function() while true do end end) end",
        "while true do xpcall(function() while true do end end, function() while true do end end) "
        "end",
        "local function h() return pcall(h) end while true do pcall(h) end",
        "while true do local x <close> = setmetatable({}, {__close = function() while true do end "
        "end}) "
        "end",
        "pcall(function() local x <close> = setmetatable({}, {__close = function() error('mine') "
        "end}) "
        "while true do end end) return 'survived'",
        "while true do pcall(error, setmetatable({}, {__tostring = function() while true do end "
        "end})) "
        "end",
        "error(setmetatable({}, {__tostring = function() while true do end end}))",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        expect_too_long(*state, texts[i]);
    }
}

static void coroutines_end_too(void **state)
{
    static const char *const texts[] = {
        "coroutine.wrap(function() while true do end end)()",
        "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
        "while true do pcall(coroutine.wrap(function() while true do end end)) end",
        "local c = coroutine.wrap(function() while true do coroutine.yield() end end) "
        "while true do c() end",
        "while true do coroutine.resume(coroutine.create(function() "
        "pcall(function() while true do end end) end)) end",
        "coroutine.wrap(function() coroutine.wrap(function() while true do end end)() end)()",
        "local c = coroutine.create(function() local x <close> = setmetatable({}, "
        "{__close = function() while true do end end}) coroutine.yield() end) coroutine.resume(c) "
        "coroutine.close(c) return 'survived'",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        expect_too_long(*state, texts[i]);
    }
}

static void the_message_names_the_place(void **state)
{
    struct script_fixture *f = *state;
    skip_where_signals_wait();
    assert_fails(f, "local n = 0\nwhile true do\n  n = n + 1 end", "{}", SRT_EBUDGET,
                 "pipelines.yaml:16: ran longer than 100ms");
}

static void a_coroutine_from_an_ended_call_can_be_used_again(void **state)
{
    struct script_fixture *f = *state;
    skip_where_signals_wait();
    assert_null(fixture_run(f,
                            "co = coroutine.create(function() local n = 0 while true do n = n + 1 "
                            "coroutine.yield(n) end end) while true do coroutine.resume(co) end",
                            "{}"));
    assert_int_equal(f->err.code, SRT_EBUDGET);
    assert_runs(f, "return type(coroutine.resume(co))", "{}", "\"boolean\"");
    assert_runs(f, "local n = 0 for i = 1, 100000 do n = n + i end return n", "{}", "5000050000");
}

static void memory_beyond_the_cap_ends_the_call(void **state)
{
    struct script_fixture *f = *state;
    f->options.memory_bytes = 4 << 20;
    f->options.deadline_ms = 10000;
    fixture_reopen(f);
    static const char *const texts[] = {
        "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end",
        "local s = 'x' while true do s = s .. s end",
        "return ('x'):rep(1 << 30)",
        "pcall(string.rep, 'x', 1 << 30) return 'survived'",
        "while true do pcall(string.rep, 'x', 1 << 30) end",
        "pcall(function() local t = {} while true do t[#t + 1] = {} end end) return 'survived'",
        "local t = {} while true do t[#t + 1] = coroutine.create(print) end",
        "coroutine.resume(coroutine.create(function() local s = 'x' while true do s = s .. s end "
        "end)) "
        "return 'survived'",
        "pcall(function() local x <close> = setmetatable({}, {__close = function() error('mine') "
        "end}) "
        "local s = 'x' while true do s = s .. s end end) return 'survived'",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *result = fixture_run(f, texts[i], "{}");
        if (result) {
            fail_msg("%s gave %s", texts[i], result);
        }
        assert_int_equal(f->err.code, SRT_EBUDGET);
        assert_contains(f->err.msg, "used more than 4MiB of memory");
        assert_true(script_memory_peak_bytes(f->script) <= 4 << 20);
    }
}

static void a_full_state_still_runs_what_it_has(void **state)
{
    struct script_fixture *f = *state;
    f->options.memory_bytes = 4 << 20;
    f->options.deadline_ms = 10000;
    fixture_reopen(f);
    struct script_fn drop;
    assert_ok(fixture_compile(f, "kept = nil", SCRIPT_AUTO, &drop), &f->err);
    assert_null(fixture_run(f, "kept = {} while true do kept[#kept + 1] = {} end", "{}"));
    assert_int_equal(f->err.code, SRT_EBUDGET);
    assert_null(fixture_run(f, "local t = {} while true do t[#t + 1] = {} end", "{}"));
    assert_int_equal(f->err.code, SRT_EBUDGET);
    script_push_fn(f->script, &drop);
    assert_ok(script_call(f->script, 0, 0, &f->err), &f->err);
    assert_runs(f, "1 + 1", "{}", "2");
}

static void a_call_of_which_garbage_is_collected_goes_on(void **state)
{
    struct script_fixture *f = *state;
    f->options.memory_bytes = 4 << 20;
    f->options.deadline_ms = 10000;
    fixture_reopen(f);
    assert_runs(f, "local n = 0 for i = 1, 1000 do n = n + #('x'):rep(100000) end return n", "{}",
                "100000000");
    assert_runs(f, "return pcall(string.rep, 'x', 2000000)", "{}", "true");
}

static void errors_of_ordinary_kind_can_be_caught(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f, "select(2, pcall(error, 'no'))", "{}", "\"no\"");
    assert_runs(f, "{xpcall(error, function(m) return m .. '!' end, 'no')}", "{}",
                "[false,\"no!\"]");
    assert_runs(f, "{xpcall(function(...) return ... end, print, 1, 2)}", "{}", "[true,1,2]");
    assert_runs(f, "{pcall(function(...) return ... end, 1, 2)}", "{}", "[true,1,2]");
    assert_runs(f,
                "local c = coroutine.wrap(function() return pcall(function() coroutine.yield(1) "
                "error('x', 0) end) end) return {c(), c()}",
                "{}", "[1,false,\"x\"]");
}

static void *run_one(void *arg)
{
    struct script_fixture *f = NULL;
    fixture_setup((void **)&f);
    f->options.deadline_ms = 50;
    fixture_reopen(f);
    int *ended = arg;
    for (int i = 0; i < 5; i++) {
        static const char text[] =
            "while true do pcall(function() while true do local t = {} end end) end";
        *ended += !fixture_run(f, text, "{}") && f->err.code == SRT_EBUDGET;
        const char *sum = fixture_run(f, "1 + 1", "{}");
        *ended += sum && strcmp(sum, "2") == 0;
    }
    fixture_teardown((void **)&f);
    return NULL;
}

static void each_thread_is_stopped_by_itself(void **state)
{
    (void)state;
    pthread_t threads[4];
    int ended[4] = {0};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_one, &ended[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(ended[i], 10);
    }
}

static void many_short_calls_are_never_stopped(void **state)
{
    struct script_fixture *f = *state;
    f->options.deadline_ms = 20;
    fixture_reopen(f);
    lua_State *L = script_state(f->script);
    struct script_fn fn;
    assert_ok(fixture_compile(f, "v + 1", SCRIPT_AUTO, &fn), &f->err);
    const struct srt_clock *clock = srt_clock_real();
    int64_t until_ns = srt_clock_mono_ns(clock) + 300 * 1000000;
    for (int64_t i = 0; srt_clock_mono_ns(clock) < until_ns; i++) {
        script_push_fn(f->script, &fn);
        lua_pushinteger(L, i);
        assert_ok(script_call(f->script, 1, 1, &f->err), &f->err);
        assert_int_equal(lua_tointeger(L, -1), i + 1);
        lua_pop(L, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(endless_loops_end),
        fixture_test(the_end_cannot_be_caught),
        fixture_test(coroutines_end_too),
        fixture_test(the_message_names_the_place),
        fixture_test(a_coroutine_from_an_ended_call_can_be_used_again),
        fixture_test(memory_beyond_the_cap_ends_the_call),
        fixture_test(a_full_state_still_runs_what_it_has),
        fixture_test(a_call_of_which_garbage_is_collected_goes_on),
        fixture_test(errors_of_ordinary_kind_can_be_caught),
        cmocka_unit_test(each_thread_is_stopped_by_itself),
        fixture_test(many_short_calls_are_never_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
