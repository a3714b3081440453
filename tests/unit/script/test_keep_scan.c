#include "script_fixture.h"

static bool forgets(struct script_fixture *f, const char *text)
{
    struct script_fn fn;
    if (fixture_compile(f, text, SCRIPT_AUTO, &fn)) {
        fail_msg("%s: %s", text, f->err.msg);
    }
    bool result = fn.forgets_value;
    script_fn_release(f->script, &fn);
    return result;
}

static void readers_and_writers_of_fields_forget(void **state)
{
    static const char *const texts[] = {
        "v.status == 'paid'",
        "v.a.b.c or v.d",
        "v.a and v.b > 3 and not v.c",
        "v['odd name'] ~= s.null",
        "v[1]",
        "v[r.key]",
        "v.total = v.qty * v.price return v",
        "v.total = v.qty * v.price",
        "v.name = v.name:upper() .. '!' return v",
        "v.x = tostring(v.a) .. string.format('%d', v.b)",
        "v.list = {v.a, v.b, n = v.c} return v",
        "if v.a == nil then v.a = 0 elseif v.b then return v end return nil",
        "local n = 0 for i = 1, 10 do n = n + v.a * i end return n",
        "local n = 0 for _, x in ipairs(v.items) do n = n + x.qty end return n",
        "while v.a < 10 do v.a = v.a + 1 end return v",
        "v == nil",
        "not v",
        "function(v) return v end",
        "function() return 1 end",
        "function(v, r, k) v.key = k return r end",
        "return s.int(v.a)",
        "count = (count or 0) + v.n",
        "for k, x in pairs(v) do n = k end",
        "function(v) local t = {} for k, x in pairs(v) do t[k] = x end return t end",
        "function(v) for k in pairs(v) do for j in pairs(v) do n = j end end return v end",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (!forgets(*state, texts[i])) {
            fail_msg("%s: is said to keep v", texts[i]);
        }
    }
}

static void whatever_could_keep_it_is_not_said_to_forget(void **state)
{
    static const char *const texts[] = {
        "kept = v",
        "kept = {v}",
        "kept = {v = v}",
        "kept[v] = 1",
        "kept[1] = v",
        "kept.v = v",
        "kept[r.key] = v",
        "v.self = v return v",
        "v[r.key] = v",
        "local w = v kept = w",
        "local w = nil or v return w.a",
        "local w = v.a and v return w",
        "pairs(v)",
        "for k, x in pairs(keep(v)) do n = k end",
        "for k, x in next, v do n = k end",
        "for k, x in ipairs(v) do n = k end",
        "for k, x in opairs(v) do n = k end",
        "for k, x in kept.pairs(v) do n = k end",
        "for k, x in pairs(v, 1) do n = k end",
        "local pairs = keep for k, x in pairs(v) do n = k end",
        "local _ENV = kept for k, x in pairs(v) do n = k end",
        "_ENV = kept for k, x in pairs(v) do n = k end",
        "for k, x in pairs(v) do kept = v end",
        "#v > 0",
        "next(v)",
        "keep(v)",
        "v:keep()",
        "v()",
        "return keep(v)",
        "return (v.a or v).b",
        "v == kept",
        "v ~= kept",
        "v < kept",
        "kept <= v",
        "v + 1",
        "1 - v",
        "kept * v",
        "v | kept",
        "v << 1",
        "2 // v",
        "-v",
        "~v",
        "v .. 'x'",
        "'x' .. v",
        "kept[v]",
        "v[v]",
        "function(v) return function() return v end end",
        "function(v) f = function() v = nil end end",
        "function(v) return function() return 1 end end", /* not looked into */
        "function(...) return (...).a end",
        "function(v, ...) return v.a end",
        "error(v)",
        "coroutine.yield(v)",
        "coroutine.wrap(function() kept = v end)()",
        "setmetatable({}, {__index = v})",
        "setmetatable(v, nil)",
        "table.insert(kept, v)",
        "local x <close> = v",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (forgets(*state, texts[i])) {
            fail_msg("%s: is said to forget v", texts[i]);
        }
    }
}

static void functions_in_c_are_not_known(void **state)
{
    struct script_fixture *f = *state;
    struct script_fn fn;
    lua_getglobal(script_state(f->script), "tostring");
    assert_int_equal(script_fn_take(f->script, &fn), SRT_OK);
    assert_false(fn.forgets_value);
    script_fn_release(f->script, &fn);
}

/* The numbers of the instructions are those of the library that is linked: each of the texts above
 * must stand for what it is meant to. */
static void the_format_is_the_one_that_is_known(void **state)
{
    (void)state;
    assert_int_equal(LUA_VERSION_NUM, 504);
    assert_true(forgets(*state, "v.a"));
    assert_false(forgets(*state, "keep(v)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(readers_and_writers_of_fields_forget),
        fixture_test(whatever_could_keep_it_is_not_said_to_forget),
        fixture_test(functions_in_c_are_not_known),
        fixture_test(the_format_is_the_one_that_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
