-- error[E040]: what comes out of 'filter' goes nowhere
--  --> builder-ends-with-a-filter.lua:8:4
--   |
-- 8 |   :filter "#v > 0"
--   |    ^^^^^^ end with a to, to_file, to_stdout, branch or split
-- 1 problem in 1 file
s.stdin { codec = "text" }
  :filter "#v > 0"
