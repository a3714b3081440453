--- From streams to the lists of steps that a configuration has.

local tree = {}

--- A step that a YAML file cannot spell: several streams go on from one place.
local FORK <const> = "\1fork"
local MARK <const> = "\1mark" -- a join takes what comes out here

local function map_of(at, entries)
  return { kind = "map", at = at, entries = entries }
end

local steps_of

local function step_node(stream)
  local value = stream.value
  if stream.arms then
    local arms = {}
    for i, arm in ipairs(stream.arms) do
      local entries = arm.node.entries
      if #arm.stream.children > 0 or arm.stream.mark then
        entries[#entries + 1] = { "steps", steps_of(arm.stream), stream.at }
      end
      arms[i] = arm.node
    end
    value = { kind = "list", at = stream.at, items = arms }
  end
  local entries = { { stream.key, value, stream.at } }
  if stream.given_name then
    entries[#entries + 1] = { "as", stream.given_name, stream.given_name.at }
  end
  if stream.handler then
    entries[#entries + 1] = { "on_error", stream.handler, stream.handler.at }
  end
  return map_of(stream.at, entries)
end

--- Where a join takes what comes out of a stream.
local function add_mark(items, stream)
  if stream.mark then
    local number = { kind = "text", at = stream.at, text = ("%d"):format(stream.mark) }
    items[#items + 1] = map_of(stream.at, { { MARK, number, stream.at } })
  end
end

--- What follows a stream, as a list of steps. Chains are followed without recursion.
local function chain(items, stream)
  add_mark(items, stream)
  while #stream.children == 1 do
    stream = stream.children[1]
    items[#items + 1] = step_node(stream)
    add_mark(items, stream)
  end
  if #stream.children > 1 then
    local lists = {}
    for i, child in ipairs(stream.children) do
      local list = { step_node(child) }
      chain(list, child)
      lists[i] = { kind = "list", at = child.at, items = list }
    end
    local fork = { kind = "list", at = stream.at, items = lists }
    items[#items + 1] = map_of(stream.at, { { FORK, fork, stream.at } })
  end
end

function steps_of(stream)
  local items = {}
  chain(items, stream)
  return { kind = "list", at = stream.at, items = items }
end

tree.map_of, tree.steps_of = map_of, steps_of

--- The source of the pipeline: the one that no join takes as its other side.
function tree.own_source(sources, raise, refuse)
  local own, joined
  for _, one in ipairs(sources) do
    if one.side and not one.joined then
      raise(one.at, "nothing joins the table '%s'", one.topic)
    elseif not one.merged and not one.joined then
      if own then
        refuse(one.at, "a second source in one pipeline is",
          "s.merge reads several topics as one source, :join puts two streams together")
      end
      own = one
    elseif not one.merged and not one.side then
      joined = joined or one
    end
  end
  return own or joined
end

--- All sources by their numbers, 0 the pipeline's own, for joins; see compile_join.c.
function tree.add_others(entries, built, source)
  if built.mark_count == 0 then
    return
  end
  local others, marks = {}, {}
  source.number = 0
  others[1] = map_of(source.at, {})
  for _, one in ipairs(built.sources) do
    if one.joined and one ~= source then
      one.number = #others
      others[#others + 1] = map_of(one.at, { { "from", one.from, one.at },
        { "steps", steps_of(one), one.at } })
    end
  end
  for i = 1, built.mark_count do
    marks[i] = map_of(source.at, {})
  end
  for _, reference in ipairs(built.references) do
    reference.node.text = ("%d"):format(reference.source.number)
  end
  local at = source.at
  entries[#entries + 1] = { "x-\1others", { kind = "list", at = at, items = others }, at }
  entries[#entries + 1] = { "x-\1marks", { kind = "list", at = at, items = marks }, at }
end

return tree
