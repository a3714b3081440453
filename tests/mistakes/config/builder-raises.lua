-- error[L002]: there is no param 'limit' and no default: s.param(name, default)
--  --> builder-raises.lua:7
--   |
-- 7 | local limit = s.param("limit")
--   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
-- 1 problem in 1 file
local limit = s.param("limit")
s.stdin():sample(limit):to "some"
