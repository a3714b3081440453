-- Resident memory of a process under a steady load, sampled every second: at the end of minute 10
-- beside the end of minute 1, and the highest of all. `steady_short` takes one minute, with its end
-- beside second 20. Each end is the mean of 10 seconds.

local h = require "harness"

local WINDOW_S = 10

local config = [[
topics:
  output: { segment_bytes: 16MiB, retention_bytes: 64MiB }
pipelines:
  steady:
    from:
      generate: |
        function(n)
          return { id = n, status = n % 2 == 0 and "paid" or "open", qty = n % 9, price = 1.25,
            pad = ("x"):rep(120) }
        end
      rate: 20000
    steps: [ { filter: v.status == "paid" }, { update: v.total = v.qty * v.price }, { to: output } ]
]]

local function rss_kib(pid)
  local file = assert(io.open("/proc/" .. pid .. "/status"), "the process has ended")
  local text = file:read "a"
  file:close()
  return tonumber(text:match "VmRSS:%s*(%d+)")
end

local function mean(samples, from, to)
  local sum = 0
  for i = from, to do
    sum = sum + samples[i]
  end
  return sum / (to - from + 1)
end

return function(_, name)
  local first_end_s = name == "steady" and 60 or 20
  local total_s = name == "steady" and 600 or 60
  local path = h.dir .. "/steady.yaml"
  h.write(path, config)
  local process = assert(io.popen(string.format(
    "'%s' run '%s' --data-dir '%s/steady' 2>&1 >/dev/null & echo $!; wait", h.binary, path, h.dir)))
  local pid = process:read "l"
  repeat
    local line = assert(process:read "l", "it ended before it was ready")
  until line:find "^ready"
  local samples = {}
  for i = 1, total_s do
    h.shell "sleep 1"
    samples[i] = rss_kib(pid)
  end
  h.shell("kill -TERM %s", pid)
  assert(process:read "a":find '"dead":0}', "records failed")
  process:close()
  local first = mean(samples, first_end_s - WINDOW_S + 1, first_end_s)
  local last = mean(samples, total_s - WINDOW_S + 1, total_s)
  return {
    { name = name, value = h.round(last / 1024, 1), unit = "MiB", ratio = h.round(last / first, 3),
      limit_value = h.round(first / 1024, 1) },
    { name = name .. "_peak", value = h.round(math.max(table.unpack(samples)) / 1024, 1),
      unit = "MiB" },
  }
end
