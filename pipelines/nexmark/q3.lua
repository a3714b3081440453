-- q3.yaml in Lua. Here the other side of the join has steps of its own: only sellers of the three
-- states are kept.
local s = require "streamrt"
local queries = require "queries"

s.pipeline { name = "nexmark-q3" }

local function events(topic)
  return s.topic(topic, { time = "v.dateTime", out_of_order = "4s" })
end

local sellers = events "nexmark.person"
  :filter "v.state == 'OR' or v.state == 'ID' or v.state == 'CA'"

events "nexmark.auction"
  :filter "v.category == 10"
  :join(sellers, { by = "v.seller", other_by = "v.id", within = s.param("within", "1h"),
    with = queries.suggestion })
  :as "with_seller"
  :to "nexmark.q3"
