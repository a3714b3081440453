-- error[E090]: ':group_by' is not available in this version
--  --> builder-of-later.lua:9:4
--   |
-- 9 |   :group_by "v.page"
--   |    ^^^^^^^^
-- 1 problem in 1 file
s.topic "clicks"
  :filter "v.page"
  :group_by "v.page"
  :window(s.tumbling "1h")
  :to "hourly"
