-- The attacks: { name, body of a `map`, what the dead letter's reason contains }. Instead of a
-- luacheck: no max line length
-- reason: "passes" when nothing is wrong with it, "either" when both ends are right.
--
-- Rows of the design's table of attacks that no script of a pipeline can try, and why:
--   4   a state is closed at the end only, and has no finalizers (row 3)
--   15, 16, 18, 19, 20, 23   the names do not exist; one script tries all of them below
--   27, 28   records are plain Lua tables: there is no proxy to misuse or to outlive its record
--   30  what differs between runs is documented, and harms nobody
--   32  is about versions of Lua; deep recursion is below
local late = "ran longer than 100ms"
local full = "used more than 32MiB of memory"

return {
  -- the table's rows
  { "1 a loop", "while true do end", late },
  { "2 pcall in a loop", "while true do pcall(function() while true do end end) end", late },
  { "2 pcall, recursively", "local function f() pcall(f) return f() end f()", "either" },
  { "3 a finalizer", "setmetatable({}, {__gc = function() while true do end end})", "__gc" },
  { "5 a finalizer that comes later", "local mt = {} setmetatable({}, mt)\nmt.__gc = function() while true do end end\n"
    .. "for i = 1, 1e4 do local x = {i} end\nreturn v", "passes" },
  { "6 a close handler", "local x <close> = setmetatable({}, {__close = function() while true do end end})\nwhile true do end", late },
  { "7 a pattern", "local p = ('(\".-\")'):rep(6) .. 'b'\nreturn (('\"'):rep(50000)):match(p)", late },
  { "8 table.move", "table.move({}, 1, 1e12, 2)", late },
  { "9 table.insert", "table.insert(setmetatable({}, {__len = function() return 1 << 60 end}), 1, 1)", late },
  { "10 table.concat in a loop", "local t = {}\nfor i = 1, 1000 do t[i] = ('x'):rep(1000) end\nwhile true do table.concat(t) end", late },
  { "10 utf8.len in a loop", "local t = ('x'):rep(1e7)\nfor i = 1, 1000 do utf8.len(t) end", late },
  { "11 table.sort", "local t = {}\nfor i = 1, 1e5 do t[i] = ('%d'):format(i * 7919 % 100003) end\nwhile true do table.sort(t, function(a, b) return a > b end) table.sort(t) end", late },
  { "11 recursive handlers", "local function f() error(1) end\nlocal function h() return xpcall(f, h) end\nwhile true do xpcall(f, h) end", late },
  { "12 string.rep", "return ('x'):rep(1 << 40)", "resulting string too large" },
  { "13 a string that doubles", "local t = 'x'\nwhile true do t = t .. t end", full },
  { "14 string.format in a loop", "while true do ('%099d'):format(1) end", late },
  { "15-23 what is not there", "return (load or io or debug or package or dofile or string.dump or os.exit or os.execute) or error 'absent'", "absent" },
  { "17 the metatable of strings", "getmetatable('').__index = {}", "index a boolean value" },
  { "21 deep recursion", "local function f() return 1 + f() end return f()", "either" },
  { "21 recursion through gsub", "local function f() return (('x'):gsub('x', f)) end return f()", "overflow" },
  { "21 recursion through coroutines", "local function f() return coroutine.wrap(f)() end return f()", "c.yaml" },
  { "22 coroutines", "local t = {}\nwhile true do t[#t + 1] = coroutine.create(function() end) end", "either" },
  { "22 a loop in a coroutine", "while true do coroutine.wrap(function() while true do end end)() end", late },
  { "23 the collector", "collectgarbage('stop')", "only \"count\" is available" },
  { "24 table.unpack", "return table.unpack({}, 1, 1e7)", "too many results to unpack" },
  { "25 an error that prints for ever", "error(setmetatable({}, {__tostring = function() while true do end end}))", "either" },
  { "26 a yield to the host", "coroutine.yield(1)", "yield" },
  { "29 a table of itself", "local t = {} t.t = t return t", "circle" },
  { "29 deep nesting", "local t = {} for i = 1, 1e5 do t = {t} end return t", "deep" },
  { "29 nan", "return {x = 0/0}", "nan" },
  { "31 string.pack", "return string.pack('c2147483647', 'x')", "memory" },
  { "31 string.unpack", "return string.unpack('s8', ('\\255'):rep(20))", "data string too short" },
  -- others
  { "rep of nothing", "return #(''):rep(math.maxinteger)", "passes" },
  { "a set of a million", "return (('x'):rep(1e6)):find('[' .. ('a'):rep(1e6) .. ']+')", late },
  { "stars", "return (('a'):rep(1e5)):find(('a*'):rep(30) .. 'b')", late },
  { "back references", "return (('ab'):rep(1e5)):match('(.-)%1%1c')", late },
  { "balance from everywhere", "return (('('):rep(2e6)):find('%b()')", late },
  { "gmatch", "for x in (('a'):rep(3000)):gmatch(('a-'):rep(20) .. 'b') do end", late },
  { "gsub with a table that loops", "return (('a'):gsub('a', setmetatable({}, {__index = function() while true do end end})))", late },
  { "gsub that grows", "local t = 'x'\nwhile true do t = t:gsub('x', 'xx') end", "either" },
  { "a literal that nearly fits", "while true do (('a'):rep(1e6)):find(('a'):rep(5e5) .. 'b', 1, true) end", late },
  { "table.remove", "table.remove(setmetatable({}, {__len = function() return 1 << 60 end}), 1)", late },
  { "table.concat of nothing", "return table.concat(setmetatable({}, {__len = function() return 1 << 60 end, __index = setmetatable({}, {__index = function() return '' end})}))", late },
  { "sort of what is not there", "table.sort(setmetatable({}, {__len = function() return 1 << 30 end, __index = function() return 1 end, __newindex = function() end}))", late },
  { "an order that is none", "local t = {} for i = 1, 1e5 do t[i] = i end\nwhile true do pcall(table.sort, t, function() return true end) end", late },
  { "tonumber of many digits", "local t = ('9'):rep(5e6)\nwhile true do tonumber(t) end", late },
  { "arithmetic on many digits", "local t = ('9'):rep(5e6)\nwhile true do local x = t + 1 end", late },
  { "select", "local t = {table.unpack({}, 1, 2e5)}\nwhile true do select(-1, table.unpack({}, 1, 2e5)) end", late },
  { "metatables in a ring", "local a, b = {}, {}\nsetmetatable(a, {__index = b}) setmetatable(b, {__index = a})\nreturn a.x", "loop" },
  { "a result that doubles in JSON", "local t = 'x'\nfor i = 1, 60 do t = {t, t} end\nreturn t", "either" },
  { "encode what doubles", "local t = 'x'\nfor i = 1, 60 do t = {t, t} end\nreturn s.json.encode(t)", "either" },
  { "many small strings", "local t = {}\nfor i = 1, 1e9 do t[i] = 'k' .. i end", "either" },
  { "a very long message", "error(('x'):rep(1e7))", "either" },
  { "pcall of what ended a pattern", "while true do pcall(string.find, ('a'):rep(3000), ('a-'):rep(20) .. 'b') end", late },
  { "a close handler behind a pattern", "local x <close> = setmetatable({}, {__close = function() (('a'):rep(3000)):find(('a-'):rep(20) .. 'b') end})\nwhile true do end", late },
  { "a coroutine in a pattern", "coroutine.wrap(function() (('a'):rep(3000)):find(('a-'):rep(20) .. 'b') end)()", late },
  { "rawset on what is built in", "rawset(string, 'rep', print)", "built-in" },
  { "iterators that never end", "for k in pairs(setmetatable({}, {__pairs = function() return function() return 1 end end})) do end", late },
}
