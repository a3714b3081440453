-- error[L001]: 'end' expected (to close 'function' at line 7) near 's'
--   --> builder-does-not-compile.lua:10
--    |
-- 10 | s.stdin { codec = "text" }:map(upper):to "lines"
--    | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
-- 1 problem in 1 file
local function upper(v)
  return v:upper()

s.stdin { codec = "text" }:map(upper):to "lines"
