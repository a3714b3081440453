/* Splicing against writing anew: random edits of random texts. What was spliced must be valid, and
 * mean what a plain table with the same edits means. (Exact bytes: tests/lua/test_library.lua.) */
#include "script_fixture.h"

static const char program[] =
    "local keys = {'a', 'b', 'c', 'd', 'a', 'e\\\\u0041'}\n"
    "local function ws() return (' '):rep(math.random(0, 2)) end\n"
    "local function text(depth)\n"
    "  local kind = math.random(depth > 3 and 4 or 6)\n"
    "  if kind == 1 then return tostring(math.random(-5, 5)) end\n"
    "  if kind == 2 then return ({'1e2', '-0', '0.10', '1E+2', "
    "'12345678901234567890'})[math.random(5)]"
    " end\n"
    "  if kind == 3 then return ({'true', 'false', 'null'})[math.random(3)] end\n"
    "  if kind == 4 then return ({'\"\"', '\"x\\\\n\"', '\"\\\\u00e9\"', "
    "'\"é\"'})[math.random(4)] end\n"
    "  local parts = {}\n"
    "  for i = 1, math.random(0, 4) do\n"
    "    local name = kind == 5 and '\"' .. keys[math.random(#keys)] .. '\"' .. ws() .. ':' or "
    "''\n"
    "    parts[i] = ws() .. name .. ws() .. text(depth + 1) .. ws()\n"
    "  end\n"
    "  local open, close = '{', '}'\n"
    "  if kind == 6 then open, close = '[', ']' end\n"
    "  return open .. ws() .. table.concat(parts, ',') .. close\n"
    "end\n"
    "local function plain(x)\n"
    "  if type(x) ~= 'table' then return x end\n"
    "  local copy = s.is_array(x) and s.array {} or {}\n"
    "  for k, y in pairs(x) do copy[k] = plain(y) end\n"
    "  return copy\n"
    "end\n"
    "local function same(x, y)\n"
    "  if type(x) ~= 'table' or type(y) ~= 'table' then return x == y and math.type(x) == "
    "math.type(y)"
    " end\n"
    "  if s.is_array(x) ~= s.is_array(y) then return false end\n"
    "  for k, z in pairs(x) do if not same(z, y[k]) then return false end end\n"
    "  for k in pairs(y) do if x[k] == nil then return false end end\n"
    "  return true\n"
    "end\n"
    "local function edit(x, choices)\n"
    "  for _, c in ipairs(choices) do\n"
    "    local t = x\n"
    "    for _, step in ipairs(c.path) do\n"
    "      local inner = s.is_array(t) and t[step] or t[keys[step]]\n"
    "      if type(inner) == 'table' then t = inner end\n"
    "    end\n"
    "    if s.is_array(t) then\n"
    "      if c.op == 1 then table.insert(t, 1, c.value) elseif c.op == 2 then "
    "table.remove(t)\n"
    "      elseif #t > 0 then t[#t] = c.value end\n"
    "    elseif c.op == 1 then t[keys[c.key]] = c.value elseif c.op == 2 then t[keys[c.key]] = "
    "nil\n"
    "    else t.eA, t.b = t.b, t.eA end\n"
    "  end\n"
    "end\n"
    "for round = 1, 3000 do\n"
    "  local json repeat json = text(0) until json:find '^[%[{]'\n"
    "  local choices = {}\n"
    "  for i = 1, math.random(4) do\n"
    "    choices[i] = {op = math.random(3), key = math.random(5), value = math.random(9),\n"
    "      path = {math.random(4), math.random(4), math.random(4)}}\n"
    "  end\n"
    "  local one, two = s.json.decode(json), plain(s.json.decode(json))\n"
    "  edit(one, choices) edit(two, choices)\n"
    "  local got = s.json.encode(one)\n"
    "  local back, err = s.json.decode(got)\n"
    "  if err or not same(back, s.json.decode(s.json.encode(two))) then\n"
    "    error(('round %d: %s became %s, expected %s'):format(round, json, got, "
    "s.json.encode(two)))\n"
    "  end\n"
    "end\n"
    "return 'all the same'";

static void random_edits_of_random_texts_keep_their_meaning(void **state)
{
    struct script_fixture *f = *state;
    f->options.deadline_ms = 60000;
    fixture_reopen(f);
    for (uint64_t seed = 1; seed <= 3; seed++) {
        f->options.random_seed = seed;
        fixture_reopen(f);
        assert_runs(f, program, "{}", "\"all the same\"");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(random_edits_of_random_texts_keep_their_meaning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
