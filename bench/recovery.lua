-- From the start to the line `ready` with a log of 1 GiB: after a clean stop, and after kill -9 in
-- the middle of appending to it as fast as it goes. The files are in the page cache.

local h = require "harness"

local RECORDS = 5000000 -- of about 215 bytes each in a segment
local KILLS = 3
local APPEND_S = 2 -- before the kill

local idle = "topics: { input: {} }\n"
local busy = [[
topics: { input: {} }
pipelines:
  append: { from: { generate: "{ id = v, text = ('x'):rep(150) }" }, steps: [ { to: input } ] }
]]

local function ready_ms(config, data)
  local result = h.measure(h.run(config, data), { flags = "--until ready" })
  return assert(result.until_s, "it did not become ready") * 1000
end

local function kill_while_appending(config, data)
  h.shell([['%s' run '%s' --data-dir '%s' 2>/dev/null & pid=$!; sleep %d; kill -KILL $pid
    wait $pid 2>/dev/null; true]], h.binary, config, data, APPEND_S)
end

return function()
  local data = h.preload(h.input("order", RECORDS), RECORDS, "{}")
  local idle_config, busy_config = h.dir .. "/idle.yaml", h.dir .. "/busy.yaml"
  h.write(idle_config, idle)
  h.write(busy_config, busy)
  local clean, killed = {}, {}
  for i = 1, KILLS do
    clean[i] = ready_ms(idle_config, data)
  end
  for i = 1, KILLS do
    kill_while_appending(busy_config, data)
    killed[i] = ready_ms(idle_config, data)
  end
  return {
    { name = "recovery_clean", value = h.round(math.max(table.unpack(clean)), 0), unit = "ms" },
    { name = "recovery_killed", value = h.round(math.max(table.unpack(killed)), 0), unit = "ms" },
  }
end
