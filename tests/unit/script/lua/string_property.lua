-- Random patterns on random subjects, and the rest of the string library.
-- luacheck: globals stock rounds
local compare = require "compare"
local same, pick, text = compare.same, compare.pick, compare.text
local random = math.random
local ours, theirs = string, stock.string

local letters = { "a", "b", "a", "b", "ab", "A", "1", "2", " ", ".", "[", "]", "(", ")", "%", "-",
  "^",
  "$", "\0", "\n", "\255", "_", "x1", "aab", "\t" }
local singles = { "a", "b", ".", "%a", "%d", "%s", "%w", "%A", "%S", "%W", "%p", "%c", "%x", "%g",
  "%l",
  "%u", "%z", "%Z", "%P", "%.", "%%", "%]", "%(", "[ab]", "[^ab]", "[^a]", "[a]", "[%]]", "[^%]]",
  "[%w_]", "[^%s]", "[%S]", "[a-c]", "[^0-9]", "[]]", "[]a]", "[^]]", "[a-]", "[-a]", "[%a-z]",
  "[%d.]", "[^%z]", "[b-a]", "\0", "\255", "[%-]", "x", "1", " ", "[\0-\31]", "%q", "[%q]", "[%Z]" }
local suffixes = { "", "", "", "*", "+", "-", "?" }
local odd = { "(", ")", "()", "(", ")", "%1", "%2", "%b()", "%bab", "%baa", "%f[%w]", "%f[^a]",
  "%f[%z]", "$",
  "^" }
local broken = { "%", "[", "[^", "[a", "[%", "[%]", "%f", "%fa", "%b", "%bx", "%0", "%9", "*", "+",
  "[]",
  "[^]", "(((", ")))" }

local function item()
  return pick(singles) .. pick(suffixes)
end

local function pattern()
  local parts = { random(6) == 1 and "^" or "" }
  local open = 0
  for _ = 1, random(0, 5) do
    local dice = random(20)
    if dice <= 12 then
      parts[#parts + 1] = item()
    elseif dice <= 15 then
      parts[#parts + 1] = "("
      open = open + 1
    elseif dice <= 17 and open > 0 then
      parts[#parts + 1] = ")"
      open = open - 1
    else
      parts[#parts + 1] = pick(odd)
    end
    if random(60) == 1 then
      parts[#parts + 1] = pick(broken)
    end
  end
  if random(12) > 1 then
    parts[#parts + 1] = theirs.rep(")", open)
  end
  parts[#parts + 1] = random(6) == 1 and "$" or ""
  return stock.table.concat(parts)
end

local function drain(gmatch)
  return function(...)
    local all = {}
    for a, b, c in gmatch(...) do
      all[#all + 1] = { a, b or "none", c or "none" }
    end
    return all
  end
end
local our_gmatch, their_gmatch = drain(ours.gmatch), drain(theirs.gmatch)

local by = {
  "", "x", "<%0>", "%1", "%2%1", "%%", "%", "%q", "%9", "[%1]%%", 12, 1.5,
  { a = "A", b = false, ab = 7, [" "] = {} }, {}, setmetatable({}, { __index = function(_,
    k) return k .. k end }),
  function(...) return select("#", ...) end, function(a) return a end, function() end,
  function() return {} end, function(_, b) return b end, function() error "mine" end, true,
    print == nil,
}

local function init()
  return random(3) == 1 and random(-12, 12) or nil
end

for _ = 1, rounds do
  local subject, p = text(letters, 10), pattern()
  same("find", ours.find, theirs.find, subject, p, init())
  same("match", ours.match, theirs.match, subject, p, init())
  same("gmatch", our_gmatch, their_gmatch, subject, p, init())
  same("gsub", ours.gsub, theirs.gsub, subject, p, pick(by), random(4) == 1 and random(-1, 3)
    or nil)
  same("find plain", ours.find, theirs.find, subject, text(letters, 2), init(), true)
  same("find literal", ours.find, theirs.find, text({ "a", "b" }, 200), text({ "a", "b" }, 8),
    init())
end

-- What is likely to be searched in lines of text, on longer subjects.
local lines = { "^(%S+) (%S+) (.-) %[([^%]]*)%] ()", "(%d+)%.(%d+)", "\"(.-)\"", "%s*(.-)%s*$",
  "^%s*$",
  "(%w+)=(%w+)", "[%w_]+", "([^,]*),?", "^(.-):(%d%d) ([+-]%d%d%d%d)$", ".*/(.-)$", "(.*)%.(.-)$",
  "%b[]", "((%w+) (%w+))", "()%s()", "%f[%a]%a+", "(.)%1", "^(%S+) (.-) (HTTP/%S+)$", "a.-b.-c" }
local words = { "GET ", "/a/b.html ", "HTTP/1.1", "\"", "[17/May/2015:10:05:03 +0000] ",
  "10.1.2.3 ", "- ",
  "200 ", "k=v,", "aa", "\\\"", ".", ":", "abc", "  " }
for _ = 1, rounds // 4 do
  local subject, p = text(words, 20), pick(lines)
  same("find", ours.find, theirs.find, subject, p, init())
  same("match", ours.match, theirs.match, subject, p, init())
  same("gmatch", our_gmatch, their_gmatch, subject, p)
  same("gsub", ours.gsub, theirs.gsub, subject, p, pick(by))
end

-- Depth and captures at their limits.
for n = 1, 240 do
  same("depth ?", ours.find, theirs.find, ("a"):rep(n), ("a?"):rep(n))
  same("depth -", ours.find, theirs.find, ("a"):rep(n), ("a-"):rep(n) .. "$")
  same("depth ()", ours.find, theirs.find, ("a"):rep(n), ("(a)"):rep(n))
  same("depth ((", ours.find, theirs.find, ("a"):rep(n), ("("):rep(n) .. "a" .. (")"):rep(n))
  same("depth ?(", ours.match, theirs.match, ("a"):rep(300), ("a?"):rep(n) .. ("()"):rep(n % 40))
  same("depth *(", ours.match, theirs.match, ("b"):rep(n), ("a*"):rep(n) .. ("(b"):rep(n % 40))
end

local numbers = { -1, 0, 1, 2, 3, 7, 100, math.maxinteger, math.mininteger, 1 << 31, 1.5, "2", "x" }
for _ = 1, rounds // 4 do
  local subject = text(letters, 10)
  for _, name in ipairs { "lower", "upper", "reverse", "len" } do
    same(name, ours[name], theirs[name], subject)
  end
  local n = random(4) == 1 and pick(numbers) or random(0, 40)
  if not (n == 1 << 31 or n == 100) then
    same("rep", ours.rep, theirs.rep, random(8) == 1 and "" or subject, n ~= math.maxinteger and n
      or -n,
      random(2) == 1 and text(letters, 3) or nil)
  end
end
local all = {}
for i = 0, 255 do all[i + 1] = string.char(i) end
all = stock.table.concat(all)
same("upper", ours.upper, theirs.upper, all)
same("lower", ours.lower, theirs.lower, all)
for _, class in ipairs(singles) do
  same("class", ours.gsub, theirs.gsub, all, class, "")
end
for _, size in ipairs { 65535, 65536, 65537, 300000 } do
  local long = ("xyz"):rep(size)
  assert(long == theirs.rep("xyz", size) and ("ab"):rep(size, "-") == theirs.rep("ab", size, "-"))
  assert(long:reverse() == theirs.reverse(long) and long:upper() == theirs.upper(long))
  same("far", ours.find, theirs.find, long .. "needle!" .. long, "needle!", 1, true)
  same("far", ours.find, theirs.find, long, long .. "!", 1, true)
  same("far", ours.find, theirs.find, "a" .. long, long, 1, true)
end

-- Arguments that are wrong.
for _, name in ipairs { "find", "match", "gmatch", "gsub", "rep", "lower", "upper", "reverse" } do
  local values = { "a", 1, true, {}, print, 2.5, "5" }
  for _ = 1, 200 do
    local args = {}
    local n = random(0, 4)
    for i = 1, n do args[i] = pick(values) end
    if name ~= "gmatch" then
      same(name, ours[name], theirs[name], stock.table.unpack(args, 1, n))
    else
      same(name, our_gmatch, their_gmatch, stock.table.unpack(args, 1, n))
    end
  end
end

assert((""):rep(math.maxinteger) == "") -- stock Lua counts to the end
assert(("ab"):find "b" == 2 and ("ab"):upper() == "AB") -- methods are ours
return compare.count()
