local s = require "streamrt"
local T = {}
local time = s.time

function T.parse_reads_rfc_3339()
  assert(time.parse "1970-01-01T00:00:00Z" == 0)
  assert(time.parse "2015-05-17T10:05:03.250Z" == 1431857103250)
  assert(time.parse "2015-05-17 12:05:03.2+02:00" == 1431857103200)
  assert(time.parse "2015-05-17T10:05:03.123456789-0000" == 1431857103123)
  assert(time.parse "2015-05-17" == 1431820800000)
  assert(time.parse "1969-12-31T23:59:59.999Z" == -1)
  assert(time.parse "2024-02-29T00:00:00" == 1709164800000)
end

function T.parse_refuses_what_is_no_time()
  for _, text in ipairs { "", "now", "2015-13-01", "2015-02-29", "2015-05-17T25:00:00Z",
    "2015-05-17T10:60:00Z",
    "2015-05-17T10:05:03.Z", "2015-05-17T10:05:03+25:00", "2015-05-17T10:05:03 CET", "15-05-17" } do
    local ms, message = time.parse(text)
    assert(ms == nil and message == "not a time: " .. text, text)
  end
end

function T.format_is_the_way_back()
  assert(time.format(0) == "1970-01-01T00:00:00.000Z")
  assert(time.format(-1) == "1969-12-31T23:59:59.999Z")
  for ms = -62167219200000, 253402300799999, 777777777777 do
    assert(time.parse(time.format(ms)) == ms, time.format(ms))
  end
end

function T.format_refuses_years_that_have_no_four_digits()
  assert(time.format(253402300799999) == "9999-12-31T23:59:59.999Z")
  assert(not pcall(time.format, 253402300800000))
  assert(not pcall(time.format, -62167219200001))
end

function T.trunc_goes_down_to_the_unit()
  local at = time.parse "2015-05-17T10:47:03.250Z"
  assert(time.trunc(at, "s") == time.parse "2015-05-17T10:47:03Z")
  assert(time.trunc(at, "15m") == time.parse "2015-05-17T10:45:00Z")
  assert(time.trunc(at, "h") == time.parse "2015-05-17T10:00:00Z")
  assert(time.trunc(at, "1d") == time.parse "2015-05-17")
  assert(time.trunc(-1, "s") == -1000)
  assert(not pcall(time.trunc, at, "fortnight"))
  assert(not pcall(time.trunc, at, "0m"))
end

function T.os_tells_the_same_time_in_utc()
  assert(os.time { year = 2015, month = 5, day = 17, hour = 10, min = 5, sec = 3 } * 1000 ==
    time.parse "2015-05-17T10:05:03Z")
  assert(os.time { year = 2015, month = 14, day = -3, hour = 0 } ==
    os.time { year = 2016, month = 1, day = 28, hour = 0 })
  assert(os.time { year = 2000, month = 1, day = 1 } == 946728000) -- noon
  assert(os.date("%Y-%m-%d %H:%M:%S", 0) == "1970-01-01 00:00:00")
  assert(os.date("!*t", 951782400).day == 29)
  assert(os.date("*t", 951782400).hour == 0)
  assert(not pcall(os.time, {}))
  assert(math.abs(s.now() - os.time() * 1000) < 5000)
end

return T
