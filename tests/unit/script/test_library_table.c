#include "stock_fixture.h"
#include "support/cmocka_srt.h"

static void functions_do_what_lua_does(void **state)
{
    struct script_fixture *f = *state;
    stock_run(f, STOCK_LUA_DIR "/table_property.lua", 4000);
}

static void a_deadline_ends_every_function(void **state)
{
    struct script_fixture *f = *state;
    static const char *const attempts[] = {
        "table.move({}, 1, 1 << 50, 2)",
        "table.insert(setmetatable({}, {__len = function() return 1 << 60 end}), 1, 'x')",
        "table.remove(setmetatable({}, {__len = function() return 1 << 60 end}), 1)",
        "table.concat(setmetatable({}, {__len = function() return 1 << 60 end, "
        "__index = setmetatable({}, {__index = function() return '' end})}))",
        "table.sort(setmetatable({}, {__len = function() return 1 << 30 end, "
        "__index = setmetatable({}, {__index = function() return 1 end}), "
        "__newindex = function() end}))",
        "local t = {} for i = 1, 40000 do t[i] = ('%08x'):format(i * 2654435761 & 0xffffffff) end "
        "while true do table.sort(t) table.sort(t, function(a, b) return a > b end) end",
        "local t = {1, 2, 3} while true do table.concat(t, ',') table.unpack(t) end",
        "pcall(table.move, {}, 1, 1 << 50, 2) return 1",
    };
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        stock_assert_stops(f, attempts[i]);
    }
}

static void values_from_json_are_tables(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f, "table.insert(v, 4) return v", "[1,2,3]", "[1,2,3,4]");
    assert_runs(f, "table.insert(v, 1, {a = 1}) return v", "[1,{\"b\":[2]}]",
                "[{\"a\":1},1,{\"b\":[2]}]");
    assert_runs(f, "return {table.remove(v, 1), v}", "[1,2,3]", "[1,[2,3]]");
    assert_runs(f, "table.sort(v) return v", "[3,1,2]", "[1,2,3]");
    assert_runs(f, "table.concat(v, '-')", "[3,1,2]", "\"3-1-2\"");
    assert_runs(f, "return {table.unpack(v)}", "[3,1,2]", "[3,1,2]");
    assert_runs(f, "table.move(v, 1, 2, 2) return v", "[1,2,3]", "[1,1,2]");
    assert_runs(f, "local t = table.move(v.list, 1, 3, 1, {}) t[4] = v.list return t",
                "{\"list\":[1,2,3]}", "[1,2,3,[1,2,3]]");
    assert_runs(f,
                "table.sort(v, function(a, b) return a.n < b.n end) local n = 0 "
                "for k in pairs(v) do n = n + 1 end return {n, v}",
                "[{\"n\":2},{\"n\":1}]", "[2,[{\"n\":1},{\"n\":2}]]");
    assert_null(fixture_run(f, "table.insert(string, 'x')", "{}"));
    assert_contains(f->err.msg, "cannot change 'string': it is built in");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(functions_do_what_lua_does),
        fixture_test(a_deadline_ends_every_function),
        fixture_test(values_from_json_are_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
