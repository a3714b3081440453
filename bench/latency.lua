-- How long a record takes from its append to a reader of the target, at a steady rate: through a
-- running streamrt with all defaults, once with `durability: sync` and once with `os`. Lines come
-- in on standard input into a topic, a pipeline filters and changes them into a second one, and
-- what reads that one says at once which record it sees. latency.c sends, and has the clock.

local h = require "harness"

local RATE, SECONDS, WARM_UP_SECONDS = 1000, 30, 3

local config = [[
node: { durability: %s }
topics: { input: {}, target: {} }
pipelines:
  feed: { from: { stdin: {} }, steps: [ { to: input } ] }
  work:
    from: input
    steps: [ { filter: v.status == "paid" }, { update: v.total = v.qty * v.price }, { to: target } ]
  reader:
    from: target
    steps: [ { peek: s.log.info(v.id) }, { filter: v.never }, { to: nothing } ]
]]

local function measure(durability, name, rows)
  local path, data = h.dir .. "/latency.yaml", h.dir .. "/latency"
  h.shell("rm -rf '%s'", data)
  h.write(path, config:format(durability))
  local result = h.latency(RATE, SECONDS, WARM_UP_SECONDS, h.run(path, data))
  assert(result.lost == 0, "records did not come back")
  for _, share in ipairs { "p50", "p99", "p99_9" } do
    rows[#rows + 1] = { name = string.format("latency_%s_%s", name, share),
      value = h.round(result[share .. "_ms"], 2), unit = "ms" }
  end
  h.log("%s: %d records, longest %.1f ms, sent up to %.1f ms late", name, result.count,
    result.max_ms, result.late_ms)
end

return function()
  local rows = {}
  measure("sync", "durable", rows)
  measure("os", "os", rows)
  return rows
end
