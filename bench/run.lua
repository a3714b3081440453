-- bench/run without the building: reads the options, runs what was asked for, prints a table or
-- JSON.
package.path = "bench/?.lua;" .. package.path

local usage = [[
usage: bench/run [-o json] [--records N] [--rounds N] [NAME...]

Throughput, in records per CPU-second of the whole process, beside the bare loop that does the same
(bench/limit.c) in the same run; the median of the rounds. All of these without a NAME:

  %s

Others, which run only when they are named:

  scaling       two workers' throughput to one's, 4 partitions, wall clock
  startup       from the start to the line `ready` with an empty data directory
  recovery      the same with a log of 1 GiB, after a clean stop and after kill -9
  latency       from append to a reader of the target, 1000 records/s, durable and os
  neighbour     the same beside a script that runs to its deadline, and beside a busy process
  steady        resident memory after 10 minutes of a steady run to that after one
  steady_short  the same in 1 minute: its end to second 20
  nexmark       the Nexmark queries, beside what is published for Flink
  nexmark_q0    one of them: nexmark_q0 to nexmark_q22

  -o json       [{name, value, unit, ratio, limit_value}] instead of a table
  --records N   size of the input; 2000000 without it
  --rounds N    alternations of streamrt and the limit; 3 without it
]]

local jobs = require "jobs"
local others = {
  scaling = true, startup = true, recovery = true, latency = true, neighbour = true,
  steady = true, steady_short = true, nexmark = true,
}
for query = 0, 22 do
  others["nexmark_q" .. query] = true
end

local function names_of_jobs()
  local names = {}
  for i, job in ipairs(jobs) do
    names[i] = job.name
  end
  return table.concat(names, "\n  ")
end

local function fail(text)
  io.stderr:write("bench/run: ", text, "; see bench/run --help\n")
  os.exit(2)
end

local function parse(args)
  local options = { records = 2000000, rounds = 3, names = {} }
  local i = 1
  while i <= #args do
    local word, value = args[i], args[i + 1]
    if word == "--help" or word == "-h" then
      io.write(string.format(usage, names_of_jobs()))
      os.exit(0)
    elseif word == "-o" then
      options.json = value == "json" or value ~= "table" and fail "-o is followed by json or table"
      i = i + 1
    elseif word == "--records" or word == "--rounds" then
      local number = math.tointeger(tonumber(value))
      options[word:sub(3)] = number and number > 0 and number or fail(word .. " needs a number")
      i = i + 1
    elseif word:find "^%-" then
      fail("unknown option '" .. word .. "'")
    else
      options.names[#options.names + 1] = word
    end
    i = i + 1
  end
  return options
end

-- What to run, in order: { name, function that gives a list of rows }.
local function plan(options)
  local throughput = require "throughput"
  local by_name, all = {}, {}
  for i, job in ipairs(jobs) do
    by_name[job.name] = function() return { throughput(job, options) } end
    all[i] = job.name
  end
  local list = {}
  for i, name in ipairs(#options.names > 0 and options.names or all) do
    local run = by_name[name]
    if others[name] then
      local module = name:gsub("_short$", ""):gsub("_q%d+$", "")
      run = function() return require(module)(options, name) end
    end
    list[i] = { name, run or fail("there is no '" .. name .. "'") }
  end
  return list
end

local function number(value)
  if value == nil then
    return "null"
  end
  return math.tointeger(value) and string.format("%d", value) or string.format("%.6g", value)
end

local function json_row(row)
  return string.format('{"name":"%s","value":%s,"unit":"%s","ratio":%s,"limit_value":%s}', row.name,
    number(row.value), row.unit, number(row.ratio), number(row.limit_value))
end

local layout = "%-28s %12s %-14s %8s %12s\n"

local function main(options)
  local h = require "harness"
  local list = plan(options)
  h.open()
  local ok, message = xpcall(function()
    local rows = {}
    if not options.json then
      io.write(string.format(layout, "name", "value", "unit", "ratio", "limit"))
    end
    for _, entry in ipairs(list) do
      for _, row in ipairs(entry[2]()) do
        rows[#rows + 1] = json_row(row)
        if not options.json then
          io.write(string.format(layout, row.name, number(row.value), row.unit,
            row.ratio and number(row.ratio) or "",
            row.limit_value and number(row.limit_value) or ""))
          io.flush()
        end
      end
    end
    if options.json then
      io.write("[", table.concat(rows, ",\n "), "]\n")
    end
  end, debug.traceback)
  h.close()
  if not ok then
    io.stderr:write("bench/run: ", tostring(message), "\n")
    os.exit(1)
  end
end

main(parse(arg))
