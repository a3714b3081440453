-- error[L002]: :filter: call it on a stream, with a colon: stream:filter(...)
--  --> builder-with-a-dot.lua:8
--   |
-- 8 | lines.filter "#v > 0"
--   | ^^^^^^^^^^^^^^^^^^^^^
-- 1 problem in 1 file
local lines = s.stdin()
lines.filter "#v > 0"
