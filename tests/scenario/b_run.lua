-- lifecycle.c, assemble.c, ready_file.c and summary.c from outside: what `run` does.
local t = require "scenario"

local function config(dir, text)
  local path = dir .. "/streamrt.yaml"
  t.write(path, text)
  return path
end

-- What `topic show` says of a topic.
local function show(dir, topic)
  return t.json.decode(t.must { "topic", "show", topic, "--data-dir", dir .. "/d", "-o", "json" })
end

t.case("lines of standard input become lines of standard output", function(dir)
  local path = config(dir, [[
pipelines:
  hello:
    from: { stdin: {}, codec: text }
    steps:
      - map: "'hello, ' .. v"
      - to_stdout: {}
]])
  local r = t.run { "run", path, "--data-dir", dir .. "/d", "--until-drained",
    stdin = "Ada\nLin\nMax" }
  t.equal(r.code, 0, r.err)
  t.same_multiset(t.lines(r.out), { "hello, Ada", "hello, Lin", "hello, Max" })
  local p = t.summary(r.err).hello
  t.equal(p["in"], 3, "in")
  t.equal(p.out, 3, "out")
end)

t.case("a file is read once, and what is appended is read the next time", function(dir)
  local path = config(dir, [[
pipelines:
  copy:
    from: { file: in.txt, codec: text }
    steps: [ { to: lines } ]
]])
  local args = { "run", path, "--data-dir", dir .. "/d", "--until-drained" }
  t.write(dir .. "/in.txt", "one\ntwo\n")
  t.must(args)
  t.must(args)
  t.equal(#t.dump(dir .. "/d", "lines"), 2, "records after two runs")
  t.write(dir .. "/in.txt", "three\n", "ab")
  t.must(args)
  local found = {}
  for _, rec in ipairs(t.dump(dir .. "/d", "lines")) do
    found[#found + 1] = rec.value
  end
  t.same_multiset(found, { "one", "two", "three" })
end)

t.case("a pipeline reads what another one writes", function(dir)
  local path = config(dir, [[
topics:
  numbers: { partitions: 4 }
pipelines:
  make:
    from: { generate: "{ n = v }", count: 1000 }
    steps: [ { key_by: v.n % 10 }, { to: numbers } ]
  even:
    from: numbers
    steps: [ { filter: v.n % 2 == 0 }, { to: even } ]
]])
  t.must { "run", path, "--data-dir", dir .. "/d", "--until-drained" }
  t.equal(#t.dump(dir .. "/d", "numbers"), 1000, "numbers")
  t.equal(#t.dump(dir .. "/d", "even"), 500, "even")
end)

t.case("a configuration without pipelines makes its topics", function(dir)
  local path = config(dir, "topics:\n  orders: { partitions: 5, retention: 1d }\n")
  t.must { "run", path, "--data-dir", dir .. "/d", "--until-drained" }
  local topic = show(dir, "orders")
  t.equal(topic.partition_count, 5)
  t.equal(topic.retention_ms, 86400000)
end)

t.case("declared options of a topic are changed, partitions are only added", function(dir)
  local path = config(dir, "topics: { orders: { partitions: 2 } }\n")
  local args = { "run", path, "--data-dir", dir .. "/d", "--until-drained" }
  t.must(args)
  config(dir, "topics: { orders: { partitions: 4, retention: 2d } }\n")
  t.must(args)
  local topic = show(dir, "orders")
  t.equal(topic.partition_count, 4)
  t.equal(topic.retention_ms, 2 * 86400000)
  config(dir, "topics: { orders: { partitions: 3 } }\n")
  local r = t.run(args)
  t.equal(r.code, 78, r.err)
  t.contains(r.err, "orders")
end)

t.case("a source topic that does not exist is a wrong configuration", function(dir)
  local path = config(dir, "pipelines: { p: { from: nowhere, steps: [ { to: x } ] } }\n")
  local r = t.run { "run", path, "--data-dir", dir .. "/d", "--until-drained" }
  t.equal(r.code, 78, r.err)
  t.contains(r.err, "nowhere")
  t.lacks(r.err, "summary")
end)

t.case("a source topic may exist in the data directory alone", function(dir)
  local path = config(dir, [[
pipelines: { p: { from: { topic: given, codec: text }, steps: [ { to: x } ] } }
]])
  t.must { "topic", "create", "given", "--data-dir", dir .. "/d" }
  t.must { "topic", "produce", "given", "--data-dir", dir .. "/d", stdin = "a\nb\n" }
  t.must { "run", path, "--data-dir", dir .. "/d", "--until-drained" }
  t.equal(#t.dump(dir .. "/d", "x"), 2)
end)

t.case("settings can be changed on the command line", function(dir)
  local path = config(dir, "topics: { orders: { partitions: 2 } }\n")
  t.must { "run", path, "--data-dir", dir .. "/d", "--until-drained",
    "--set", "topics.orders.partitions=7" }
  local topic = show(dir, "orders")
  t.equal(topic.partition_count, 7)
end)

t.case("a Lua file runs where a YAML file does", function(dir)
  t.write(dir .. "/app.lua", [[
local s = require "streamrt"
s.pipeline { name = "app" }
s.stdin { codec = "text" }:map "v:upper()":to "loud"
]])
  local r = t.run { "run", dir .. "/app.lua", "--data-dir", dir .. "/d", "--until-drained",
    stdin = "a\nb\n" }
  t.equal(r.code, 0, r.err)
  t.equal(t.summary(r.err).app.out, 2)
  t.equal(#t.dump(dir .. "/d", "loud"), 2)
end)

t.case("a pipeline that fails lets the others finish, and the exit code says so", function(dir)
  local path = config(dir, [[
pipelines:
  bad:
    on_error: stop
    from: { generate: "{ n = v }", count: 10 }
    steps: [ { map: "error('no')" }, { to: never } ]
  good:
    from: { generate: "{ n = v }", count: 10 }
    steps: [ { to: fine } ]
]])
  local r = t.run { "run", path, "--data-dir", dir .. "/d", "--until-drained" }
  t.equal(r.code, 1, r.err)
  t.contains(r.err, "'bad'")
  t.equal(t.summary(r.err).good.out, 10)
  t.equal(#t.dump(dir .. "/d", "fine"), 10)
end)

t.case("a data directory has one server, and readers work beside it", function(dir)
  local path = config(dir, "topics: { orders: {} }\n")
  local server = t.start { "run", path, "--data-dir", dir .. "/d" }
  server:wait_for "^ready"
  local ready = t.json.decode(t.read(dir .. "/d/run/ready.json"))
  t.equal(ready.pid, tonumber(server.pid))
  local r = t.run { "run", path, "--data-dir", dir .. "/d" }
  t.equal(r.code, 75, r.err)
  r = t.run { "topic", "produce", "orders", "--data-dir", dir .. "/d", stdin = "x\n" }
  t.equal(r.code, 75, r.err)
  t.contains(t.must { "topic", "ls", "--data-dir", dir .. "/d" }, "orders")
  server:signal "TERM"
  local code = server:wait()
  t.equal(code, 0)
  t.equal(t.exists(dir .. "/d/run/ready.json"), false, "ready.json after the end")
end)

t.case("what is not there yet is refused by name", function(dir)
  local path = config(dir, "topics: { orders: {} }\n")
  local r = t.run { "run", path, "--data-dir", dir .. "/d", "--keep-state" }
  t.equal(r.code, 2)
  t.contains(r.err, "E090")
  t.equal(t.run { "repl" }.code, 2)
end)

t.finish()
