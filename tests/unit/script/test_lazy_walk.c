#include "script_fixture.h"

#include "script/lazy_walk.h"

static void pairs_walks_over_an_object_as_it_stands(void **state)
{
    struct script_fixture *f = *state;
    static const char text[] = "{\"b\":1,\"a\":{\"x\":1},\"c\":null,\"\\u0064\":2}";
    assert_runs(f, "function(v) local t = '' for k in pairs(v) do t = t .. k end return t end",
                text, "\"bacd\"");
    assert_runs(f,
                "function(v) v.z = 1 v.b = nil local t = '' for k in pairs(v) do t = t .. k end "
                "return t end",
                text, "\"acdz\"");
    assert_runs(f, "function(v) for k, x in pairs(v) do assert(v[k] == x) end return v end", text,
                text);
    assert_runs(f, "function(v) for k in pairs(v) do v[k] = nil end return next(v) == nil end",
                text, "true");
    assert_runs(f, "function(v) for k in next, v do v[k] = k end return v end", text,
                "{\"b\":\"b\",\"a\":\"a\",\"c\":\"c\",\"\\u0064\":\"d\"}");
    assert_runs(f, "function(v) return {next(v, 'b')} end", text, "[\"a\",{\"x\":1}]");
    assert_runs(f, "function(v) v.z = 3 return {next(v, 'd')} end", text, "[\"z\",3]");
    assert_runs(f, "function(v) return next(v, 'd') == nil end", text, "true");
    assert_runs(f, "function(v) return next(v) == nil end", "{}", "true");
    assert_fails(f, "function(v) v.z = 1 return next(v, 'y') end", text, SRT_ESCRIPT,
                 "invalid key to 'next'");
}

static void a_key_that_comes_twice_is_walked_over_once(void **state)
{
    struct script_fixture *f = *state;
    static const char walk[] =
        "function(v) local t = '' for k, x in pairs(v) do t = t .. k .. x end return t end";
    assert_runs(f, walk, "{\"a\":1,\"b\":2,\"a\":3}", "\"b2a3\"");
    assert_runs(f, walk, "{\"a\":1,\"\\u0061\":3}", "\"a3\"");
    assert_runs(f, "function(v) return next(v, 'a') == nil end", "{\"a\":1,\"b\":2,\"a\":3}",
                "true");
}

/* Fields are set, changed and removed at random, also during a walk; a plain table tells what must
 * be found. */
static void walks_find_what_a_plain_table_would(void **state)
{
    struct script_fixture *f = *state;
    static const char script[] =
        "function(v)\n"
        "  local function same(v, m)\n"
        "    local left = {}\n"
        "    for k in next, m do left[k] = true end\n"
        "    for k, x in pairs(v) do\n"
        "      assert(left[k] and m[k] == x and v[k] == x, k)\n"
        "      left[k] = nil\n"
        "    end\n"
        "    assert(next(left) == nil, next(left))\n"
        "  end\n"
        "  local m = {}\n"
        "  for k, x in pairs(v) do m[k] = x end\n"
        "  same(v, m)\n"
        "  for i = 1, 60 do\n"
        "    local k = 'k' .. math.random(1, 24)\n"
        "    local x = math.random(1, 3) == 1 and { i } or i\n"
        "    if math.random(1, 3) == 1 then x = nil end\n"
        "    v[k] = x m[k] = x\n"
        "    if math.random(1, 6) == 1 then k = i v[k] = true m[k] = true end\n"
        "    same(v, m)\n"
        "    if math.random(1, 8) == 1 then\n"
        "      for k in pairs(v) do\n"
        "        if math.random(1, 4) == 1 then v[k] = nil m[k] = nil\n"
        "        elseif math.random(1, 4) == 1 then v[k] = i m[k] = i end\n"
        "      end\n"
        "      same(v, m)\n"
        "    end\n"
        "  end\n"
        "  return true\n"
        "end";
    static const char *const texts[] = {
        "{}",
        "{\"k1\":1,\"k2\":\"x\",\"k3\":[1,2],\"k4\":{\"k5\":5},\"k6\":null,\"k1\":{}}",
        "{\"k1\":1,\"k2\":2,\"k3\":3,\"k4\":4,\"k5\":5,\"k6\":6,\"k7\":7,\"k8\":8,\"k9\":9,"
        "\"k10\":10,\"k11\":11,\"k12\":12,\"k13\":13,\"k14\":14,\"k15\":15,\"k16\":16,"
        "\"k17\":17,\"k18\":[],\"k19\":{},\"k2\":0}",
    };
    for (int round = 0; round < 300; round++) {
        assert_runs(f, script, texts[(size_t)round % (sizeof texts / sizeof texts[0])], "true");
    }
}

/* The place of a walk is remembered for one table: another one must not be taken for it. */
static void walks_do_not_disturb_each_other(void **state)
{
    struct script_fixture *f = *state;
    static const char text[] = "{\"a\":1,\"b\":{\"a\":5,\"c\":6,\"d\":7},\"c\":3,\"d\":4}";
    assert_runs(f,
                "function(v)\n"
                "  local t = ''\n"
                "  for k in pairs(v) do for j in pairs(v) do t = t .. j end t = t .. k end\n"
                "  return t end",
                text, "\"abcdaabcdbabcdcabcdd\"");
    assert_runs(f,
                "function(v)\n"
                "  local w, t = v.b, ''\n"
                "  local k, j\n"
                "  repeat\n"
                "    k, j = next(v, k), next(w, j)\n"
                "    t = t .. (k or '') .. (j or '')\n"
                "  until not (k and j)\n"
                "  return t end",
                text, "\"aabccdd\"");
    assert_runs(f,
                "function(v)\n"
                "  local t = ''\n"
                "  for k in pairs(v) do\n"
                "    if k == 'a' then setmetatable(v, {}) end\n"
                "    t = t .. k\n"
                "  end\n"
                "  return #t == 4 or t end",
                "{\"a\":1}", "\"a\"");
    assert_runs(f, "function(v) next(v) v.b = nil return {next(v, 'a')} end", text, "[\"c\",3]");
    assert_runs(f, "function(v) next(v) setmetatable(v, {}) return next(v, 'a') end", "{\"a\":1}",
                "nil");
}

static void a_table_at_the_address_of_one_that_is_gone_is_another(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f,
                "function(v)\n"
                "  for i = 1, 20000 do\n"
                "    assert(next(s.json.decode('{\"a\":1,\"b\":2,\"c\":3}')) == 'a')\n"
                "    local u, w = {}, {}\n"
                "    u.a = i w.a = i\n"
                "    assert(next(u, 'a') == nil and next(w, 'a') == nil)\n"
                "  end\n"
                "  return true end",
                "{}", "true");
}

static void keys_of_the_record_before_are_not_given_for_this_one(void **state)
{
    struct script_fixture *f = *state;
    static const char walk[] =
        "function(v) local t = '' for k, x in pairs(v) do t = t .. k .. x end return t end";
    for (int round = 0; round < 3; round++) {
        assert_runs(f, walk, "{\"a\":1,\"bb\":2,\"ccc\":3}", "\"a1bb2ccc3\"");
        assert_runs(f, walk, "{\"a\":1,\"bc\":2,\"ccd\":3}", "\"a1bc2ccd3\"");
        assert_runs(f, walk, "{\"a\":1,\"b\":2,\"\\u0062c\":3,\"\":4,\"x\":5}", "\"a1b2bc34x5\"");
        assert_runs(f, walk,
                    "{\"a\":1,\"a_key_of_23_bytes______\":2,\"a_key_of_24_bytes_______\":3,"
                    "\"b\":4}",
                    "\"a1a_key_of_23_bytes______2a_key_of_24_bytes_______3b4\"");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(pairs_walks_over_an_object_as_it_stands),
        fixture_test(a_key_that_comes_twice_is_walked_over_once),
        fixture_test(walks_find_what_a_plain_table_would),
        fixture_test(walks_do_not_disturb_each_other),
        fixture_test(a_table_at_the_address_of_one_that_is_gone_is_another),
        fixture_test(keys_of_the_record_before_are_not_given_for_this_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
