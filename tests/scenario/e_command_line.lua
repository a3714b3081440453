-- Command lines and configurations that are wrong, huge or odd: the right exit code and a line that
-- says what to do, never a data directory that was made for nothing.
local t = require "scenario"

local small = "pipelines: { p: { from: { stdin: {}, codec: text }, "
    .. "steps: [ { to: out } ] } }\n"

-- Words with the case's directory in place of %d; exit code; what is said.
for _, case in ipairs {
  { { "frobnicate" }, 2, "unknown command 'frobnicate'" },
  { { "chekc", "%d/c.yaml" }, 2, "check" },
  { { "run" }, 2, "'streamrt run' needs FILE..." },
  { { "run", "--bogus", "%d/c.yaml" }, 2, "unknown flag '--bogus' for 'streamrt run'" },
  { { "run", "--until-draned", "%d/c.yaml" }, 2, "--until-drained" },
  { { "run", "--until-drained=yes", "%d/c.yaml" }, 2, "--until-drained" },
  { { "run", "%d/c.yaml", "--data-dir" }, 2, "--data-dir needs a value: --data-dir DIR" },
  { { "run", "%d/c.yaml", "--set" }, 2, "--set needs a value: --set PATH=VALUE" },
  { { "run", "%d/c.yaml", "--set", "a" }, 78, "'a' is not a setting" },
  { { "run", "%d/c.yaml", "--set", "=1" }, 78, "write PATH=VALUE" },
  { { "run", "%d/c.yaml", "--set", "pipelines..x=1" }, 78, "an empty name in the path" },
  { { "run", "%d/c.yaml", "--set", "pipelines.p.nope=1" }, 78, "unknown key 'nope'" },
  { { "run", "%d/c.yaml", "--set", "pipelines.p.from.stdin.a.b=1" }, 78,
    "'stdin' takes no options" },
  { { "run", "%d/c.yaml", "--set", "topics.x={{{" }, 78, "--set:1:" },
  { { "run", "%d/c.yaml", "--set", ("a."):rep(5000) .. "b=1" }, 78, "--set:1:1" },
  { { "run", "%d" }, 78, "cannot read '%d': Is a directory" },
  { { "run", "%d/none.yaml" }, 78, "No such file or directory" },
  { { "run", "/dev/null" }, 0, "" },
  { { "run", "%d/c.yaml", ("x"):rep(100000) }, 78, "File name too long" },
  { { "check" }, 2, "'streamrt check' needs FILE..." },
  { { "check", "%d" }, 1, "" },
  { { "log" }, 2, "'log' needs a command below it" },
  { { "log", "dump" }, 2, "'streamrt log dump' needs TOPIC[/PARTITION]" },
  { { "log", "dump", "out" }, 2, "needs --data-dir DIR" },
  { { "log", "dump", "out", "-o", "yaml" }, 2, "--output 'yaml': expected one of: jsonl" },
  { { "log", "check", "--data-dir", "%d/none" }, 1, "is not a data directory" },
  { { "log", "dump", "../x", "--data-dir", "%d/d" }, 1, "data directory '%d/d' does not exist" },
  { { "log", "dump", "out", "--data-dir", "%d" }, 1, "is not a data directory" },
  { { "topic", "create", ("x"):rep(300), "--data-dir", "%d/t" }, 1, "is not valid: 1 to 249 of" },
  { { "topic", "create", "y", "-p", "99999", "--data-dir", "%d/t" }, 2, "expected 1 to 1024" },
  { { "topic", "create", "y", "-p", "-1", "--data-dir", "%d/t" }, 2, "--partitions" },
  { { "topic", "tail", "out", "-n", "99999999999999999999" }, 2, "expected a count" },
  { { "help", "nope" }, 2, "unknown command 'nope'" },
  { { "version", "extra" }, 2, "takes no argument 'extra'" },
  { { "" }, 2, "unknown command ''" },
  { { "run", "\255\254.yaml" }, 78, "cannot read" },
} do
  local words = table.concat(case[1], " "):sub(1, 60)
  t.case("streamrt " .. words:gsub("[\128-\255]", "?"), function(dir)
    t.write(dir .. "/c.yaml", small)
    local args = {}
    for i, word in ipairs(case[1]) do
      args[i] = word:gsub("%%d", dir)
    end
    if case[1][1] == "run" and case[2] == 0 then
      args[#args + 1] = "--until-drained"
      args[#args + 1] = "--data-dir=" .. dir .. "/d"
    end
    local r = t.run(args)
    t.equal(r.code, case[2], r.err)
    t.contains(r.err, (case[3]:gsub("%%d", dir)))
    t.equal(t.exists(dir .. "/d/node.json"), case[2] == 0)
  end)
end

-- --- configurations of unusual size ---

local function check(dir, text)
  t.write(dir .. "/c.yaml", text)
  return t.run { "check", dir .. "/c.yaml" }
end

local function pipeline(steps)
  return "pipelines:\n  p:\n    from: { stdin: {} }\n    steps:\n" .. steps .. "      - to: out\n"
end

t.case("an expression of a MiB", function(dir)
  local r = check(dir, pipeline("      - filter: v.a" .. (" + 1"):rep(1 << 18) .. " > 0\n"))
  t.equal(r.code <= 1, true, r.err)
  r = check(dir, pipeline("      - filter: " .. ("("):rep(1 << 20) .. "\n"))
  t.equal(r.code, 1, r.err)
  t.contains(r.out, "error[")
end)

t.case("a configuration of more than 4 MiB is refused", function(dir)
  local r = check(dir, pipeline("") .. "x-note: " .. ("n"):rep(4 << 20) .. "\n")
  t.equal(r.code, 1, r.err)
  t.contains(r.out, "error[E001]")
end)

t.case("10,000 steps run, or are refused by name", function(dir)
  local text = pipeline(("      - peek: v\n"):rep(10000))
    :gsub("{ stdin: {} }", "{ stdin: {}, codec: text }")
  t.write(dir .. "/c.yaml", text)
  local r = t.run { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", "--until-drained",
    stdin = "a\nb\n" }
  if r.code == 0 then
    t.equal(t.summary(r.err).p.out, 2)
  else
    t.equal(r.code, 78, r.err)
    t.contains(r.err, "error[")
  end
end)

t.case("branches within branches, and lists within lists", function(dir)
  for _, depth in ipairs { 10, 60, 5000 } do
    local text = "{ to: out }"
    for _ = 1, depth do
      text = "{ branch: [ { when: v, steps: [ " .. text .. " ] } ] }"
    end
    local r = check(dir, "pipelines: { p: { from: { stdin: {} }, steps: [ " .. text .. " ] } }\n")
    t.equal(r.code, depth == 10 and 0 or 1, depth .. ": " .. r.out)
    r = check(dir, ("["):rep(depth * 10))
    t.equal(r.code, 1, r.out)
  end
end)

t.case("aliases that multiply are bounded", function(dir)
  local lines = { "x-0: &a0 [ a, a, a, a, a, a, a, a, a, a ]" }
  for i = 1, 12 do
    local alias = "*a" .. i - 1
    lines[#lines + 1] = string.format("x-%d: &a%d [ %s ]", i, i, (alias .. ", "):rep(9) .. alias)
  end
  local r = check(dir, table.concat(lines, "\n") .. "\n")
  t.equal(r.code, 1, r.out)
  t.contains(r.out, "error[")
end)

-- --- names ---

for _, name in ipairs { "with space", "a/b", "..", "grün", "__streamrt.x", ("x"):rep(250), "a:b",
  "\u{1F600}" } do
  t.case("a pipeline cannot be named " .. name:sub(1, 20), function(dir)
    local r = check(dir, string.format(
      "pipelines: { '%s': { from: { stdin: {} }, steps: [ { to: out } ] } }\n", name))
    t.equal(r.code, 1, r.out)
    t.contains(r.out, "error[E021]")
    r = check(dir, string.format("topics: { '%s': {} }\n", name))
    t.equal(r.code, 1, r.out)
    t.contains(r.out, "error[E021]")
  end)
end

t.case("a pipeline whose dead letter topic would have no valid name", function(dir)
  local r = check(dir, string.format(
    "pipelines: { '%s': { from: { stdin: {} }, steps: [ { to: out } ] } }\n", ("x"):rep(248)))
  t.equal(r.code, 1, r.out)
  t.contains(r.out, "error[E021]")
end)

t.case("paths may be in any script", function(dir)
  local place = dir .. "/größe \u{65e5}\u{672c} 'x'"
  t.shell("mkdir " .. t.quote(place))
  t.write(place .. "/c.yaml", "pipelines: { p: "
    .. "{ from: { file: \"\u{e4} \u{f6}.txt\", codec: text }, "
    .. "steps: [ { filter: \"error('no')\" }, { to: out } ] } }\n")
  t.write(place .. "/\u{e4} \u{f6}.txt", "a\n")
  local r = t.run { "run", place .. "/c.yaml", "--data-dir", place .. "/d", "--until-drained" }
  t.equal(r.code, 0, r.err)
  t.equal(t.summary(r.err).p.dead, 1)
  t.contains(r.err, place .. "/c.yaml:1: no")
end)

t.finish()
