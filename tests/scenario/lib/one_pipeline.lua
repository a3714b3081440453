-- One pipeline over a few lines of a file: what came out, what is a dead letter and why. Tables of
-- cases are run with it; every run must end by itself (scenario.lua kills what hangs, with 137).
--
--   one.cases {
--     { "name", steps = "filter: error('no')", input = "1\n", dead = { "c.yaml:5: no" } },
--   }
--
-- steps: one step of YAML, or a list of them; `to: out` follows unless it is the last.
local t = require "scenario"

local M = {}

local function config(case)
  local lines = {}
  if case.lua then
    lines[1] = "lua: " .. case.lua
  end
  lines[#lines + 1] = case.topics and "topics: " .. case.topics or nil
  lines[#lines + 1] = "pipelines:"
  lines[#lines + 1] = "  p:"
  lines[#lines + 1] = "    from: " .. (case.from or "{ file: in.txt }")
  lines[#lines + 1] = case.options and "    " .. case.options or nil
  lines[#lines + 1] = "    steps:"
  for _, step in ipairs(type(case.steps) == "table" and case.steps or { case.steps }) do
    lines[#lines + 1] = "      - " .. step:gsub("\n", "\n        ")
  end
  if not case.ends then
    lines[#lines + 1] = "      - to: out"
  end
  return table.concat(lines, "\n") .. "\n"
end

local function values(dir, topic)
  local r = t.run { "log", "dump", topic, "--data-dir", dir .. "/d", "-f", "%v\\n" }
  return r.code == 0 and t.lines(r.out) or {}
end

-- The reasons of the dead letters, without the path of the case's directory.
local function reasons(dir, topic)
  local r = t.run { "log", "dump", topic, "--data-dir", dir .. "/d" }
  local list = {}
  for _, line in ipairs(r.code == 0 and t.lines(r.out) or {}) do
    local rec = t.json.decode(line)
    for _, header in ipairs(rec.headers) do
      if header[1] == "streamrt-dlq-error" then
        list[#list + 1] = header[2]:gsub(dir:gsub("%p", "%%%0") .. "/", "")
      end
    end
  end
  return list
end

local function check(dir, case)
  t.write(dir .. "/c.yaml", config(case))
  if case.input then
    t.write(dir .. "/in.txt", case.input)
  end
  for name, text in pairs(case.files or {}) do
    t.shell("mkdir -p " .. t.quote(dir .. "/" .. name:match "^(.-)[^/]*$"))
    t.write(dir .. "/" .. name, text)
  end
  local r = t.run { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", "--until-drained" }
  t.equal(r.code, case.code or 0, r.err)
  for _, part in ipairs(case.says or {}) do
    t.contains(r.err, part)
  end
  if case.code == 78 then
    t.lacks(r.err, "summary")
    return
  end
  t.same_multiset(values(dir, "out"), case.out or {}, "out")
  t.same_multiset(reasons(dir, "p.dlq"), case.dead or {}, "p.dlq")
  local counted = t.summary(r.err).p
  t.equal(counted.dead, #(case.dead or {}), "dead")
  for name, number in pairs(case.counted or {}) do
    t.equal(counted[name], number, name)
  end
end

function M.cases(list)
  for _, case in ipairs(list) do
    t.case(case[1], function(dir)
      check(dir, case)
    end)
  end
end

return M
