-- What a script that runs to its deadline with every record does to the records of another
-- pipeline: the same time as in latency.lua, from append to a reader of the target at 1,000 records
-- a second.
-- It is measured three times in turns: alone; beside a process that keeps a processor busy and has
-- nothing to do with streamrt; beside the attack, which also keeps one busy. What the second costs
-- is the machine's, what the third costs more than the second is ours.

local h = require "harness"

local RATE, SECONDS, WARM_UP_SECONDS = 1000, 15, 3

local config = [[
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

local attack = [[
  attack:
    from: { generate: "function(n) return n end" }
    steps: [ { peek: while true do end }, { to: nothing } ]
]]

-- An attack that did not take place would prove little.
local LETTERS_MIN = 5 * SECONDS

local function check_attack(data)
  local letters = h.output("'%s' log dump attack.dlq --data-dir '%s' -f '%%o\\n' | wc -l", h.binary,
    data)
  assert(tonumber(letters) >= LETTERS_MIN, "the attack did not run")
end

local function measure(name, text)
  local path, data = h.dir .. "/neighbour.yaml", h.dir .. "/neighbour"
  h.shell("rm -rf '%s'", data)
  h.write(path, text)
  local result = h.latency(RATE, SECONDS, WARM_UP_SECONDS, h.run(path, data))
  assert(result.lost == 0, "records did not come back")
  h.log("%s: %d records, p50 %.2f ms, p99 %.2f ms, p99.9 %.2f ms, longest %.1f ms", name,
    result.count, result.p50_ms, result.p99_ms, result.p99_9_ms, result.max_ms)
  return result
end

local function beside_busy_process(fn, ...)
  local pid = h.output "( while :; do :; done ) >/dev/null 2>&1 & echo $!":match "%d+"
  local ok, result = pcall(fn, ...)
  h.shell("kill %s", pid)
  return ok and result or error(result, 0)
end

local function row(name, results, share, beside)
  local function median_of(list)
    local values = {}
    for i, result in ipairs(list) do values[i] = result[share .. "_ms"] end
    return h.median(values)
  end
  local value = median_of(results)
  local limit = beside and median_of(beside)
  return { name = string.format("neighbour_%s_%s", name, share), value = h.round(value, 2),
    unit = "ms", ratio = limit and h.round(value / limit, 2),
    limit_value = limit and h.round(limit, 2) }
end

return function(options)
  local alone, busy, attacked = {}, {}, {}
  for round = 1, options.rounds do
    alone[round] = measure("alone", config)
    busy[round] = beside_busy_process(measure, "beside a busy process", config)
    attacked[round] = measure("beside an attack", config .. attack)
    check_attack(h.dir .. "/neighbour")
  end
  return {
    row("alone", alone, "p50"), row("alone", alone, "p99"),
    row("busy", busy, "p50"), row("busy", busy, "p99"),
    row("attacked", attacked, "p50", busy), row("attacked", attacked, "p99", busy),
  }
end
