local t = require "scenario"

-- A copy, so that nothing is written beside the examples.
local function example(dir, name)
  t.shell("cp -r " .. t.quote(t.root .. "/examples/" .. name) .. " " .. t.quote(dir .. "/e"))
  return dir .. "/e/streamrt.yaml"
end

t.case("01-hello greets", function(dir)
  local r = t.run { "run", example(dir, "01-hello"), "--data-dir", dir .. "/d", "--until-drained",
    stdin = "Ada\nLin\n" }
  t.equal(r.code, 0, r.err)
  t.equal(r.out, "hello, Ada\nhello, Lin\n")
end)

t.case("02-filter keeps the large orders, and untouched fields as they were", function(dir)
  t.must { "run", example(dir, "02-filter"), "--data-dir", dir .. "/d", "--until-drained" }
  local found = t.lines(t.must { "log", "dump", "orders.large", "--data-dir", dir .. "/d",
    "-f", "%k %v\\n" })
  t.same_multiset(found, {
    'ada {"order":"o-1","customer":"ada","total":250.0,"items":[1,2],"vat":50.0}',
    'ada {"order":"o-3","customer":"ada","total":100,"items":[3],"vat":20.0}',
  })
end)

t.case("03-module splits lines into words", function(dir)
  local r = t.run { "run", example(dir, "03-module"), "--data-dir", dir .. "/d", "--until-drained",
    stdin = "a rose is a rose\n" }
  t.equal(r.code, 0, r.err)
  t.equal(r.out, "rose\nis\nrose\n")
end)

t.case("04-follow sorts the lines of a growing file", function(dir)
  local path = example(dir, "04-follow")
  t.write(dir .. "/e/app.log", "INFO up\nWARN slow\n")
  local server = t.start { "run", path, "--data-dir", dir .. "/d" }
  server:wait_for "^ready"
  t.write(dir .. "/e/app.log", "ERROR down\n", "ab")
  server:signal "TERM"
  t.equal(server:wait(), 0)
  -- whatever was appended too late for the first run is read by the second
  server = t.start { "run", path, "--data-dir", dir .. "/d" }
  server:wait_for "^ready"
  local out = dir .. "/out"
  t.shell("mkfifo " .. out)
  local tail = t.start { "topic", "tail", "log.errors", "--data-dir", dir .. "/d", "-f",
    "--format", "%v\\n", stdout_file = out }
  local seen = assert(io.open(out, "r"))
  tail:await_pid()
  t.equal(seen:read "l", "ERROR down")
  tail:signal "TERM"
  tail:wait()
  seen:close()
  server:signal "TERM"
  t.equal(server:wait(), 0)
  t.equal(#t.dump(dir .. "/d", "log.warnings"), 1)
  t.equal(#t.dump(dir .. "/d", "log.other"), 1)
  t.equal(#t.dump(dir .. "/d", "log.errors"), 1)
end)

t.finish()
