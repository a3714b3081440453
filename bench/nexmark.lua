-- The Nexmark queries (pipelines/nexmark): thousand events that are read a CPU-second of the whole
-- process, with one worker, exactly once, log to log. The limit is what the Nexmark suite publishes
-- for Flink, in thousand events a second and core.

local h = require "harness"
local json = require "json"

local FLINK = { [0] = 378, 395, 414, 219, 34, 75, nil, 23, 162, 14, 133, 46, 194, 188, 259, 168, 45,
  161, 65, 63, 19, 147, 211 } -- q6 is none of Flink's
local PIPELINES = "pipelines/nexmark/"

-- A data directory with so many events; made once.
local function events(count)
  local data = string.format("%s/nexmark-%d.data", h.dir, count)
  if not os.rename(data, data) then
    h.shell("NEXMARK_EVENTS=%d '%s' run %s --data-dir '%s' --until-drained -q 2>/dev/null", count,
      h.binary, PIPELINES .. "topics.yaml " .. PIPELINES .. "events.yaml", data)
  end
  return data
end

local function rate(query, options)
  local name = "q" .. query
  local data = h.copy(events(options.records))
  if query == 13 then
    h.measure(h.run(PIPELINES .. "side_input.yaml", data, "--until-drained"))
  end
  h.warm()
  local result = h.measure(string.format("run %s %s --data-dir '%s' --until-drained %s",
    PIPELINES .. "topics.yaml", PIPELINES .. name .. ".yaml", data, "--set node.workers=1"))
  local counted = json.decode(result.last:match "^summary (.*)").pipelines["nexmark-" .. name]
  assert(counted["in"] > 0 and counted.out > 0, "nothing was read or written")
  return counted["in"] / result.cpu_s / 1000
end

local function row(query, options)
  local rates = {}
  for round = 1, options.rounds do
    rates[round] = rate(query, options)
  end
  local value, flink = h.median(rates), FLINK[query]
  return { name = "nexmark_q" .. query, value = h.round(value, 0), unit = "k events/cpu-s",
    ratio = flink and h.round(value / flink, 2), limit_value = flink }
end

-- All queries, or the one whose number stands in the name.
return function(options, name)
  local only = math.tointeger(tonumber(name:match "_q(%d+)$"))
  local rows = {}
  for query = only or 0, only or 22 do
    rows[#rows + 1] = row(query, options)
  end
  return rows
end
