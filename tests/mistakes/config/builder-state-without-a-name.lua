-- error[E031]: stage after 'window' keeps state but has no name
--   --> builder-state-without-a-name.lua:10:4
--    |
-- 10 |   :aggregate { pages = s.count() }
--    |    ^^^^^^^^^ add :as "session"
-- 1 problem in 1 file
s.topic "clicks"
  :group_by "v.user"
  :window(s.session "30m")
  :aggregate { pages = s.count() }
  :to "sessions"
