-- error[E090]: ':to_queue' is not available in this version
--  --> builder-of-later.lua:9:4
--   |
-- 9 |   :to_queue "urgent"
--   |    ^^^^^^^^
-- 1 problem in 1 file
s.topic "clicks"
  :filter "v.page"
  :to_queue "urgent"
