-- error[E014]: pipeline 'lines' has no source
--  --> builder-no-source.lua:7:3
--   |
-- 7 | s.pipeline { name = "lines" }
--   |   ^^^^^^^^ the file calls none of s.topic, s.file, s.stdin, s.generate, s.merge
-- 1 problem in 1 file
s.pipeline { name = "lines" }
