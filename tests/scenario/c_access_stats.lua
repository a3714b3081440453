-- Windows and sessions over an access log, row by row against sqlite3. With STREAMRT_ACCESS_LOG
-- naming another log it is judged by that one.
local access_log = require "access_log"
local kill = require "kill"
local sqlite = require "sqlite"
local t = require "scenario"

local config = t.root .. "/examples/access-log-stats/streamrt.yaml"
local sample = os.getenv "STREAMRT_ACCESS_LOG" or t.root .. "/examples/access-log/sample.log"

local TABLE = [[
CREATE TABLE request (ts INTEGER, ip TEXT, path TEXT, status INTEGER, bytes INTEGER);
]]

-- The quantile is sorted[min(floor(p * n), n - 1)].
local queries = {
  ["access.paths"] = [[
WITH placed AS (
  SELECT *, row_number() OVER one - 1 AS place,
    count(bytes) OVER (PARTITION BY path, ts / 3600000) AS n
  FROM request WINDOW one AS (PARTITION BY path, ts / 3600000 ORDER BY bytes NULLS LAST))
SELECT json_object('path', path, 'requests', count(*),
  'errors', count(*) FILTER (WHERE status >= 400), 'bytes', coalesce(sum(bytes), 0),
  'p95_bytes', max(bytes) FILTER (WHERE place = min(CAST(0.95 * n AS INTEGER), n - 1)),
  'window_start', ts / 3600000 * 3600000, 'window_end', ts / 3600000 * 3600000 + 3600000)
FROM placed GROUP BY path, ts / 3600000;]],
  ["access.visitors"] = [[
SELECT json_object('requests', count(*), 'clients', count(DISTINCT ip),
  'window_start', ts / 3600000 * 3600000, 'window_end', ts / 3600000 * 3600000 + 3600000)
FROM request GROUP BY ts / 3600000;]],
  ["access.visits"] = [[
WITH begun AS (
  SELECT ip, ts, coalesce(ts - lag(ts) OVER (PARTITION BY ip ORDER BY ts) > 1800000, 1) AS first
  FROM request),
numbered AS (
  SELECT ip, ts, sum(first) OVER (PARTITION BY ip ORDER BY ts RANGE UNBOUNDED PRECEDING) AS visit
  FROM begun)
SELECT json_object('ip', ip, 'requests', count(*), 'window_start', min(ts),
  'window_end', max(ts) + 1)
FROM numbered GROUP BY ip, visit;]],
}

local function database(dir)
  local path = dir .. "/db"
  local rows = assert(io.open(dir .. "/rows", "wb"))
  for line in io.lines(sample) do
    local rec = access_log.parse(line)
    if rec then
      rows:write(table.concat({ rec.ts, rec.ip, rec.path, rec.status,
        rec.bytes == t.json.null and "" or rec.bytes }, "\31"), "\n")
    end
  end
  rows:close()
  sqlite.run(path, TABLE)
  sqlite.import(path, dir .. "/rows", "request")
  sqlite.run(path, "UPDATE request SET bytes = NULL WHERE bytes = '';\n")
  return path
end

local expected -- by topic

local function compare(dir)
  if not expected then
    expected = {}
    local path = database(dir)
    for topic, query in pairs(queries) do
      expected[topic] = sqlite.rows(path, query)
    end
  end
  for topic, rows in pairs(expected) do
    local found = {}
    for i, rec in ipairs(t.dump(dir .. "/d", topic)) do
      found[i] = t.json.canonical(rec.value)
    end
    t.same_multiset(found, rows, topic)
  end
end

local function arguments(dir, workers, partitions)
  return { "run", config, "--data-dir", dir .. "/d", "--until-drained", "--set",
    "node.workers=" .. workers, env = { ACCESS_LOG = sample, ACCESS_PARTITIONS = partitions } }
end

local function case_of(workers, partitions)
  local title = string.format("%d workers, %d partitions: as in sqlite3", workers, partitions)
  t.case(title, function(dir)
    local args = arguments(dir, workers, partitions)
    local r = t.run(args)
    t.equal(r.code, 0, r.err)
    for pipeline, counted in pairs(t.summary(r.err)) do
      t.equal(counted.late, 0, "late in " .. pipeline)
    end
    compare(dir)
    t.must(args)
    compare(dir) -- a second run adds nothing
  end)
end

local function case_of_kills(wanted, seed)
  math.randomseed(seed)
  t.case(string.format("%d kills change nothing; seed %d", wanted, seed), function(dir)
    local args, kills, killed, rounds = arguments(dir, 2, 3), kill.new(), 0, 0
    kills:measure(function() t.must(args) end)
    while killed < wanted do
      rounds = rounds + 1
      t.equal(rounds <= 4 * wanted, true, "most kills come before the end")
      t.shell("rm -rf " .. t.quote(dir .. "/d"))
      killed = killed + kills:some(args, dir)
      t.must(args)
      compare(dir)
    end
  end)
end

case_of(1, 3)
case_of(2, 1)
case_of(4, 8)
case_of_kills(os.getenv "STREAMRT_TEST_LONG" and 200 or 10,
  math.tointeger(tonumber(os.getenv "STREAMRT_TEST_SEED" or 1)))

-- The other computation is itself held against plain counting.
t.case("what sqlite3 counts are the lines of the log", function(dir)
  local path = database(dir)
  local lines = 0
  for line in io.lines(sample) do
    lines = lines + (access_log.parse(line) and 1 or 0)
  end
  for topic, query in pairs(queries) do
    local sum = 0
    for _, row in ipairs(t.lines(sqlite.run(path, query))) do
      sum = sum + t.json.decode(row).requests
    end
    t.equal(sum, lines, topic)
  end
end)

t.finish()
