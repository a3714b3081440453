#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/assert.h"
#include "base/log.h"
#include "support/child.h"
#include "support/cmocka_srt.h"

static void true_conditions_pass(void **state)
{
    (void)state;
    int evaluated = 0;
    srt_assert(++evaluated == 1);
    assert_int_equal(evaluated, 1);
}

static void swallow(void *arg, enum srt_log_level level, const char *line)
{
    (void)arg;
    (void)level;
    (void)line;
}

static void panic_after_a_line(void *arg)
{
    srt_panic_set_hook(NULL);
    srt_log_set_sink(swallow, NULL);
    log_info(LOG_APP, "the last thing that went well");
    srt_assert(arg != NULL);
}

static void failed_assertion_tells_what_where_and_what_was_before(void **state)
{
    (void)state;
    char said[20000];
    int status = child_run(panic_after_a_line, NULL, said, sizeof said);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_contains(said, "streamrt: internal error at ");
    assert_contains(said, "test_assert.c:");
    assert_contains(said, "assertion failed: arg != NULL");
    assert_contains(said, "the last thing that went well");
}

static void speak(const char *where, const char *what)
{
    (void)where;
    fprintf(stderr, "hook: %s\n", what);
}

static void panic_with_hook(void *arg)
{
    (void)arg;
    srt_panic_set_hook(speak);
    srt_unreachable("a case");
}

static void returning_hook_is_followed_by_the_end(void **state)
{
    (void)state;
    char said[20000];
    int status = child_run(panic_with_hook, NULL, said, sizeof said);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_contains(said, "hook: unreachable: a case");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(true_conditions_pass),
        cmocka_unit_test(failed_assertion_tells_what_where_and_what_was_before),
        cmocka_unit_test(returning_hook_is_followed_by_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
