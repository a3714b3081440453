-- Writes sample.log: 1,000 lines in the combined log format, of which one is cut off in the middle.
-- The same seed gives the same bytes on every machine; the file is committed, so run this only to
-- change it:  lua5.4 make_sample.lua > sample.log

local LINES, DAMAGED = 1000, 618

-- A generator of our own (xorshift), so that the file does not depend on a version of Lua.
local state = 20150517
local function below(n)
  state = state ~ (state << 13) & 0xffffffff
  state = state ~ (state >> 17)
  state = state ~ (state << 5) & 0xffffffff
  return state % n
end

local function pick(list)
  return list[below(#list) + 1]
end

-- Addresses that are reserved for documentation: nobody's. A few clients send most of the lines.
local clients = {}
for i = 1, 60 do
  clients[i] = pick { "192.0.2.", "198.51.100.", "203.0.113." } .. (1 + below(254))
end
clients[#clients + 1] = "2001:db8::7"
local function client()
  return below(3) == 0 and clients[1 + below(4)] or pick(clients)
end

local pages = {
  "/", "/", "/", "/about", "/articles/streams", "/articles/logs", "/articles/exactly-once",
  "/downloads/streamrt.tar.gz", "/images/logo.png", "/images/graph.svg", "/style.css", "/feed.xml",
  "/search?q=lua", "/search?q=commit+log&page=2", "/caf%C3%A9", "/robots.txt",
}
local missing = { "/favicon.ico", "/wp-login.php", "/old/index.html", "/admin/" }
local referers = {
  "-", "-", "-", "https://example.org/", "https://example.net/search?q=stream+processing",
  "https://example.com/links.html", "http://\\xd0\\xbf\\xd1\\x80.example/",
}
local agents = {
  "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko)",
  "Mozilla/5.0 (compatible; ExampleBot/1.0; +https://example.com/bot.html)",
  "curl/8.5.0", "FeedReader \\\"daily\\\" 2.1", "-",
}

local function request()
  local n = below(100)
  if n < 3 then
    return "GET", pick(missing), 404, 200 + below(300)
  elseif n < 4 then
    return pick { "POST", "GET" }, "/search?q=", 500, 61
  elseif n < 5 then
    return "POST", "/admin/", 403, 140
  elseif n < 12 then
    return "GET", pick(pages), 304, nil
  elseif n < 14 then
    return "HEAD", pick(pages), 200, nil
  elseif n < 16 then
    return "GET", "/articles", 301, 178
  end
  return "GET", pick(pages), 200, 120 + below(90000)
end

local function timestamp(seconds) -- seconds since 2024-05-17 00:00 UTC
  local day = 17 + seconds // 86400
  return string.format("%02d/May/2024:%02d:%02d:%02d +0000", day, seconds // 3600 % 24,
    seconds // 60 % 60, seconds % 60)
end

local now = 10 * 3600
for i = 1, LINES do
  now = now + below(120)
  local method, path, status, bytes = request()
  local user = below(50) == 0 and "ada" or "-"
  local line = string.format('%s - %s [%s] "%s %s HTTP/1.1" %d %s "%s" "%s"',
    client(), user, timestamp(now - below(30)), method, path, status, bytes or "-",
    pick(referers), pick(agents))
  if i == DAMAGED then
    line = line:sub(1, line:find('" %d') - 9) -- within the request
  end
  io.write(line, "\n")
end
