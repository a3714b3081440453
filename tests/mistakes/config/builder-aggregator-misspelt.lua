-- error[L002]: attempt to call a nil value (field 'cuont')
--  --> builder-aggregator-misspelt.lua:8
--   |
-- 8 |   :aggregate { pages = s.cuont() }:as "pages"
--   |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
-- 1 problem in 1 file
s.topic "clicks"
  :aggregate { pages = s.cuont() }:as "pages"
  :to "sessions"
