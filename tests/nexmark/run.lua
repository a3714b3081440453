-- run.lua [OPTION VALUE]... [QUERY]...: the Nexmark queries on the real binary against SQL.
--
-- Events from a seed are made once. Each query runs over a copy of them until it is drained, and
-- what is in its topic must be, as a multiset, what sqlite3 makes of the same events with
-- tests/nexmark/sql/QUERY.sql. With --kills, runs are killed at random moments and started again,
-- one query after the other, until there were so many kills.
--
--   --events N      20000      --seed N        1, or STREAMRT_TEST_SEED
--   --workers N     1          --partitions N  3, of the events' topics
--   --shuffle N     1: so many events are out of order among themselves
--   --chunks N      8: so many times events are appended to the topics
--   --commit T      100ms      --commit-bytes S  32MiB
--   --parts 1       run it after each chunk, with --keep-open and 1 to 4 workers
--   --kills N       0; 500 with STREAMRT_TEST_LONG unless it is 0
--   --start-ms N    event time of the first event; --rate N: events in a second of it

local seed = math.tointeger(tonumber(os.getenv "STREAMRT_TEST_SEED" or 1))
local options = { events = 20000, seed = seed, workers = 1, partitions = 3,
  shuffle = 1, chunks = 8, commit = "100ms", commit_bytes = "32MiB", kills = 0, parts = 0,
  start_ms = 1436946900000, rate = 50 }
local chosen = {}
while arg[1] do -- what is left of them scenario.lua would take for the name of a case
  local word = table.remove(arg, 1)
  local name = word:match "^%-%-(.+)$"
  if name then
    local field, value = name:gsub("-", "_"), table.remove(arg, 1)
    assert(options[field], "no such option: " .. word)
    options[field] = type(options[field]) == "string" and value or math.tointeger(tonumber(value))
  else
    chosen[word] = true
  end
end

if options.kills > 0 and os.getenv "STREAMRT_TEST_LONG" then
  options.kills = 500
end

package.path = arg[0]:match "^(.*)/" .. "/?.lua;" .. package.path
local t = require "scenario"
local queries = require "queries"
local events = require "events"
local kill = require "kill"

math.randomseed(options.seed)

local DIFFERENCES = 5 -- so many are shown of each kind

local pipelines = t.root .. "/pipelines/nexmark/"

local function wanted(query)
  return not next(chosen) or chosen[query.name]
end

-- --- comparing ---

local function rows_of(dir, query)
  local list, place = {}, {}
  for _, line in ipairs(t.lines(t.must { "log", "dump", "nexmark." .. query.name, "--data-dir", dir,
    "-f", "%v\\n" })) do
    local row = t.json.decode(line)
    local at = #list + 1
    if query.latest then
      local key = {}
      for i, name in ipairs(query.latest) do
        key[i] = tostring(row[name])
      end
      key = table.concat(key, " ")
      at = place[key] or at
      place[key] = at
    end
    list[at] = t.json.canonical(row)
  end
  return list
end

local function show(lines, mark, row, count)
  if count > 0 and #lines < DIFFERENCES then
    lines[#lines + 1] = string.format("%s %s%s", mark, row, count > 1 and " x" .. count or "")
  end
end

local function compare(found, expected)
  local count = {}
  for _, row in ipairs(expected) do
    count[row] = (count[row] or 0) + 1
  end
  for _, row in ipairs(found) do
    count[row] = (count[row] or 0) - 1
  end
  local different = {}
  for row, n in pairs(count) do
    if n ~= 0 then
      different[#different + 1] = row
    end
  end
  if #different == 0 then
    return
  end
  table.sort(different)
  local missing, surplus = {}, {}
  for _, row in ipairs(different) do
    show(missing, "-", row, count[row])
    show(surplus, "+", row, -count[row])
  end
  error(string.format("%d rows, expected %d; %d differ (- missing, + not expected; seed %d):\n%s",
    #found, #expected, #different, options.seed,
    table.concat(missing, "\n") .. "\n" .. table.concat(surplus, "\n")), 0)
end

-- --- running ---

-- q3.lua is run by a configuration that names it.
local function config_of(dir, query, form)
  if form:find "%.yaml$" then
    return pipelines .. form
  end
  local path = dir .. "/" .. form .. ".yaml"
  t.write(path, string.format("lua: { path: [ %s ] }\npipelines: { nexmark-%s: { script: %s } }\n",
    pipelines, query.name, pipelines .. form))
  return path
end

local function arguments(dir, query, form, workers)
  local args = { "run", pipelines .. "topics.yaml", config_of(dir, query, form) }
  args[#args + 1] = query.more and pipelines .. query.more
  for _, word in ipairs { "--data-dir", dir .. "/d", "--until-drained", "--set",
    "node.workers=" .. (workers or options.workers), "--set",
    string.format("pipelines.nexmark-%s.commit_interval=%s", query.name, options.commit), "--set",
    string.format("pipelines.nexmark-%s.commit_bytes=%s", query.name, options.commit_bytes) } do
    args[#args + 1] = word
  end
  args.env = { NEXMARK_PARTITIONS = options.partitions }
  return args
end

local base, expected = nil, {}

local function fresh(dir)
  local from, to = t.quote(base .. "/d"), t.quote(dir .. "/d")
  t.shell(string.format("rm -rf %s && cp -r %s %s", to, from, to))
end

local function check(dir, query)
  expected[query.name] = expected[query.name] or events.expected(base, query.name)
  compare(rows_of(dir .. "/d", query), expected[query.name])
end

local function run_alone(dir, query, form)
  local r = t.run(arguments(dir, query, form))
  t.equal(r.code, 0, r.err)
  local counted = t.summary(r.err)["nexmark-" .. query.name]
  t.equal(counted.dead, 0, "dead letters")
  t.equal(counted.late, 0, "late")
end

local kills_of = {} -- by query

-- Kill it, and let it end. How often it was killed.
local function kill_and_finish(dir, query)
  local form = query.name .. ".yaml"
  kills_of[query.name] = kills_of[query.name] or kill.new()
  local kills = kills_of[query.name]
  fresh(dir)
  if kills:measure(function() run_alone(dir, query, form) end) then
    fresh(dir)
  end
  local killed = kills:some(arguments(dir, query, form), dir)
  run_alone(dir, query, form)
  check(dir, query)
  return killed
end

-- Run it after each chunk of events, with other numbers of workers, and leave open what is open.
local function run_in_parts(dir, query, form)
  events.create_topics(dir .. "/d", options.partitions)
  for chunk = 1, options.chunks do
    events.append(base, dir .. "/d", chunk, options)
    local args = arguments(dir, query, form, chunk % 4 + 1)
    args[#args + 1] = chunk < options.chunks and "--keep-open" or nil
    local r = t.run(args)
    t.equal(r.code, 0, r.err)
    local counted = t.summary(r.err)["nexmark-" .. query.name]
    t.equal(counted.dead + counted.late, 0, "dead and late after chunk " .. chunk)
  end
end

-- --- cases ---

local function title(query, form)
  return string.format("%s: %d events, %d workers, %d partitions%s", form or query.name,
    options.events, options.workers, options.partitions,
    options.shuffle > 1 and ", out of order" or "")
end

local function possible()
  local list = {}
  for _, query in ipairs(queries) do
    if not query.refused and wanted(query) then
      list[#list + 1] = query
    end
  end
  return list
end

local function cases_of_queries()
  for _, query in ipairs(possible()) do
    for _, form in ipairs { query.name .. ".yaml", table.unpack(query.forms or {}) } do
      t.case(title(query, form), function(dir)
        if options.parts > 0 then
          run_in_parts(dir, query, form)
        else
          fresh(dir)
          run_alone(dir, query, form)
        end
        check(dir, query)
      end)
    end
  end
  for _, query in ipairs(queries) do
    if query.refused and wanted(query) then
      t.case(query.name .. " is refused by name", function()
        local r = t.run { "check", pipelines .. "topics.yaml", pipelines .. query.name .. ".yaml" }
        t.equal(r.code, 1, "it is no longer refused; its line in queries.lua can go")
        t.contains(r.err .. r.out, "error[E090]: " .. query.refused)
      end)
    end
  end
end

local function cases_of_kills()
  t.case(string.format("%d kills; seed %d", options.kills, options.seed), function(dir)
    local list, killed, rounds = possible(), 0, 0
    while killed < options.kills do
      if rounds >= 4 * options.kills + #list then
        error(string.format("only %d of %d kills came before the end", killed, rounds), 0)
      end
      local query = list[rounds % #list + 1]
      rounds = rounds + 1
      local ok, message = pcall(kill_and_finish, dir, query)
      if not ok then
        error(string.format("round %d, %s: %s", rounds, query.name, message), 0)
      end
      killed = killed + message
    end
  end)
end

t.case(string.format("%d events from seed %d", options.events, options.seed), function(dir)
  base = dir .. ".base" -- for all cases
  t.shell("mkdir " .. t.quote(base))
  events.make(base, options)
  events.create_topics(base .. "/d", options.partitions)
  for chunk = 1, options.chunks do
    events.append(base, base .. "/d", chunk, options)
  end
end)
if base then
  (options.kills > 0 and cases_of_kills or cases_of_queries)()
  t.shell("rm -rf " .. t.quote(base))
end
t.finish()
