-- error[E012]: unknown step 'fliter'
--   --> builder-method-misspelt.lua:11:4
--    |
-- 11 |   :fliter "#v > 0"
--    |    ^^^^^^ did you mean 'filter'?
--    = steps: filter, reject, map, update, flat_map, peek, key_by, branch, split, throttle,
--        sample, aggregate, group_by, window, reduce, count, dedupe, process, join, print, to,
--        to_file, to_stdout
-- 1 problem in 1 file
s.stdin { codec = "text" }
  :fliter "#v > 0"
  :to "lines"
