-- error[L001]: unexpected symbol near <eof>
--  --> builder-expression.lua:9:4
--   |
-- 9 |   :map "v:upper("
--   |    ^^^
-- 1 problem in 1 file
s.stdin { codec = "text" }
  :filter "#v > 0"
  :map "v:upper("
  :to "lines"
