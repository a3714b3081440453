-- A disk that fills up at every place that is written to: the pipeline pauses and says which file
-- has no room, holds no more than its epoch meanwhile, and goes on by itself when there is room;
-- nothing is lost and nothing doubled. The file systems are small ones in memory.
local t = require "scenario"

local mounts = {}

-- A file system of its own at `path`, or nil with the reason printed.
local function mount(path, options)
  t.shell("mkdir -p " .. t.quote(path))
  if os.execute(string.format("mount -t tmpfs -o %s none %s 2>/dev/null", options, t.quote(path)))
  then
    mounts[#mounts + 1] = path
    return true
  end
  print "     skipped: no file system can be mounted here"
end

local function make_room(path, options)
  t.shell(string.format("mount -o remount,%s none %s", options, t.quote(path)))
end

-- A case whose file systems are given back, whatever happens.
local function case(name, body)
  t.case(name, function(dir)
    local ok, message = xpcall(body, debug.traceback, dir)
    while #mounts > 0 do -- a process that was left behind still uses it: it goes with it
      os.execute("umount -l " .. t.quote(table.remove(mounts)))
    end
    assert(ok, message)
  end)
end

local RECORDS = 20000
local MANY = 100000 -- of 1000 bytes: more than one file of the journal

-- Numbered records of about 100 bytes, or 1000.
local function config(dir, to, count)
  t.write(dir .. "/c.yaml", string.format([[
pipelines:
  p:
    from: { generate: "string.format('%%09d %%s', v, ('x'):rep(%d))", codec: text, count: %d }
    commit_interval: 5ms
    commit_bytes: 256KiB
    steps: [ %s ]
]], count == MANY and 990 or 90, count or RECORDS, to))
end

local function run(dir)
  return { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", "--until-drained" }
end

-- Each number once.
local function check_numbers(text, count)
  local seen, total = {}, 0
  for number in text:gmatch "(%d+) x+\n" do
    seen[tonumber(number)] = true
    total = total + 1
  end
  t.equal(total, count, "records")
  t.equal(#seen, count, "different records")
end

local function check_topic(dir, count)
  check_numbers(t.must { "log", "dump", "out", "--data-dir", dir .. "/d", "-f", "%v\\n" }, count)
  t.equal(t.must { "log", "check", "--data-dir", dir .. "/d" }, "")
end

-- Records in the topic, and the position that must say the same.
local function committed(dir)
  local groups = t.json.decode(t.must { "log", "groups", "--data-dir", dir .. "/d", "-o", "json" })
  local dump = t.must { "log", "dump", "out", "--data-dir", dir .. "/d", "-f", "%o\\n" }
  local position
  for _, row in ipairs(groups.groups or groups) do
    position = row.group == "p" and row.committed or position
  end
  t.equal(#t.lines(dump), position or 0, "records beside the position")
  return position
end

-- The most that it has used so far.
local function memory_kib(process)
  return tonumber(t.read("/proc/" .. process.pid .. "/status"):match "VmHWM:%s*(%d+)")
end

-- It goes on by itself, and ends with exact counts.
local function finish(process, count)
  local code, said = process:wait()
  t.equal(code, 0, said)
  local p = t.summary(said).p
  t.equal(p["in"], count, "in")
  t.equal(p.out, count, "out")
  t.equal(p.dead, 0, "dead")
  return said
end

case("the journal: no room for its next file", function(dir)
  config(dir, "{ to: out }", MANY)
  if not mount(dir .. "/d", "size=150m") then
    return
  end
  local server = t.start(run(dir))
  server:wait_for "pipeline 'p' pauses: cannot commit: allocate 67108864 bytes for '.*/d/journal/"
  local peak = memory_kib(server)
  local before = committed(dir)
  t.equal(before > 0 and before < MANY, true)
  t.equal(committed(dir), before, "the position stands still")
  local grown = memory_kib(server) - peak
  make_room(dir .. "/d", "size=600m")
  server:wait_for "pipeline 'p' goes on"
  local said = finish(server, MANY)
  t.equal(select(2, said:gsub("pauses:", "")) <= 2, true, said) -- not a line per attempt
  t.equal(grown < 8 * 1024, true, "memory while it pauses: " .. grown .. " KiB more")
  check_topic(dir, MANY)
end)

case("a process that is killed on a full disk begins when there is room", function(dir)
  config(dir, "{ to: out }", MANY)
  if not mount(dir .. "/d", "size=150m") then
    return
  end
  local server = t.start(run(dir))
  server:wait_for "pipeline 'p' pauses"
  local before = committed(dir)
  server:signal "KILL"
  server:wait()
  t.shell(string.format("dd if=/dev/zero of=%s/d/ballast bs=64k 2>/dev/null; true", dir))
  server = t.start(run(dir))
  server:wait_for "trying again until"
  t.equal(committed(dir), before, "as it was")
  os.remove(dir .. "/d/ballast")
  make_room(dir .. "/d", "size=600m")
  local code, said = server:wait()
  t.equal(code, 0, said)
  check_topic(dir, MANY)
end)

case("a segment: what is durable waits in the journal", function(dir)
  config(dir, "{ to: out }")
  if not mount(dir .. "/d/topics", "size=512k") then
    return
  end
  local server = t.start(run(dir))
  server:wait_for "writes wait until there is room: write '.*/d/topics/.*%.seg': No space left"
  t.equal(committed(dir) > 0, true)
  make_room(dir .. "/d/topics", "size=100m")
  server:wait_for "there is room again"
  finish(server, RECORDS)
  check_topic(dir, RECORDS)
end)

case("a directory of a partition: it is made with its first segment", function(dir)
  config(dir, "{ to: out }")
  if not mount(dir .. "/d/topics", "size=100m,nr_inodes=2") then
    return
  end
  local server = t.start(run(dir))
  server:wait_for "writes wait until there is room: .*'.*/d/topics/.*': No space left on device"
  make_room(dir .. "/d/topics", "nr_inodes=1000")
  finish(server, RECORDS)
  check_topic(dir, RECORDS)
end)

case("a file that is written: only its pipeline pauses", function(dir)
  config(dir, "{ to_file: " .. dir .. "/files/out.txt }")
  t.write(dir .. "/c.yaml", [[
  q:
    from: { generate: "{ n = v }", count: 1000 }
    steps: [ { to: other } ]
]], "ab")
  if not mount(dir .. "/files", "size=512k") then
    return
  end
  local server = t.start(run(dir))
  server:wait_for "pipeline 'p' pauses: cannot commit: write '.*/files/out%.txt': No space left"
  while #t.lines(t.run { "log", "dump", "other", "--data-dir", dir .. "/d" }.out) < 1000 do
    t.equal(t.exists("/proc/" .. server.pid), true)
  end
  make_room(dir .. "/files", "size=100m")
  server:wait_for "pipeline 'p' goes on"
  finish(server, RECORDS)
  check_numbers(t.read(dir .. "/files/out.txt"), RECORDS)
  t.equal(t.exists(dir .. "/files/out.txt.uncommitted"), false)
end)

case("two files: one that is full does not double the other", function(dir)
  config(dir, string.format("{ to_file: %s/a.txt }, { to_file: %s/files/b.txt }", dir, dir))
  if not mount(dir .. "/files", "size=512k") then
    return
  end
  local server = t.start(run(dir))
  server:wait_for "pipeline 'p' pauses: cannot commit: write '.*/files/b%.txt'"
  make_room(dir .. "/files", "size=100m")
  local code, said = server:wait()
  t.equal(code, 0, said)
  check_numbers(t.read(dir .. "/a.txt"), RECORDS)
  check_numbers(t.read(dir .. "/files/b.txt"), RECORDS)
end)

case("a file on a disk that is full from the start", function(dir)
  config(dir, "{ to_file: " .. dir .. "/files/out.txt }")
  if not mount(dir .. "/files", "size=64k") then
    return
  end
  t.shell(string.format("dd if=/dev/zero of=%s/files/ballast bs=4k 2>/dev/null; true", dir))
  local server = t.start(run(dir))
  server:wait_for "pipeline 'p' pauses: cannot commit: write '.*/files/out%.txt"
  make_room(dir .. "/files", "size=100m")
  finish(server, RECORDS)
  check_numbers(t.read(dir .. "/files/out.txt"), RECORDS)
end)

case("run/ready.json comes when there is room", function(dir)
  t.write(dir .. "/c.yaml", "topics: { out: {} }\n")
  if not mount(dir .. "/d/run", "size=4k") then
    return
  end
  t.shell(string.format("dd if=/dev/zero of=%s/d/run/ballast bs=4k count=1 2>/dev/null", dir))
  local server = t.start { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d" }
  server:wait_for "write '.*/d/run/ready%.json%.tmp': No space left on device; trying again until"
  t.equal(t.exists(dir .. "/d/run/ready.json"), false)
  os.remove(dir .. "/d/run/ballast")
  server:wait_for "'.*/d/run/ready%.json' is written"
  t.equal(t.json.decode(t.read(dir .. "/d/run/ready.json")).pid, tonumber(server.pid))
  server:signal "TERM"
  t.equal(server:wait(), 0)
  t.equal(t.exists(dir .. "/d/run/ready.json"), false)
end)

case("a data directory that cannot be made is waited for, until a signal", function(dir)
  config(dir, "{ to: out }")
  if not mount(dir .. "/disk", "size=400m,nr_inodes=2") then
    return
  end
  t.shell("ln -s disk/d " .. dir .. "/d && touch " .. dir .. "/disk/ballast")
  local args = { "run", dir .. "/c.yaml", "--data-dir", dir .. "/disk/d", "--until-drained" }
  local server = t.start(args)
  server:wait_for "cannot begin: create directory '.*/disk/d': No space left on device; trying ag"
  server:signal "TERM"
  local code, said = server:wait()
  t.equal(code, 1, said)
  t.lacks(said, "summary")

  server = t.start(args)
  server:wait_for "cannot begin"
  make_room(dir .. "/disk", "nr_inodes=1000")
  server:wait_for "^ready"
  finish(server, RECORDS)
  check_topic(dir, RECORDS)
end)

case("commands that write say it and end", function(dir)
  if not mount(dir .. "/d", "size=2m") then
    return
  end
  local r = t.run { "topic", "create", "out", "--data-dir", dir .. "/d" }
  t.equal(r.code, 1, r.err)
  t.contains(r.err, "allocate 67108864 bytes for '" .. dir .. "/d/journal/next.tmp': No space left")
  make_room(dir .. "/d", "size=200m")
  t.must { "topic", "create", "out", "--data-dir", dir .. "/d" }
  r = t.run { "topic", "produce", "out", "--data-dir", dir .. "/d", stdin = "a\nb\n" }
  t.equal(r.code, 0, r.err)
end)

t.finish()
