#include "script_fixture.h"

#include "support/cmocka_srt.h"

static void expect_params(struct script_fixture *f, const char *text, int count)
{
    struct script_fn fn;
    assert_ok(fixture_compile(f, text, SCRIPT_AUTO, &fn), &f->err);
    assert_int_equal(fn.param_count, count);
    script_fn_release(f->script, &fn);
}

static void expect_error(struct script_fixture *f, const char *text, int line, const char *message)
{
    struct script_fn fn;
    assert_int_equal(fixture_compile(f, text, SCRIPT_AUTO, &fn), SRT_EPARSE);
    assert_string_equal(f->err.msg, message);
    assert_int_equal(f->line, line);
}

static void the_three_forms_are_told_apart(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f, "v.a + 1", "{\"a\":1}", "2");
    assert_runs(f, "function(v) return v.a + 1 end", "{\"a\":1}", "2");
    assert_runs(f, "function (v)\n  return v.a + 1\nend -- done", "{\"a\":1}", "2");
    assert_runs(f, "-- what it does\n--[[ at\nlength ]]\nfunction(v) return v.a end", "{\"a\":1}",
                "1");
    assert_runs(f, "local a = v.a\nreturn a + 1", "{\"a\":1}", "2");
    assert_runs(f, "v.b = 2 return v", "{\"a\":1}", "{\"a\":1,\"b\":2}");
}

static void expressions_may_end_in_comments_and_hold_anything(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f, "v.a -- the a", "{\"a\":1}", "1");
    assert_runs(f, "v.a --[[ the a ]] + 1\n\n", "{\"a\":1}", "2");
    assert_runs(f, "'function' .. [[ ) end ]] .. v.a", "{\"a\":\"x\"}", "\"function ) end x\"");
    assert_runs(f, "(function() return v.a end)()", "{\"a\":1}", "1");
    assert_runs(f, "{ n = #v.list, [v.k] = v }", "{\"list\":[1,2],\"k\":\"q\"}",
                "{\"n\":2,\"q\":{\"list\":[1,2],\"k\":\"q\"}}");
}

static void a_text_cannot_leave_its_function(void **state)
{
    struct script_fixture *f = *state;
    struct script_fn fn;
    assert_int_equal(fixture_compile(f, "1) end, (2", SCRIPT_AUTO, &fn), SRT_EPARSE);
    assert_int_equal(fixture_compile(f, "v.a = 1 end function x()", SCRIPT_AUTO, &fn), SRT_EPARSE);
    assert_int_equal(fixture_compile(f, "return 1 --[[", SCRIPT_AUTO, &fn), SRT_EPARSE);
    assert_int_equal(fixture_compile(f, "function() end)(print", SCRIPT_AUTO, &fn), SRT_EPARSE);
}

static void compile_errors_stand_at_their_line(void **state)
{
    struct script_fixture *f = *state;
    expect_error(f, "v.total >", 14, "pipelines.yaml:14: unexpected symbol near <eof>");
    expect_error(f, "v.a ==\n\n  )", 16, "pipelines.yaml:16: unexpected symbol near ')'");
    expect_error(f, "if v.a then\n  return 1\n", 15,
                 "pipelines.yaml:15: 'end' expected (to close 'if' at line 14) near <eof>");
    expect_error(f, "local x = 1\nx = = 2", 15, "pipelines.yaml:15: unexpected symbol near '='");
    expect_error(f, "function(v)\n  return v.\nend", 16,
                 "pipelines.yaml:16: <name> expected near 'end'");
    expect_error(f, "function(v)\n  return v\n", 15,
                 "pipelines.yaml:15: 'end' expected (to close 'function' at line 14) near <eof>");
    expect_error(f, "  \n -- nothing", 14, "pipelines.yaml:14: there is no Lua here");
    expect_error(f, "'open", 14, "pipelines.yaml:14: unfinished string near <eof>");
    expect_error(f, "goto nowhere", 14,
                 "pipelines.yaml:14: no visible label 'nowhere' for <goto> at line 14");
}

static void run_time_errors_stand_at_their_line(void **state)
{
    struct script_fixture *f = *state;
    assert_fails(f, "v.x.y", "{}", SRT_ESCRIPT,
                 "pipelines.yaml:14: attempt to index a nil value (field 'x')");
    assert_fails(f, "v.a\n+\nv.b.c", "{\"a\":1}", SRT_ESCRIPT,
                 "pipelines.yaml:16: attempt to index a nil value (field 'b')");
    assert_fails(f, "local a = v.a\nreturn a.b.c -- oh", "{\"a\":{}}", SRT_ESCRIPT,
                 "pipelines.yaml:15: attempt to index a nil value (field 'b')");
    assert_fails(f, "function(v)\n\n  error('no')\nend", "{}", SRT_ESCRIPT,
                 "pipelines.yaml:16: no");
    assert_fails(f, "v.a < 1", "{\"a\":\"x\"}", SRT_ESCRIPT,
                 "pipelines.yaml:14: attempt to compare string with number");
}

static void lines_far_down_are_right_too(void **state)
{
    struct script_fixture *f = *state;
    struct script_text text = {
        .text = "v.x.y", .len = 5, .file = "a.yaml", .first_line = 1234567, .form = SCRIPT_AUTO};
    struct script_fn fn;
    assert_ok(script_compile(f->script, &text, &fn, &f->line, &f->err), &f->err);
    script_push_fn(f->script, &fn);
    lua_newtable(script_state(f->script));
    assert_int_equal(script_call(f->script, 1, 1, &f->err), SRT_ESCRIPT);
    assert_string_equal(f->err.msg, "a.yaml:1234567: attempt to index a nil value (field 'x')");
}

static void long_file_names_are_given_whole(void **state)
{
    struct script_fixture *f = *state;
    static const char name[] =
        "some/rather/deeply/nested/folder/of/the/configuration/pipelines.yaml";
    struct script_text text = {
        .text = "v.x.y", .len = 5, .file = name, .first_line = 3, .form = SCRIPT_EXPRESSION};
    struct script_fn fn;
    char want[200];
    assert_ok(script_compile(f->script, &text, &fn, &f->line, &f->err), &f->err);
    script_push_fn(f->script, &fn);
    lua_newtable(script_state(f->script));
    assert_int_equal(script_call(f->script, 1, 1, &f->err), SRT_ESCRIPT);
    snprintf(want, sizeof want, "%s:3: attempt to index a nil value (field 'x')", name);
    assert_string_equal(f->err.msg, want);
    text.text = "v ==\n";
    assert_int_equal(script_compile(f->script, &text, &fn, &f->line, &f->err), SRT_EPARSE);
    snprintf(want, sizeof want, "%s:3: unexpected symbol near <eof>", name);
    assert_string_equal(f->err.msg, want);
    assert_int_equal(f->line, 3);
}

static void what_a_text_wants_to_see_is_known(void **state)
{
    struct script_fixture *f = *state;
    expect_params(f, "v.a > 1", 1);
    expect_params(f, "true", 0);
    expect_params(f, "r.key == v.key", 2);
    expect_params(f, "v.a == k", 3);
    expect_params(f, "ctx.now", 4);
    expect_params(f, "v.r.k + v.ctx", 1);
    expect_params(f, "v.a == 'r' -- and r.b", 1);
    expect_params(f, "v[r.key]", 2);
    expect_params(f, "local x = k\nreturn x", 3);
    expect_params(f, "function(v) return v end", 1);
    expect_params(f, "function() return 1 end", 0);
    expect_params(f, "function(v, r, more) return more end", 3);
    expect_params(f, "function(...) return ... end", 255);
}

static void the_form_can_be_demanded(void **state)
{
    struct script_fixture *f = *state;
    struct script_fn fn;
    assert_int_equal(fixture_compile(f, "v.a = 1", SCRIPT_EXPRESSION, &fn), SRT_EPARSE);
    assert_int_equal(fixture_compile(f, "v.a + 1", SCRIPT_BODY, &fn), SRT_EPARSE);
    assert_ok(fixture_compile(f, "v.a = 1", SCRIPT_BODY, &fn), &f->err);
    assert_ok(fixture_compile(f, "v.a == 1", SCRIPT_EXPRESSION, &fn), &f->err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(the_three_forms_are_told_apart),
        fixture_test(expressions_may_end_in_comments_and_hold_anything),
        fixture_test(a_text_cannot_leave_its_function),
        fixture_test(compile_errors_stand_at_their_line),
        fixture_test(run_time_errors_stand_at_their_line),
        fixture_test(lines_far_down_are_right_too),
        fixture_test(long_file_names_are_given_whole),
        fixture_test(what_a_text_wants_to_see_is_known),
        fixture_test(the_form_can_be_demanded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
