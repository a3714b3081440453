--- Parsers for lines that everybody has.
---@class streamrt.parse
local M = {}

local native = require "streamrt.native"
local time = require "streamrt.time"

local find, match, gsub = string.find, string.match, string.gsub
local tointeger = math.tointeger
local null <const> = native.null

local MONTHS <const> = {
  Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6,
  Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12,
}

--- Lines come mostly in order: the last minute's milliseconds are remembered.
local last_minute, last_minute_ms

---@return integer?
local function parse_ts(text)
  local minute, sec, zone = match(text, "^(.-):(%d%d) ([+-]%d%d%d%d)$")
  if not minute then return nil end
  minute = minute .. zone
  if minute ~= last_minute then
    local day, month, year, hour, min = match(minute, "^(%d%d)/(%a%a%a)/(%d%d%d%d):(%d%d):(%d%d)")
    local offset = time.zone_minutes(zone)
    if not day or #minute ~= 22 or not MONTHS[month] or not offset then return nil end
    local ms = time.of(tointeger(year), MONTHS[month], tointeger(day), tointeger(hour),
      tointeger(min), 0, offset)
    if not ms then return nil end
    last_minute, last_minute_ms = minute, ms
  end
  return sec <= "60" and last_minute_ms + tointeger(sec) * 1000 or nil
end

--- The quoted field that begins at `from`, and where what follows it begins. Quotes inside are
--- written \".
---@return string?, integer?
local function quoted(line, from)
  if find(line, '^"', from) == nil then return nil end
  local at = from + 1
  while true do
    local stop = find(line, '["\\]', at)
    if not stop then return nil end
    if line:byte(stop) == 34 then
      local text = line:sub(from + 1, stop - 1)
      if at > from + 1 then text = gsub(text, '\\(["\\])', "%1") end
      return text, stop + 1
    end
    at = stop + 2
  end
end

local function or_null(text)
  if text == "-" then return null end
  return text
end

--- A line in the combined log format of Apache and NGINX:
---
---     ip - user [17/May/2015:10:05:03 +0000] "GET /path HTTP/1.1" 200 1234 "referer" "agent"
---
--- gives { ts, ip, method, path, status, bytes, referer, agent } with ts in milliseconds UTC and
--- s.null where the line has "-"; only an agent is kept as it calls itself, even "-". Raises an
--- error for anything else. Names of users and the protocol are left out: see M.combined_full.
---@param line string
---@return table
function M.combined(line)
  local r = M.combined_full(line)
  r.ident, r.user, r.protocol = nil, nil, nil
  return r
end

local function fail(line, what)
  local shown = #line > 80 and line:sub(1, 80) .. "..." or line
  error(("not a line of the combined log format (%s): %s"):format(what, shown), 0)
end

--- The same with ident, user and protocol.
---@param line string
---@return table
function M.combined_full(line)
  local ip, ident, user, when, at = match(line, "^(%S+) (%S+) (.-) %[([^%]]*)%] ()")
  if not ip then fail(line, "no address, user and [time]") end
  local ts = parse_ts(when)
  if not ts then fail(line, "time") end
  local request, referer, agent
  request, at = quoted(line, at)
  if not request then fail(line, "request") end
  local method, path, protocol = match(request, "^(%S+) (.-) (HTTP/%S+)$")
  if not method then
    method, path = match(request, "^(%S+) (%S+)$") -- HTTP/0.9 names no protocol
    if not method then
      if request ~= "-" then fail(line, "request") end
      method, path = "-", "-"
    end
    protocol = "-"
  end
  local status, bytes
  status, bytes, at = match(line, "^ (%d%d%d) (%S+) ()", at)
  if not status then fail(line, "status and bytes") end
  if bytes ~= "-" then
    bytes = match(bytes, "^%d+$") and tointeger(bytes)
    if not bytes then fail(line, "bytes") end
  end
  referer, at = quoted(line, at)
  if not referer then fail(line, "referer") end
  if line:byte(at) ~= 32 then fail(line, "agent") end
  agent, at = quoted(line, at + 1)
  if not agent then fail(line, "agent") end
  if not find(line, "^%s*$", at) then fail(line, "more after the agent") end
  return {
    ts = ts, ip = ip, ident = or_null(ident), user = or_null(user), method = or_null(method),
    path = or_null(path), protocol = or_null(protocol), status = tointeger(status),
    bytes = or_null(bytes), referer = or_null(referer), agent = agent,
  }
end

return M
