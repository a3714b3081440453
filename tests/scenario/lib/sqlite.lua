-- sqlite3, for answers that are computed without streamrt.
local t = require "scenario"

local M = {}

-- What it prints for a script.
function M.run(database, text)
  local script = database .. ".sql"
  t.write(script, text)
  local pipe = assert(io.popen(string.format("sqlite3 -batch -bail %s <%s 2>&1",
    t.quote(database), t.quote(script))))
  local output = pipe:read "a"
  if not pipe:close() then
    error("sqlite3: " .. output, 2)
  end
  return output
end

-- Each line of a file is a row, with \31 between the columns.
function M.import(database, path, table_name)
  M.run(database, string.format(".mode ascii\n.separator \"\\037\" \"\\n\"\n.import %s %s\n", path,
    table_name))
end

-- The rows of a query that gives JSON objects, each as one canonical text.
function M.rows(database, query)
  local rows = {}
  for _, line in ipairs(t.lines(M.run(database, query))) do
    rows[#rows + 1] = t.json.canonical(t.json.decode(line))
  end
  return rows
end

return M
