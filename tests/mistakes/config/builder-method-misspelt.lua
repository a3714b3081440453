-- error[E012]: unknown step 'fliter'
--   --> builder-method-misspelt.lua:10:4
--    |
-- 10 |   :fliter "#v > 0"
--    |    ^^^^^^ did you mean 'filter'?
--    = steps: filter, reject, map, update, flat_map, peek, key_by, branch, split, throttle,
--        sample, aggregate, group_by, window, reduce, count, print, to, to_file, to_stdout
-- 1 problem in 1 file
s.stdin { codec = "text" }
  :fliter "#v > 0"
  :to "lines"
