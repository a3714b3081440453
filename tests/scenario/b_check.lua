-- app_commands.c and loading.c from outside: what `check` says, and `run` before it starts.
local t = require "scenario"

t.case("a good configuration says nothing on standard output", function(dir)
  t.write(dir .. "/a.yaml", [[
topics: { x: {} }
pipelines: { p: { from: x, steps: [ { filter: v.a }, { to: y } ] } }
]])
  local r = t.run { "check", dir .. "/a.yaml" }
  t.equal(r.code, 0, r.err)
  t.equal(r.out, "")
end)

t.case("every mistake is shown at once, with place and suggestion", function(dir)
  t.write(dir .. "/a.yaml", [[
topics:
  x: { partitons: 3 }
pipelines:
  p:
    from: x
    steps:
      - fliter: v.total > 0
      - map: v.a +
      - to: y
]])
  local r = t.run { "check", dir .. "/a.yaml" }
  t.equal(r.code, 1, r.err)
  t.contains(r.out, "a.yaml:2:")
  t.contains(r.out, "did you mean 'partitions'")
  t.contains(r.out, "a.yaml:7:9")
  t.contains(r.out, "did you mean 'filter'")
  t.contains(r.out, "L001")
  t.lacks(r.out, "\27[")
end)

t.case("run prints the same on standard error and exits with 78", function(dir)
  t.write(dir .. "/a.yaml", "topics: { x: { partitons: 3 } }\n")
  local r = t.run { "run", dir .. "/a.yaml", "--data-dir", dir .. "/d" }
  t.equal(r.code, 78)
  t.contains(r.err, "did you mean 'partitions'")
  t.equal(r.out, "")
  t.equal(t.exists(dir .. "/d"), false, "a data directory was made")
end)

t.case("editors get JSON and SARIF", function(dir)
  t.write(dir .. "/a.yaml", "topics: { x: { partitons: 3 } }\n")
  local r = t.run { "check", "-o", "json", dir .. "/a.yaml" }
  t.equal(r.code, 1)
  assert(t.json.decode(r.out))
  r = t.run { "check", "-o", "sarif", dir .. "/a.yaml" }
  t.equal(r.code, 1)
  t.equal(t.json.decode(r.out).version, "2.1.0")
end)

t.case("a file that is not there is a mistake like another", function(dir)
  local r = t.run { "check", dir .. "/none.yaml" }
  t.equal(r.code, 1)
  t.contains(r.out, "none.yaml")
end)

t.case("a Lua file is checked too", function(dir)
  t.write(dir .. "/a.lua", [[
local s = require "streamrt"
s.pipeline { name = "p" }
s.topic "x" :filter "v.a +" :to "y"
]])
  local r = t.run { "check", dir .. "/a.lua" }
  t.equal(r.code, 1, r.err)
  t.contains(r.out, "a.lua:")
end)

t.case("the shipped configuration and every example are right", function()
  for _, path in ipairs { "config/streamrt.yaml", "examples/01-hello/streamrt.yaml",
    "examples/02-filter/streamrt.yaml", "examples/03-module/streamrt.yaml",
    "examples/04-follow/streamrt.yaml", "examples/access-log/streamrt.yaml",
    "examples/access-log/streamrt-lua.yaml" } do
    local r = t.run { "check", t.root .. "/" .. path }
    t.equal(r.code, 0, path .. ": " .. r.out .. r.err)
  end
end)

t.finish()
