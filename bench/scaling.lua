-- How much faster a Lua-bound pipeline is with two workers: by the wall clock, one and two in
-- turn, over a topic of 4 partitions. The ratio is the median of the pairs'; value is records a
-- second with two. The line is taken apart by a function of Lua: s.parse.combined is C, and leaves
-- so little to do that the store's thread wants its part of two processors.

local h = require "harness"

local template = [[
node: { workers: %d }
topics: { input: { partitions: 4 } }
pipelines:
  job:
    from: { topic: input, codec: text }
    steps:
      - map: |
          function(v)
            local fields = {}
            for word in v:gmatch("%%S+") do
              fields[#fields + 1] = word
            end
            local bytes = 0
            for i = 1, #v do
              bytes = bytes + v:byte(i)
            end
            return { ip = fields[1], path = fields[7], status = tonumber(fields[9]), sum = bytes }
          end
      - filter: v.status >= 500
      - to: { topic: out, codec: json }
]]

local function wall_s(workers, data, records)
  local config = h.dir .. "/scaling.yaml"
  h.write(config, string.format(template, workers))
  local copy = h.copy(data)
  h.warm()
  local result = h.measure(h.run(config, copy, "--until-drained"))
  assert(result.summary["in"] == records)
  return result.wall_s
end

return function(options)
  local records = options.records
  local data = h.preload(h.input("access", records), records, "{ partitions: 4 }")
  local ones, twos, ratios = {}, {}, {}
  for round = 1, options.rounds do
    ones[round] = wall_s(1, data, records)
    twos[round] = wall_s(2, data, records)
    ratios[round] = ones[round] / twos[round]
  end
  return { { name = "scaling", value = h.round(records / h.median(twos), 0), unit = "records/s",
    ratio = h.round(h.median(ratios), 2), limit_value = h.round(records / h.median(ones), 0) } }
end
