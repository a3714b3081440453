-- error[E090]: a second source in one pipeline is not available in this version
--  --> builder-two-sources.lua:8:3
--   |
-- 8 | s.topic "payments" :to "all"
--   |   ^^^^^ s.merge reads several topics as one source, :join puts two streams together
-- 1 problem in 1 file
s.topic "orders" :to "all"
s.topic "payments" :to "all"
