--- Where things stand in a pipeline's Lua file, for messages.
--
-- Lua knows the lines of calls and nothing else. The columns are found in the text of the file.

local place = {}

--- Of the file that is being loaded: { where, file, text, line_starts, lines_of_arguments }.
local reading

--- Where the caller of the function that calls this stands.
---@return table at {file, line, column, width}
function place.here()
  local file, line = reading.where(3)
  return { file = file, line = line, column = 0, width = 0, call_line = line }
end

--- The next place of a pattern that is not in a comment.
local function next_match(text, pattern, from)
  local first, last
  repeat
    first, last = text:find(pattern, from)
    if not first then
      return nil
    end
    from = last + 1
    local line_start = first
    while line_start > 1 and text:byte(line_start - 1) ~= 10 do
      line_start = line_start - 1
    end
    local in_comment = text:sub(line_start, first):find("%-%-")
  until not in_comment
  return first, last
end

--- Lua says on which line a chain of calls begins (up to 5.4.4) or where a call's argument ends
--- (later), not where each name stands. The text of the file does: look for the name behind the
--- place of the step before; where lines are those of arguments, the last one before such a line.
---@param at table what place.here() gave
---@param after table|nil the place of the step before
---@param pattern string
function place.locate(at, after, pattern)
  if at.file ~= reading.file then
    return at
  end
  local text = reading.text
  local line_at = reading.line_starts[at.line] or 1
  local behind = after and after.file == at.file and after.stop or nil
  local from = line_at
  if behind and (after.call_line == at.call_line
    or reading.lines_of_arguments and behind > line_at) then
    from = behind
  end
  local first, last = next_match(text, pattern, from)
  local next_line_at = reading.line_starts[at.line + 1] or #text + 1
  if reading.lines_of_arguments and not (first and first < next_line_at) then
    local next_first, next_last = next_match(text, pattern, behind or 1)
    first = nil
    while next_first and next_first < line_at do
      first, last = next_first, next_last
      next_first, next_last = next_match(text, pattern, next_last + 1)
    end
    at.line = first and 1 or at.line
  end
  if not first then
    return at
  end
  local line, start = at.line, reading.line_starts[at.line]
  while reading.line_starts[line + 1] and reading.line_starts[line + 1] <= first do
    line = line + 1
    start = reading.line_starts[line]
  end
  if line - at.line > 1000 and not reading.lines_of_arguments then
    return at
  end
  local name = first + (text:sub(first, last):find "[%a_]" - 1)
  at.line, at.column = line, utf8.len(text, start, name, true)
  at.width, at.stop = last - name + 1, last + 1
  at.long = text:find("^%s*%(?%s*%[=*%[\r?\n", at.stop) ~= nil
  return at
end

--- A long string that begins with a line break begins on the next line.
function place.of_long_text(at)
  if not at.long then
    return at
  end
  return { file = at.file, line = at.line + 1, column = 0, width = 0 }
end

--- Where the caller of the function that calls the caller of this stands.
function place.here_above()
  local file, line = reading.where(4)
  return { file = file, line = line, column = 0, width = 0, call_line = line }
end

--- A text behind a place in the same line: where it is written as it is.
function place.of_text(value, at)
  local first, last
  if at.file == reading.file and at.stop and value ~= "" and not value:find("\n", 1, true) then
    first, last = reading.text:find(value, at.stop, true)
  end
  local next_line_at = reading.line_starts[at.line + 1] or #reading.text + 1
  if not first or last >= next_line_at then
    return nil
  end
  local column = utf8.len(reading.text, reading.line_starts[at.line], first, true)
  return { file = at.file, line = at.line, column = column, width = utf8.len(value, 1, -1, true) }
end

--- Whether the line of a call is that of its argument.
local function has_lines_of_arguments(where)
  local _, this = where(1)
  local _, call = where
    (1)
  return call == this + 2
end

--- A file is about to be run.
function place.begin(where, file, text)
  local line_starts = { 1 }
  for position in text:gmatch "\n()" do
    line_starts[#line_starts + 1] = position
  end
  reading = {
    where = where, file = file, text = text, line_starts = line_starts,
    lines_of_arguments = has_lines_of_arguments(where),
  }
end

--- It has ended.
function place.finish()
  reading = nil
end

return place
