local s = require "streamrt"
local T = {}

local function equals(got, want)
  for k, v in pairs(want) do
    assert(got[k] == v, ("%s: expected %s, got %s"):format(k, tostring(v), tostring(got[k])))
  end
  for k in pairs(got) do assert(want[k] ~= nil, "unexpected field " .. k) end
end

local LINE = [[83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /a.png HTTP/1.1" 200 203023 ]] ..
  [["http://semicomplete.com/" "Mozilla/5.0 (Macintosh) AppleWebKit/537.36"]]

function T.combined_gives_the_fields()
  equals(s.parse.combined(LINE), {
    ts = 1431857103000, ip = "83.149.9.216", method = "GET", path = "/a.png", status = 200,
    bytes = 203023, referer = "http://semicomplete.com/",
    agent = "Mozilla/5.0 (Macintosh) AppleWebKit/537.36",
  })
end

function T.a_dash_is_null_but_an_agent_is_kept_as_it_calls_itself()
  equals(s.parse.combined [[::1 - - [01/Jan/2000:00:00:00 +0000] "GET / HTTP/1.0" 304 - "-" "-"]], {
    ts = 946684800000, ip = "::1", method = "GET", path = "/", status = 304, bytes = s.null,
    referer = s.null, agent = "-",
  })
end

function T.combined_full_has_users_and_protocol()
  local line = [[h id Ann Lee [01/Jan/2000:00:00:00 +0000] "GET / HTTP/2.0" 200 1 "-" "-"]]
  local r = s.parse.combined_full(line)
  assert(r.ident == "id" and r.user == "Ann Lee" and r.protocol == "HTTP/2.0")
  assert(s.parse.combined_full(LINE).user == s.null)
end

function T.zones_are_taken_off()
  local function ts(when)
    return s.parse.combined(('h - - [%s] "GET / HTTP/1.0" 200 1 "-" "-"'):format(when)).ts
  end
  assert(ts "01/Jan/2000:02:00:00 +0200" == 946684800000)
  assert(ts "31/Dec/1999:16:30:00 -0730" == 946684800000)
  assert(ts "29/Feb/2024:23:59:60 +0000" == 1709251200000)
  assert(ts "29/Feb/2024:23:59:59 +0000" == 1709251199000)
end

function T.quotes_may_be_escaped()
  local r = s.parse.combined([[h - - [01/Jan/2000:00:00:00 +0000] "GET /a\"b HTTP/1.1" 200 1 ]] ..
    [["-" "say \"hi\" \\ \x22"]])
  assert(r.path == '/a"b')
  assert(r.agent == 'say "hi" \\ \\x22', r.agent)
end

function T.paths_may_have_blanks_and_requests_no_protocol()
  local function path(request)
    local line = 'h - - [01/Jan/2000:00:00:00 +0000] "%s" 200 1 "-" "-"'
    return s.parse.combined(line:format(request)).path
  end
  assert(path "GET /a b HTTP/1.1" == "/a b")
  assert(path "GET /old" == "/old")
  assert(path "-" == s.null)
end

function T.other_lines_are_refused_with_a_reason()
  local function refused(line, what)
    local ok, message = pcall(s.parse.combined, line)
    assert(not ok and message:find(what, 1, true), tostring(message))
    assert(message:find("not a line of the combined log format", 1, true))
  end
  refused("", "no address")
  refused("nonsense", "no address")
  refused(LINE:gsub("May", "Mai"), "(time)")
  refused(LINE:gsub("17/May", "32/May"), "(time)")
  refused(LINE:gsub(":10:05", ":24:05"), "(time)")
  refused(LINE:gsub('"GET.-1"', '"GET"'), "(request)")
  refused(LINE:gsub(" 200 ", " 2x0 "), "(status and bytes)")
  refused(LINE:gsub("203023", "12a"), "(bytes)")
  refused(LINE:sub(1, 100), "(referer)")
  refused(LINE:sub(1, -2), "(agent)")
  refused(LINE .. " more", "more after")
  local ok, message = pcall(s.parse.combined, ("x"):rep(1000))
  assert(not ok and #message < 200)
end

-- Lines of the common form are taken apart in C. A user with a blank is left to the patterns, so
-- the same line with one must give the same, whatever else is wrong with it.
function T.both_ways_agree_on_every_line()
  local bytes = { " ", '"', "\\", "-", "[", "]", ":", "0", "9", "a", "H", "/", "\t", "\r" }
  local rest = LINE:match "^%S+ %- %-(.*)$"
  local good = 0
  for round = 1, 20000 do
    local text = rest
    for _ = 1, math.random(0, 3) do
      local at = math.random(1, #text)
      local byte, kind = bytes[math.random(1, #bytes)], math.random(1, 3)
      local before = text:sub(1, kind == 1 and at or at - 1)
      text = before .. (kind < 3 and byte or "") .. text:sub(at + 1)
    end
    local ok, fast = pcall(s.parse.combined_full, "h - u" .. text)
    local same, close = pcall(s.parse.combined_full, "h - u u" .. text)
    assert(ok == same, round .. ": " .. text)
    if ok then
      good = good + 1
      fast.user, close.user = "", ""
      equals(fast, close)
    end
  end
  assert(good > 2000 and good < 18000, good)
end

return T
