#include "script_fixture.h"

#include "support/cmocka_srt.h"

static void any_value_may_be_raised(void **state)
{
    struct script_fixture *f = *state;
    assert_fails(f, "error('plain')", "{}", SRT_ESCRIPT, "pipelines.yaml:14: plain");
    assert_fails(f, "error('bare', 0)", "{}", SRT_ESCRIPT, "bare");
    assert_fails(f, "error('two\\nlines\\tand\\1')", "{}", SRT_ESCRIPT,
                 "pipelines.yaml:14: two lines and ");
    assert_fails(f, "error({code = 5})", "{}", SRT_ESCRIPT,
                 "pipelines.yaml:14: raised a table instead of a message");
    assert_fails(f, "error()", "{}", SRT_ESCRIPT,
                 "pipelines.yaml:14: raised a nil instead of a message");
    assert_fails(f, "error(setmetatable({}, {__tostring = function() return 'mine' end}))", "{}",
                 SRT_ESCRIPT, "pipelines.yaml:14: mine");
    assert_fails(f, "error(setmetatable({}, {__tostring = function() return 5 end}))", "{}",
                 SRT_ESCRIPT, "pipelines.yaml:14: raised a table instead of a message");
    assert_null(fixture_run(f, "error(setmetatable({}, {__tostring = function() error('x') end}))",
                            "{}"));
    assert_int_equal(f->err.code, SRT_ESCRIPT);
}

static void the_traceback_names_the_calls(void **state)
{
    struct script_fixture *f = *state;
    assert_null(fixture_run(f, "local function inner()\n error('deep')\nend\ninner()", "{}"));
    assert_contains(script_traceback(f->script), "pipelines.yaml:15: deep\nstack traceback:");
    assert_contains(script_traceback(f->script), "pipelines.yaml:17:");
}

static void retriable_errors_are_known_as_such(void **state)
{
    struct script_fixture *f = *state;
    assert_fails(f, "error(s.retriable('busy'))", "{}", SRT_ESCRIPT, "pipelines.yaml:14: busy");
    assert_true(script_error_retriable(f->script));
    assert_fails(f, "s.retriable('busy')", "{}", SRT_ESCRIPT, "pipelines.yaml:14: busy");
    assert_true(script_error_retriable(f->script));
    assert_fails(f, "local ok, e = pcall(s.retriable, 'busy') error(e)", "{}", SRT_ESCRIPT, "busy");
    assert_true(script_error_retriable(f->script));
    assert_fails(f, "error('no')", "{}", SRT_ESCRIPT, "pipelines.yaml:14: no");
    assert_false(script_error_retriable(f->script));
    assert_fails(f, "error(s.json.decode('{') or select(2, s.json.decode('{')))", "{}", SRT_ESCRIPT,
                 "not JSON: byte 1: unexpected");
    assert_false(script_error_retriable(f->script));
    assert_null(fixture_run(f, "while true do pcall(s.retriable, 'busy') end", "{}"));
    assert_int_equal(f->err.code, SRT_EBUDGET);
    assert_false(script_error_retriable(f->script));
}

static void long_messages_are_cut(void **state)
{
    struct script_fixture *f = *state;
    assert_null(fixture_run(f, "error(('x'):rep(100000))", "{}"));
    assert_int_equal(f->err.code, SRT_ESCRIPT);
    assert_true(strlen(f->err.msg) < sizeof f->err.msg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(any_value_may_be_raised),
        fixture_test(the_traceback_names_the_calls),
        fixture_test(retriable_errors_are_known_as_such),
        fixture_test(long_messages_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
