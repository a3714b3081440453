-- Calls a function of ours and the one of stock Lua's that it stands for, and wants the same.
-- luacheck: globals stock
local M = {}

local function show(value)
  if type(value) == "string" then
    return (stock.string.format("%q", value))
  elseif type(value) == "table" then
    local parts = {}
    for k, v in pairs(value) do
      parts[#parts + 1] = "[" .. show(k) .. "]=" .. show(v)
    end
    stock.table.sort(parts)
    return "{" .. stock.table.concat(parts, ",") .. "}"
  end
  return tostring(value)
end
M.show = show

local function show_all(...)
  local parts = {}
  for i = 1, select("#", ...) do
    parts[i] = show((select(i, ...)))
  end
  return stock.table.concat(parts, ", ")
end

local count = 0

function M.count() return count end

--- The texts of what both did: results, or the error.
function M.same(what, ours, theirs, ...)
  count = count + 1
  local expected = show_all(pcall(theirs, ...))
  local found = show_all(pcall(ours, ...))
  if found ~= expected then
    error(what .. " gave " .. found .. ", stock " .. expected .. ", of " .. show_all(...), 0)
  end
end

--- The same where the functions change their first argument: each gets a copy by `make`.
function M.same_effect(what, ours, theirs, make, ...)
  count = count + 1
  local function run(f, ...)
    local subject = make()
    local result = show_all(pcall(f, subject, ...))
    return result:gsub("table: 0x%x+", "table") .. " and " .. show(subject)
  end
  local expected = run(theirs, ...)
  local found = run(ours, ...)
  if found ~= expected then
    local stock_gave = ", stock " .. expected .. ", of " .. show(make())
    error(what .. " of " .. show_all(...) .. " gave " .. found .. stock_gave, 0)
  end
end

local random = math.random

function M.pick(list) return list[random(#list)] end

--- A text of up to `max` parts, each from the list.
function M.text(list, max)
  local parts = {}
  for i = 1, random(0, max) do
    parts[i] = list[random(#list)]
  end
  return stock.table.concat(parts)
end

return M
