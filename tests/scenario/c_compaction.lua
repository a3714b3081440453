-- Compacted topics through the binary: written by pipelines and by hand, killed, read by all.
local t = require "scenario"

local LINES, KEYS = 20000, 97

local topics = [[
node: { checkpoint_bytes: 64KiB, checkpoint_interval: 50ms }
topics:
  last: { partitions: 2, cleanup: compact, segment_bytes: 16KiB }
]]
local config = topics .. [[
pipelines:
  keep:
    from: { file: in.txt, codec: text }
    commit_interval: 1ms
    commit_bytes: 64KiB
    steps: [ { key_by: "v:match('key(%d+)')" }, { to: last } ]
]]

local function prepare(dir)
  local lines, last = {}, {}
  for i = 1, LINES do
    local key = tostring(i * 31 % KEYS)
    lines[i] = "line " .. i .. " of key" .. key .. " in a file that is not too short"
    last[key] = lines[i]
  end
  t.write(dir .. "/in.txt", table.concat(lines, "\n") .. "\n")
  t.write(dir .. "/c.yaml", config)
  t.write(dir .. "/topics.yaml", topics)
  return last
end

local function run(dir, env)
  return t.run { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", "--until-drained", env = env }
end

-- The last value of each key, and how many records there are.
local function read(dir)
  local found, count, offsets = {}, 0, {}
  local text = t.must { "log", "dump", "last", "--data-dir", dir .. "/d", "-f", "%p %o %k %v\\n" }
  for _, line in ipairs(t.lines(text)) do
    local partition, offset, key, value = line:match "^(%d+) (%d+) (%S+) (.*)$"
    assert(tonumber(offset) > (offsets[partition] or -1), "offsets rise: " .. line)
    offsets[partition] = tonumber(offset)
    found[key] = value
    count = count + 1
  end
  return found, count
end

local function size(dir)
  local r = t.run { "topic", "show", "last", "--data-dir", dir .. "/d", "-o", "json" }
  return r.code == 0 and t.json.decode(r.out).size_bytes
end

-- Let it run until it has compacted, or was killed: then true.
local function compact(dir, env)
  local before = size(dir)
  local server = t.start { "run", dir .. "/topics.yaml", "--data-dir", dir .. "/d", env = env }
  local function lives()
    return os.execute("kill -0 " .. server.pid .. " 2>/dev/null")
  end
  local now
  repeat now = size(dir) until not lives() or now and now < before / 2
  if lives() then
    server:signal "TERM"
  end
  return server:wait() ~= 0
end

local function check(dir, last)
  local found, count = read(dir)
  for key, value in pairs(last) do
    t.equal(found[key], value)
  end
  local r = t.run { "log", "check", "--data-dir", dir .. "/d" }
  t.equal(r.code, 0, r.out)
  return count
end

t.case("of each key the last record stays, and much of the rest goes", function(dir)
  local last = prepare(dir)
  local r = run(dir)
  t.equal(r.code, 0, r.err)
  t.equal(compact(dir), false)
  assert(check(dir, last) < LINES / 2)
  local shown =
    t.json.decode(t.must { "topic", "show", "last", "--data-dir", dir .. "/d", "-o", "json" })
  t.equal(shown.cleanup, "compact")
  t.equal(shown.delete_retention_ms, 86400000)
  local ends = 0
  for _, partition in ipairs(shown.partitions) do
    t.equal(partition.start, 0)
    ends = ends + partition["end"]
  end
  t.equal(ends, LINES, "offsets are what they were")
end)

for _, point in ipairs { "compaction_write", "compaction_written", "compaction_done",
  "segment_delete", "checkpoint_synced", "checkpoint_done" } do
  t.case("killed at " .. point .. ": no key loses its last record", function(dir)
    local kills = 0
    local last = prepare(dir)
    t.equal(run(dir).code, 0)
    t.shell("mv " .. dir .. "/d " .. dir .. "/full")
    for hit = 1, 7, 3 do
      t.shell("rm -rf " .. dir .. "/d && cp -r " .. dir .. "/full " .. dir .. "/d")
      if compact(dir, { STREAMRT_FAULT = point .. ":" .. hit .. ":kill" }) then
        kills = kills + 1
        check(dir, last)
        compact(dir)
      end
      assert(check(dir, last) < LINES / 2)
    end
    assert(kills > 0, "never killed at " .. point)
  end)
end

t.case("a record needs a key", function(dir)
  local d = dir .. "/d"
  t.must { "topic", "create", "last", "--data-dir", d, "-p", "1", "--cleanup", "compact",
    "--delete-retention", "2h" }
  local text = t.must { "topic", "show", "last", "--data-dir", d }
  t.contains(text, "cleanup          compact")
  t.contains(text, "delete_retention 2h")
  t.must { "topic", "produce", "last", "--data-dir", d, "--key", "k", stdin = "v\n" }
  local r = t.run { "topic", "produce", "last", "--data-dir", d, "--no-key", stdin = "v\n" }
  assert(r.code ~= 0)
  t.contains(r.err, "record without a key for topic 'last', which is compacted")
  t.write(dir .. "/in.txt", "one key1\ntwo\nthree key3\n")
  t.write(dir .. "/c.yaml", (config:gsub("{ key_by[^}]*}, ", "")))
  r = run(dir)
  t.equal(r.code, 0, r.err)
  t.equal(t.summary(r.err).keep.dead, 3)
  t.equal(#t.dump(d, "keep.dlq"), 3)
  t.contains(t.must { "log", "dump", "keep.dlq", "--data-dir", d, "-o", "jsonl" },
    "a record without a key for topic 'last', which is compacted")
end)

t.case("how a topic is cleaned up can change", function(dir)
  local last = prepare(dir)
  t.write(dir .. "/c.yaml", (config:gsub("cleanup: compact, ", "")))
  t.equal(run(dir).code, 0)
  t.equal(select(2, read(dir)), LINES)
  t.write(dir .. "/c.yaml", config)
  t.equal(compact(dir), false)
  assert(check(dir, last) < LINES / 2)
end)

t.finish()
