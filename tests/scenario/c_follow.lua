local t = require "scenario"

local config = [[
pipelines:
  follow:
    from: { file: app.log, follow: true, codec: text }
    steps:
      - map: v:upper()
      - to_stdout: {}
      - to: lines
]]

-- A server whose standard output is read line by line.
local function serve(dir)
  local out = dir .. "/out"
  t.shell("rm -f " .. out .. "; mkfifo " .. out)
  local server = t.start { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", stdout_file = out }
  local seen = assert(io.open(out, "r"))
  server:await_pid()
  return server, seen
end

t.case("a growing file is read as it grows, over a restart and a rotation", function(dir)
  t.write(dir .. "/c.yaml", config)
  t.write(dir .. "/app.log", "one\n")
  local server, seen = serve(dir)
  t.equal(seen:read "l", "ONE")
  t.write(dir .. "/app.log", "two\nhalf", "ab")
  t.equal(seen:read "l", "TWO")
  t.write(dir .. "/app.log", " a line\n", "ab")
  t.equal(seen:read "l", "HALF A LINE")
  t.shell(string.format("mv %s/app.log %s/app.log.1", dir, dir))
  t.write(dir .. "/app.log", "three\n")
  t.equal(seen:read "l", "THREE")
  server:signal "TERM"
  t.equal(server:wait(), 0)
  seen:close()

  t.write(dir .. "/app.log", "four\n", "ab")
  server, seen = serve(dir)
  t.equal(seen:read "l", "FOUR")
  server:signal "TERM"
  t.equal(server:wait(), 0)
  seen:close()
  t.equal(#t.dump(dir .. "/d", "lines"), 5)
end)

t.finish()
