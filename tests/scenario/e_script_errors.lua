-- What functions do wrong while records pass: each costs one record, with its reason, and no more.
local one = require "one_pipeline"
local t = require "scenario"

local three = "1\n2\n3\n" -- the second one goes wrong

-- --- raising, in each kind of step ---

for _, case in ipairs {
  { "filter", "filter: v ~= 2 or error('no')" },
  { "reject", "reject: v == 2 and error('no')" },
  { "map", "map: v ~= 2 and v or error('no')" },
  { "update", "update: if v == 2 then error('no') end" },
  { "flat_map", "flat_map: v ~= 2 and { v } or error('no')" },
  { "peek", "peek: if v == 2 then error('no') end" },
  { "key_by", "key_by: v ~= 2 and v or error('no')" },
  { "throttle", "throttle: { by: \"v ~= 2 and v or error('no')\", rate: 9/s }" },
  { "a computed to", "to: { fn: \"v ~= 2 and 'else' or error('no')\" }" },
} do
  one.cases { { case[1] .. " that raises loses its record only", steps = case[2], input = three,
    out = { "1", "3" }, dead = { "c.yaml:5: no" }, counted = { ["in"] = 3 } } }
end

one.cases {
  { "split that raises loses its record only", ends = true, input = three,
    steps = "split: v ~= 2 and 'out' or error('no')", out = { "1", "3" },
    dead = { "c.yaml:5: no" } },
  { "an arm that raises loses its record only", ends = true, input = three,
    steps = "branch: [ { when: \"v ~= 2 or error('no')\", to: out }, { to: rest } ]",
    out = { "1", "3" }, dead = { "c.yaml:5: no" } },
  { "what is raised need not be text", input = "1\n2\n3\n4\n",
    steps = "filter: |\n  local odd = setmetatable({}, {__tostring = function() return {} end})\n"
      .. "  error(({ {}, false, print, odd })[v])",
    dead = { "c.yaml:7: raised a table instead of a message",
      "c.yaml:7: raised a boolean instead of a message",
      "c.yaml:7: raised a function instead of a message",
      "c.yaml:7: raised a table instead of a message" } },
  { "an error of many lines is one line in the reason", input = "1\n",
    steps = "filter: error('a\\nb\\tc')", dead = { "c.yaml:5: a b c" } },
  { "an error that is very long is cut", input = "1\n", says = { "c.yaml:6: xxxx", "xxx..." },
    steps = "filter: error(('x'):rep(1 << 20))", options = "on_error: skip",
    counted = { dropped = 1, out = 0 } },
  { "a field of nothing is named", input = '{"a":1}\n', steps = "filter: v.b.c > 1",
    dead = { "c.yaml:5: attempt to index a nil value (field 'b')" } },
  { "null is not nothing", input = '{"a":null}\n{"b":1}\n', steps = "filter: v.a == s.null",
    out = { '{"a":null}' }, counted = { dropped = 1 } },
  { "on_error: stop names stage, file, place and reason", input = three, code = 1,
    options = "on_error: stop", steps = "as: picky\nfilter: v ~= 2 or error('no')",
    says = { "pipeline 'p' stopped: stage 'picky'", "in.txt [0] @2", "c.yaml:7: no" },
    counted = { dead = 0, dropped = 0 } }, -- what was not committed yet is done again next time
  { "on_error: skip counts", input = three, options = "on_error: skip",
    steps = "filter: v ~= 2 or error('no')", out = { "1", "3" }, counted = { dropped = 1 } },
  { "retries are counted, and end", input = three,
    options = "on_error: { retry: 2, backoff: 1ms..2ms }",
    steps = "filter: v ~= 2 or error('no')", out = { "1", "3" }, dead = { "c.yaml:6: no" },
    counted = { retried = 2 } },
}

-- --- returning the wrong thing ---

local wrong = [[
map: |
  local circle, deep = {}, {}
  circle.again = circle
  for _ = 1, 200 do deep = { deep } end
  return ({ print, nil, 0 / 0, 1 / 0, { list = { 1, { f = print } } }, circle, deep,
    { [1.5] = 1 }, { 1, nil, 3 }, coroutine.create(print), ("x"):rep(2 << 20), s })[v] ]]

one.cases {
  { "map returns what cannot be written", steps = wrong, dead = {
      "v is a function, which JSON cannot hold",
      "map returned nil: use filter to drop a record, or s.null for JSON null",
      "v is not a number that JSON can hold (nan)",
      "v is not a number that JSON can hold (inf)",
      "v.list[2].f is a function, which JSON cannot hold",
      "v.again.again.again nests deeper than 128; is there a circle?",
      "v[1][1][1] nests deeper than 128; is there a circle?",
      "v has a number as a key, which JSON cannot hold",
      "v[2] is missing: an array has no holes (s.null is JSON's null)",
      "v is a thread, which JSON cannot hold",
      "a record of 2097154 bytes is larger than topic 'out' takes (1048576): "
        .. "raise its max_record_bytes or make the record smaller",
    }, input = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n" },
  { "update puts in what cannot be written", input = '{"a":1}\n{"a":2}\n{"a":3}\n',
    steps = "update: v.b = ({ 0 / 0, print, { v.a } })[v.a]",
    out = { '{"a":3,"b":[3]}' }, dead = {
      "v.b is not a number that JSON can hold (nan)",
      "v.b is a function, which JSON cannot hold" } },
  { "flat_map returns no list", input = "1\n2\n3\n4\n5\n6\n7\n",
    steps = "flat_map: ({ {}, { a = 1 }, true, { 1, nil, 3 }, s.null, { print } })[v]",
    dead = { "flat_map returned a table with keys: it must return a list",
      "flat_map returned boolean: it must return a list ({} for nothing)",
      "flat_map returned a list with a hole at 2: use s.null for JSON null",
      "flat_map returned userdata: it must return a list ({} for nothing)",
      "v is a function, which JSON cannot hold",
      "flat_map returned nil: it must return a list ({} for nothing)" },
    counted = { dropped = 1 } },
  { "flat_map says that it returns a lot", input = "1\n",
    steps = "flat_map: setmetatable({}, { __len = function() return 1 << 40 end })",
    dead = { "flat_map returned 1099511627776 elements: the limit is 100000" } },
  { "key_by returns no key", input = "1\n2\n3\n4\n",
    steps = "key_by: ({ 0 / 0, print, nil, 'k' })[v]",
    out = { "4" }, dead = { "v is not a number that JSON can hold (nan)",
      "v is a function, which JSON cannot hold", "the key is nil" } },
  { "a key is too large", input = "1\n", steps = "key_by: ('k'):rep(2 << 20)", dead = {
      "a record of 2097153 bytes is larger than topic 'out' takes (1048576): "
        .. "raise its max_record_bytes or make the record smaller" } },
  { "a computed target is no name", input = "1\n2\n3\n4\n5\n6\n7\n", ends = true,
    steps = "to: { fn: '({ \"a/b\", \"__streamrt.x\", \"\", 12, \"..\", \"a\\0b\" })[v]' }",
    dead = { "'a/b' cannot be the name of a target topic: a name has 1 to 249 of a-z A-Z 0-9 . _ -",
      "'__streamrt.x' cannot be the name of a target topic: '__streamrt' is reserved",
      "'' cannot be the name of a target topic: a name has 1 to 249 of a-z A-Z 0-9 . _ -",
      "to returned number: it must return the name of a topic",
      "'..' cannot be the name of a target topic: a name has 1 to 249 of a-z A-Z 0-9 . _ -",
      "'a...' cannot be the name of a topic: it has a zero byte",
      "to returned nil: it must return the name of a topic" } },
  { "split returns no name, or none", input = "1\n2\n3\n", ends = true,
    steps = "split: ({ {}, nil, 'out' })[v]", out = { "3" }, counted = { dropped = 1 },
    dead = {
      "split returned table: it must return the name of a topic, or nil to drop the record" } },
}

-- --- looping and allocating ---

for _, case in ipairs {
  { "filter", "filter: |\n  while v == 2 do end return true" },
  { "map", "map: |\n  while v == 2 do end return v" },
  { "flat_map", "flat_map: |\n  while v == 2 do end return { v }" },
  { "key_by", "key_by: |\n  while v == 2 do end return v" },
  { "peek in a protected call",
    "peek: |\n  while v == 2 do pcall(function() while true do end end) end" },
  { "update in a coroutine",
    "update: |\n  if v == 2 then coroutine.wrap(function() while true do end end)() end" },
} do
  one.cases { { case[1] .. " that never returns is ended", steps = case[2], input = three,
    out = { "1", "3" }, dead = { "c.yaml:6: ran longer than 100ms" } } }
end

-- No hook of Lua's interrupts its own library: these loop in C.
for _, case in ipairs {
  { "find", "(('a'):rep(3000)):find(('.-'):rep(10) .. 'b')" },
  { "match", "(('a'):rep(3000)):match(('a*'):rep(10) .. 'b')" },
  { "gsub", "(('a'):rep(3000)):gsub(('.-'):rep(5) .. 'b', '')" },
  { "gmatch", "(('a'):rep(3000)):gmatch(('.-'):rep(10) .. 'b')()" },
  { "table.move", "table.move({}, 1, 1 << 60, 2)" },
  { "table.insert",
    "table.insert(setmetatable({}, {__len = function() return 1 << 60 end}), 1, v)" },
  { "table.remove", "table.remove(setmetatable({}, {__len = function() return 1 << 60 end}), 1)" },
} do
  one.cases { { case[1] .. " that would take for ever is ended", input = three,
    steps = "peek: |\n  if v == 2 then local _ = " .. case[2] .. " end",
    out = { "1", "3" }, dead = { "c.yaml:6: ran longer than 100ms" } } }
end

one.cases {
  { "a function of a module that never returns is ended", steps = "map: { use: m.f }",
    input = three, files = {
      ["pipelines/m.lua"] = "return { f = function(v)\n  while v == 2 do end return v\nend }\n" },
    out = { "1", "3" }, dead = { "pipelines/m.lua:2: ran longer than 100ms" } },
  { "a module that never loads is a wrong configuration", steps = "map: { use: m.f }",
    input = three, lua = "{ deadline: 20ms }", code = 78,
    files = { ["pipelines/m.lua"] = "while true do end\n" },
    says = { "error[L002]", "pipelines/m.lua", "ran longer than" } },
  { "a module that allocates without end is a wrong configuration", steps = "map: { use: m.f }",
    lua = "{ memory: 8MiB, deadline: 5s }", code = 78, input = three,
    says = { "error[L002]", "used more than 8MiB" },
    files = { ["pipelines/m.lua"] = "local t = {} while true do t[#t + 1] = {} end\n" } },
  { "a generator that raises loses that record", steps = "filter: true", out = { "1", "3" },
    from = "{ generate: \"v ~= 2 and v or error('no')\", count: 3 }", dead = { "c.yaml:3: no" } },
  { "a generator that never returns is ended", steps = "filter: true", lua = "{ deadline: 20ms }",
    from = "{ generate: \"while v == 2 do end return v\", count: 3 }", out = { "1", "3" },
    dead = { "c.yaml:4: ran longer than 20ms" } },
}

for _, case in ipairs {
  { "tables", "local x = {} while true do x[#x + 1] = { #x } end" },
  { "text put together", "local x = 'x' while true do x = x .. x end" },
  { "text repeated", "local x = ('x'):rep(1 << 30)" },
  { "text replaced", "local x = 'x' while true do x = x:gsub('x', 'xx') end" },
  { "closures in protected calls",
    "local x = {} while true do pcall(function() x[#x+1] = {} end) end" },
  { "coroutines", "local x = {} while true do x[#x + 1] = coroutine.create(print) end" },
} do
  t.case("memory is bounded: " .. case[1], function(dir)
    t.write(dir .. "/in.txt", three)
    t.write(dir .. "/c.yaml", string.format([[
lua: { memory: 8MiB, deadline: 20s }
pipelines:
  p:
    from: { file: in.txt }
    steps:
      - peek: |
          if v == 2 then %s end
      - to: out
]], case[2]))
    local r = t.run { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", "--until-drained" }
    t.equal(r.code, 0, r.err)
    t.contains(r.err, "used more than 8MiB of memory")
    local counted = t.summary(r.err).p
    t.equal(counted.out, 2, "out")
    t.equal(counted.dead, 1, "dead")
  end)
end

t.finish()
