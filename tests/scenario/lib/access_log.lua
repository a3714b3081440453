-- A parser of access logs in the combined format that knows nothing of streamrt.
local json = require "json"

local M = {}

local months = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9,
  Oct = 10, Nov = 11, Dec = 12 }

local function days(year, month, day) -- since 1970-01-01
  year = month <= 2 and year - 1 or year
  month = month <= 2 and month + 9 or month - 3
  return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + day - 719469
end

local function milliseconds(when)
  local day, month, year, hour, minute, second, sign, zone_hour, zone_minute =
    when:match "^(%d+)/(%a+)/(%d+):(%d+):(%d+):(%d+) ([+-])(%d%d)(%d%d)$"
  local zone = (zone_hour * 60 + zone_minute) * (sign == "-" and -1 or 1)
  local date = days(tonumber(year), months[month], tonumber(day))
  return math.tointeger(((date * 24 + hour) * 60 + minute - zone) * 60 + second) * 1000
end

-- nil for a line that is no request.
function M.parse(line)
  local ip, when, method, path, status, bytes, referer, agent = line:match(
    '^(%S+) %S+ %S+ %[([^%]]+)%] "(%u+) (%S+) [^"]*" (%d+) (%S+) "(.*)" "(.*)"$')
  if not ip then
    return nil
  end
  local function unescape(text)
    return (text:gsub('\\"', '"'))
  end
  return {
    ts = milliseconds(when), ip = ip, method = method, path = path, status = math.tointeger(status),
    bytes = bytes == "-" and json.null or math.tointeger(bytes),
    referer = referer == "-" and json.null or unescape(referer), agent = unescape(agent),
  }
end

return M
