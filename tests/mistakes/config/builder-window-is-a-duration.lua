-- error[L002]: :window takes a window such as s.tumbling "1h"
--  --> builder-window-is-a-duration.lua:7
--   |
-- 7 | s.topic "clicks" :window "1h" :count():as "n" :to "out"
--   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
-- 1 problem in 1 file
s.topic "clicks" :window "1h" :count():as "n" :to "out"
