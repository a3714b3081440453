--- Small things with strings that Lua leaves to its users.
---@class streamrt.str
local M = {}

local find, sub, match = string.find, string.sub, string.match

--- The parts between separators, taken literally; "a,,b" has an empty one. Without a separator: the
--- words between white space.
---@param text string
---@param separator string?
---@param limit integer? at most so many parts; the last one is the rest
---@return string[]
function M.split(text, separator, limit)
  local parts, count, from = {}, 0, 1
  if separator == nil then
    from = find(text, "%S") or #text + 1
  elseif separator == "" then
    error("split: the separator is empty", 2)
  end
  while not limit or count < limit - 1 do
    local at, to
    if separator then
      at, to = find(text, separator, from, true)
    else
      at, to = find(text, "%s+", from)
    end
    if not at then break end
    count = count + 1
    parts[count] = sub(text, from, at - 1)
    from = to + 1
  end
  if separator or from <= #text then parts[count + 1] = sub(text, from) end
  return parts
end

--- Without the white space around it.
---@param text string
---@return string
function M.trim(text)
  local from = match(text, "^%s*()")
  return from > #text and "" or match(text, ".*%S", from)
end

---@param text string
---@param with string
---@return boolean
function M.starts_with(text, with)
  return sub(text, 1, #with) == with
end

---@param text string
---@param with string
---@return boolean
function M.ends_with(text, with)
  return with == "" or sub(text, -#with) == with
end

---@param text string
---@param what string taken literally
---@return boolean
function M.contains(text, what)
  return find(text, what, 1, true) ~= nil
end

return M
