-- Records per CPU-second of the whole process, log to log through the journal with one worker and
-- the default durability; and the ratio to the bare loop of bench_limit, measured right before it.

local h = require "harness"

local function config(job, input)
  local path = h.dir .. "/" .. job.name .. ".yaml"
  h.write(path, string.format([[
node: { workers: 1 }
topics: { input: {} }
pipelines:
  job:
    parallelism: %s
    from: { %s, codec: %s%s }
    steps: [ %s ]
]], job.parallelism or "auto", job.file and "file: " .. input or "topic: input",
    job.codec or "json", job.from or "", job.steps))
  return path
end

local function measure_once(job, input, records)
  local data
  if job.file then
    data = h.dir .. "/data"
    h.shell("rm -rf '%s'", data)
  else
    data = h.copy(h.preload(input, records, "{}"))
  end
  h.warm()
  local limit = h.limit(job.limit, input)
  h.warm()
  local result = h.measure(h.run(config(job, input), data, "--until-drained"))
  local summary = assert(result.summary, "there is no summary")
  if summary["in"] ~= records or summary.out ~= limit.out then
    error(string.format("'%s': %s; the limit program read %d and wrote %d records", job.name,
      result.last, limit["in"], limit.out))
  end
  return records / result.cpu_s, records / limit.cpu_s
end

return function(job, options)
  local input = h.input(job.input or "order", options.records)
  local values, limits, ratios = {}, {}, {}
  for round = 1, options.rounds do
    local value, limit = measure_once(job, input, options.records)
    values[round], limits[round], ratios[round] = value, limit, value / limit
  end
  return { name = job.name, value = h.round(h.median(values), 0), unit = "records/cpu-s",
    ratio = h.round(h.median(ratios), 3), limit_value = h.round(h.median(limits), 0) }
end
