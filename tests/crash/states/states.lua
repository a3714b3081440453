-- states.lua BINARY RECORDER WRITER CRASH_STATES CONFIG
--
-- Every state that a power cut could leave, held against what was promised (crash_states.c). First
-- a trace is recorded of programs that run one after the other on one data directory:
--
--   `topic create`, which makes the directory
--   the job of job.yaml, with a quarter of its lines
--   writer.c: commits, topics made and deleted, checkpoints, all at once
--   `topic produce`, three times
--   the job with half of them, killed while a checkpoint is on its way
--   the job with three quarters, killed between the write of a frame and its sync
--   the job with all lines: each recovery after a kill is in the trace, too
--   writer.c again
--
-- Then the states: STREAMRT_STATES of them (1000; with STREAMRT_TEST_LONG 20000) from
-- STREAMRT_SEED (the time). What fails prints the command that repeats it, and the traces stay.

local binary, recorder, writer, crash_states, config = table.unpack(arg)
local long = os.getenv "STREAMRT_TEST_LONG"
local states = tonumber(os.getenv "STREAMRT_STATES" or (long and 20000 or 1000))
local seed = tonumber(os.getenv "STREAMRT_SEED" or os.time())
local LINES, WRITES = 3600, 150
local CLOCK_SPEED = 1500 -- the programs' monotonic clock: retention runs once a minute

local function quote(s) return "'" .. s:gsub("'", "'\\''") .. "'" end
local function output_of(command)
  local pipe <close> = assert(io.popen(command, "r"))
  return pipe:read("a")
end

local scratch = output_of("mktemp -d"):gsub("%s+$", "")
local root, lines_path, trace = scratch .. "/root", scratch .. "/lines.txt", scratch .. "/trace"
local data_dir = root .. "/data"
local function fail(...)
  print("FAILED: " .. string.format(...))
  print("kept: " .. scratch)
  os.exit(1)
end

-- --- the input: lines of many lengths that begin with their number ---

local lines = {}
for n = 0, LINES - 1 do
  lines[#lines + 1] = string.format("%07d %s\n", n, ("x"):rep(n * 37 % 150))
end
local function write_lines(path, from, to, mode)
  local file <close> = assert(io.open(path, mode))
  file:write(table.concat(lines, "", from, to))
end

-- --- recording ---

local NOTE = 14 -- trace.h
local notes = 0
local function note(text)
  notes = notes + 1
  local file <close> = assert(io.open(trace, "ab"))
  file:write(string.pack("=I4I4I8i8i8i8I8", 0x53525452, NOTE, notes, 0, 0, 0, #text), text)
end

local environment = string.format("LINES=%s SINK=%s", quote(lines_path), quote(root .. "/out.txt"))
local function record(command, fault)
  return os.execute(string.format(
    "%s %s STREAMRT_RECORD_ROOT=%s STREAMRT_RECORD_TRACE=%s STREAMRT_RECORD_SPEED=%d "
    .. "LD_PRELOAD=%s exec %s >%s/log 2>&1", environment,
    fault and "STREAMRT_FAULT=" .. fault or "", quote(root), quote(trace), CLOCK_SPEED,
    quote(recorder), command, quote(scratch)))
end
local function must(command)
  if not record(command) then
    fail("%s: %s", command, output_of("tail -5 " .. quote(scratch .. "/log")))
  end
end

local done = 0
local function add_lines(count)
  write_lines(lines_path, done + 1, done + count, done == 0 and "wb" or "ab")
  done = done + count
  note("lines " .. done)
end
local job = string.format("%s run %s --data-dir %s --until-drained", quote(binary), quote(config),
  quote(data_dir))
local function write(from)
  must(string.format("%s %s %s %d %d", quote(writer), quote(data_dir), quote(lines_path), WRITES,
    from))
end

local function kill_job(fault)
  add_lines(LINES // 4)
  if record(job, fault) then
    fail("the job that was to be killed at %s was not", fault)
  end
end

assert(os.execute("mkdir " .. quote(root)))
must(string.format("%s topic create first --data-dir %s", quote(binary), quote(data_dir)))
add_lines(LINES // 4)
must(job)
write(0)
for i = 0, 2 do
  write_lines(scratch .. "/typed", 20 * i + 1, 20 * i + 20, "wb")
  must(string.format("%s topic produce typed --data-dir %s <%s", quote(binary), quote(data_dir),
    quote(scratch .. "/typed")))
end
kill_job "checkpoint_synced:2:kill"
kill_job "journal_sync:9:kill"
add_lines(LINES - done)
must(job)
write(WRITES)

-- --- the states ---

-- The real binary runs in `root`, whose name is the sink's. Its syncs make nobody safer there, so
-- the files are in memory where there is a place for it; the recorded ones make room.
local recorded = scratch .. "/recorded"
local memory = output_of("mktemp -d -p /dev/shm 2>/dev/null"):gsub("%s+$", "")
assert(os.execute(string.format("mv %s %s", quote(root), quote(recorded))))
if memory ~= "" then
  assert(os.execute(string.format("ln -s %s %s", quote(memory), quote(root))))
end
local command = string.format(
  "%s %s --trace %s --lines %s --recorded %s --root %s --binary %s --config %s --states %d "
  .. "--seed %d", environment, quote(crash_states), quote(trace), quote(lines_path),
  quote(recorded), quote(root),
  quote(binary), quote(config), states, seed)
if not os.execute(command) then
  print("with " .. environment)
  print("kept: " .. scratch)
  os.exit(1)
end
os.execute("rm -rf " .. quote(scratch) .. (memory ~= "" and " " .. quote(memory) or ""))
