-- One input of fuzz_calls.c: the bytes in `r` are a program for a small machine with eight
-- registers that calls the libraries of scripts and edits the lazy value `v`. What Lua has, too (as
-- `stock`), must give the same there; `v` must do what a plain copy of it does. Returns v.
-- luacheck: globals v r s stock

local at = 0
local function byte()
  at = at + 1
  return stock.string.byte(r, at) or 0
end

local function pick(list)
  return list[byte() % #list + 1]
end

-- A plain table of what may be a lazy one; tables that occur twice occur twice in it, too. With
-- `marks`, what came as an array is known as one.
local function copy(value, depth, seen, marks)
  if type(value) ~= "table" or depth == 0 then
    return value
  end
  if seen[value] then
    return seen[value]
  end
  local plain = {}
  seen[value] = plain
  if marks and s.is_array(value) then
    s.array(plain)
  end
  for key, part in pairs(value) do
    plain[key] = copy(part, depth - 1, seen, marks)
  end
  return plain
end

-- The field of a table that went through JSON, where every key is a text, or of one that did not.
local function field(table, key, is_exact)
  local part = table[key]
  if part == nil and not is_exact then
    part = table[type(key) == "string" and math.tointeger(tonumber(key)) or tostring(key)]
  end
  return part
end

-- Not exactly the same are numbers of another type, keys that became texts, and what JSON makes of
-- bytes that are no UTF-8.
local function same(a, b, depth, is_exact)
  if type(a) ~= "table" or type(b) ~= "table" then
    if not is_exact and type(a) == "string" and type(b) == "string" and not utf8.len(b) then
      return true
    end
    return rawequal(a, b) and (not is_exact or math.type(a) == math.type(b))
      or a ~= a and b ~= b
      or not is_exact and type(a) == "number" and a == b
  end
  if depth == 0 or rawequal(a, b) then
    return true
  end
  for key, part in pairs(a) do
    if not same(part, field(b, key, is_exact), depth - 1, is_exact) then
      return false
    end
  end
  for key in pairs(b) do
    if field(a, key, is_exact) == nil then
      return false
    end
  end
  return true
end

local function check(ok, what, ...)
  if not ok then
    local parts = { "differs: " .. what }
    for i = 1, select("#", ...) do
      parts[i + 1] = stock.string.format("%q", tostring((select(i, ...))))
    end
    error(stock.table.concat(parts, " "), 0)
  end
end

local constants = { 0, 1, -1, 2, 3, 7, 31, 64, 255, 256, 1000, math.maxinteger, math.mininteger,
  0.5, -0.0, 1e308, 1 / 0, -1 / 0, 0 / 0, 2.0 ^ 53, 2.0 ^ 63, "", "a", "abc", "%", "%d", "(a*)b",
  "(.-)%1", "%b()", "%f[%w]", "^(%a+)", "[%w_]*", "i4", "z", "s1", "<I8", "!8d", "\255\254",
  "\u{e9}", "\u{10ffff}", "0x10", "1e5", " 5 ", "2024-02-29T12:30:00.5Z", "day", "n", true,
  false, s.null }

local registers = { [0] = v, 1, "a", {}, 2.5, "abcabc", { 3, 1, 2 }, { "b", "a" } }
local function register()
  return registers[byte() % 8]
end

-- Names of what exists in both, and whether it changes its first argument.
local shared = {}
for _, library in ipairs { "string", "utf8", "table" } do
  local names = {}
  for name, fn in pairs(_G[library]) do
    if type(fn) == "function" and stock[library][name] then
      names[#names + 1] = name
    end
  end
  stock.table.sort(names)
  for _, name in ipairs(names) do
    shared[#shared + 1] = { library .. "." .. name, _G[library][name], stock[library][name],
      library == "table" }
  end
end

local function results(count, ...)
  return { n = select("#", ...), select(1, ...) }, count
end

local function call_shared()
  local it = pick(shared)
  local count = byte() % 5
  local args, again = {}, {}
  for i = 1, count do
    local arg = register()
    args[i] = copy(arg, 20, {})
    again[i] = it[4] and copy(arg, 20, {}) or args[i]
  end
  local ours = results(count, pcall(it[2], stock.table.unpack(args, 1, count)))
  local theirs = results(count, pcall(it[3], stock.table.unpack(again, 1, count)))
  local first = ours[2]
  if it[1] == "string.gmatch" or it[1] == "utf8.codes" then
    return
  end
  check(ours[1] == theirs[1], it[1], ours[1], first, theirs[2], args[1], args[2], args[3])
  if ours[1] then
    check(same(ours, theirs, 20, true), it[1], first, theirs[2], args[1], args[2], args[3])
    check(same(args, again, 20, true), it[1] .. " (arguments)")
    registers[byte() % 8] = first
  end
end

local own = { s.json.encode, s.json.decode, s.str.split, s.str.trim, s.str.starts_with,
  s.str.ends_with, s.str.contains, s.time.parse, s.time.format, s.time.trunc, s.time.days,
  s.time.of, s.time.zone_minutes, s.parse.combined, s.parse.combined_full, s.is_array, tostring,
  tonumber, next, ipairs, pairs, rawlen, rawget, select, math.floor, math.tointeger, math.fmod,
  math.ult, math.abs, math.type, os.date, os.time, string.gmatch, utf8.codes, error, assert,
  rawequal, type }

local function call_own()
  local fn = pick(own)
  local ok, first = pcall(fn, register(), register(), register())
  if ok then
    registers[byte() % 8] = first
  end
end

-- The value and its plain copy, side by side.
local model = copy(v, 200, {}, true)

local function keys_of(node)
  local keys = {}
  for key in pairs(node) do
    keys[#keys + 1] = key
  end
  stock.table.sort(keys, function(a, b)
    if type(a) ~= type(b) then
      return type(a) == "number"
    end
    return a < b
  end)
  return keys
end

local function walk()
  local real, plain = v, model
  for _ = 1, byte() % 4 do
    local keys = keys_of(plain)
    local key = keys[byte() % (#keys + 1) + 1]
    if key ~= nil and type(plain[key]) == "table" then
      real, plain = real[key], plain[key]
    end
  end
  return real, plain
end

local function new_key(plain)
  local dice = byte()
  if #plain > 0 then
    return dice % (#plain + 1) + 1
  end
  local keys = keys_of(plain)
  return keys[dice % (#keys + 2) + 1] or (dice % 2 == 0 and "added" or "a\"\n" .. dice)
end

local function edit()
  local real, plain = walk()
  local key = new_key(plain)
  local dice = byte() % 4
  if dice == 0 then
    local from_real, from_plain = walk()
    real[key], plain[key] = from_real, from_plain
  elseif dice == 1 then
    if #plain == 0 or key >= #plain then
      real[key], plain[key] = nil, nil
    end
  else
    local value = copy(register(), 20, {}, true)
    real[key], plain[key] = value, copy(value, 20, {}, true)
  end
end

local function look()
  local real, plain = walk()
  local key = new_key(plain)
  check(#real == #plain, "length", #real, #plain)
  check(type(real[key]) == type(plain[key]), "a field", key, real[key], plain[key])
  check(type(real[key]) == "table" or same(real[key], plain[key], 1, true), "a field", key,
    real[key], plain[key])
  registers[byte() % 8] = real[key]
  if byte() % 4 == 0 then
    check(same(real, plain, 200, true), "a value")
  end
end

local function arrange()
  local real, plain = walk()
  local fn = pick { table.insert, table.remove, table.concat, table.unpack }
  local arg = byte() % 3
  local value = pick { 1, "x", 2.5 }
  local ours, theirs
  if fn == table.insert then
    ours = { pcall(fn, real, value) }
    theirs = { pcall(fn, plain, value) }
  else
    ours = { pcall(fn, real, arg > 0 and arg or nil) }
    theirs = { pcall(fn, plain, arg > 0 and arg or nil) }
  end
  check(ours[1] == theirs[1] and #ours == #theirs, "an arrangement", ours[2], theirs[2])
  check(not ours[1] or type(ours[2]) == type(theirs[2]), "an arrangement", ours[2], theirs[2])
end

local is_table = type(v) == "table" and v ~= s.null
while at < #r do
  local op = byte() % 8
  if op == 0 then
    registers[byte() % 8] = pick(constants)
  elseif op == 1 then
    local to, len = byte() % 8, byte()
    registers[to] = stock.string.sub(r, at + 1, at + len)
    at = at + len
  elseif op == 2 then
    local made = { register(), register() }
    pcall(rawset, made, register(), 1)
    registers[byte() % 8] = made
  elseif op == 3 or not is_table then
    call_shared()
  elseif op == 4 then
    call_own()
  elseif op == 5 then
    edit()
  elseif op == 6 then
    look()
  else
    arrange()
  end
end

if is_table then
  local ok, text = pcall(s.json.encode, v)
  local plain_ok = pcall(s.json.encode, model)
  check(ok == plain_ok, "encoding", ok, text)
  if ok then
    local decoded, err = s.json.decode(text)
    check(err == nil and same(decoded, model, 200, false), "what was encoded", text)
  end
  check(same(v, model, 200, true), "the value")
end
return v
