-- Bytes of a data directory that changed by themselves, through the binary: found by `log check`,
-- named by whoever meets them, never served, and set aside by `log repair`. tests/damage has the
-- sweep over every file.
local t = require "scenario"

local COUNT = 400

local function paths(command)
  local pipe = io.popen(command)
  local list = {}
  for line in pipe:lines() do
    list[#list + 1] = line
  end
  pipe:close()
  return list
end

local function flip(path, at, mask)
  local bytes = t.read(path)
  t.write(path, bytes:sub(1, at) .. string.char(bytes:byte(at + 1) ~ (mask or 0x10))
    .. bytes:sub(at + 2))
end

-- Two partitions, several batches in each.
local function fill(dir)
  local d = dir .. "/d"
  t.must { "topic", "create", "orders", "--data-dir", d, "-p", "2" }
  for p = 0, 1 do
    for first = 1, COUNT, 100 do
      local lines = {}
      for i = first, first + 99 do
        lines[#lines + 1] = string.format("p%d-%d", p, i)
      end
      t.must { "topic", "produce", "orders", "--data-dir", d, "-p", tostring(p), "--no-key",
        stdin = table.concat(lines, "\n") .. "\n" }
    end
  end
  t.write(dir .. "/c.yaml",
    "pipelines: { p: { from: { topic: orders, codec: bytes }, steps: [ { to: copy } ] } }\n")
  return d
end

local function dump(d, what)
  return t.run { "log", "dump", what, "--data-dir", d, "-f", "%o %v\\n" }
end

local function check(d)
  return t.run { "log", "check", "--data-dir", d }
end

local function same_files(dir)
  t.shell(string.format("diff -r -x LOCK -x run %s/before %s/d", dir, dir))
end

t.case("a damaged batch: its partition says where, the other is whole, a repair makes a gap",
  function(dir)
    local d = fill(dir)
    local whole = dump(d, "orders/1").out
    local segment = paths("ls " .. d .. "/topics/*-orders-0/*.seg")[1]
    flip(segment, 200)
    local bytes = t.read(segment)
    local r = check(d)
    t.equal(r.code, 1, r.err)
    t.equal(r.out, segment .. ":64: the batch does not match its CRC\n")
    r = dump(d, "orders/0")
    t.equal(r.code, 74, r.err)
    t.equal(r.out, "")
    t.contains(r.err, "is damaged at byte 64")
    t.contains(r.err, "log repair")
    t.equal(dump(d, "orders/1").out, whole)
    r = t.run { "run", dir .. "/c.yaml", "--data-dir", d, "--until-drained" }
    t.equal(r.code ~= 0, true)
    t.contains(r.err, segment .. "' is damaged at byte 64")
    t.equal(t.read(segment), bytes)

    r = t.run { "log", "repair", "--data-dir", d, "--dry-run" }
    t.equal(r.code, 1, r.err)
    t.equal(t.read(segment), bytes)
    t.equal(t.exists(segment .. ".64.removed"), false)
    local said = r.out:gsub("would be set aside", "set aside")
    r = t.run { "log", "repair", "--data-dir", d }
    t.equal(r.code, 0, r.err)
    t.equal(r.out, said)
    local to = assert(tonumber(r.out:match "%.seg:64%-(%d+): "))
    t.contains(r.out, "set aside in " .. segment .. ".64.removed\n")
    t.contains(r.out, "lost: topic 'orders' partition 0 offsets 0 to 99\n")
    t.equal(t.read(segment .. ".64.removed"), bytes:sub(65, to))
    t.equal(check(d).code, 0)
    t.equal(dump(d, "orders/1").out, whole)
    local lines = t.lines(dump(d, "orders/0").out)
    t.equal(#lines, COUNT - 100)
    t.equal(lines[1], "100 p0-101")
    t.must { "run", dir .. "/c.yaml", "--data-dir", d, "--until-drained" }
    t.equal(#t.lines(dump(d, "copy").out), 2 * COUNT - 100)
    r = t.run { "log", "repair", "--data-dir", d }
    t.equal(r.code, 0, r.err)
    t.equal(r.out, "")
  end)

-- A directory that a process left which was killed: journal frames, and segments that have them.
local function killed(dir)
  local d = fill(dir)
  t.write(dir .. "/server.yaml", [[
pipelines:
  feed: { from: { file: in.txt, follow: true }, steps: [ { to: fed } ] }
]])
  local lines = {}
  for i = 1, 50 do
    lines[i] = string.format('{"n":%d}', i)
  end
  t.write(dir .. "/in.txt", table.concat(lines, "\n") .. "\n")
  local server = t.start { "run", dir .. "/server.yaml", "--data-dir", d }
  server:wait_for "^ready"
  for _ = 1, 200 do
    if #t.lines(dump(d, "fed").out) == 50 then
      break
    end
    t.shell "sleep 0.05" -- between two looks; what is waited for is the data
  end
  server:signal "KILL"
  server:wait()
  t.equal(#t.lines(dump(d, "fed").out), 50)
  return d
end

t.case("a damaged last frame is no torn write; nothing is lost that segments have", function(dir)
  local d = killed(dir)
  local before = dump(d, "fed").out
  local journals = paths("ls " .. d .. "/journal/*.jnl")
  local journal = journals[#journals]
  -- the last frame with records: behind the last record's text
  local at = 0
  local bytes = t.read(journal)
  for found in bytes:gmatch '(){"n":50}' do
    at = found
  end
  assert(at > 0, "the records are not in the last journal file")
  flip(journal, at)
  t.shell(string.format("cp -r %s %s/before", d, dir))
  local r = t.run { "run", dir .. "/c.yaml", "--data-dir", d, "--until-drained" }
  t.equal(r.code, 74, r.err)
  t.contains(r.err, journal .. "' is damaged at byte ")
  t.contains(r.err, "log check")
  t.contains(r.err, "log repair")
  t.equal(#t.lines(r.err) <= 2, true, r.err)
  same_files(dir)
  r = check(d)
  t.equal(r.code, 1, r.err)
  t.contains(r.out, journal .. ":")
  same_files(dir)
  r = t.run { "log", "repair", "--data-dir", d }
  t.equal(r.code, 0, r.err)
  t.lacks(r.out, "offsets")
  t.equal(check(d).code, 0)
  t.equal(dump(d, "fed").out, before)
  t.must { "run", dir .. "/c.yaml", "--data-dir", d, "--until-drained" }
  t.equal(#t.lines(dump(d, "copy").out), 2 * COUNT)
end)

t.case("a repair is refused beside a running process, and does nothing to what is whole",
  function(dir)
    local d = fill(dir)
    t.shell(string.format("cp -r %s %s/before", d, dir))
    local r = t.run { "log", "repair", "--data-dir", d }
    t.equal(r.code, 0, r.err)
    t.contains(r.err, "no damage in")
    same_files(dir)
    t.write(dir .. "/server.yaml", "topics: { orders: { partitions: 2 } }\n")
    local server = t.start { "run", dir .. "/server.yaml", "--data-dir", d }
    server:wait_for "^ready"
    r = t.run { "log", "repair", "--data-dir", d }
    t.equal(r.code, 75, r.err)
    t.contains(r.err, "in use by another process")
    t.equal(check(d).code, 0)
    server:signal "TERM"
    server:wait()
    r = t.run { "log", "repair", "--data-dir", dir .. "/nothing" }
    t.equal(r.code, 1, r.err)
    t.equal(t.exists(dir .. "/nothing"), false)
  end)

t.case("node.json: any flipped byte is found, and a repair writes it again", function(dir)
  local d = fill(dir)
  local good = t.read(d .. "/node.json")
  for at = 0, #good - 1, 3 do
    t.write(d .. "/node.json", good)
    flip(d .. "/node.json", at, 0x04)
    t.equal(check(d).code, 1, "byte " .. at)
  end
  t.write(d .. "/node.json", good)
  flip(d .. "/node.json", 40, 0x01)
  local r = t.run { "log", "repair", "--data-dir", d }
  t.equal(r.code, 0, r.err)
  t.equal(check(d).code, 0)
  t.equal(#t.lines(dump(d, "orders").out), 2 * COUNT)
end)

t.finish()
