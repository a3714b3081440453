-- A small JSON reader for tests. Objects and arrays become tables, null becomes json.null; integers
-- stay integers. json.canonical gives one text for equal values, with keys in order.

local M = { null = setmetatable({}, { __tostring = function() return "null" end }) }

local decode_value

local escapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\",
  ["/"] = "/" }

local function decode_string(text, at)
  local parts = {}
  at = at + 1
  while true do
    local stop = text:find('["\\]', at)
    assert(stop, "a string has no end")
    parts[#parts + 1] = text:sub(at, stop - 1)
    if text:sub(stop, stop) == '"' then
      return table.concat(parts), stop + 1
    end
    local letter = text:sub(stop + 1, stop + 1)
    if letter == "u" then
      local code = tonumber(text:sub(stop + 2, stop + 5), 16)
      at = stop + 6
      if code >= 0xd800 and code < 0xdc00 then
        code = 0x10000 + (code - 0xd800 << 10) + tonumber(text:sub(at + 2, at + 5), 16) - 0xdc00
        at = at + 6
      end
      parts[#parts + 1] = utf8.char(code)
    else
      parts[#parts + 1] = assert(escapes[letter], "an unknown escape")
      at = stop + 2
    end
  end
end

local function skip(text, at)
  return text:find("[^ \t\r\n]", at) or #text + 1
end

local function decode_container(text, at, close, member)
  local result = {}
  at = skip(text, at + 1)
  if text:sub(at, at) == close then
    return result, at + 1
  end
  while true do
    at = skip(text, member(result, at))
    local sign = text:sub(at, at)
    if sign == close then
      return result, at + 1
    end
    assert(sign == ",", "expected a comma or the end at byte " .. at)
    at = skip(text, at + 1)
  end
end

function decode_value(text, at)
  at = skip(text, at)
  local sign = text:sub(at, at)
  if sign == "{" then
    return decode_container(text, at, "}", function(result, from)
      local key, colon = decode_string(text, from)
      colon = skip(text, colon)
      assert(text:sub(colon, colon) == ":", "expected a colon at byte " .. colon)
      local stop
      result[key], stop = decode_value(text, colon + 1)
      return stop
    end)
  elseif sign == "[" then
    return decode_container(text, at, "]", function(result, from)
      local stop
      result[#result + 1], stop = decode_value(text, from)
      return stop
    end)
  elseif sign == '"' then
    return decode_string(text, at)
  end
  local word = text:match("^[%w+.-]+", at)
  assert(word, "expected a value at byte " .. at)
  local constants = { ["true"] = true, ["false"] = false, null = M.null }
  local value = constants[word]
  if value == nil then
    value = assert(tonumber(word), "not a value: " .. word)
  end
  return value, at + #word
end

function M.decode(text)
  local value, at = decode_value(text, 1)
  assert(skip(text, at) > #text, "something stands behind the value")
  return value
end

function M.canonical(value)
  if type(value) ~= "table" or value == M.null then
    return type(value) == "string" and string.format("%q", value) or tostring(value)
  end
  local parts = {}
  if #value > 0 then
    for i, item in ipairs(value) do
      parts[i] = M.canonical(item)
    end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  local keys = {}
  for key in pairs(value) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for i, key in ipairs(keys) do
    parts[i] = string.format("%q:%s", key, M.canonical(value[key]))
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

return M
