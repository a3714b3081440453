local M = {}

---The words of a line, in lower case.
---@param line string
---@return string[]
function M.split(line)
  local words = {}
  for word in line:gmatch "%a+" do
    words[#words + 1] = word:lower()
  end
  return words
end

return M
