-- What all benchmarks need: programs, files of input, a place to work in, and medians.

local M = {}

package.path = "tests/scenario/lib/?.lua;" .. package.path
local json = require "json"

local build = assert(os.getenv "STREAMRT_BUILD", "use bench/run, which sets STREAMRT_BUILD")
M.binary = build .. "/streamrt"

function M.log(...)
  io.stderr:write(string.format(...), "\n")
end

function M.shell(...)
  local command = string.format(...)
  if not os.execute(command) then
    error("failed: " .. command, 2)
  end
end

function M.output(...)
  local command = string.format(...)
  local pipe = assert(io.popen(command, "r"))
  local text = pipe:read "a"
  if not pipe:close() then
    error("failed: " .. command, 2)
  end
  return text
end

function M.write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  assert(file:close())
end

-- --- a place ---

function M.open()
  M.dir = M.output 'mktemp -d "${TMPDIR:-/tmp}/streamrt-bench.XXXXXX"':match "[^\n]+"
end

function M.close()
  M.shell("rm -rf '%s'", M.dir)
end

-- The path of a file with so many records, made when it is missing.
function M.input(kind, count)
  local path = string.format("%s/%s-%d", M.dir, kind, count)
  local file = io.open(path, "rb")
  if file then
    file:close()
  else
    M.shell("'%s/bench/bench_generate' %s %d >'%s'", build, kind, count, path)
  end
  return path
end

-- --- programs ---

-- Run streamrt through bench_measure; what that prints, with `summary` of the only pipeline. It
-- must end well, unless options.may_fail.
function M.measure(args, options)
  options = options or {}
  local text = M.output("'%s/bench/bench_measure' %s -- '%s' %s", build, options.flags or "",
    M.binary, args)
  local result = json.decode(text)
  if result.exit ~= 0 and not options.may_fail then
    error(string.format("streamrt %s: exit %d: %s", args, result.exit, result.last))
  end
  local summary = result.last:match "^summary (.*)"
  if summary then
    local _
    _, result.summary = next(json.decode(summary).pipelines)
  end
  return result
end

function M.run(config, data, more)
  return string.format("run '%s' --data-dir '%s' %s", config, data, more or "")
end

function M.limit(job, input)
  return json.decode(M.output("'%s/bench/bench_limit' %s '%s' '%s/limit.out'", build, job, input,
    M.dir))
end

-- Send records through streamrt at a rate and time each of them: what bench_latency prints. What
-- streamrt says is thrown away.
function M.latency(rate, seconds, warm_up_seconds, args)
  return json.decode(M.output("'%s/bench/bench_latency' %d %d %d -- '%s' %s 2>/dev/null", build,
    rate, seconds, warm_up_seconds, M.binary, args))
end

-- A data directory with the records of a file in topic `input`; made once.
function M.preload(input, count, topic_options)
  local data = string.format("%s.%s.data", input, topic_options:gsub("%W+", "-"))
  if os.rename(data, data) then
    return data
  end
  M.write(M.dir .. "/preload.yaml", string.format([[
topics: { input: %s }
pipelines:
  preload: { from: { file: %s, codec: text }, steps: [ { to: input } ] }
]], topic_options, input))
  local result = M.measure(M.run(M.dir .. "/preload.yaml", data, "--until-drained"))
  assert(result.summary.out == count, "not all records were loaded")
  return data
end

-- Free memory that was used before: on a virtual machine the first touch of a page can cost more
-- than all that is done with it.
local WARM_MIB = 1000

function M.warm()
  M.shell("head -c %dM /dev/zero >'%s/warm' && rm '%s/warm'", WARM_MIB, M.dir, M.dir)
end

-- A copy to work on, with nothing left to write back.
function M.copy(data)
  local copy = M.dir .. "/data"
  M.shell("rm -rf '%s' && cp -a '%s' '%s' && sync '%s'/topics/*/* '%s'/journal/*", copy, data, copy,
    copy, copy)
  return copy
end

-- --- numbers ---

function M.median(list)
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted)
  local n = #sorted
  return n % 2 == 1 and sorted[n // 2 + 1] or (sorted[n // 2] + sorted[n // 2 + 1]) / 2
end

function M.round(number, digits)
  return tonumber(string.format("%." .. digits .. "f", number))
end

return M
