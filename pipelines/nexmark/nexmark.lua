-- The events of an online auction, as in the Nexmark benchmark: of 50 events one is a person who
-- registers, three are auctions that open, 46 are bids. Half of the bids go to the "hot" one of the
-- last hundred auctions, and three quarters of them come from a hot bidder; three quarters of the
-- auctions are a hot seller's. Some name an auction or a person that is yet to come.
--
-- event(n, rng) is what the n-th event is: it depends on its number and on rng, and on nothing that
-- was made before, so `generate` goes on anywhere, and the same seed gives the same events. Outside
-- of streamrt it runs in any Lua 5.4 with an rng of the same shape: rng() from 0 to 1, rng(m, n).

local M = {}

local inside, s = pcall(require, "streamrt")
local param = inside and s.param or function(_, default) return default end

local RATE = param("rate", 10000) -- events in a second of event time
local START_MS = param("start_ms", 1436918400000) -- the first one's time: 2015-07-15 00:00 UTC
local SHUFFLE = param("shuffle", 1) -- so many are out of order among themselves, at most STEP - 1

local PERSONS, AUCTIONS, ALL = 1, 3, 50 -- in each 50 events, in this order; the rest are bids
local FIRST_ID, FIRST_CATEGORY, CATEGORIES = 1000, 10, 5
local LEAD = 10 -- ids so far ahead of the last one are named
local ACTIVE_PEOPLE, OPEN_AUCTIONS = 1000, 100
local HOT_EVERY = 100 -- one of so many people or auctions is hot
local CHANNELS = 10000
local STEP = 953 -- a prime: steps through every place of a smaller group once

-- --- text ---

local POOL_SIZE = 1 << 14

-- Letters, always the same; `special` in place of every 13th or so.
local function make_pool(special)
  local letters, state = {}, 88172645463325252
  for i = 1, POOL_SIZE do
    state = state ~ (state << 13)
    state = state ~ (state >> 7)
    state = state ~ (state << 17)
    local at = (state >> 11) % (special and 338 or 312)
    letters[i] = at < 312 and string.char(97 + at % 26) or special
  end
  return table.concat(letters)
end

local words, names, letters = make_pool " ", make_pool "_", make_pool()

local function text(rng, longest)
  local at, length = rng(1, POOL_SIZE - longest), rng(3, longest - 1)
  return words:sub(at, at + length - 1):match "^ *(.-) *$"
end

-- What makes an event as long as events of its kind are on average.
local function extra(rng, wanted)
  local fifth = wanted // 5
  local at, length = rng(1, POOL_SIZE - 2 * wanted), rng(wanted - fifth, wanted + fifth)
  return letters:sub(at, at + length - 1)
end

local function pick(rng, list)
  return list[rng(1, #list)]
end

local first_names = { "Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah",
  "Deiter", "Walter" }
local last_names = { "Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones",
  "Noris" }
local cities = { "Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond",
  "Seattle", "Kent", "Cheyenne" }
local states = { "AZ", "CA", "ID", "OR", "WA", "WY" }

-- --- numbers ---

local function price(rng)
  return math.floor(10 ^ (rng() * 6) * 100 + 0.5)
end

local function time_of(id)
  return START_MS + id * 1000 // RATE
end

-- The last person and the last auction that there are when event `id` happens, from 0.
local function last_person(id)
  local place = id % ALL
  return id // ALL * PERSONS + (place < PERSONS and place or PERSONS - 1)
end

local function last_auction(id)
  local place = id % ALL - PERSONS
  if place < 0 then
    return id // ALL * AUCTIONS - 1
  end
  return id // ALL * AUCTIONS + (place < AUCTIONS and place or AUCTIONS - 1)
end

local function some_person(id, rng)
  local people = last_person(id) + 1
  local active = people < ACTIVE_PEOPLE and people or ACTIVE_PEOPLE
  return people - active + rng(0, active + LEAD - 1)
end

local function some_auction(id, rng)
  local last = last_auction(id)
  local from = last > OPEN_AUCTIONS and last - OPEN_AUCTIONS or 0
  return from + rng(0, last - from + LEAD)
end

-- --- events ---

local function person(id, rng)
  local name = pick(rng, first_names) .. " " .. pick(rng, last_names)
  local at = rng(1, POOL_SIZE - 16)
  return {
    type = "person", seq = id, id = FIRST_ID + last_person(id), name = name,
    emailAddress = letters:sub(at, at + 6) .. "@" .. letters:sub(at + 7, at + 11) .. ".com",
    creditCard = string.format("%04d %04d %04d %04d", rng(0, 9999), rng(0, 9999), rng(0, 9999),
      rng(0, 9999)),
    city = pick(rng, cities), state = pick(rng, states), dateTime = time_of(id),
    extra = extra(rng, 120),
  }
end

local function auction(id, rng)
  local seller = rng(4) > 1 and last_person(id) // HOT_EVERY * HOT_EVERY or some_person(id, rng)
  local initial, now = price(rng), time_of(id)
  local horizon = time_of(id + OPEN_AUCTIONS * ALL // AUCTIONS) - now
  return {
    type = "auction", seq = id, id = FIRST_ID + last_auction(id), itemName = text(rng, 20),
    description = text(rng, 100), initialBid = initial, reserve = initial + price(rng),
    dateTime = now, expires = now + rng(1, math.max(2 * horizon, 1)), seller = FIRST_ID + seller,
    category = FIRST_CATEGORY + rng(0, CATEGORIES - 1), extra = extra(rng, 400),
  }
end

local function url_of(number)
  local parts = { "https://www.nexmark.com" }
  for i = 1, 3 do
    local at = (number * 7919 + i * 6007) % (POOL_SIZE - 8) + 1
    parts[i + 1] = names:sub(at, at + 2 + (number + i) % 2)
  end
  parts[5] = "item.htm?query=1"
  return table.concat(parts, "/")
end

local hot_channels = { "Google", "Facebook", "Baidu", "Apple" }

local function channel(rng)
  if rng(2) > 1 then
    local i = rng(1, #hot_channels)
    return hot_channels[i], url_of(CHANNELS + i)
  end
  local number = rng(0, CHANNELS - 1)
  local url = url_of(number)
  local mixed = number * 2654435761 >> 7 -- one in ten has no id
  return "channel-" .. number, mixed % 10 > 0 and url .. "&channel_id=" .. mixed % 2147483647 or url
end

local function bid(id, rng)
  local on = rng(2) > 1 and last_auction(id) // HOT_EVERY * HOT_EVERY or some_auction(id, rng)
  local by = rng(4) > 1 and last_person(id) // HOT_EVERY * HOT_EVERY + 1 or some_person(id, rng)
  local name, url = channel(rng)
  return {
    type = "bid", seq = id, auction = FIRST_ID + on, bidder = FIRST_ID + by, price = price(rng),
    channel = name, url = url, dateTime = time_of(id), extra = extra(rng, 68),
  }
end

-- The event, and what its topic is keyed by. `seq` is its place in event time, and decides where
-- two have the same millisecond.
function M.event(n, rng)
  local group = (n - 1) // SHUFFLE * SHUFFLE
  local id = group + (n - 1) * STEP % SHUFFLE
  local place = id % ALL
  local event
  if place < PERSONS then
    event = person(id, rng)
  elseif place < PERSONS + AUCTIONS then
    event = auction(id, rng)
  else
    event = bid(id, rng)
  end
  return event, event.auction or event.id
end

-- q13: what a number under 10,000 is called.
function M.side_input(n)
  return { key = n - 1, value = tostring(n - 1) }, n - 1
end

return M
