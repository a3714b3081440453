#include "stock_fixture.h"
#include "support/cmocka_srt.h"

static void functions_do_what_lua_does(void **state)
{
    struct script_fixture *f = *state;
    stock_run(f, STOCK_LUA_DIR "/string_property.lua", 8000);
}

static void a_deadline_ends_every_function(void **state)
{
    struct script_fixture *f = *state;
    static const char *const attempts[] = {
        "local p = ('(\".-\")'):rep(6) .. 'b' return (('\"'):rep(50000)):match(p)",
        "(('a'):rep(3000)):find(('a-'):rep(20) .. 'b')",
        "(('a'):rep(100000)):find(('a*'):rep(30) .. 'b')",
        "(('a'):rep(3000)):gsub(('a?'):rep(40) .. 'b', '')",
        "for x in (('a'):rep(3000)):gmatch(('a-'):rep(20) .. 'b') do end",
        "(('x'):rep(1000000)):find('[' .. ('a'):rep(1000000) .. ']+')",
        "(('('):rep(1000000)):find('%b()')",
        "(('a'):rep(1000000)):find('%f[' .. ('b'):rep(1000000) .. ']')",
        "(('ab'):rep(100000)):match('(.-)%1%1c')",
        "while true do (('x'):rep(1000)):find(('x'):rep(100) .. 'y', 1, true) end",
        "while true do (('a'):rep(1000)):upper():lower():reverse() end",
        "while true do ('x'):rep(1000) end",
        "local mt = setmetatable({}, {__index = function() while true do end end}) "
        "return (('a'):gsub('a', mt))",
        "local ok = pcall(string.find, ('a'):rep(3000), ('a-'):rep(20) .. 'b') return ok",
        "local co = coroutine.wrap(function() return (('a'):rep(3000)):find(('a-'):rep(20) .. 'b') "
        "end) co() return 1",
    };
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        stock_assert_stops(f, attempts[i]);
    }
}

static void nothing_is_repeated_at_once(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f, "(''):rep(math.maxinteger) == '' and (''):rep(5, '-') == '----'", "{}", "true");
    assert_null(fixture_run(f, "('x'):rep(1 << 40)", "{}"));
    assert_contains(f->err.msg, "resulting string too large");
    assert_null(fixture_run(f, "('x'):rep(1 << 30)", "{}"));
    assert_int_equal(f->err.code, SRT_EBUDGET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(functions_do_what_lua_does),
        fixture_test(a_deadline_ends_every_function),
        fixture_test(nothing_is_repeated_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
