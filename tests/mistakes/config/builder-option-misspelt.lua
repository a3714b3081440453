-- error[E010]: unknown key 'paralelism' in pipeline 'builder-option-misspelt'
--   --> builder-option-misspelt.lua:14:3
--    |
-- 14 | s.pipeline { name = "lines", paralelism = 2 }
--    |   ^^^^^^^^ did you mean 'parallelism'?
--    = keys: description, cluster, parallelism, guarantee, dlq, commit_interval,
--        state_memory, commit_bytes, script, params, lua, on_error, from, steps
-- error[E011]: 'codec' is 'txt'; it takes json, text or bytes
--   --> builder-option-misspelt.lua:15:3
--    |
-- 15 | s.stdin { codec = "txt" }:to "lines"
--    |   ^^^^^ did you mean 'text'?
-- 2 problems in 1 file
s.pipeline { name = "lines", paralelism = 2 }
s.stdin { codec = "txt" }:to "lines"
