local M = {}

function M.add(v)
  v.count += 1
  return v
end

return M
