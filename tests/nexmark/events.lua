-- The events of pipelines/nexmark/nexmark.lua made in plain Lua, written into a data directory with
-- `topic produce` and into a database of sqlite3: neither has seen what the other made of them.
local sqlite = require "sqlite"
local t = require "scenario"

local M = {}

local APPENDED_MS = 32000 -- from the first chunk to the last, by the timestamps of their records
local TOPICS = { "nexmark.person", "nexmark.auction", "nexmark.bid" }

-- splitmix64, begun anew for each event: rng(), rng(n), rng(m, n).
local function rng_of(seed, n)
  local state = seed ~ n * 0x9e3779b97f4a7c15
  local function next_bits()
    state = state + 0x9e3779b97f4a7c15
    local z = (state ~ (state >> 30)) * 0xbf58476d1ce4e5b9
    z = (z ~ (z >> 27)) * 0x94d049bb133111eb
    return z ~ (z >> 31)
  end
  return function(m, n_or_nil)
    if not m then
      return (next_bits() >> 11) * 2.0 ^ -53
    end
    local low, high = n_or_nil and m or 1, n_or_nil or m
    return low + (next_bits() >> 1) % (high - low + 1)
  end
end

local function to_json(event)
  local parts = {}
  for name, value in pairs(event) do
    parts[#parts + 1] = string.format(math.type(value) and '"%s":%d' or '"%s":"%s"', name, value)
  end
  table.sort(parts)
  return "{" .. table.concat(parts, ",") .. "}"
end

local function generator(options)
  package.loaded.streamrt = {
    param = function(name, default)
      return options[name] or default
    end,
  }
  return dofile(t.root .. "/pipelines/nexmark/nexmark.lua").event
end

local function directory()
  return t.root .. "/tests/nexmark/sql/"
end

-- dir/d and dir/db. options: events, seed, partitions, rate, start_ms, shuffle, and chunks: so many
-- times `topic produce` is called for each topic.
function M.make(dir, options)
  t.write(dir .. "/topics.yaml", t.read(t.root .. "/pipelines/nexmark/topics.yaml"))
  t.must { "run", dir .. "/topics.yaml", "--data-dir", dir .. "/d", "--until-drained",
    env = { NEXMARK_PARTITIONS = options.partitions } }
  local event = generator(options)
  local raw = assert(io.open(dir .. "/raw", "wb"))
  local chunks = options.chunks
  local appended = os.time() * 1000 - APPENDED_MS
  for chunk = 1, chunks do
    local lines = {}
    for _, topic in ipairs(TOPICS) do
      lines[topic] = {}
    end
    local from, to = options.events * (chunk - 1) // chunks + 1, options.events * chunk // chunks
    for n = from, to do
      local value, key = event(n, rng_of(options.seed, n))
      local topic, text = "nexmark." .. value.type, to_json(value)
      table.insert(lines[topic], key .. "\t" .. text .. "\n")
      raw:write(topic, "\31", appended, "\31", text, "\n")
    end
    for _, topic in ipairs(TOPICS) do
      t.must { "topic", "produce", topic, "--data-dir", dir .. "/d", "--timestamp", appended, "-q",
        stdin = table.concat(lines[topic]) }
    end
    appended = appended + APPENDED_MS // chunks
  end
  raw:close()
  local database = dir .. "/db"
  sqlite.run(database, "CREATE TABLE raw (topic TEXT, appended INTEGER, value TEXT);\n")
  sqlite.import(database, dir .. "/raw", "raw")
  sqlite.run(database, t.read(directory() .. "tables.sql"))
end

-- The rows that a query must give, each as one canonical text.
function M.expected(dir, query)
  return sqlite.rows(dir .. "/db", t.read(directory() .. query .. ".sql"))
end

return M
