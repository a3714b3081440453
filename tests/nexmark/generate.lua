-- The events that streamrt itself makes with pipelines/nexmark/events.yaml.
local t = require "scenario"

local pipelines = t.root .. "/pipelines/nexmark/"
local EVENTS = 5000

local function make(dir, env)
  env.NEXMARK_EVENTS = env.NEXMARK_EVENTS or EVENTS
  t.must { "run", pipelines .. "topics.yaml", pipelines .. "events.yaml", "--data-dir", dir,
    "--until-drained", env = env }
end

local function texts(dir, topic)
  local list = t.lines(t.must { "log", "dump", "nexmark." .. topic, "--data-dir", dir, "-f",
    "%k %v\\n" })
  table.sort(list)
  return list
end

local function all(dir)
  local parts = {}
  for _, topic in ipairs { "person", "auction", "bid" } do
    parts[#parts + 1] = table.concat(texts(dir, topic), "\n")
  end
  return table.concat(parts, "\n")
end

t.case("one person, three auctions and 46 bids in fifty", function(dir)
  make(dir .. "/d", {})
  t.equal(#texts(dir .. "/d", "person"), EVENTS // 50)
  t.equal(#texts(dir .. "/d", "auction"), EVENTS // 50 * 3)
  t.equal(#texts(dir .. "/d", "bid"), EVENTS // 50 * 46)
end)

t.case("a seed gives its events, in one run or in two", function(dir)
  make(dir .. "/one", { NEXMARK_SEED = 7 })
  make(dir .. "/two", { NEXMARK_SEED = 7, NEXMARK_EVENTS = EVENTS // 3 })
  make(dir .. "/two", { NEXMARK_SEED = 7 })
  make(dir .. "/other", { NEXMARK_SEED = 8 })
  t.equal(all(dir .. "/two") == all(dir .. "/one"), true, "made in two runs")
  t.equal(all(dir .. "/other") == all(dir .. "/one"), false, "made from another seed")
end)

t.case("shuffled events are the same times and numbers in another order", function(dir)
  make(dir .. "/d", { NEXMARK_SHUFFLE = 100, NEXMARK_RATE = 1000, NEXMARK_PARTITIONS = 1 })
  local seen, latest_ms = {}, 0
  for _, topic in ipairs { "nexmark.person", "nexmark.auction", "nexmark.bid" } do
    local newest = 0
    for _, rec in ipairs(t.dump(dir .. "/d", topic)) do
      local v = rec.value
      t.equal(seen[v.seq], nil, "seq")
      seen[v.seq] = true
      t.equal(v.dateTime, 1436918400000 + v.seq, "time of " .. v.seq)
      latest_ms = math.max(latest_ms, newest - v.dateTime)
      newest = math.max(newest, v.dateTime)
    end
  end
  for seq = 0, EVENTS - 1 do
    t.equal(seen[seq], true, "there is " .. seq)
  end
  t.equal(latest_ms > 0 and latest_ms < 100, true, "out of order within the bound")
end)

t.finish()
