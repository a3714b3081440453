-- Mutated configurations and inputs, from a seed: whatever comes, the process ends by itself, with
-- an exit code of its own, and says why when it is not 0. STREAMRT_GARBAGE_ROUNDS and _SEED choose.
local t = require "scenario"

local rounds = tonumber(os.getenv "STREAMRT_GARBAGE_ROUNDS")
  or os.getenv "STREAMRT_TEST_LONG" and 2000 or 40
local seed = tonumber(os.getenv "STREAMRT_GARBAGE_SEED" or "1")

local allowed = { [0] = true, [1] = true, [2] = true, [74] = true, [77] = true, [78] = true }

local configs = { [[
topics: { given: { partitions: 2, max_record_bytes: 1KiB } }
pipelines:
  p:
    from: { file: in.txt, codec: json }
    on_error: { retry: 1, backoff: 1ms..2ms, give_up: dlq }
    params: { least: 10, name: "a ${HOME:-b}" }
    steps:
      - filter: v.a ~= nil and v.a > s.param("least", 1)
      - map: |
          local out = { a = v.a, list = { 1, 2.5, s.null }, text = tostring(v.b):rep(3) }
          for key, value in pairs(v) do out[key] = value end
          return out
      - update: v.when = s.time.format(r.timestamp)
      - as: spread
        flat_map: "{ v, v.list }"
      - key_by: v.a
      - throttle: { by: v.a, rate: 100/s }
      - sample: 0.5
      - to: { fn: "'out.' .. (v.kind or 'x')" }
      - branch: [ { name: large, when: v.a > 100, to: given }, { steps: [ { split: v.kind } ] } ]
]], [[
defaults: { topic: { partitions: 1, retention: 1h30m }, on_error: skip }
lua: { memory: 4MiB, deadline: 50ms }
node: { workers: 2 }
pipelines:
  p:
    from: { stdin: {}, codec: text, max_record_bytes: 64B }
    commit_interval: 5ms
    steps:
      - reject: v:match("^#") or #v > 40
      - map: { use: m.parse }
      - print: seen
      - to_file: out.txt
      - to_stdout: { codec: json }
  q:
    from: { merge: [ one, two ], codec: bytes, start: earliest }
    parallelism: 2
    steps: [ { peek: s.log.info(k, #v) }, { to: { topic: three, codec: bytes } } ]
topics: { one: &o { segment_bytes: 1MiB }, two: *o }
]] }

local module = [[
local M = {}
function M.parse(v, r)
  local ip, rest = v:match "^(%S+)%s+(.*)$"
  if not ip then error("cannot be parsed: " .. v) end
  local ok, found = pcall(s.json.decode, rest)
  return { ip = ip, rest = ok and found or rest, parts = s.str.split(rest, " "), at = r.timestamp }
end
return M
]]

local input = [==[
{"a":12,"b":"x","kind":"k"}
{"a":1e3,"b":null,"list":[1,[2,{"c":"\u00e9\ud83d\ude00"}]],"kind":"other"}
{"a":-9223372036854775808,"b":{"c":{}},"":[]}
127.0.0.1 {"a":[true,false]}
# a comment

"text"
]==]

local words = {
  "{", "}", "[", "]", ":", ",", "- ", "\n", "\n  ", "\t", "'", '"', "|", "&a ", "*a", "!!", "${",
  "${A:-", "}", "%", "#", "null", "~", "0", "-1", "1e999", "99999999999999999999", "1ms", "4GiB",
  "\0", "\255", "\xc3", "\xe2\x80\xa8", "---\n", "? ", "<<: *o", "v", "k", "r", "s", "nil",
  "error(v)", "while true do end ", "function(v) ", "return ", "end ", "(", ")", "..", "==",
  "setmetatable(v, {}) ", "v.v.v", "v = v ", "v[v] = v ", "('x'):rep(1e8)", "coroutine.yield()",
  "pcall(error) ", "table.sort(v) ", "require 'm'", "s.null", "{v}", "filter: ", "from: ",
  "to: ", "branch: ", "split: ", "use: m.f", "\\u", "string.format('%s', v)",
  "v:find(('.-'):rep(20))", "topic: p.dlq", "follow: true", "include: c.yaml"
}

local random

local function mutate(text, most)
  for _ = 1, random(most) do
    local at = random(0, #text)
    local what = random(5)
    local head, tail = text:sub(1, at), text:sub(at + 1)
    if what == 1 then
      tail = string.char(random(0, 255)) .. tail:sub(2)
    elseif what == 2 then
      tail = tail:sub(random(1, 12))
    elseif what == 3 then
      local from = random(0, #text)
      tail = text:sub(from, from + random(40)) .. tail
    elseif what == 4 then
      tail = words[random(#words)] .. tail:sub(random(1, 4))
    else
      tail = words[random(#words)] .. tail
    end
    text = head .. tail
  end
  return text
end

local function round(dir, number)
  math.randomseed(seed, number)
  random = math.random
  t.shell(string.format("rm -rf %s/d %s/out* && mkdir -p %s/pipelines", dir, dir, dir))
  local config = configs[random(#configs)]
  local which = random(3) -- often only one of them is wrong: the rest is got through
  t.write(dir .. "/c.yaml", which ~= 2 and mutate(config, 3) or config)
  t.write(dir .. "/pipelines/m.lua", which ~= 1 and random(2) == 1 and mutate(module, 3) or module)
  t.write(dir .. "/in.txt", which ~= 1 and mutate(input:rep(random(3)), 20) or input)
  local r = t.run { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", "--until-drained",
    stdin_file = dir .. "/in.txt" }
  t.equal(allowed[r.code], true, string.format("round %d of seed %d: exit %d: %s", number, seed,
    r.code, r.err:sub(-3000)))
  t.lacks(r.err, "Sanitizer")
  t.lacks(r.err, "runtime error")
  if r.code ~= 0 then
    t.equal(#r.err > 0, true, "it said nothing")
  elseif t.exists(dir .. "/d/node.json") then
    t.summary(r.err)
    t.must { "log", "check", "--data-dir", dir .. "/d" }
  end
end

t.case(string.format("%d rounds of seed %d", rounds, seed), function(dir)
  for number = 1, rounds do
    round(dir, number)
  end
end)

t.finish()
