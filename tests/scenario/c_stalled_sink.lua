-- A sink that nobody reads from: the pipeline waits, with memory flat and its position where it is,
-- and goes on without loss when somebody does.
local t = require "scenario"

local LONG = os.getenv "STREAMRT_TEST_LONG" or os.getenv "STREAMRT_LONG"
local STALL_S = LONG and 30 or 2
local RECORDS = 200000
local SLACK_KIB = 2048 -- what resident memory may move by while nothing happens

local config = [[
topics: { numbers: { partitions: 2 } }
pipelines:
  print:
    from: { topic: numbers, codec: text }
    commit_interval: 10ms
    steps: [ { to_stdout: {} } ]
]]

local load_config = [[
topics: { numbers: { partitions: 2 } }
pipelines:
  load:
    from: { generate: "('%07d'):format(v) .. ('x'):rep(150)", codec: text, count: 200000 }
    steps: [ { to: numbers } ]
]]

local function pause()
  t.shell "sleep 0.1"
end

-- The sum of the pipeline's committed positions, as another process sees it.
local function committed(dir)
  local sum = 0
  local rows = t.json.decode(t.must { "log", "groups", "--data-dir", dir .. "/d", "-o", "json" })
  for _, row in ipairs(rows) do
    if row.group == "print" then
      sum = sum + row.committed
    end
  end
  return sum
end

local function rss_kib(process)
  return tonumber(t.read("/proc/" .. process.pid .. "/status"):match "VmRSS:%s*(%d+)")
end

-- Until the position has not moved for a second.
local function await_stall(dir)
  local last, same = -1, 0
  while same < 10 do
    pause()
    local now = committed(dir)
    same = now == last and same + 1 or 0
    last = now
  end
  return last
end

t.case("a stalled sink stops the source, not the process, and nothing is lost", function(dir)
  t.write(dir .. "/load.yaml", load_config)
  t.must { "run", dir .. "/load.yaml", "--data-dir", dir .. "/d", "--until-drained" }
  t.write(dir .. "/c.yaml", config)
  local out = dir .. "/out"
  t.shell("mkfifo " .. out)
  local server = t.start { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", "--until-drained",
    stdout_file = out }
  local pipe = assert(io.open(out, "r"))
  server:await_pid()

  local stalled_at = await_stall(dir)
  assert(stalled_at < RECORDS, "everything was taken, though nobody reads")
  local lowest, highest = math.huge, 0
  for _ = 1, STALL_S * 10 do
    pause()
    local now = rss_kib(server)
    lowest, highest = math.min(lowest, now), math.max(highest, now)
  end
  t.equal(committed(dir), stalled_at, "the position during the stall")
  assert(highest - lowest <= SLACK_KIB, ("resident memory went from %d to %d KiB"):format(lowest,
    highest))
  assert(highest <= 128 * 1024, ("%d KiB are resident"):format(highest))

  local seen, count = {}, 0
  for line in pipe:lines() do
    local number = assert(tonumber(line:match "^(%d%d%d%d%d%d%d)x"), "a line that was not written")
    assert(not seen[number], "it came twice: " .. number)
    seen[number] = true
    count = count + 1
  end
  pipe:close()
  t.equal(count, RECORDS, "lines")
  local code, said = server:wait()
  t.equal(code, 0, said)
  t.equal(committed(dir), RECORDS, "the position at the end")
end)

t.finish()
