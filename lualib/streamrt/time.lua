--- Times are integers: milliseconds since 1970-01-01 UTC.
---@class streamrt.time
local M = {}

local match, format = string.match, string.format
local tointeger = math.tointeger

local DAY_MS <const> = 86400000

--- Days from 1970-01-01 to a day of the Gregorian calendar.
---@param year integer
---@param month integer 1..12
---@param day integer
---@return integer
function M.days(year, month, day)
  if month <= 2 then
    year, month = year - 1, month + 12
  end
  local era = year // 400
  local of_era = year - era * 400
  local of_year = (153 * (month - 3) + 2) // 5 + day - 1
  return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
end

local LENGTHS <const> = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

--- Milliseconds of a date and time; nil when there is no such day or hour.
---@param offset_min integer? minutes east of Greenwich
---@return integer?
function M.of(year, month, day, hour, min, sec, offset_min)
  local length = LENGTHS[month]
  if month == 2 and year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0) then length = 29 end
  if not length or day < 1 or day > length or hour > 23 or min > 59 or sec > 60 then return nil end
  local seconds = M.days(year, month, day) * 86400 + hour * 3600 + min * 60 + sec
  return (seconds - (offset_min or 0) * 60) * 1000
end

--- "+02:00", "-0730", "Z", "" (UTC) to minutes; nil for anything else.
---@param zone string
---@return integer?
function M.zone_minutes(zone)
  if zone == "" or zone == "Z" or zone == "z" then return 0 end
  local sign, hours, minutes = match(zone, "^([+-])(%d%d):?(%d%d)$")
  if not sign or hours > "23" or minutes > "59" then return nil end
  local total = tointeger(hours) * 60 + tointeger(minutes)
  return sign == "-" and -total or total
end

--- RFC 3339: "2015-05-17T10:05:03.250Z", also with a space, without a fraction, without a zone
--- (UTC), or only the day. Returns nil and a message when it is none of these.
---@param text string
---@return integer?, string?
function M.parse(text)
  local year, month, day, rest = match(text, "^(%d%d%d%d)-(%d%d)-(%d%d)(.*)$")
  local ms
  if year and rest == "" then
    ms = M.of(tointeger(year), tointeger(month), tointeger(day), 0, 0, 0)
  elseif year then
    local hour, min, sec, fraction, zone =
      match(rest, "^[Tt ](%d%d):(%d%d):(%d%d)(%.?%d*)([Zz+-]?[%d:]*)$")
    local offset = zone and M.zone_minutes(zone)
    if offset and fraction ~= "." then
      ms = M.of(tointeger(year), tointeger(month), tointeger(day), tointeger(hour), tointeger(min),
        tointeger(sec), offset)
      ms = ms and ms + (tointeger((fraction:sub(2) .. "000"):sub(1, 3)))
    end
  end
  if not ms then return nil, "not a time: " .. text end
  return ms
end

local FIRST_MS <const>, LAST_MS <const> = -62167219200000, 253402300799999

--- As RFC 3339 in UTC with milliseconds: "2015-05-17T10:05:03.250Z". Years 0000 to 9999.
---@param ms integer
---@return string
function M.format(ms)
  if ms < FIRST_MS or ms > LAST_MS then
    error("format: not in the years 0000 to 9999: " .. ms, 2)
  end
  local days = ms // DAY_MS
  local of_day = ms - days * DAY_MS
  local z = days + 719468
  local era = z // 146097
  local of_era = z - era * 146097
  local year_of_era = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
  local of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
  local shifted = (5 * of_year + 2) // 153
  local day = of_year - (153 * shifted + 2) // 5 + 1
  local month = shifted < 10 and shifted + 3 or shifted - 9
  local year = year_of_era + era * 400 + (month <= 2 and 1 or 0)
  return format("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month, day, of_day // 3600000,
    of_day // 60000 % 60, of_day // 1000 % 60, of_day % 1000)
end

local UNITS <const> = { ms = 1, s = 1000, m = 60000, h = 3600000, d = DAY_MS }

--- The start of the unit that the time is in, in UTC: trunc(t, "h"), trunc(t, "15m").
---@param ms integer
---@param unit string a number (1 if left out) and ms, s, m, h or d
---@return integer
function M.trunc(ms, unit)
  local count, name = match(unit, "^(%d*)(%a+)$")
  local length = name and UNITS[name]
  if not length then error("trunc: not a unit: " .. unit, 2) end
  length = length * (count == "" and 1 or tointeger(count))
  if length == 0 then error("trunc: not a unit: " .. unit, 2) end
  return ms // length * length
end

return M
