-- error[E014]: behind 'group_by' stands no aggregate, reduce or count, but 'to'
--  --> builder-group-without-aggregate.lua:7:33
--   |
-- 7 | local users = s.topic "clicks" :group_by "v.user"
--   |                                 ^^^^^^^^ as in :count()
-- 1 problem in 1 file
local users = s.topic "clicks" :group_by "v.user"
users:to "out"
