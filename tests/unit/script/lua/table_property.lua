-- Random operations on random tables.
-- luacheck: globals stock rounds s
local compare = require "compare"
local same, same_effect, pick = compare.same, compare.same_effect, compare.pick
local random = math.random
local ours, theirs = table, stock.table

local values = { "a", "b", "c", 1, 2, 3, 4.5, "10" }
local function list(max, from)
  local t = {}
  for i = 1, random(0, max) do t[i] = pick(from or values) end
  if random(10) == 1 then t[random(max + 3)] = nil end
  if random(10) == 1 then t.extra = true end
  return t
end

local function clone(t)
  local copy = {}
  for k, v in pairs(t) do copy[k] = v end
  return copy
end

local edges = { -1, 0, 1, 2, 3, 5, 9, math.maxinteger, math.mininteger, math.maxinteger - 3, 1.5,
  "2", "x", true }
local function index()
  return random(8) == 1 and pick(edges) or random(-1, 12)
end
local function maybe_index()
  if random(3) > 1 then return index() end
end

-- Ranges that end, and soon.
local function range()
  if random(10) == 1 then
    local at = pick { math.maxinteger - 3, math.mininteger, -3, 0 }
    return at, at + random(0, 3)
  end
  return random(-2, 8), random(-3, 12)
end

for _ = 1, rounds do
  local t = list(10)
  local function fresh() return clone(t) end
  same_effect("insert", ours.insert, theirs.insert, fresh, "new")
  same_effect("insert", ours.insert, theirs.insert, fresh, index(), "new")
  same_effect("insert", ours.insert, theirs.insert, fresh, stock.table.unpack(list(4)))
  same_effect("remove", ours.remove, theirs.remove, fresh, maybe_index())
  local from, to = range()
  same_effect("move", ours.move, theirs.move, fresh, from, to, random(-2, 12))
  same_effect("move", ours.move, theirs.move, fresh, from, to, pick(edges), random(2) == 1 and {}
    or nil)
  same("concat", ours.concat, theirs.concat, t, pick { "", ",", "--", 7 }, from, to)
  same("concat", ours.concat, theirs.concat, t, random(2) == 1 and "," or nil, maybe_index())
  same("unpack", ours.unpack, theirs.unpack, t, from, to)
  same("unpack", ours.unpack, theirs.unpack, t, maybe_index())
end

-- The same order of equal elements, and the same complaints.
local orders = {
  nil,
  function(a, b) return a > b end,
  function(a, b) return a % 10 < b % 10 end,
  function(a, b) return a // 10 < b // 10 end,
  function() return true end,
  function() return false end,
  function(a, b) return a <= b end,
  function() error "mine" end,
}
for _ = 1, rounds // 4 do
  local t = {}
  local range_end = pick { 3, 100, 1000 }
  for i = 1, random(0, random(3) == 1 and 300 or 20) do t[i] = random(range_end) end
  local function fresh() return clone(t) end
  same_effect("sort", ours.sort, theirs.sort, fresh, orders[random(0, #orders)])
  same_effect("sort", ours.sort, theirs.sort, fresh, pick { "x", 1, true })
  local mixed = list(20)
  same_effect("sort", ours.sort, theirs.sort, function() return clone(mixed) end)
end
for _, order in ipairs { "up", "down", "equal", "organ" } do
  for _, size in ipairs { 99, 100, 101, 102, 500, 5000 } do
    local function fresh()
      local t = {}
      for i = 1, size do
        t[i] = order == "up" and i or order == "down" and size - i or order == "equal" and 1
          or (i <= size // 2 and i or size - i)
      end
      return t
    end
    same_effect("sort " .. order, ours.sort, theirs.sort, fresh)
    same_effect("sort " .. order, ours.sort, theirs.sort, fresh, function(a, b) return a > b end)
    -- in larger ones Lua may draw lots, and equal elements come out in any order
    if size <= 102 then
      same_effect("sort " .. order, ours.sort, theirs.sort, fresh, function(a,
        b) return a // 3 > b // 3 end)
    end
  end
end

-- Metamethods stand for a table.
local function proxy(t, without)
  local mt = { __index = t, __newindex = t, __len = function() return #t end }
  if without then mt[without] = nil end
  return setmetatable({}, mt)
end
for _ = 1, rounds // 8 do
  local t = list(8)
  local without = pick { false, "__index", "__newindex", "__len" }
  local function fresh() return proxy(clone(t), without) end
  same_effect("insert", ours.insert, theirs.insert, fresh, random(3), "new")
  same_effect("remove", ours.remove, theirs.remove, fresh, random(3))
  same_effect("move", ours.move, theirs.move, fresh, 1, 3, 2)
  same("concat", ours.concat, theirs.concat, fresh(), ",")
  same("unpack", ours.unpack, theirs.unpack, fresh())
end
local lengths = { 1 << 31, 1.5, "x", {}, 1 << 40, 3, "3" }
for _, length in ipairs(lengths) do
  local t = setmetatable({}, { __len = function() return length end })
  same("sort", ours.sort, theirs.sort, t)
  same("unpack", ours.unpack, theirs.unpack, t)
end

local subjects = { "x", 1, true, print, s.null }
for _, name in ipairs { "insert", "remove", "move", "concat", "unpack", "sort" } do
  same(name, ours[name], theirs[name])
  for _, subject in ipairs(subjects) do
    same(name, ours[name], theirs[name], subject)
    same(name, ours[name], theirs[name], subject, 1, 2, 3, {})
  end
end
same("concat", ours.concat, theirs.concat, { 1, {}, 3 })
same("concat", ours.concat, theirs.concat, { 1, 2, 3 }, ",", 2, 9)
same("unpack", ours.unpack, theirs.unpack, {}, 1, 1e8)
return compare.count()
