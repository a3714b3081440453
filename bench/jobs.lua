-- The jobs whose rates are measured. `limit` names the loop of bench_limit that does the same;
-- `file`, `from` and `codec` differ from a topic with JSON where they are given.

local WINDOW = "{ group_by: v.user_id }, { window: { tumbling: 1m } }, "
local TIME = ", time: v.ts"

return {
  { name = "passthrough", limit = "passthrough", steps = "{ to: out }" },
  { name = "lua_filter", limit = "lua_filter",
    steps = [[{ filter: "function(v) return v.status == 'paid' end" }, { to: out }]] },
  { name = "lua_filter_expression", limit = "lua_filter",
    steps = [[{ filter: v.status == "paid" }, { to: out }]] },
  { name = "lua_filter_map", limit = "lua_filter_map",
    steps = [[{ filter: "function(v) return v.status == 'paid' end" },
      { map: "function(v) v.total = v.qty * v.price return v end" }, { to: out }]] },
  { name = "lua_filter_map_expression", limit = "lua_filter_map",
    steps = [[{ filter: v.status == "paid" }, { update: v.total = v.qty * v.price },
      { to: out }]] },
  { name = "map_full_table", limit = "map_full_table",
    steps = [[{ map: "function(v) local t = {} for k, x in pairs(v) do t[k] = x end return t end" },
      { to: out }]] },
  { name = "flat_map", limit = "flat_map",
    steps = [[{ flat_map: "function(v) return { v, v } end" }, { to: out }]] },
  { name = "key_by", limit = "key_by", steps = [[{ key_by: v.user_id }, { to: out }]] },
  -- two tasks on one worker: half of the records pass the exchange; the rate drops none
  { name = "key_by_exchange", limit = "key_by", parallelism = 2,
    steps = [[{ key_by: v.user_id }, { throttle: 1000000000/s }, { to: out }]] },
  { name = "file_to_log", limit = "passthrough", file = true, steps = "{ to: out }" },
  { name = "access_log", limit = "access_log", input = "access", codec = "text",
    steps = [[{ map: s.parse.combined(v) }, { to: { topic: out, codec: json } }]] },
  -- a minute of event time, 10,000 keys
  { name = "window_native", limit = "window_native", from = TIME,
    steps = WINDOW .. [[{ as: w, aggregate: { count: count(), total: sum(v.price) } },
      { to: out }]] },
  { name = "window_lua_value", limit = "window_lua_value", from = TIME,
    steps = WINDOW .. [[{ as: w, aggregate: { count: count(),
      total: "sum(v.qty * v.price)" } }, { to: out }]] },
  { name = "window_lua_reducer", limit = "window_lua_reducer", from = TIME,
    steps = WINDOW .. [[{ as: w, aggregate: { totals: {
      init: "function() return { count = 0, total = 0.0 } end",
      add: "function(a, v) a.count = a.count + 1 a.total = a.total + v.qty * v.price
        return a end" } } },
      { to: out }]] },
}
