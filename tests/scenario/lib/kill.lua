-- Runs that are killed with SIGKILL at a random moment and started again.
--
--   local kills = kill.new()                       -- one for each thing that is run
--   kills:once(args, dir)                          -- args as for scenario.run
local t = require "scenario"

local M = {}

local kill_after = os.getenv "STREAMRT_KILL_AFTER" -- tests/support/kill_after.c

local Kills = {}
Kills.__index = Kills

function M.new()
  return setmetatable({ latest_us = nil }, Kills)
end

local function now_us()
  local pipe <close> = assert(io.popen "date +%s%N")
  return tonumber(pipe:read "a") // 1000
end

-- Run it undisturbed, to know how long it takes.
function Kills:measure(run)
  if not self.latest_us then
    local began = now_us()
    run()
    self.latest_us = now_us() - began
    return true
  end
  return false
end

-- True when it was killed, false when it had ended before: then the next moment is an earlier one.
function Kills:once(args, dir)
  local parts = {}
  for name, value in pairs(args.env or {}) do
    parts[#parts + 1] = name .. "=" .. t.quote(value)
  end
  parts[#parts + 1] = string.format("timeout -s KILL 60 %s %d %s", t.quote(kill_after),
    math.random(0, self.latest_us), t.quote(t.binary))
  for _, word in ipairs(args) do
    parts[#parts + 1] = t.quote(word)
  end
  local log = dir .. "/killed.log"
  local _, _, code = os.execute(string.format("%s >%s 2>&1", table.concat(parts, " "),
    t.quote(log)))
  if code ~= 0 and code ~= 10 then
    error("it ended by itself with an error: " .. t.read(log), 0)
  end
  self.latest_us = code == 10 and self.latest_us * 9 // 10 or self.latest_us
  return code == 0
end

-- Kill it once, or twice in a row every fourth time. How often it was killed.
function Kills:some(args, dir)
  local killed = 0
  for _ = 1, math.random(4) == 1 and 2 or 1 do
    killed = killed + (self:once(args, dir) and 1 or 0)
  end
  return killed
end

return M
