-- Files, data directories and streams that cannot be used, or stop being usable: one clear line,
-- the right exit code, and nothing lost.
local t = require "scenario"

local config = [[
pipelines:
  p:
    from: { file: in.txt, codec: text }
    steps: [ { to: out } ]
]]

local function prepare(dir, input)
  t.write(dir .. "/c.yaml", config)
  if input then
    t.write(dir .. "/in.txt", input)
  end
end

local function run(dir, more)
  local args = { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", "--until-drained" }
  for name, value in pairs(more or {}) do
    args[name] = value
  end
  return t.run(args)
end

local function out(dir)
  return t.must { "log", "dump", "out", "--data-dir", dir .. "/d", "-f", "%v\\n" }
end

-- `command` by a shell, with $STREAMRT, in the directory: its exit code and what it said.
local function shell(dir, command)
  local script = string.format("cd %s && STREAMRT=%s timeout -s KILL 60 sh -c %s >said 2>&1",
    t.quote(dir), t.quote(t.binary), t.quote(command))
  local _, kind, code = os.execute(script)
  return kind == "exit" and code or 128 + code, t.read(dir .. "/said")
end

-- How to run as somebody who may do little, or nil with the reason printed.
local function as_nobody()
  if os.execute "test $(id -u) != 0" then
    return ""
  elseif os.execute "setpriv --reuid=65534 --clear-groups true 2>/dev/null" then
    return "setpriv --reuid=65534 --clear-groups "
  end
  print "     skipped: this user may do everything, and setpriv does not work"
end

-- --- the file that is read ---

for _, case in ipairs {
  { "is not there", "true", "open '%s/in.txt': No such file or directory" },
  { "is a directory", "mkdir in.txt", "'%s/in.txt' is a directory, not a regular file" },
  { "is a pipe", "mkfifo in.txt", "is a pipe or device, not a regular file; read it through" },
  { "is a link to itself", "ln -s in.txt in.txt", "Too many levels of symbolic links" },
} do
  t.case("a source file that " .. case[1] .. " is named", function(dir)
    prepare(dir)
    shell(dir, case[2])
    local r = run(dir)
    t.equal(r.code, 1, r.err)
    t.contains(r.err, "pipeline 'p' stopped: ")
    t.contains(r.err, case[3]:format(dir))
    t.equal(t.summary(r.err).p["in"], 0)
  end)
end

t.case("a source file that may not be read is named", function(dir)
  local nobody = as_nobody()
  if nobody then
    prepare(dir, "a\n")
    t.shell("chmod 777 " .. dir .. " && chmod 000 " .. dir .. "/in.txt")
    local code, said = shell(dir, nobody .. "$STREAMRT run c.yaml --data-dir d --until-drained")
    t.equal(code, 1, said)
    t.contains(said, "pipeline 'p' stopped: open 'in.txt': Permission denied")
  end
end)

t.case("a file that was cut, replaced or emptied between runs is never misread", function(dir)
  prepare(dir, ("a"):rep(300) .. "\n" .. ("b"):rep(300) .. "\n" .. ("c"):rep(5000) .. "\n")
  t.equal(run(dir).code, 0)
  t.write(dir .. "/in.txt", "other\n")
  local r = run(dir)
  t.equal(r.code, 0, r.err)
  t.contains(r.err, "is not the one that was read up to byte 5603 before")
  t.contains(out(dir), "other\n")
  t.write(dir .. "/in.txt", "")
  r = run(dir)
  t.equal(r.code == 0 or r.code == 1, true, r.err)
  t.equal(select(2, out(dir):gsub("other\n", "")), 1, "records")
end)

t.case("a file whose beginning stays and whose end is cut off is an error", function(dir)
  local text = ("line of text\n"):rep(1000)
  prepare(dir, text)
  t.equal(run(dir).code, 0)
  t.write(dir .. "/in.txt", text:sub(1, 8000))
  local r = run(dir)
  t.equal(r.code, 1, r.err)
  t.contains(r.err, "has 8000 bytes, but was read up to byte 13000 before: it was cut off")
  t.equal(#t.lines(out(dir)), 1000)
end)

t.case("a file that vanishes while it is followed is waited for", function(dir)
  t.write(dir .. "/c.yaml", (config:gsub("in.txt,", "in.txt, follow: true,")))
  t.write(dir .. "/in.txt", "one\n")
  local server = t.start { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d" }
  server:wait_for "^ready"
  os.remove(dir .. "/in.txt")
  t.write(dir .. "/new", "two\n")
  t.shell("mv " .. dir .. "/new " .. dir .. "/in.txt")
  server:signal "TERM"
  local code, said = server:wait()
  t.equal(code, 0, said)
  t.equal(t.summary(said).p.dead, 0)
end)

-- --- the data directory ---

t.case("a data directory that is a file is refused", function(dir)
  prepare(dir, "a\n")
  t.write(dir .. "/d", "precious")
  local r = run(dir)
  t.equal(r.code, 1, r.err)
  t.contains(r.err, "Not a directory")
  t.equal(t.read(dir .. "/d"), "precious")
  t.equal(#t.lines(r.err), 1, r.err)
end)

t.case("a place for run/ready.json that is a file is an error", function(dir)
  prepare(dir, "a\n")
  t.shell("mkdir " .. dir .. "/d && touch " .. dir .. "/d/run")
  local r = run(dir)
  t.equal(r.code, 1, r.err)
  t.contains(r.err, "/d/run")
  t.contains(r.err, "Not a directory")
  os.remove(dir .. "/d/run")
  t.equal(run(dir).code, 0)
  t.equal(out(dir), "a\n")
end)

t.case("a directory that may not be written is refused with 77", function(dir)
  local nobody = as_nobody()
  if nobody then
    prepare(dir, "a\n")
    t.equal(run(dir).code, 0)
    t.shell("chmod 755 " .. dir .. " && chmod -R a+rX,a-w " .. dir .. "/d")
    local code, said = shell(dir, string.format(
      "%s$STREAMRT run %s/c.yaml --data-dir %s/d --until-drained", nobody, dir, dir))
    t.equal(code, 77, said)
    t.contains(said, "Permission denied")
    code, said = shell(dir, nobody .. "$STREAMRT log dump out --data-dir d -f '%v\\n'")
    t.equal(code, 0, said)
    t.equal(said, "a\n", "readers need no right to write")
  end
end)

local function damaged(name, code, part, damage)
  t.case("a data directory " .. name .. " is refused, and left as it is", function(dir)
    prepare(dir, "a\nb\n")
    t.equal(run(dir).code, 0)
    shell(dir .. "/d", damage)
    os.remove(dir .. "/d/said")
    t.shell("cp -a " .. dir .. "/d " .. dir .. "/before")
    local r = run(dir)
    t.equal(r.code, code, r.err)
    t.contains(r.err, part)
    t.lacks(r.err, "summary")
    t.write(dir .. "/reader.yaml", "pipelines: { q: { from: out, steps: [ { to: more } ] } }\n")
    r = t.run { "run", dir .. "/reader.yaml", "--data-dir", dir .. "/d" }
    t.equal(r.code, code, r.err)
    t.contains(r.err, part)
    t.shell(string.format("diff -r -x LOCK %s/before %s/d", dir, dir))
    r = t.run { "log", "dump", "out", "--data-dir", dir .. "/d" }
    t.equal(r.code ~= 0 and r.code < 128, true, r.err)
  end)
end

damaged("of a newer version", 1, "has format 99, this version reads format 1",
  "sed -i 's/\"format\":1/\"format\":99/' node.json")
damaged("with an empty node.json", 74, "node.json' is damaged", ": > node.json")
damaged("without its node.json", 74, "node.json' is missing, but there is a journal",
  "rm node.json")
damaged("whose journal is noise", 74, "is damaged at byte 0: no valid journal header",
  "for f in journal/*; do head -c 20000 /dev/urandom > $f; done")

t.case("a damaged segment is found by log check, and stops who reads it", function(dir)
  prepare(dir, "a\n")
  t.equal(run(dir).code, 0)
  shell(dir, "for f in $(find d/topics -name '*.seg' -size +0); do "
    .. "printf XXXX | dd of=$f bs=1 seek=30 conv=notrunc 2>/dev/null; done")
  local r = t.run { "log", "check", "--data-dir", dir .. "/d" }
  t.equal(r.code, 1, r.err)
  t.contains(r.out, ".seg:0: the header is not this segment's")
  r = t.run { "log", "dump", "out", "--data-dir", dir .. "/d" }
  t.equal(r.code, 74, r.err)
  t.write(dir .. "/c.yaml", "pipelines: { q: { from: { topic: out }, steps: [ { to: more } ] } }\n")
  r = run(dir)
  t.equal(r.code, 1, r.err)
  t.contains(r.err, "pipeline 'q' stopped: ")
  t.contains(r.err, "is damaged at byte")
end)

t.case("a data directory in use is refused with 75; after kill -9 it is free", function(dir)
  prepare(dir, "a\n")
  t.write(dir .. "/server.yaml", "topics: { out: {} }\n")
  local server = t.start { "run", dir .. "/server.yaml", "--data-dir", dir .. "/d" }
  server:wait_for "^ready"
  local r = run(dir)
  t.equal(r.code, 75, r.err)
  t.equal(#t.lines(r.err) <= 2, true, r.err)
  server:signal "KILL"
  server:wait()
  t.equal(t.exists(dir .. "/d/LOCK"), true)
  r = run(dir)
  t.equal(r.code, 0, r.err)
  t.equal(out(dir), "a\n")
end)

t.case("a file that may not grow further is an error", function(dir)
  prepare(dir, ("a line of text that fills the disk\n"):rep(20000))
  local code, said = shell(dir,
    "prlimit --fsize=300000 $STREAMRT run c.yaml --data-dir d --until-drained")
  t.equal(code ~= 0 and code < 128, true, code .. ": " .. said)
  t.contains(said, "File too large")
  local r = run(dir)
  t.equal(r.code, 0, r.err)
  t.equal(#t.lines(out(dir)), 20000)
end)

-- --- standard streams ---

local printing = [[
pipelines:
  p:
    from: { generate: "('x'):rep(100)", codec: text, count: 100000 }
    steps: [ { to_stdout: {} } ]
]]

t.case("a reader of standard output that goes away stops the pipeline", function(dir)
  t.write(dir .. "/c.yaml", printing)
  local code, said = shell(dir, "($STREAMRT run c.yaml --data-dir d --until-drained; echo $? >code)"
    .. " | head -n 1 >first")
  t.equal(code, 0, said)
  t.equal(t.read(dir .. "/first"), ("x"):rep(100) .. "\n")
  t.equal(t.read(dir .. "/code"), "1\n", said)
  t.contains(said, "write standard output: its reader is gone")
end)

t.case("standard output that is closed is an error", function(dir)
  t.write(dir .. "/c.yaml", printing)
  local code, said = shell(dir, "exec $STREAMRT run c.yaml --data-dir d --until-drained >&-")
  t.equal(code, 1, said)
  t.contains(said, "pipeline 'p' stopped: write standard output: Bad file descriptor")
end)

t.case("standard output that is full is waited for, until a signal", function(dir)
  t.write(dir .. "/c.yaml", printing)
  local server = t.start { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d",
    stdout_file = "/dev/full" }
  server:await_pid()
  server:wait_for "cannot commit: write standard output: No space left on device; trying again"
  server:signal "INT"
  server:wait_for "SIGINT ends at once"
  server:signal "INT"
  local code, said = server:wait()
  t.equal(code, 130, said)
end)

t.case("log dump with nowhere to print to is an error", function(dir)
  prepare(dir, "a\n")
  t.equal(run(dir).code, 0)
  local code, said = shell(dir, "$STREAMRT log dump out --data-dir d >/dev/full")
  t.equal(code ~= 0 and code < 128, true, said)
  t.contains(said, "write to standard output")
  code, said = shell(dir, "$STREAMRT log dump out --data-dir d >&-")
  t.equal(code ~= 0 and code < 128, true, code .. ": " .. said)
  t.equal(out(dir), "a\n", "and the data is whole")
end)

t.case("standard input that is closed, or a directory", function(dir)
  t.write(dir .. "/c.yaml",
    "pipelines: { p: { from: { stdin: {}, codec: text }, steps: [ { to: out } ] } }\n")
  local code, said = shell(dir, "$STREAMRT run c.yaml --data-dir d --until-drained <&-")
  t.equal(code, 0, said) -- as an empty one
  t.equal(t.summary(said).p["in"], 0)
  t.equal(t.run { "log", "check", "--data-dir", dir .. "/d" }.code, 0)
  code, said = shell(dir, "$STREAMRT run c.yaml --data-dir d --until-drained <.")
  t.equal(code, 1, said)
  t.contains(said, "standard input is a directory")
end)

t.case("all three streams closed: what is written goes into no file of ours", function(dir)
  prepare(dir, "a\n")
  shell(dir, "exec $STREAMRT run c.yaml --data-dir d --until-drained <&- >&- 2>&-")
  t.equal(t.run { "log", "check", "--data-dir", dir .. "/d" }.code, 0)
  t.equal(out(dir), "a\n")
end)

t.finish()
