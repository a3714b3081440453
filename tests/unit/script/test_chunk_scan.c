#include "script/chunk_scan.h"

#include "support/cmocka_srt.h"

static struct chunk_scan scan(const char *text)
{
    struct chunk_scan result;
    chunk_scan(text, strlen(text), &result);
    return result;
}

static void functions_are_recognised_behind_comments(void **state)
{
    (void)state;
    assert_true(scan("function(v) end").is_function);
    assert_true(scan("\n -- x\n --[==[ ]] ]==]\n function (v) end").is_function);
    assert_false(scan("functions(v)").is_function);
    assert_false(scan("function f(v) end").is_function);
    assert_false(scan("'function(v) end'").is_function);
    assert_false(scan("-- function(v) end").is_function);
}

static void statements_are_seen_outside_of_brackets_only(void **state)
{
    (void)state;
    assert_true(scan("v.a = 1").has_statement);
    assert_true(scan("return 1").has_statement);
    assert_true(scan("local x").has_statement);
    assert_false(scan("v.a == 1").has_statement);
    assert_false(scan("{ a = 1 }").has_statement);
    assert_false(scan("f(function() return 1 end)").has_statement);
    assert_false(scan("'x = 1'").has_statement);
    assert_false(scan("v.a <= 1 or v.a >= 2 or v.a ~= 3").has_statement);
}

static void the_length_ends_with_the_last_word(void **state)
{
    (void)state;
    assert_int_equal(scan("v.a  -- x").len, 3);
    assert_int_equal(scan("v.a --[[ x ]] \n").len, 3);
    assert_int_equal(scan("'a--b' ").len, 6);
    assert_int_equal(scan("[==[ ]] ]==] ").len, 12);
    assert_int_equal(scan("").len, 0);
}

static void params_are_counted_in_code_only(void **state)
{
    (void)state;
    assert_int_equal(scan("v").param_count, 1);
    assert_int_equal(scan("'r' .. [[k]] --ctx").param_count, 0);
    assert_int_equal(scan("v.r:k(ctx)").param_count, 4);
    assert_int_equal(scan("value + rk").param_count, 0);
    assert_int_equal(scan("v . k").param_count, 1);
    assert_int_equal(scan("'a' .. k").param_count, 3);
}

static void broken_text_does_no_harm(void **state)
{
    (void)state;
    static const char *const texts[] = {"'", "'\\", "[[", "[=", "--[[", "--[", "\"a\\", "]]", "...",
                                        "\xff\xfe", "[==[ ]=]", "-", "--", "'\n v"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct chunk_scan result = scan(texts[i]);
        assert_true(result.len <= strlen(texts[i]));
    }
    assert_true(scan(" \n -- x").is_empty);
    assert_false(scan("'").is_empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_recognised_behind_comments),
        cmocka_unit_test(statements_are_seen_outside_of_brackets_only),
        cmocka_unit_test(the_length_ends_with_the_last_word),
        cmocka_unit_test(params_are_counted_in_code_only),
        cmocka_unit_test(broken_text_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
