-- ack_after_sync.lua BINARY
--
-- No acknowledgement precedes the return of the fdatasync that covers it, seen from outside in the
-- order of system calls that strace reports:
--
--   * a line that tells the user that something is done ("produced ...", "summary ...") is written
--     only when everything that was written to the journal has been synced;
--   * a segment, which is what readers see, is written only when nothing in the journal waits for a
--     sync.
--
-- Held against a producer and against a pipeline that commits every millisecond.

local binary = arg[1]

local function quote(s) return "'" .. s:gsub("'", "'\\''") .. "'" end
local function output_of(command)
  local pipe <close> = assert(io.popen(command, "r"))
  return pipe:read("a")
end

if not os.execute("strace -o /dev/null true 2>/dev/null") then
  print("skipped: strace cannot trace here")
  os.exit(77)
end
local scratch = output_of("mktemp -d"):gsub("%s+$", "")
local function fail(...)
  print("FAILED: " .. string.format(...))
  print("kept: " .. scratch)
  os.exit(1)
end
local function write(name, text)
  local file <close> = assert(io.open(scratch .. "/" .. name, "w"))
  file:write(text)
end
local function must(command)
  if not os.execute(command .. " >/dev/null 2>" .. scratch .. "/log") then
    fail("%s: %s", command, output_of("tail -3 " .. scratch .. "/log"))
  end
end

-- One trace, checked while it is read. strace splits a call that blocks in two lines: a write
-- counts from its beginning, for it may reach the disk at any time; a sync counts when it has
-- returned.
local function check(trace)
  local seen = { acks = 0, syncs = 0, segment_writes = 0 }
  local unsynced, pending = false, {}

  local function begun(call, rest, line)
    if call:find("sync") then
      return
    end
    if rest:find("%.jnl>") then
      unsynced = true
    elseif rest:find("%.seg>") then
      seen.segment_writes = seen.segment_writes + 1
      if unsynced then
        fail("a segment is written before the journal is synced: %s", line)
      end
    elseif rest:find('"produced ') or rest:find('"summary ') then
      seen.acks = seen.acks + 1
      if unsynced or seen.syncs == 0 then
        fail("told before it is durable: %s", line)
      end
    end
  end

  local function returned(call, rest)
    if call:find("sync") and rest:find("%.jnl>") then
      unsynced = false
      seen.syncs = seen.syncs + 1
    end
  end

  for line in io.lines(trace) do
    local pid, call, rest = line:match("^(%d+)%s+([%w_]+)%((.*)$")
    if call then
      begun(call, rest, line)
      if rest:find("<unfinished %.%.%.>") then
        pending[pid] = { call, rest }
      else
        returned(call, rest)
      end
    else
      pid = line:match("^(%d+)%s+<%.%.%. ")
      if pid and pending[pid] then
        returned(table.unpack(pending[pid]))
        pending[pid] = nil
      end
    end
  end
  return seen
end

local function traced(command)
  local trace = scratch .. "/trace"
  must("strace -f -y -s 16 "
    .. "-e trace=write,writev,pwrite64,pwritev,pwritev2,fdatasync,fsync -o "
    .. trace .. " " .. command)
  return check(trace)
end

local data_dir = scratch .. "/data"
must(quote(binary) .. " topic create acks --data-dir " .. data_dir)
local produced = 0
for i = 1, 10 do
  write("input", ("key\t{\"n\":" .. i .. "}\n"):rep(i))
  local seen = traced(quote(binary) .. " topic produce acks --data-dir " .. data_dir
    .. " <" .. scratch .. "/input")
  if seen.acks ~= 1 or seen.segment_writes == 0 then
    fail("the trace of a producer shows %d acknowledgements and %d writes to segments", seen.acks,
      seen.segment_writes)
  end
  produced = produced + seen.acks
end

local lines = {}
for i = 1, 20000 do
  lines[i] = "line " .. i .. " of a file that is long enough for many commits"
end
write("in.txt", table.concat(lines, "\n") .. "\n")
write("job.yaml", [[
pipelines:
  job:
    commit_interval: 1ms
    commit_bytes: 64KiB
    from: { file: in.txt, codec: text }
    steps: [ { to: lines } ]
]])
local seen = traced(quote(binary) .. " run " .. scratch .. "/job.yaml --until-drained --data-dir "
  .. data_dir)
if seen.acks ~= 1 or seen.syncs < 5 or seen.segment_writes < 5 then
  fail("the trace of a pipeline shows %d summaries, %d syncs, %d writes to segments", seen.acks,
    seen.syncs, seen.segment_writes)
end
print(string.format(
  "%d acknowledgements of a producer; a pipeline with %d syncs and %d writes to segments",
  produced, seen.syncs, seen.segment_writes))
os.execute("rm -rf " .. quote(scratch))
