local t = require "scenario"

local config = [[
topics: { numbers: { partitions: 3 } }
pipelines:
  make:
    from: { file: in.txt, codec: text }
    commit_interval: 5ms
    steps: [ { key_by: "v:sub(-1)" }, { to: numbers } ]
]]

local LINES = 5000

local function prepare(dir)
  local lines = {}
  for i = 1, LINES do
    lines[i] = "line " .. i
  end
  t.write(dir .. "/in.txt", table.concat(lines, "\n") .. "\n")
  t.write(dir .. "/c.yaml", config)
  return lines
end

-- After the kill: readers see a prefix of the work, nothing twice; after a restart it is whole.
local function check(dir, lines)
  local before = t.dump(dir .. "/d", "numbers")
  local again = t.dump(dir .. "/d", "numbers")
  t.equal(#again, #before, "looking twice")
  t.must { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", "--until-drained" }
  local found, kept = {}, {}
  for _, rec in ipairs(t.dump(dir .. "/d", "numbers")) do
    found[#found + 1] = rec.value
    kept[rec.partition .. ":" .. rec.offset] = rec.value
  end
  t.same_multiset(found, lines)
  for _, rec in ipairs(before) do
    t.equal(kept[rec.partition .. ":" .. rec.offset], rec.value, "what was visible after the kill")
  end
end

for _, fault in ipairs { "journal_write:3:kill", "journal_write_short:3:kill", "journal_sync:3:kill",
  "journal_synced:4:kill", "segment_write:2:kill", "segment_written:3:kill", "commit_begin:3:kill",
  "commit_sent:2:kill", "commit_done:2:kill", "ack:3:kill" } do
  t.case("killed at " .. fault .. ": nothing is lost and nothing doubled", function(dir)
    local lines = prepare(dir)
    local r = t.run { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", "--until-drained",
      env = { STREAMRT_FAULT = fault } }
    t.equal(r.code, 137, r.err)
    check(dir, lines)
  end)
end

t.case("a failed sync ends the process with 74, and a restart resolves it", function(dir)
  local lines = prepare(dir)
  local r = t.run { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", "--until-drained",
    env = { STREAMRT_FAULT = "journal_sync:4:EIO" } }
  t.equal(r.code, 74, r.err)
  t.lacks(r.err, "summary")
  check(dir, lines)
end)

t.case("a fault that cannot be read is refused", function(dir)
  prepare(dir)
  local r = t.run { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", env = { STREAMRT_FAULT = "nonsense" } }
  t.equal(r.code, 2)
  t.contains(r.err, "STREAMRT_FAULT")
end)

t.finish()
