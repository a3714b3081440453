#include "script_fixture.h"

static void numbers_are_integers_or_floats_as_they_are_written(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f, "math.type(v.a)", "{\"a\":12}", "\"integer\"");
    assert_runs(f, "math.type(v.a)", "{\"a\":12.0}", "\"float\"");
    assert_runs(f, "math.type(v.a)", "{\"a\":12e0}", "\"float\"");
    assert_runs(f, "v.a + v.b", "{\"a\":-123456789012345678,\"b\":1}", "-123456789012345677");
    assert_runs(f, "v.a == math.maxinteger", "{\"a\":9223372036854775807}", "true");
    assert_runs(f, "v.a * 2", "{\"a\":59.849999999999994}", "119.69999999999999");
    assert_runs(f, "1 / v.a < 0", "{\"a\":-0}", "true");
}

static void strings_lose_their_escapes(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f, "#v.a", "{\"a\":\"\\n\\u00e9\"}", "3");
    assert_runs(f, "v.a == 'plain'", "{\"a\":\"plain\"}", "true");
    assert_runs(f, "v['a b']", "{\"a\\u0020b\":1}", "1");
}

static void words_are_values_of_their_own(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f, "v.a == s.null and v.b == true and v.c == false and v.d == nil",
                "{\"a\":null,\"b\":true,\"c\":false}", "true");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(numbers_are_integers_or_floats_as_they_are_written),
        fixture_test(strings_lose_their_escapes),
        fixture_test(words_are_values_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
