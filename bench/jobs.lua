-- The jobs whose rates are measured. `limit` names the loop of bench_limit that does the same;
-- `from` and `codec` differ from a topic with JSON where they are given.

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
}
