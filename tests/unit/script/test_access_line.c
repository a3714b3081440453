#include "script/access_line.h"

#include "script_fixture.h"

static int split(lua_State *L, const char *line, bool whole)
{
    lua_settop(L, 1); /* the state's handler */
    lua_pushcfunction(L, access_line_split);
    lua_pushstring(L, line);
    lua_pushboolean(L, whole);
    assert_int_equal(lua_pcall(L, 2, LUA_MULTRET, 0), LUA_OK);
    return lua_gettop(L) - 1;
}

static void a_line_of_the_common_form_is_taken_apart(void **state)
{
    struct script_fixture *f = *state;
    lua_State *L = script_state(f->script);
    assert_int_equal(split(L,
                           "h i u [01/Jan/2000:02:03:04 -0130] \"GET /a b HTTP/1.1\" 404 17 \"r\" "
                           "\"a z\"\r\n",
                           true),
                     12);
    static const char *const expected[] = {"17",  "01/Jan/2000:02:03-0130",
                                           "4",   "h",
                                           "GET", "/a b",
                                           "404", "r",
                                           "a z", "i",
                                           "u",   "HTTP/1.1"};
    for (int i = 0; i < 12; i++) {
        assert_string_equal(lua_tostring(L, 2 + i), expected[i]);
    }
    assert_int_equal(
        split(L, "h - - [01/Jan/2000:02:03:60 +0000] \"GET / HTTP/1.1\" 404 - \"-\" \"-\"", false),
        9);
    assert_true(lua_islightuserdata(L, 2));
    assert_string_equal(lua_tostring(L, 10), "-");
    lua_settop(L, 1);
}

static void any_other_line_is_left_alone(void **state)
{
    struct script_fixture *f = *state;
    lua_State *L = script_state(f->script);
    static const char *const lines[] = {
        "",
        "h",
        "h - - [01/Jan/2000:02:03:04 +0000] \"GET / HTTP/1.1\" 404 1 \"r\" \"a\" x",
        "h - - [01/Jan/2000:02:03:04 +0000] \"GET / HTTP/1.1\" 404 1 \"r\" \"a",
        "h - - [01/Jan/2000:02:03:04 +0000] \"GET / HTTP/1.1\" 404 1 \"r\" \"\\\"\"",
        "h - - [01/Jan/2000:02:03:04 +0000] \"GET /\" 404 1 \"r\" \"a\"",
        "h - - [01/Jan/2000:02:03:04 +0000] \"GET HTTP/1.1\" 404 1 \"r\" \"a\"",
        "h - - [01/Jan/2000:02:03:61 +0000] \"GET / HTTP/1.1\" 404 1 \"r\" \"a\"",
        "h - - [01/Jan/2000:02:03:04 0000] \"GET / HTTP/1.1\" 404 1 \"r\" \"a\"",
        "h - - [01/Jan/2000:02:03:04 +0000] \"GET / HTTP/1.1\" 4x4 1 \"r\" \"a\"",
        "h - - [01/Jan/2000:02:03:04 +0000] \"GET / HTTP/1.1\" 404 1x \"r\" \"a\"",
        "h - - [01/Jan/2000:02:03:04 +0000] \"GET / HTTP/1.1\" 404 1234567890123456789 \"r\" \"a\"",
        "h - Ann Lee [01/Jan/2000:02:03:04 +0000] \"GET / HTTP/1.1\" 404 1 \"r\" \"a\"",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (split(L, lines[i], false) != 0) {
            fail_msg("%s", lines[i]);
        }
    }
    lua_settop(L, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_line_of_the_common_form_is_taken_apart),
        fixture_test(any_other_line_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
