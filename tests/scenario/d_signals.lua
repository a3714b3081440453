-- interrupt.c and lifecycle.c from outside.
local t = require "scenario"

local endless = [[
topics: { numbers: { partitions: 2 } }
pipelines:
  make:
    from: { generate: "{ n = v }", rate: 2000 }
    steps: [ { key_by: v.n % 7 }, { to: numbers } ]
]]

for _, signal in ipairs { "TERM", "INT" } do
  t.case("SIG" .. signal .. " finishes what was read, commits it and exits with 0", function(dir)
    t.write(dir .. "/c.yaml", endless)
    local server = t.start { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d" }
    server:wait_for "^ready"
    local out = dir .. "/out"
    t.shell("mkfifo " .. out)
    local tail = t.start { "topic", "tail", "numbers", "--data-dir", dir .. "/d", "-f",
      "--offset", "start", "--format", "%v\\n", stdout_file = out }
    local seen = assert(io.open(out, "r"))
    tail:await_pid()
    assert(seen:read "l") -- something is committed
    tail:signal "TERM"
    tail:wait()
    seen:close()
    server:signal(signal)
    local code, said = server:wait()
    t.equal(code, 0, said)
    local counted = t.summary(said).make
    t.equal(counted["in"], counted.out)
    t.equal(#t.dump(dir .. "/d", "numbers"), counted.out, "records of the topic")
    t.equal(t.exists(dir .. "/d/run/ready.json"), false)
  end)
end

t.case("a second SIGINT ends at once with 130, even when a sink is stuck", function(dir)
  t.write(dir .. "/c.yaml", [[
pipelines:
  stuck:
    from: { generate: "('x'):rep(10000)", codec: text }
    steps: [ { to_stdout: {} } ]
]])
  local out = dir .. "/out"
  t.shell("mkfifo " .. out)
  local server = t.start { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", stdout_file = out }
  local seen = assert(io.open(out, "r")) -- and nobody reads it
  server:await_pid()
  server:wait_for "^ready"
  server:signal "INT"
  server:wait_for "SIGINT ends at once"
  server:signal "INT"
  local code, said = server:wait()
  t.equal(code, 130, said)
  t.lacks(said, "summary")
  t.equal(t.exists(dir .. "/d/run/ready.json"), false)
  seen:close()
end)

t.case("SIGHUP says that reload is not there, and changes nothing", function(dir)
  t.write(dir .. "/c.yaml", "topics: { x: {} }\n")
  local server = t.start { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d" }
  server:wait_for "^ready"
  server:signal "HUP"
  server:wait_for "reload is not available in this version"
  server:signal "TERM"
  t.equal(server:wait(), 0)
end)

t.finish()
