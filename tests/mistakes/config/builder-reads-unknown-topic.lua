-- error[E020]: there is no topic 'orders' to read
--  --> builder-reads-unknown-topic.lua:8:3
--   |
-- 8 | s.topic "orders"
--   |   ^^^^^ declare it: topics: { orders: {} }
--   = a source must be declared, written by a pipeline, or be there already
-- 1 problem in 1 file
s.topic "orders"
  :to "paid"
