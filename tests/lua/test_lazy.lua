--- A lazy value against a plain table: the same program must see and give the same.
local s = require "streamrt"
local T = {}

--- A table that was built by hand, member by member.
local function plain(value)
  if type(value) ~= "table" then return value end
  local copy = s.is_array(value) and s.array {} or {}
  for k, v in pairs(value) do copy[k] = plain(v) end
  return copy
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b and math.type(a) == math.type(b)
  end
  if s.is_array(a) ~= s.is_array(b) then return false end
  for k, v in pairs(a) do if not same(v, b[k]) then return false end end
  for k in pairs(b) do if a[k] == nil then return false end end
  return true
end

local ORDER = [[{"id":7,"status":"paid","qty":3,"price":19.5,"big":9007199254740993,"f":1.0,
  "n":null,
  "yes":true,"no":false,"tags":["a","b","c"],"none":[],"empty":{},
  "address":{"city":"Köln","zip":"50667",
  "geo":{"lat":50.9,"lon":6.9}},"items":[{"sku":"x","n":1},{"sku":"y","n":2},{"sku":"z","n":3}],
  "numbers":[5,3,9,1],"esc\"aped":"l1\nl2 \u00e9"}]]

--- Each gets v; what it returns, and v afterwards, must be the same for both kinds.
local programs = {
  type = function(v) return type(v) .. type(v.items) .. type(v.items[1]) end,
  read = function(v) return { v.id, v.status, v.price, v.f, v.big, v.yes, v.no } end,
  read_absent = function(v)
    return { v.nope == nil, v.address.nope == nil, v[1] == nil, v.items[9] == nil }
  end,
  read_nested = function(v) return v.address.geo.lat + v.items[2].n end,
  read_escaped = function(v) return v['esc"aped'] end,
  null = function(v) return v.n == s.null and v.n ~= nil and tostring(v.n) == "null" end,
  write = function(v) v.total = v.qty * v.price v.status = "sent" return v end,
  write_nested = function(v)
    v.address.geo.alt = 5 v.items[2].n = 20 v.address.zip = nil
    return v
  end,
  delete = function(v) v.status = nil v.nope = nil return { v.status == nil, v } end,
  delete_after_read = function(v)
    local a = v.address v.address = nil
    return { v.address == nil, a.city }
  end,
  delete_after_write = function(v) v.id = 1 v.id = nil return { v.id == nil, v } end,
  delete_then_write = function(v) v.id = nil v.id = "again" return v end,
  identity = function(v)
    return { v == v, v.address == v.address, v.items[1] == v.items[1], v.items == v.tags }
  end,
  upvalue = function(v)
    local kept = {} ; (function() kept.v = v end)()
    return kept.v.address.city
  end,
  length = function(v) return { #v.items, #v.none, #v.tags, #v, rawlen(v.items) } end,
  ipairs = function(v)
    local t = {} for i, item in ipairs(v.items) do t[i] = item.sku .. i end return t
  end,
  pairs_count = function(v) local n = 0 for _ in pairs(v) do n = n + 1 end return n end,
  pairs_keys = function(v)
    local t = {} for k in pairs(v) do t[#t + 1] = k end table.sort(t) return t
  end,
  pairs_write = function(v)
    for k, x in pairs(v) do if type(x) == "number" then v[k] = x + 1 end end return v
  end,
  pairs_delete = function(v) for k in pairs(v) do v[k] = nil end return next(v) == nil end,
  pairs_after_write = function(v)
    v.extra = 1 v.id = nil
    local t = {} for k in pairs(v) do t[#t + 1] = k end table.sort(t) return t
  end,
  next_empty = function(v) return { next(v.empty) == nil, next(v.none) == nil, next(v) ~= nil } end,
  next_walk = function(v)
    local n, k, x = 0, next(v.address)
    while k do n = n + #tostring(x) k, x = next(v.address, k) end
    return n > 10
  end,
  insert = function(v) table.insert(v.tags, "d") table.insert(v.tags, 1, "z") return v end,
  insert_empty = function(v) table.insert(v.none, 1) return v.none end,
  remove = function(v) return { table.remove(v.tags), table.remove(v.tags, 1), v.tags } end,
  remove_all = function(v) while #v.tags > 0 do table.remove(v.tags) end return v end,
  concat = function(v) return table.concat(v.tags, "-") .. table.concat(v.numbers, ",", 2, 3) end,
  sort = function(v)
    table.sort(v.numbers) table.sort(v.items, function(a, b)
    return a.n > b.n end)
    return v
  end,
  unpack = function(v) return { table.unpack(v.numbers) } end,
  move = function(v) return table.move(v.tags, 1, 3, 2, v.numbers) end,
  select = function(v) return select("#", table.unpack(v.items)) end,
  append = function(v) v.items[#v.items + 1] = { sku = "new" } v.none[1] = s.null return v end,
  swap = function(v) v.items[1], v.items[3] = v.items[3], v.items[1] return v end,
  share = function(v)
    v.copy = v.address v.address.city = "Bonn"
    return { v.copy.city, v.copy == v.address }
  end,
  rename = function(v) v.place, v.address = v.address, nil return v end,
  rawget = function(v)
    return { rawget(v, "id"), rawget(v.items, 1).sku, rawget(v, "nope") == nil }
  end,
  rawset = function(v) rawset(v, "id", 8) rawset(v, "new", 1) rawset(v, "status", nil) return v end,
  rawequal = function(v) return { rawequal(v, v), rawequal(v.tags, v.items) } end,
  metatable = function(v) return getmetatable(v) == nil and getmetatable(v.items) == nil end,
  setmetatable = function(v)
    setmetatable(v, { __index = function(_, k) return "no " .. k end })
    return { v.id, v.nope, v.address.city }
  end,
  setmetatable_len = function(v)
    setmetatable(v.items, { __len = function()
    return 99 end })
    return #v.items
  end,
  as_key = function(v)
    local seen = {} seen[v] = 1 seen[v.address] = 2
    return seen[v] + seen[v.address]
  end,
  as_index = function(v) return setmetatable({}, { __index = v }).status end,
  tostring = function(v) return (tostring(v):gsub("0x%x+", "P")) end,
  concat_error = function(v)
    return select(2, pcall(function() return v .. "" end)):gsub("^.-: ", "")
  end,
  arith_error = function(v)
    return (select(2, pcall(function() return v.address + 1 end)):gsub("^.-: ", ""))
  end,
  call_error = function(v)
    return (select(2, pcall(function() return v.tags() end)):gsub("^.-: ", ""))
  end,
  compare_error = function(v)
    return (select(2, pcall(function() return v < v end)):gsub("^.-: ", ""))
  end,
  index_nil_error = function(v)
    return (select(2, pcall(function() v[nil] = 1 end)):gsub("^.-: ", ""))
  end,
  index_nan_error = function(v)
    return (select(2, pcall(function() v[0 / 0] = 1 end)):gsub("^.-: ", ""))
  end,
  coroutine = function(v)
    local step = coroutine.wrap(function()
      for _, i in ipairs(v.items) do coroutine.yield(i.sku) end
    end)
    return { step(), step(), step() }
  end,
  closures = function(v)
    local fns = {}
    for i, item in ipairs(v.items) do fns[i] = function() item.n = item.n * 10 return item.n end end
    return { fns[1](), fns[3](), v }
  end,
  goto_deep = function(v) for _ = 1, 100 do v = { inner = v } end return v.inner.inner ~= nil end,
  integer_keys = function(v) v[5] = "five" return { v[5], v["5"] == nil } end,
}

for name, program in pairs(programs) do
  T["same_for_both_" .. name] = function()
    local one, two = s.json.decode(ORDER), plain(s.json.decode(ORDER))
    local from_lazy, from_plain = program(one), program(two)
    assert(same(from_lazy, from_plain),
      "results differ: " .. s.json.encode { from_lazy, from_plain })
    if name ~= "integer_keys" and name ~= "goto_deep" and name ~= "as_index" then
      local a, b = s.json.encode(one), s.json.encode(two)
      assert(same(s.json.decode(a), s.json.decode(b)), "values differ: " .. a .. "\n" .. b)
    end
  end
end

--- Random programs. The same sequence of random choices is made for both values.
local function random_program(seed)
  local state = seed
  local function random(n)
    state = (state * 1103515245 + 12345) & 0x7fffffff
    return (state >> 8) % n + 1
  end
  local keys = { "id", "status", "tags", "items", "address", "none", "empty", "new", "other", "f" }
  local function value()
    local kind = random(7)
    if kind == 1 then return random(100) end
    if kind == 2 then return random(100) / 4 end
    if kind == 3 then return "text " .. random(9) end
    if kind == 4 then return { x = random(9) } end
    if kind == 5 then return s.array { random(9), random(9) } end
    if kind == 6 then return s.null end
    return random(2) == 1
  end
  local function sorted_keys(t)
    local list = {}
    for k in pairs(t) do list[#list + 1] = k end
    table.sort(list, function(a, b) return tostring(a) < tostring(b) end)
    return list
  end
  local function pick(v)
    for _ = 1, random(3) do
      local list = {}
      for _, k in ipairs(sorted_keys(v)) do
        if type(v[k]) == "table" then list[#list + 1] = v[k] end
      end
      if #list == 0 or random(3) == 1 then return v end
      v = list[random(#list)]
    end
    return v
  end
  return function(v)
    local said = {}
    local function say(x) said[#said + 1] = type(x) == "table" and "table" or tostring(x) end
    for _ = 1, 30 do
      local t = pick(v)
      local op = random(12)
      if s.is_array(t) then
        if op <= 3 then table.insert(t, random(#t + 1), value())
        elseif op <= 5 then say(table.remove(t, #t > 0 and random(#t) or nil))
        elseif op == 6 then say(#t)
        elseif op == 7 and #t > 0 then t[random(#t)] = value()
        elseif op == 8 then for i, x in ipairs(t) do say(i) say(x) end
        elseif op == 9 and #t > 1 then t[1], t[#t] = t[#t], t[1]
        elseif op == 10 then say(select("#", table.unpack(t)))
        else say(t[random(4)]) end
      else
        local key = keys[random(#keys)]
        if op <= 3 then t[key] = value()
        elseif op <= 5 then t[key] = nil
        elseif op <= 7 then say(t[key])
        elseif op == 8 then for _, k in ipairs(sorted_keys(t)) do say(k) say(t[k]) end
        elseif op == 9 then say(rawget(t, key))
        elseif op == 10 then rawset(t, key, value())
        elseif op == 11 then t[key], t[keys[random(#keys)]] = t[keys[random(#keys)]], nil
        else say(next(t) == nil) end
      end
    end
    return table.concat(said, "|")
  end
end

function T.random_programs_see_and_give_the_same()
  for seed = 1, 300 do
    local one, two = s.json.decode(ORDER), plain(s.json.decode(ORDER))
    local a, b = random_program(seed)(one), random_program(seed)(two)
    assert(a == b, ("seed %d: said\n%s\n%s"):format(seed, a, b))
    local x, y = s.json.encode(one), s.json.encode(two)
    assert(same(s.json.decode(x), s.json.decode(y)), ("seed %d: gave\n%s\n%s"):format(seed, x, y))
  end
end

function T.a_value_of_many_members_is_found_by_name()
  local parts = {}
  for i = 1, 1000 do parts[i] = ('"k%d":%d'):format(i, i) end
  local v = s.json.decode("{" .. table.concat(parts, ",") .. "}")
  for i = 1, 1000 do assert(v["k" .. i] == i) end
  assert(v.k0 == nil and v.k1001 == nil)
  v.k500, v.k1000, v.k1 = nil, 0, "first"
  local back = s.json.decode(s.json.encode(v))
  assert(back.k500 == nil and back.k1000 == 0 and back.k1 == "first" and back.k999 == 999)
end

function T.the_last_of_keys_that_come_twice_counts()
  local function v() return s.json.decode '{"a":1,"b":2,"a":3}' end
  assert(v().a == 3)
  local n = 0
  for k, x in pairs(v()) do n = n + 1 assert(k ~= "a" or x == 3) end
  assert(n == 2)
  local w = v() w.a = nil
  assert(s.json.encode(w) == '{"b":2}', s.json.encode(w))
  w = v() w.b = 5
  assert(s.json.decode(s.json.encode(w)).a == 3)
end

function T.values_live_as_long_as_they_are_kept()
  -- luacheck: globals kept
  kept = {}
  for i = 1, 2000 do
    local v = s.json.decode(('{"i":%d,"list":[%d,{"deep":"%d"}]}'):format(i, i, i))
    if i % 100 == 0 then kept[#kept + 1] = i % 200 == 0 and v or v.list end
  end
  for i = 1, 20 do
    local list = kept[i].list or kept[i]
    assert(list[1] == i * 100 and list[2].deep == tostring(i * 100))
  end
  kept = nil
end

return T
