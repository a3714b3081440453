-- error[L002]: nothing joins the table 'users'
--  --> builder-table-unused.lua:7
--   |
-- 7 | local users = s.table "users"
--   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
-- 1 problem in 1 file
local users = s.table "users"
s.topic "clicks" :to "out"
