-- The main job on our own sample, against a parser that knows nothing of streamrt. With
-- STREAMRT_ACCESS_LOG naming another log it is judged by that one.
local access_log = require "access_log"
local t = require "scenario"

local sample = os.getenv "STREAMRT_ACCESS_LOG" or t.root .. "/examples/access-log/sample.log"

local expected = { requests = {}, errors = {}, dead = {}, by_ip = {} }
for line in io.lines(sample) do
  local rec = access_log.parse(line)
  if rec then
    local text = t.json.canonical(rec)
    expected.requests[#expected.requests + 1] = text
    expected.by_ip[rec.ip] = expected.by_ip[rec.ip] or {}
    table.insert(expected.by_ip[rec.ip], text)
    if rec.status >= 400 then
      expected.errors[#expected.errors + 1] = text
    end
  else
    expected.dead[#expected.dead + 1] = line
  end
end

local function check(dir)
  local requests, by_ip, where = {}, {}, {}
  for _, rec in ipairs(t.dump(dir, "access.requests")) do
    local text = t.json.canonical(rec.value)
    requests[#requests + 1] = text
    t.equal(rec.key, rec.value.ip, "key")
    t.equal(where[rec.key] or rec.partition, rec.partition, "partition of " .. rec.key)
    where[rec.key] = rec.partition
    by_ip[rec.key] = by_ip[rec.key] or {}
    table.insert(by_ip[rec.key], text)
  end
  t.same_multiset(requests, expected.requests, "access.requests")
  for ip, list in pairs(expected.by_ip) do
    for i, text in ipairs(list) do
      t.equal(by_ip[ip][i], text, ip .. " in the order of the file")
    end
  end
  local errors = {}
  for _, rec in ipairs(t.dump(dir, "access.errors")) do
    errors[#errors + 1] = t.json.canonical(rec.value)
  end
  t.same_multiset(errors, expected.errors, "access.errors")
  local dead = {}
  for _, rec in ipairs(t.dump(dir, "access.dlq")) do
    dead[#dead + 1] = rec.value
    local headers = {}
    for _, header in ipairs(rec.headers) do
      headers[header[1]] = header[2]
    end
    t.equal(headers["streamrt-dlq-pipeline"], "access-log")
    t.contains(headers["streamrt-dlq-topic"], "file:")
  end
  t.same_multiset(dead, expected.dead, "access.dlq")
end

for _, form in ipairs { "streamrt.yaml", "streamrt-lua.yaml" } do
  t.case(form .. ": every line once, in order by client; a second run adds nothing", function(dir)
    local args = { "run", t.root .. "/examples/access-log/" .. form, "--data-dir", dir .. "/d",
      "--until-drained", env = { ACCESS_LOG = sample } }
    local r = t.run(args)
    t.equal(r.code, 0, r.err)
    local counted = t.summary(r.err)["access-log"]
    t.equal(counted["in"], #expected.requests + #expected.dead, "in")
    t.equal(counted.out, #expected.requests + #expected.errors, "out")
    t.equal(counted.dead, #expected.dead, "dead")
    t.equal(counted.dropped, #expected.requests - #expected.errors, "dropped")
    check(dir .. "/d")
    r = t.run(args)
    t.equal(r.code, 0, r.err)
    t.equal(t.summary(r.err)["access-log"]["in"], 0, "in of the second run")
    check(dir .. "/d")
  end)
end

t.case("both forms are one pipeline: the second goes on where the first ended", function(dir)
  for _, form in ipairs { "streamrt.yaml", "streamrt-lua.yaml" } do
    t.must { "run", t.root .. "/examples/access-log/" .. form, "--data-dir", dir .. "/d",
      "--until-drained", env = { ACCESS_LOG = sample } }
  end
  check(dir .. "/d")
end)

t.case("the sample has the counts that its README says", function()
  if not os.getenv "STREAMRT_ACCESS_LOG" then
    t.equal(#expected.requests, 999)
    t.equal(#expected.errors, 43)
    t.equal(#expected.dead, 1)
  end
end)

t.finish()
