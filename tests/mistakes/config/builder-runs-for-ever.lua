-- error[L002]: ran longer than 1s
--  --> builder-runs-for-ever.lua:8
--   |
-- 8 | while true do end
--   | ^^^^^^^^^^^^^^^^^
-- 1 problem in 1 file
s.stdin():to "lines"
while true do end
