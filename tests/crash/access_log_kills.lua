-- access_log_kills.lua BINARY KILL_AFTER CONFIG FAULT_DEF [KILLS] [SEED]
--
-- The promise "exactly once, whatever happens", held against the example that everybody runs first:
-- the access-log job is killed with SIGKILL at a random moment, or at a named fault point, started
-- again, and must then hold exactly what a run that nobody disturbed holds. The oracle is that
-- undisturbed run, whose counts scenario.c_access_log holds against the input. A file that is
-- written beside the topics (crash.yaml) is compared too.
--
-- One round is: a fresh data directory, one run that is killed, one that is left alone. Every
-- fourth round kills the second run as well, so that recovery itself is met.

local binary, kill_after, config, fault_def, kills, seed = table.unpack(arg)
kills = tonumber(kills or (os.getenv "STREAMRT_TEST_LONG" and 200 or 30))
seed = tonumber(seed or os.getenv "STREAMRT_TEST_SEED" or os.time())
math.randomseed(seed)

local function say(...) print(string.format(...)) end
local function quote(s) return "'" .. s:gsub("'", "'\\''") .. "'" end

local function output_of(command)
  local pipe <close> = assert(io.popen(command, "r"))
  return pipe:read("a")
end

local scratch = output_of("mktemp -d"):gsub("%s+$", "")
local log = quote(scratch .. "/log")
local function fail(...)
  say("FAILED (seed %d): %s", seed, string.format(...))
  say("kept: %s", scratch)
  os.exit(1)
end
local function last_words() return output_of("tail -3 " .. log) end

local function job(data_dir)
  return string.format("%s run %s --data-dir %s --until-drained", quote(binary), quote(config),
    quote(data_dir))
end

-- What the topics hold: multiset of (topic, key, value), per key the order of values; and the file.
local function contents(data_dir)
  local all, order = {}, {}
  for _, topic in ipairs { "access.requests", "access.errors", "access.dlq", "access.paths",
    "access.visitors", "access.visits" } do
    local dump = output_of(string.format(
      "%s log dump --data-dir %s %s -f '%%k\\t%%v\\n' 2>/dev/null",
      quote(binary), quote(data_dir), topic))
    for line in dump:gmatch("[^\n]+") do
      all[#all + 1] = topic .. "\t" .. line
      local key = topic .. "\t" .. (line:match("^(.-)\t") or "")
      order[key] = (order[key] or "") .. line .. "\n"
    end
  end
  table.sort(all)
  local file = io.open(data_dir .. ".out", "rb")
  local written = file and file:read("a") or ""
  if file then file:close() end
  return { all = table.concat(all, "\n"), count = #all, order = order, file = written }
end

local function compare(what, got, expected)
  if got.all ~= expected.all then
    fail("%s: %d records, expected %d, or other records", what, got.count, expected.count)
  end
  for key, lines in pairs(expected.order) do
    if got.order[key] ~= lines then
      fail("%s: another order for %s", what, key)
    end
  end
  if got.file ~= expected.file then
    fail("%s: the file has %d bytes, expected %d, or other bytes", what, #got.file, #expected.file)
  end
end

-- What became of a run: "killed", or "ended" when it was over before.
local function run_and_kill(data_dir, after_us, fault)
  local _, _, code = os.execute(string.format("SINK=%s %s %s %d %s >/dev/null 2>%s",
    quote(data_dir .. ".out"), fault and "STREAMRT_FAULT=" .. fault or "", quote(kill_after),
    after_us, job(data_dir), log))
  if code == 0 or code == 12 then
    return "killed"
  elseif code == 10 then
    return "ended"
  end
  fail("the job ended with an error instead of being killed: %s", last_words())
end

local function run_alone(what, data_dir)
  local command = string.format("SINK=%s %s 2>%s", quote(data_dir .. ".out"), job(data_dir), log)
  if not os.execute(command) then
    fail("%s: the run that nobody disturbs failed: %s", what, last_words())
  end
end

local function fresh(data_dir)
  os.execute(string.format("rm -rf %s %s %s", quote(data_dir), quote(data_dir .. ".out"),
    quote(data_dir .. ".out.uncommitted")))
end

local function now_us() return tonumber((output_of("date +%s%N"))) // 1000 end

-- the oracle, and how long it takes
local reference_dir = scratch .. "/reference"
local began = now_us()
run_alone("reference", reference_dir)
local took_us = now_us() - began
local expected = contents(reference_dir)
if expected.count == 0 then
  fail("the undisturbed run left no records")
end

-- A kill that came too late is no kill: moments are drawn until there are as many as were asked
-- for, from a range that learns how long the job takes now.
local killed, rounds, latest_us = 0, 0, took_us * 8 // 10
local data_dir = scratch .. "/data"
while killed < kills do
  rounds = rounds + 1
  if rounds > 4 * kills then
    fail("only %d of %d kills came before the end of the job", killed, rounds)
  end
  fresh(data_dir)
  if run_and_kill(data_dir, math.random(0, latest_us)) == "killed" then
    killed = killed + 1
  else
    latest_us = latest_us * 9 // 10
  end
  if rounds % 4 == 0 then
    run_and_kill(data_dir, math.random(0, latest_us))
  end
  local what = "round " .. rounds
  run_alone(what, data_dir)
  compare(what, contents(data_dir), expected)
end

-- every fault point, on a fresh directory and on one that must be recovered first
local never_hit, points, fault_kills = {}, 0, 0
for line in io.lines(fault_def) do
  local name = line:match("^SRT_FAULT_POINT%(([%w_]+),")
  if name and name ~= "alloc" then -- a failed allocation is no crash
    local hit_any = false
    for _, start in ipairs { "fresh", "recovered" } do
      for _, hit in ipairs { 1, 3 } do
        fresh(data_dir)
        if start == "recovered" then
          run_and_kill(data_dir, took_us // 2)
        end
        if run_and_kill(data_dir, 60 * 1000000, name .. ":" .. hit .. ":kill") == "killed" then
          hit_any, fault_kills = true, fault_kills + 1
        end
        local what = name .. ":" .. hit .. " (" .. start .. ")"
        run_alone(what, data_dir)
        compare(what, contents(data_dir), expected)
      end
    end
    points = points + 1
    if not hit_any then
      never_hit[#never_hit + 1] = name
    end
  end
end

say("%d kills before the end of the job, in %d rounds; %d kills at %d of %d fault points; seed %d",
  killed, rounds, fault_kills, points - #never_hit, points, seed)
if #never_hit > 0 then
  say("fault points that this job does not pass: %s", table.concat(never_hit, " "))
end
os.execute("rm -rf " .. quote(scratch))
