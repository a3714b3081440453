--- The part of the builder for steps that keep state: groups, windows, aggregates.
--
-- `s.count "v.paid"` and `s.tumbling "1h"` are values that stand in a table or a call; they become
-- the maps that YAML has there: { count = { "v.paid" } } and { tumbling = "1h" }.
--
--
-- `extend` adds all of it to what builder.lua makes; `core` is builder.lua's own.

local state = {}

--- `s.NAME(...)`, each with what it is called with.
local AGGREGATORS <const> = {
  "count", "sum", "avg", "min", "max", "first", "last", "any", "all", "distinct", "approx_distinct",
  "quantile", "histogram", "stddev", "top", "collect", "ewma", "rate",
}

function state.extend(M, Stream, core)
  local here, locate, raise = core.here, core.locate, core.raise
  local check_building, check_stream = core.check_building, core.check_stream
  local to_node, map_of, add, made = core.to_node, core.map_of, core.add, core.made
  local options_with = core.options_with

  --- Where `s.NAME` stands in the line of its call: behind the value before it, when that is in the
  --- same line.
  local function value_place(name)
    local at = core.here_above()
    local found = locate({ file = at.file, line = at.line, column = 0, width = 0,
      call_line = at.call_line }, core.last_value(), "%.%s*" .. name .. "%f[^%w_]")
    if found.line ~= at.line then
      return at
    end
    return found
  end

  local function arg_node(value, at)
    local node = to_node(value, at)
    if type(value) == "string" then
      node.at = core.place_of_text(value, at) or node.at
    end
    return node
  end

  for _, name in ipairs(AGGREGATORS) do
    M[name] = function(...)
      check_building("s." .. name)
      local at = value_place(name)
      local items = {}
      for i = 1, select("#", ...) do
        local value = select(i, ...)
        if type(value) == "table" and name == "histogram" then
          for _, bound in ipairs(value) do
            items[#items + 1] = arg_node(bound, at)
          end
        elseif value == nil then
          raise(at, "argument %d of s.%s is nil", i, name)
        else
          items[#items + 1] = arg_node(value, at)
        end
      end
      local list = { kind = "list", at = at, items = items }
      return made(map_of(at, { { name, list, at } }), at)
    end
  end

  --- --- windows ---

  for _, name in ipairs { "tumbling", "sliding", "session" } do
    --- A duration, and { grace, emit, late }.
    M[name] = function(size, options)
      check_building("s." .. name)
      local at = value_place(name)
      if size == nil then
        raise(at, "s.%s takes a duration such as \"1h\"", name)
      end
      return made(options_with(at, name, size, options, "s." .. name), at)
    end
  end

  --- Windows so long, of which one begins each `every`.
  function M.hopping(size, every, options)
    check_building "s.hopping"
    local at = value_place "hopping"
    if size == nil or every == nil or type(every) == "table" then
      raise(at, "s.hopping takes two durations, as in s.hopping(\"1h\", \"5m\")")
    end
    local node = options_with(at, "hopping", size, options, "s.hopping")
    table.insert(node.entries, 2, { "every", to_node(every, at), at })
    return made(node, at)
  end

  --- So many records.
  function M.tumbling_count(count)
    check_building "s.tumbling_count"
    local at = value_place "tumbling_count"
    if count == nil then
      raise(at, "s.tumbling_count takes a number of records")
    end
    return made(map_of(at, { { "count", to_node(count, at), at } }), at)
  end

  --- --- steps ---

  --- By which key the aggregate, reduce or count behind it works; without a function, the record's.
  function Stream:group_by(fn)
    check_stream(self, ":group_by")
    local at = locate(here(), self.at, ":%s*group_by%f[^%w_]")
    return add(self, "group_by", fn == nil and map_of(at, {}) or to_node(fn, at), at)
  end

  --- `s.tumbling "1h"` and the like.
  function Stream:window(window)
    check_stream(self, ":window")
    local at = locate(here(), self.at, ":%s*window%f[^%w_]")
    if type(window) ~= "table" then
      raise(at, ":window takes a window such as s.tumbling \"1h\"")
    end
    return add(self, "window", to_node(window, at), at)
  end

  --- `{ orders = s.count(), total = s.sum "v.total" }`.
  function Stream:aggregate(fields)
    check_stream(self, ":aggregate")
    local at = locate(here(), self.at, ":%s*aggregate%f[^%w_]")
    if type(fields) ~= "table" or core.is_made(fields) then
      raise(at, ":aggregate takes a table such as { orders = s.count() }")
    end
    return add(self, "aggregate", to_node(fields, at), at)
  end

  --- `function(acc, v)`: the first value is the first acc.
  function Stream:reduce(fn)
    check_stream(self, ":reduce")
    local at = locate(here(), self.at, ":%s*reduce%f[^%w_]")
    if fn == nil then
      raise(at, ":reduce takes a function(acc, v)")
    end
    return add(self, "reduce", to_node(fn, at), at)
  end

  --- `{ by = fn, within = "10m" }`: the first of each passes.
  function Stream:dedupe(options)
    check_stream(self, ":dedupe")
    local at = locate(here(), self.at, ":%s*dedupe%f[^%w_]")
    if type(options) ~= "table" then
      raise(at, ":dedupe takes { by = ..., within = \"10m\" }")
    end
    return add(self, "dedupe", to_node(options, at), at)
  end

  --- `{ on_record = function(v, state, ctx), on_timer = function(state, ctx, name), init, ttl }`.
  function Stream:process(options)
    check_stream(self, ":process")
    local at = locate(here(), self.at, ":%s*process%f[^%w_]")
    if type(options) ~= "table" then
      raise(at, ":process takes { on_record = function(v, state, ctx) ... end }")
    end
    return add(self, "process", to_node(options, at), at)
  end

  --- With a table or another stream: `{ by, other_by, how, within, grace, with }`.
  function Stream:join(other, options)
    check_stream(self, ":join")
    local at = locate(here(), self.at, ":%s*join%f[^%w_]")
    if not core.is_stream(other) then
      raise(at, ":join takes a table or a stream, as in :join(s.table \"customers\", { ... })")
    elseif options ~= nil and type(options) ~= "table" then
      raise(at, ":join takes a table of options behind the other side")
    end
    local node = core.table_node(options or {}, at, 1)
    if node.kind == "list" then
      raise(at, ":join takes a table with names, not a list")
    end
    for _, entry in ipairs(node.entries) do
      if entry[1] == "topic" or entry[1] == "table" or entry[1] == "global" then
        raise(at, ":join has its other side before the options")
      end
    end
    local key, reference = core.reference_to(other, at)
    table.insert(node.entries, 1, { key, reference, at })
    return add(self, "join", node, at)
  end

  --- An aggregate with one field, `count` or as it is named here.
  function Stream:count(name)
    check_stream(self, ":count")
    local at = locate(here(), self.at, ":%s*count%f[^%w_]")
    return add(self, "count", name == nil and map_of(at, {}) or to_node(name, at), at)
  end
end

return state
