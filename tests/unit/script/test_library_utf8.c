#include "stock_fixture.h"
#include "support/cmocka_srt.h"

static void functions_do_what_lua_does(void **state)
{
    struct script_fixture *f = *state;
    stock_run(f, STOCK_LUA_DIR "/utf8_property.lua", 10000);
}

static void a_deadline_ends_every_function(void **state)
{
    struct script_fixture *f = *state;
    static const char *const attempts[] = {
        "local t = ('x'):rep(10000000) while true do utf8.len(t) end",
        "local t = ('\\x80'):rep(10000000) while true do utf8.offset(t, 0, -1) end",
        "local t = ('x'):rep(10000000) while true do utf8.offset(t, 9000000) end",
        "local t = ('x'):rep(1000) while true do utf8.codepoint(t, 1, -1) end",
    };
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        stock_assert_stops(f, attempts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(functions_do_what_lua_does),
        fixture_test(a_deadline_ends_every_function),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
