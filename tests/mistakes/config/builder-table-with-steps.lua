-- error[L002]: a table has no steps: join a stream with it, as in stream:join(s.table "users", ...)
--  --> builder-table-with-steps.lua:7
--   |
-- 7 | local users = s.table "users" :filter "v.active"
--   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
-- 1 problem in 1 file
local users = s.table "users" :filter "v.active"
s.topic "clicks" :join(users, { by = "v.user" }):as "named" :to "out"
