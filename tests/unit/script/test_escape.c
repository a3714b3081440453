/* Where a call may be left, and what is there afterwards. */
#include "script_fixture.h"

#include <signal.h>
#include <ucontext.h>

#include "script/escape.h"
#include "support/cmocka_srt.h"

static volatile sig_atomic_t was_safe;

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    was_safe = escape_is_safe(context);
}

static void our_own_code_is_no_place_to_leave(void **state)
{
    (void)state;
    escape_prepare();
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    was_safe = true;
    raise(SIGUSR1); /* interrupted in the C library */
    assert_false(was_safe);
}

/* Keys that all have the same place when the table grows to 2^17 places. */
static const char colliding[] = "local t = {}\n"
                                "local step = (1 << 17) - 1\n"
                                "for i = 1, 1 << 16 do t[i * step] = true end\n"
                                "t[-1] = true\n"
                                "return 'survived'";

static void lose_the_state(struct script_fixture *f)
{
    struct script_fn fn;
    assert_ok(fixture_compile(f, colliding, SCRIPT_AUTO, &fn), &f->err);
    script_push_fn(f->script, &fn);
    assert_int_equal(script_call(f->script, 0, 1, &f->err), SRT_EBUDGET);
}

static void a_step_of_lua_that_takes_too_long_costs_the_state(void **state)
{
#if defined(__SANITIZE_THREAD__)
    skip(); /* it hands signals over only at calls into the C library */
#endif
    struct script_fixture *f = *state;
    for (uint64_t i = 0; i < 3; i++) {
        assert_runs(f, "kept = (kept or 0) + 1 return kept", "{}", "1");
        assert_int_equal(script_generation(f->script), i);
        lose_the_state(f);
        assert_contains(f->err.msg, "ran longer than 100ms in a single step of Lua");
        assert_int_equal(script_generation(f->script), i + 1);
        assert_string_equal(script_traceback(f->script), "");
        assert_true(script_memory_bytes(f->script) < 1 << 20);
    }
    assert_runs(f, "v.n + 1", "{\"n\":1}", "2");
    /* What is remembered of a walk goes with the state. */
    static const char walk[] = "local t = '' for k in pairs(v) do t = t .. k end return t";
    assert_runs(f, walk, "{\"a\":1,\"bc\":2}", "\"abc\"");
    lose_the_state(f);
    assert_runs(f, walk, "{\"a\":1,\"bc\":2}", "\"abc\"");
    static const char loop[] = "while true do end";
    assert_null(fixture_run(f, loop, "{}")); /* which a hook stops, as before */
    assert_contains(f->err.msg, "pipelines.yaml:14: ran longer than 100ms");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_own_code_is_no_place_to_leave),
        fixture_test(a_step_of_lua_that_takes_too_long_costs_the_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
