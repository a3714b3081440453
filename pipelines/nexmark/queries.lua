-- What the queries do with records, where it is more than an expression.

local M = {}

local s = require "streamrt"

local format, split = s.time.format, s.str.split

local function day_of(ms) return format(ms):sub(1, 10) end
local function minute_of(ms) return format(ms):sub(12, 16) end

-- 0.908 * price, as near to it as a float gets: both numbers are integers.
local function euros(price) return price * 908 / 1000 end

-- --- one record at a time ---

function M.in_euros(v)
  return { auction = v.auction, bidder = v.bidder, price = euros(v.price), dateTime = v.dateTime,
    extra = v.extra }
end

function M.with_minute(v)
  local at = v.dateTime
  local text = format(at)
  return { auction = v.auction, bidder = v.bidder, price = v.price, dateTime = at, extra = v.extra,
    dt = text:sub(1, 10), hm = text:sub(12, 16) }
end

local function time_of_day(ms)
  local hour = ms // 3600000 % 24
  if hour >= 8 and hour <= 18 then
    return "dayTime"
  end
  return (hour <= 6 or hour >= 20) and "nightTime" or "otherTime"
end

function M.calculation(v)
  local extra = v.extra
  local _, count = extra:gsub("c", "c")
  return { auction = v.auction, bidder = v.bidder, price = euros(v.price),
    bidTimeType = time_of_day(v.dateTime), dateTime = v.dateTime, extra = extra, c_counts = count }
end

local large_channels = { apple = "0", google = "1", facebook = "2", baidu = "3" }

function M.with_channel_id(v)
  local channel, url = v.channel, v.url
  local id = large_channels[channel:lower()] or url:match "&channel_id=([^&]*)"
    or url:match "^channel_id=([^&]*)"
  if not id then
    return {}
  end
  return { { auction = v.auction, bidder = v.bidder, price = v.price, channel = channel,
    channel_id = id } }
end

function M.with_directories(v)
  local parts = split(v.url, "/")
  return { auction = v.auction, bidder = v.bidder, price = v.price, channel = v.channel,
    dir1 = parts[4], dir2 = parts[5], dir3 = parts[6] }
end

-- --- joins ---

function M.suggestion(auction, seller)
  return { name = seller.name, city = seller.city, state = seller.state, id = auction.id }
end

function M.with_side_input(bid, side)
  return { auction = bid.auction, bidder = bid.bidder, price = bid.price, dateTime = bid.dateTime,
    value = side.value }
end

function M.with_auction(b, a)
  return { auction = b.auction, bidder = b.bidder, price = b.price, channel = b.channel,
    url = b.url, bid_dateTime = b.dateTime, bid_extra = b.extra, itemName = a.itemName,
    description = a.description, initialBid = a.initialBid, reserve = a.reserve,
    auction_dateTime = a.dateTime, expires = a.expires, seller = a.seller, category = a.category,
    auction_extra = a.extra }
end

-- --- auctions that close: q4, q6, q9 ---
--
-- The state of an auction: `auction`, once it has opened; `best`, the highest bid on it so far;
-- before it has opened, `early`, the bids on it. It closes when the watermark is past its end, so
-- that every bid of its time is there; what is left is that it has closed, until the state's ttl.

local function higher(a, b) -- whether bid a goes before bid b
  if a.price ~= b.price then
    return a.price > b.price
  elseif a.dateTime ~= b.dateTime then
    return a.dateTime < b.dateTime
  end
  return a.seq < b.seq
end

local function offer(state, bid)
  local auction = state.auction
  if bid.dateTime >= auction.dateTime and bid.dateTime <= auction.expires
    and (not state.best or higher(bid, state.best)) then
    state.best = bid
  end
end

local function open(state, v, ctx)
  state.auction = { id = v.id, itemName = v.itemName, description = v.description,
    initialBid = v.initialBid, reserve = v.reserve, dateTime = v.dateTime, expires = v.expires,
    seller = v.seller, category = v.category, extra = v.extra }
  for _, bid in ipairs(state.early or {}) do
    offer(state, bid)
  end
  state.early = nil
  ctx:timer("close", v.expires + 1 - ctx.now)
end

function M.on_offer(v, state, ctx)
  if v.type == "auction" then
    open(state, v, ctx)
  elseif not state.closed then
    local bid = { auction = v.auction, bidder = v.bidder, price = v.price, dateTime = v.dateTime,
      extra = v.extra, seq = v.seq }
    if state.auction then
      offer(state, bid)
    else
      state.early = state.early or {}
      table.insert(state.early, bid)
    end
  end
end

function M.on_close(state, ctx)
  local row, best = state.auction, state.best
  state.auction, state.best, state.closed = nil, nil, true
  if best then
    row.auction, row.bidder, row.price = best.auction, best.bidder, best.price
    row.bid_dateTime, row.bid_extra = best.dateTime, best.extra
    ctx:emit(row)
  end
end

-- --- the first n of a list that is kept in order ---

-- Where the item now stands; nil when n others go before it.
local function insert_in_order(list, item, n, before)
  local at = #list + 1
  while at > 1 and before(item, list[at - 1]) do
    at = at - 1
  end
  if at > n then
    return nil
  end
  table.insert(list, at, item)
  list[n + 1] = nil
  return at
end

local function closed_later(a, b)
  if a.expires ~= b.expires then
    return a.expires > b.expires
  end
  return a.id > b.id
end

function M.on_sale(v, state, ctx)
  state.sales = state.sales or {}
  local sale = { expires = v.expires, id = v.id, price = v.price }
  if insert_in_order(state.sales, sale, 10, closed_later) then
    local sum = 0
    for _, one in ipairs(state.sales) do
      sum = sum + one.price
    end
    ctx:emit { seller = v.seller, avg_price = sum // #state.sales }
  end
end

function M.on_ranked_bid(v, state, ctx)
  state.bids = state.bids or {}
  local bid = { auction = v.auction, bidder = v.bidder, price = v.price, channel = v.channel,
    url = v.url, dateTime = v.dateTime, extra = v.extra, seq = v.seq }
  local at = insert_in_order(state.bids, bid, 10, higher)
  for rank = at or 11, #state.bids do
    local b = state.bids[rank]
    ctx:emit { auction = b.auction, bidder = b.bidder, price = b.price, channel = b.channel,
      url = b.url, dateTime = b.dateTime, extra = b.extra, rank_number = rank }
  end
end

-- --- q5: the auctions with the most bids ---

function M.hot_init()
  return { num = 0, auctions = s.array {} }
end

function M.hot_merge(a, b)
  if a.num ~= b.num then
    return a.num > b.num and a or b
  end
  for _, auction in ipairs(b.auctions) do
    table.insert(a.auctions, auction)
  end
  return a
end

function M.hot_add(acc, v)
  return M.hot_merge(acc, { num = v.num, auctions = { v.auction } })
end

function M.hot_items(v)
  local list = {}
  for i, auction in ipairs(v.hot.auctions) do
    list[i] = { auction = auction, num = v.hot.num, starttime = v.window_end - 10000,
      endtime = v.window_end }
  end
  return list
end

-- --- rows of windows ---

function M.highest(v)
  local bid = v.bids[1]
  return { auction = bid.auction, bidder = bid.bidder, price = bid.price, dateTime = bid.dateTime,
    extra = bid.extra }
end

function M.last_bid(v)
  local bid = v.bid
  return { auction = bid.auction, bidder = bid.bidder, price = bid.price, channel = bid.channel,
    url = bid.url, dateTime = bid.dateTime, extra = bid.extra }
end

-- The window is a day: its name, and as other queries give them the minute and the average.
function M.of_day(v)
  v.day = day_of(v.window_start)
  v.window_start, v.window_end = nil, nil
  v.minute = v.minute and minute_of(v.minute)
  v.avg_price = v.avg_price and math.floor(v.avg_price)
  return v
end

return M
