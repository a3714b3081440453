-- error[L001]: unexpected symbol near '>'
--  --> builder-aggregator-value.lua:9:38
--   |
-- 9 |     n = s.count(), errors = s.count "v.status => 500" }:as "pages"
--   |                                      ^^^^^^^^^^^^^^^ Lua writes function(v) return ... end
-- 1 problem in 1 file
s.topic "clicks"
  :aggregate {
    n = s.count(), errors = s.count "v.status => 500" }:as "pages"
  :to "sessions"
