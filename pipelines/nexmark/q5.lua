-- q5.yaml in Lua.
local s = require "streamrt"
local queries = require "queries"

s.pipeline { name = "nexmark-q5" }

s.topic("nexmark.bid", { time = "v.dateTime", out_of_order = "4s" })
  :group_by "v.auction"
  :window(s.hopping("10s", "2s"))
  :aggregate { num = s.count(), auction = s.max "v.auction" }
  :as "bids"
  :group_by "v.window_end"
  :window(s.tumbling "2s")
  :aggregate {
    hot = { init = queries.hot_init, add = queries.hot_add, merge = queries.hot_merge },
  }
  :as "hottest"
  :flat_map(queries.hot_items)
  :to "nexmark.q5"
