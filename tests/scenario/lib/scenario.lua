-- What scenarios are written with: they run the real binary, look at its output, files and exit
-- code, and wait for what it says, never for time to pass.
--
--   local t = require "scenario"
--   t.case("a topic is created once", function(dir)
--     local r = t.run { "topic", "create", "orders", "--data-dir", dir .. "/d" }
--     t.equal(r.code, 0)
--   end)
--   t.finish()
--
-- Each case has a directory of its own, which goes when the case has passed.

local M = {}

M.binary = assert(os.getenv "STREAMRT", "STREAMRT names the binary to test")
M.root = assert(os.getenv "STREAMRT_ROOT", "STREAMRT_ROOT names the source tree")

local LIMIT_S = os.getenv "STREAMRT_SCENARIO_LIMIT_S" or "60" -- a process that hangs is killed then

-- --- small things ---

function M.quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

function M.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

function M.write(path, text, mode)
  local file = assert(io.open(path, mode or "wb"))
  file:write(text)
  file:close()
end

function M.exists(path)
  local file = io.open(path, "rb")
  if file then
    file:close()
  end
  return file ~= nil
end

function M.lines(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do
    list[#list + 1] = line
  end
  return list
end

function M.shell(command)
  local ok = os.execute(command)
  if not ok then
    error("failed: " .. command, 2)
  end
end

-- --- assertions ---

local function show(value)
  return type(value) == "string" and string.format("%q", value) or tostring(value)
end

function M.equal(found, expected, what)
  if found ~= expected then
    local text = string.format("expected %s, found %s", show(expected), show(found))
    error((what and what .. ": " or "") .. text, 2)
  end
end

function M.contains(text, part)
  if not text:find(part, 1, true) then
    error(string.format("%s is not in: %s", show(part), text), 2)
  end
end

function M.lacks(text, part)
  if text:find(part, 1, true) then
    error(string.format("%s is in: %s", show(part), text), 2)
  end
end

-- Whether both lists have the same strings equally often.
function M.same_multiset(found, expected, what)
  local count = {}
  for _, one in ipairs(expected) do
    count[one] = (count[one] or 0) + 1
  end
  for _, one in ipairs(found) do
    if not count[one] then
      error((what or "list") .. ": not expected: " .. one, 2)
    end
    count[one] = count[one] > 1 and count[one] - 1 or nil
  end
  local missing = next(count)
  if missing then
    error((what or "list") .. ": missing: " .. missing, 2)
  end
end

-- --- processes ---

local function command_line(args, env)
  local parts = {}
  for name, value in pairs(env or {}) do
    parts[#parts + 1] = name .. "=" .. M.quote(value)
  end
  parts[#parts + 1] = "timeout -s KILL " .. LIMIT_S
  parts[#parts + 1] = M.quote(M.binary)
  for _, arg in ipairs(args) do
    parts[#parts + 1] = M.quote(arg)
  end
  return table.concat(parts, " ")
end

-- Run to the end: { code, out, err }. args.env: variables; args.stdin: text, or args.stdin_file.
function M.run(args)
  local base = os.tmpname()
  local input = args.stdin_file
  if args.stdin then
    input = base .. ".in"
    M.write(input, args.stdin)
  end
  local _, kind, code = os.execute(string.format("%s <%s >%s.out 2>%s.err",
    command_line(args, args.env), input or "/dev/null", base, base))
  local result = { code = kind == "exit" and code or 128 + code, out = M.read(base .. ".out"),
    err = M.read(base .. ".err") }
  for _, ending in ipairs { "", ".in", ".out", ".err" } do
    os.remove(base .. ending)
  end
  return result
end

-- The same, and it must end with 0; its standard output.
function M.must(args)
  local result = M.run(args)
  if result.code ~= 0 then
    local command = table.concat(args, " ")
    error(string.format("streamrt %s: exit %d: %s", command, result.code, result.err), 2)
  end
  return result.out
end

local Process = {}
Process.__index = Process

local running = {} -- processes of the case that nobody has waited for

-- With FIFOs: call it when both their other ends are open.
function Process:await_pid()
  self.pid = assert(self.pipe:read "l":match "^PID (%d+)$")
  running[self] = true
end

-- Start and go on. What it says on standard error arrives line by line; args.stdin_file and
-- args.stdout_file may be FIFOs.
function M.start(args)
  local parts = {}
  for name, value in pairs(args.env or {}) do
    parts[#parts + 1] = name .. "=" .. M.quote(value)
  end
  parts[#parts + 1] = "timeout --foreground -s KILL " .. LIMIT_S
  parts[#parts + 1] = "sh -c 'echo PID $$ >&2; exec \"$@\"' sh " .. M.quote(M.binary)
  for _, arg in ipairs(args) do
    parts[#parts + 1] = M.quote(arg)
  end
  local command = string.format("%s 2>&1 >%s <%s; echo EXIT $?", table.concat(parts, " "),
    args.stdout_file or "/dev/null", args.stdin_file or "/dev/null")
  local self = setmetatable({ pipe = assert(io.popen(command, "r")), said = {} }, Process)
  if not args.stdin_file and not args.stdout_file then
    self:await_pid()
  end
  return self
end

-- Read until a line matches; the line.
function Process:wait_for(pattern)
  for line in self.pipe:lines() do
    self.said[#self.said + 1] = line
    if line:find(pattern) then
      return line
    end
    if line:find "^EXIT " then
      break
    end
  end
  error(string.format("it ended before it said %s; it said:\n%s", pattern,
    table.concat(self.said, "\n")), 2)
end

function Process:signal(name)
  M.shell("kill -" .. name .. " " .. self.pid)
end

-- Until it has ended: its exit code (128 + signal), and all it said.
function Process:wait()
  local code
  for line in self.pipe:lines() do
    code = line:match "^EXIT (%d+)$"
    if not code then
      self.said[#self.said + 1] = line
    end
  end
  self.pipe:close()
  running[self] = nil
  return tonumber(code), table.concat(self.said, "\n")
end

-- --- looking at data ---

local json = require "json"
M.json = json

-- The records of a topic as `log dump` shows them, decoded.
function M.dump(dir, topic)
  local list = {}
  for _, line in ipairs(M.lines(M.must { "log", "dump", topic, "--data-dir", dir })) do
    list[#list + 1] = json.decode(line)
  end
  return list
end

-- The summary of a run's standard error: a table of pipelines. It must be the last line.
function M.summary(err)
  local lines = M.lines(err)
  local text = lines[#lines]:match "^summary (.*)$"
  if not text then
    error("the last line is no summary: " .. lines[#lines], 2)
  end
  return json.decode(text).pipelines
end

-- --- cases ---

local failed, passed = 0, 0
local only = arg and arg[1]

function M.case(name, body)
  if only and not name:find(only, 1, true) then
    return
  end
  local pipe = assert(io.popen("mktemp -d \"${TMPDIR:-/tmp}/streamrt-scenario.XXXXXX\""))
  local dir = pipe:read "l"
  pipe:close()
  local ok, message = xpcall(body, function(text)
    local where = debug.traceback("", 2):match "[^\n]*%.lua:%d+: in function <[^\n]*"
    return tostring(text) .. "\n" .. (where or "")
  end, dir)
  for process in pairs(running) do
    os.execute("kill -KILL " .. process.pid)
    process:wait()
  end
  if ok then
    passed = passed + 1
    print("ok   " .. name)
    M.shell("rm -rf " .. M.quote(dir))
  else
    failed = failed + 1
    print("FAIL " .. name .. "\n     " .. tostring(message):gsub("\n", "\n     "))
    print("     see " .. dir)
  end
end

function M.finish()
  print(string.format("%d passed, %d failed", passed, failed))
  os.exit(failed == 0)
end

return M
