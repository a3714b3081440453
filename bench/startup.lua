-- From the start of the process to its line `ready`, with a data directory that does not exist
-- yet: the median and the longest of many starts, with and without a pipeline.

local h = require "harness"

local STARTS = 20

local configs = {
  startup_empty = "topics: { orders: {} }\n",
  startup_pipeline = [[
topics: { orders: {} }
pipelines:
  job: { from: orders, steps: [ { filter: v.total > 10 }, { to: out } ] }
]],
}

local function measure(name, text, rows)
  local config, data = h.dir .. "/startup.yaml", h.dir .. "/startup"
  h.write(config, text)
  local times = {}
  for i = 1, STARTS do
    h.shell("rm -rf '%s'", data)
    local result = h.measure(h.run(config, data), { flags = "--until ready" })
    times[i] = assert(result.until_s, "it did not become ready") * 1000
  end
  rows[#rows + 1] = { name = name, value = h.round(h.median(times), 1), unit = "ms" }
  rows[#rows + 1] = { name = name .. "_max", value = h.round(math.max(table.unpack(times)), 1),
    unit = "ms" }
end

return function()
  local rows = {}
  for _, name in ipairs { "startup_empty", "startup_pipeline" } do
    measure(name, configs[name], rows)
  end
  return rows
end
