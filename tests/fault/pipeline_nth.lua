-- The real binary, while each system call below it fails once, or a few
-- times, or for good. A pipeline reads a file and writes a topic and a file, with many commits.
-- Whatever fails, the process ends with an exit code of its own and a line that says why, or with 0
-- and everything done; nothing that was visible disappears, and a run that nobody disturbs finishes
-- the work: every line once in both.
local t = require "scenario"

local library = assert(os.getenv "FAIL_LIBRARY", "FAIL_LIBRARY names the library of fail_nth.c")
local every = os.getenv "STREAMRT_TEST_LONG"

local LINES = 6000
local ERRNO = { EINTR = 4, EIO = 5, ENOMEM = 12, EMFILE = 24, ENOSPC = 28 }
local FOR_GOOD = 1000000
local A_WHILE = 3 -- what pauses a pipeline for good would never end

local kinds = {
  { "open", "EIO", 1 }, { "open", "EIO", FOR_GOOD }, { "open", "EINTR", 1 },
  { "open", "EMFILE", 1 }, { "open", "EMFILE", A_WHILE }, { "open", "ENOSPC", A_WHILE },
  { "pread", "EIO", 1 }, { "pread", "EIO", A_WHILE }, { "pread", "EINTR", 1 },
  { "pwritev", "EIO", 1 }, { "pwritev", "EIO", FOR_GOOD }, { "pwritev", "EINTR", 1 },
  { "pwritev", "ENOSPC", 1 }, { "pwritev", "ENOSPC", A_WHILE },
  { "short", "EIO", 1 }, { "short", "EIO", FOR_GOOD },
  { "fdatasync", "EIO", 1 }, { "fdatasync", "EIO", FOR_GOOD }, { "fdatasync", "ENOSPC", 1 },
  { "fsync", "EIO", 1 }, { "fsync", "EIO", FOR_GOOD },
  { "ftruncate", "EIO", 1 }, { "ftruncate", "EINTR", 1 },
  { "fallocate", "ENOSPC", 1 }, { "fallocate", "ENOSPC", A_WHILE }, { "fallocate", "EINTR", 1 },
  { "rename", "EIO", 1 }, { "rename", "ENOSPC", A_WHILE },
  { "unlink", "EIO", 1 }, { "unlink", "EIO", FOR_GOOD },
  { "mkdir", "EIO", 1 }, { "mkdir", "ENOSPC", A_WHILE },
  { "fstat", "EIO", 1 }, { "stat", "EIO", 1 }, { "stat", "EIO", FOR_GOOD },
  { "opendir", "EIO", 1 }, { "opendir", "EMFILE", A_WHILE },
  { "malloc", "ENOMEM", 1 }, { "malloc", "ENOMEM", FOR_GOOD },
}

local config = [[
topics: { out: { partitions: 2 } }
pipelines:
  p:
    from: { file: in.txt, codec: text }
    commit_interval: 1ms
    commit_bytes: 64KiB
    steps:
      - map: "v .. '!'"
      - to: out
      - to_file: out.txt
]]

local function run_args(dir)
  return { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", "--until-drained" }
end

-- Lines of a topic; the empty list when it does not exist yet.
local function dump(dir, topic)
  local r = t.run { "log", "dump", topic, "--data-dir", dir .. "/d", "-f", "%v\\n" }
  return r.code == 0 and t.lines(r.out) or {}
end

local function set(list)
  local result = {}
  for _, line in ipairs(list) do
    result[line] = true
  end
  return result
end

-- With dead letters: without memory a script fails, which is its record's error.
local function check_whole(dir, lines)
  local all = dump(dir, "out")
  for _, line in ipairs(dump(dir, "p.dlq")) do
    all[#all + 1] = line .. "!"
  end
  t.same_multiset(all, lines, "out and p.dlq")
  t.same_multiset(t.lines(t.read(dir .. "/out.txt")), dump(dir, "out"), "out.txt")
end

local function check_words(r, kind)
  local what = string.format("exit %d: %s", r.code, r.err)
  t.equal(r.code < 128, true, what)
  if r.code ~= 0 then
    t.equal(r.err:find "%S" ~= nil, true, "a line says why")
  end
  if kind[2] == "EINTR" or kind[1] == "short" then
    t.equal(r.code, 0, what)
  elseif kind[1]:find "sync" and r.code ~= 0 then
    t.equal(r.code, 74, what)
    t.contains(r.err, "sync '")
  elseif r.code ~= 0 and kind[2] ~= "ENOMEM" then
    t.contains(r.err, kind[2] == "EIO" and "Input/output error" or
      kind[2] == "EMFILE" and "Too many open files" or "No space left on device")
  end
end

-- One failure in one run. Returns whether it was met.
local function try(dir, kind, nth, before, lines)
  t.shell(string.format("rm -rf %s/d %s/out.txt* %s/met", dir, dir, dir))
  if before then -- a directory that had a crash, whose recovery is what fails
    t.shell(string.format("cp -a %s/before/d %s/before/out.txt* %s", dir, dir, dir))
  end
  local args = run_args(dir)
  args.env = {
    LD_PRELOAD = library, FAIL_PROGRAM = "streamrt", FAIL_CALL = kind[1], FAIL_NTH = nth,
    FAIL_COUNT = kind[3], FAIL_ERRNO = ERRNO[kind[2]], FAIL_UNDER = dir .. "/",
    FAIL_MET = dir .. "/met",
  }
  local r = t.run(args)
  check_words(r, kind)
  local met = t.exists(dir .. "/met")
  if r.code == 0 and kind[2] ~= "ENOMEM" then
    check_whole(dir, lines)
  end
  local visible = dump(dir, "out")
  r = t.run(run_args(dir))
  t.equal(r.code, 0, r.err)
  check_whole(dir, lines)
  t.equal(t.exists(dir .. "/out.txt.uncommitted"), false, "a note is left")
  local now = set(dump(dir, "out"))
  for _, line in ipairs(visible) do
    t.equal(now[line], true, "it was visible: " .. line)
  end
  t.equal(t.must { "log", "check", "--data-dir", dir .. "/d" }, "")
  return met
end

local function prepare(dir)
  local input, lines = {}, {}
  for i = 1, LINES do
    input[i] = string.format("line %d of a file that is not too short for some commits", i)
    lines[i] = input[i] .. "!"
  end
  t.write(dir .. "/in.txt", table.concat(input, "\n") .. "\n")
  t.write(dir .. "/c.yaml", config)
  return lines
end

-- Killed in the middle: recovery has frames to replay, a sink to cut, a place to go on at.
local function prepare_crash(dir)
  local args = run_args(dir)
  args.env = { STREAMRT_FAULT = "commit_done:5:kill" }
  t.equal(t.run(args).code, 137)
  t.shell(string.format("mkdir %s/before && mv %s/d %s/out.txt* %s/before", dir, dir, dir, dir))
end

-- After a crash the ways that recovery goes are what is new: once each.
local function is_tried(kind, before)
  return every or not before or (kind[3] == 1 and kind[2] == "EIO" and kind[1] ~= "short")
    or kind[1] == "malloc"
end

for _, before in ipairs { false, true } do
  for _, kind in ipairs(kinds) do
    local label = string.format("%s %s x%d, %s", kind[1], kind[2], kind[3],
      before and "after a crash" or "new")
    local function body(dir)
      local lines = prepare(dir)
      if before then
        prepare_crash(dir)
      end
      local nth, met, runs = 1, true, 0
      while met do
        local ok, message = xpcall(try, debug.traceback, dir, kind, nth, before, lines)
        if not ok then
          error("at call " .. nth .. ": " .. message, 0)
        end
        met = message
        runs = runs + 1
        nth = every and nth + 1 or nth < 3 and nth + 1 or 2 * nth
      end
      print(string.format("     %d runs", runs))
    end
    if is_tried(kind, before) then
      t.case(label, body)
    end
  end
end

t.finish()
