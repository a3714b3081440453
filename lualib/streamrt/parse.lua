--- Parsers for lines that everybody has.
---@class streamrt.parse
local M = {}

local native = require "streamrt.native"
local time = require "streamrt.time"

local find, match, gsub = string.find, string.match, string.gsub
local tointeger = math.tointeger
local access_line = native.access_line
local null <const> = native.null

local MONTHS <const> = {
  Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6,
  Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12,
}

--- Lines come mostly in order: the last minute's milliseconds are remembered.
local last_minute, last_minute_ms

--- Milliseconds of "17/May/2015:10:05+0000".
---@return integer?
local function minute_ms(minute)
  if minute == last_minute then return last_minute_ms end
  local day, month, year, hour, min, zone =
    match(minute, "^(%d%d)/(%a%a%a)/(%d%d%d%d):(%d%d):(%d%d)([+-]%d%d%d%d)$")
  local offset = day and time.zone_minutes(zone)
  if not offset or not MONTHS[month] then return nil end
  local ms = time.of(tointeger(year), MONTHS[month], tointeger(day), tointeger(hour),
    tointeger(min), 0, offset)
  if ms then
    last_minute, last_minute_ms = minute, ms
  end
  return ms
end

---@return integer?
local function parse_ts(text)
  local minute, sec, zone = match(text, "^(.-):(%d%d) ([+-]%d%d%d%d)$")
  local ms = minute and minute_ms(minute .. zone)
  return ms and sec <= "60" and ms + tointeger(sec) * 1000 or nil
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

local function fail(line, what)
  local shown = #line > 80 and line:sub(1, 80) .. "..." or line
  error(("not a line of the combined log format (%s): %s"):format(what, shown), 0)
end

--- Any line, also one that access_line() leaves to us.
---@return table
local function read_closely(line)
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
  local bytes, minute, second, ip, method, path, status, referer, agent = access_line(line)
  local ms = minute and minute_ms(minute)
  if ms then
    return {
      ts = ms + second * 1000, ip = ip, method = method, path = path, status = status,
      bytes = bytes, referer = referer, agent = agent,
    }
  end
  local r = read_closely(line)
  r.ident, r.user, r.protocol = nil, nil, nil
  return r
end

--- The same with ident, user and protocol.
---@param line string
---@return table
function M.combined_full(line)
  local bytes, minute, second, ip, method, path, status, referer, agent, ident, user, protocol =
    access_line(line, true)
  local ms = minute and minute_ms(minute)
  if ms then
    return {
      ts = ms + second * 1000, ip = ip, ident = ident, user = user, method = method, path = path,
      protocol = protocol, status = status, bytes = bytes, referer = referer, agent = agent,
    }
  end
  return read_closely(line)
end

return M
