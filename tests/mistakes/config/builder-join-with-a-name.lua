-- error[L002]: :join takes a table or a stream, as in :join(s.table "customers", { ... })
--  --> builder-join-with-a-name.lua:7
--   |
-- 7 | s.topic "clicks" :join("users", { by = "v.user" }):as "named" :to "out"
--   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
-- 1 problem in 1 file
s.topic "clicks" :join("users", { by = "v.user" }):as "named" :to "out"
