-- Ended at every place where bytes become durable, visible or acknowledged, and started again.
local t = require "scenario"

local config = [[
topics: { numbers: { partitions: 3 } }
pipelines:
  make:
    from: { file: in.txt, codec: text }
    commit_interval: 1ms
    commit_bytes: 64KiB
    steps: [ { key_by: "v:match('%d')" }, { to: numbers } ]
]]

local LINES = 20000

local function prepare(dir)
  local lines = {}
  for i = 1, LINES do
    lines[i] = "line " .. i .. " of a file that is not too short for many commits"
  end
  t.write(dir .. "/in.txt", table.concat(lines, "\n") .. "\n")
  t.write(dir .. "/c.yaml", config)
  return lines
end

-- All lines of `log dump`, "partition:offset value"; nil where there is no topic yet.
local function dump(dir)
  local r = t.run { "log", "dump", "numbers", "--data-dir", dir .. "/d", "-f", "%p:%o %v\\n" }
  if r.code == 0 then
    return r.out
  end
  t.equal(r.code, 1, r.err)
end

-- After the kill readers see some of the work, and always the same; after a restart it is whole.
local function check(dir, lines)
  local before = dump(dir)
  t.equal(dump(dir), before, "looking twice")
  t.must { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", "--until-drained" }
  local found, kept = {}, {}
  for _, line in ipairs(t.lines(dump(dir))) do
    found[#found + 1] = line:match "^%S+ (.*)"
    kept[line] = true
  end
  t.same_multiset(found, lines)
  for _, line in ipairs(t.lines(before or "")) do
    assert(kept[line], "it was visible after the kill, and is not any more: " .. line)
  end
end

for _, point in ipairs { "journal_write", "journal_write_short", "journal_sync", "journal_synced",
  "segment_write", "segment_written", "ack", "commit_begin", "commit_sent", "commit_done",
  "checkpoint_begin", "checkpoint_synced", "checkpoint_done", "partition_create" } do
  t.case("killed at " .. point .. ": nothing is lost and nothing doubled", function(dir)
    local kills = 0
    for hit = 1, 31, 5 do
      t.shell("rm -rf " .. dir .. "/d")
      local lines = prepare(dir)
      local r = t.run { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", "--until-drained",
        env = { STREAMRT_FAULT = point .. ":" .. hit .. ":kill" } }
      if r.code == 0 then
        break -- it is passed less often than this
      end
      t.equal(r.code, 137, r.err)
      kills = kills + 1
      check(dir, lines)
    end
    assert(kills > 0, "the point was never passed")
  end)
end

t.case("a failed sync ends the process with 74, and a restart resolves it", function(dir)
  local lines = prepare(dir)
  local r = t.run { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", "--until-drained",
    env = { STREAMRT_FAULT = "journal_sync:3:EIO" } }
  t.equal(r.code, 74, r.err)
  t.lacks(r.err, "summary")
  check(dir, lines)
end)

t.case("a fault that cannot be read is refused", function(dir)
  prepare(dir)
  local r = t.run { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d",
    env = { STREAMRT_FAULT = "nonsense" } }
  t.equal(r.code, 2)
  t.contains(r.err, "STREAMRT_FAULT")
end)

t.finish()
