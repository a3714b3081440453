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

local function chunk_path(dir, topic, chunk)
  return string.format("%s/%s.%d", dir, topic, chunk)
end

-- The lines of one chunk of events, for each topic, and for the database.
local function write_chunk(dir, chunk, options, raw)
  local event, lines = generator(options), {}
  for _, topic in ipairs(TOPICS) do
    lines[topic] = {}
  end
  local from = options.events * (chunk - 1) // options.chunks + 1
  for n = from, options.events * chunk // options.chunks do
    local value, key = event(n, rng_of(options.seed, n))
    local topic, text = "nexmark." .. value.type, to_json(value)
    table.insert(lines[topic], key .. "\t" .. text .. "\n")
    raw:write(topic, "\31", options.appended[chunk], "\31", text, "\n")
  end
  for _, topic in ipairs(TOPICS) do
    t.write(chunk_path(dir, topic, chunk), table.concat(lines[topic]))
  end
end

-- Files in dir for append(), and dir/db. options: events, seed, rate, start_ms, shuffle; chunks: in
-- so many parts they are appended.
function M.make(dir, options)
  options.appended = {}
  for chunk = 1, options.chunks do
    options.appended[chunk] = os.time() * 1000 - APPENDED_MS + APPENDED_MS * chunk // options.chunks
  end
  local raw = assert(io.open(dir .. "/raw", "wb"))
  for chunk = 1, options.chunks do
    write_chunk(dir, chunk, options, raw)
  end
  raw:close()
  local database = dir .. "/db"
  sqlite.run(database, "CREATE TABLE raw (topic TEXT, appended INTEGER, value TEXT);\n")
  sqlite.import(database, dir .. "/raw", "raw")
  sqlite.run(database, t.read(directory() .. "tables.sql"))
end

-- A data directory with the topics and nothing in them.
function M.create_topics(data, partitions)
  t.must { "run", t.root .. "/pipelines/nexmark/topics.yaml", "--data-dir", data,
    "--until-drained", env = { NEXMARK_PARTITIONS = partitions } }
end

function M.append(dir, data, chunk, options)
  for _, topic in ipairs(TOPICS) do
    t.must { "topic", "produce", topic, "--data-dir", data, "--timestamp",
      options.appended[chunk], "-q", stdin_file = chunk_path(dir, topic, chunk) }
  end
end

-- The rows that a query must give, each as one canonical text.
function M.expected(dir, query)
  return sqlite.rows(dir .. "/db", t.read(directory() .. query .. ".sql"))
end

return M
