-- Each script of attacks/ is the body of a `map` that runs on one record of three, beside a second,
-- healthy pipeline. It has to end within a second of its deadline, take no more memory than its cap
-- and 16 MiB, and cost only its own record; both pipelines go on.
--
-- A script says in its second line what the dead letter's reason contains; "passes" when nothing is
-- wrong with it, "either" when both ends are right. The first number of a name is a row of the
-- table in docs/reference/sandbox.md.
local t = require "scenario"

local CAP_MIB <const> = 32
local DEADLINE_S <const> = 0.1
local GRACE_S <const> = 1.0
local GRACE_KIB <const> = 16 * 1024
local HEALTHY <const> = 2000

local function config(body)
  return "version: 1\nlua: { memory: " .. CAP_MIB .. "MiB, deadline: 100ms }\npipelines:\n"
    .. "  bad:\n    from: { file: in.txt }\n    steps:\n      - map: |\n"
    .. "          if v ~= 2 then return v end\n          "
    .. body:gsub("\n", "\n          ") .. "\n      - to: bad.out\n"
    .. "  good:\n    from: { file: good.txt }\n"
    .. "    steps:\n      - map: v + 1\n      - to: good.out\n"
end

local good = {}
for i = 1, HEALTHY do good[i] = tostring(i) end
good = table.concat(good, "\n") .. "\n"

-- Seconds and KiB at most of one run, whose results must be right.
local function run(dir, body, dead)
  t.shell("mkdir -p " .. dir)
  t.write(dir .. "/c.yaml", config(body))
  t.write(dir .. "/in.txt", "1\n2\n3\n")
  t.write(dir .. "/good.txt", good)
  local command = "/usr/bin/time -o " .. dir .. "/used -f '%e %M' timeout -s KILL 30 "
    .. t.quote(t.binary) .. " run " .. dir .. "/c.yaml --data-dir " .. dir
    .. "/d --until-drained 2>" .. dir .. "/err"
  os.execute(command)
  local err = t.read(dir .. "/err")
  local used = t.read(dir .. "/used")
  local seconds, kib = used:match "([%d.]+) (%d+)%s*$"
  if used:find("non-zero", 1, true) or used:find("signal", 1, true) then
    error("it did not end by itself: " .. used .. err:sub(-2000), 0)
  end
  local counted = t.summary(err)
  t.equal(counted.bad["in"], 3, "records of the attacked pipeline")
  t.equal(counted.good.out, HEALTHY, "records of the healthy pipeline")
  if dead ~= nil then
    t.equal(counted.bad.dead, dead, "dead letters")
    t.equal(counted.bad.out, 3 - dead, "records that came through")
  end
  return tonumber(seconds), tonumber(kib), dir .. "/d"
end

local function reason(data_dir)
  local r = t.run { "log", "dump", "bad.dlq", "--data-dir", data_dir }
  t.equal(r.code, 0, r.err)
  for _, header in ipairs(t.json.decode(t.lines(r.out)[1]).headers) do
    if header[1] == "streamrt-dlq-error" then
      return header[2]
    end
  end
  error "the dead letter has no reason"
end

local idle_s, idle_kib
t.case("without an attack everything comes through", function(dir)
  idle_s, idle_kib = run(dir .. "/a", "return v", 0)
end)

local slowest_s, largest_kib = 0, 0
local folder = os.getenv "STREAMRT_ROOT" .. "/tests/sandbox/attacks"
local listing <close> = assert(io.popen("LC_ALL=C ls " .. t.quote(folder)))
for file in listing:lines() do
  local name, expected, body =
    t.read(folder .. "/" .. file):match "^%-%- attack: ([^\n]+)\n%-%- expect: ([^\n]+)\n(.+)\n$"
  assert(body, file .. " does not begin with its name and what is expected")
  t.case(name, function(dir)
    if not idle_s then
      idle_s, idle_kib = run(dir .. "/idle", "return v", 0)
    end
    local dead = 1
    if expected == "passes" then dead = 0 end
    if expected == "either" then dead = nil end
    local seconds, kib, data_dir = run(dir .. "/a", body, dead)
    local over_s, over_kib = seconds - idle_s - DEADLINE_S, kib - idle_kib - CAP_MIB * 1024
    slowest_s = math.max(slowest_s, over_s)
    largest_kib = math.max(largest_kib, over_kib)
    if over_s > GRACE_S then
      error(string.format("it took %.2f s longer than its deadline", over_s), 0)
    end
    if over_kib > GRACE_KIB then
      error(string.format("it took %d KiB more than its cap", over_kib), 0)
    end
    if dead == 1 then
      local said = reason(data_dir)
      t.contains(said, expected)
    end
  end)
end

print(string.format("at most %.2f s past the deadline; %d KiB past the cap", slowest_s,
  largest_kib))
t.finish()
