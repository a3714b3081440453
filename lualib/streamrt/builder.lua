--- Pipelines in Lua: sources and streams that record what is said about them.
--
--     s.topic "orders"            ->  { from: { topic: orders }
--       :filter "v.total > 0"     ->    steps: [ { filter: v.total > 0 },
--       :to "orders.paid"         ->             { to: orders.paid } ] }
--
-- Nothing runs here. Each call adds a step to a tree, and when the file has ended the engine takes
-- the tree (runtime/pipeline/builder.c), turns it into what YAML would have given, and compiles
-- that: both forms are one language. Functions stay in this state under a number; a worker runs the
-- file again in a state of its own and finds the same functions under the same numbers, because
-- they are numbered in the order in which the file hands them over.
--
-- What the module returns becomes part of `s`. The engine's own entry points (begin, finish,
-- refused) are in its metatable, where they are out of the way.

local M = {}
local engine = {}

--- The pipeline that is being built; nil while no file is being loaded.
---@type table|nil
local building

--- The methods of streams.
local Stream = {}

local Metatable = { __name = "stream", __metatable = false }

--- Of values such as s.count() and s.tumbling "1h".
local Metatable_of_values = { __name = "value", __metatable = false }

--- A step that a YAML file cannot spell: several streams go on from one place.
local FORK <const> = "\1fork"
local DEPTH_MAX <const> = 32

--- Where the caller of the function that calls this stands.
---@return table at {file, line, column, width}
local function here()
  local file, line = building.where(3)
  return { file = file, line = line, column = 0, width = 0, call_line = line }
end

local function raise(at, text, ...)
  error(("%s:%d: %s"):format(at.file, at.line, text:format(...)), 0)
end

--- What the design has and this version does not: the engine reports it under its own code.
local function refuse(at, what, help)
  building.refused = { kind = "later", what = what, at = at, help = help }
  raise(at, "%s not available in this version", what)
end

local function check_building(what)
  if not building then
    local text = "%s builds a pipeline; it works only while a pipeline's Lua file is loaded"
    error(text:format(what), 3)
  end
end

--- The next place of a pattern that is not in a comment.
local function next_match(text, pattern, from)
  local first, last
  repeat
    first, last = text:find(pattern, from)
    if not first then
      return nil
    end
    from = last + 1
    local line_start = first
    while line_start > 1 and text:byte(line_start - 1) ~= 10 do
      line_start = line_start - 1
    end
    local in_comment = text:sub(line_start, first):find("%-%-")
  until not in_comment
  return first, last
end

--- Lua says on which line a chain of calls begins (up to 5.4.4) or where a call's argument ends
--- (later), not where each name stands. The text of the file does: look for the name behind the
--- place of the step before; where lines are those of arguments, the last one before such a line.
---@param at table what here() gave
---@param after table|nil the place of the step before
---@param pattern string
local function locate(at, after, pattern)
  if at.file ~= building.file then
    return at
  end
  local text = building.text
  local line_at = building.line_starts[at.line] or 1
  local behind = after and after.file == at.file and after.stop or nil
  local from = line_at
  if behind and (after.call_line == at.call_line
    or building.lines_of_arguments and behind > line_at) then
    from = behind
  end
  local first, last = next_match(text, pattern, from)
  local next_line_at = building.line_starts[at.line + 1] or #text + 1
  if building.lines_of_arguments and not (first and first < next_line_at) then
    local next_first, next_last = next_match(text, pattern, behind or 1)
    first = nil
    while next_first and next_first < line_at do
      first, last = next_first, next_last
      next_first, next_last = next_match(text, pattern, next_last + 1)
    end
    at.line = first and 1 or at.line
  end
  if not first then
    return at
  end
  local line, start = at.line, building.line_starts[at.line]
  while building.line_starts[line + 1] and building.line_starts[line + 1] <= first do
    line = line + 1
    start = building.line_starts[line]
  end
  if line - at.line > 1000 and not building.lines_of_arguments then
    return at
  end
  local name = first + (text:sub(first, last):find "[%a_]" - 1)
  at.line, at.column = line, utf8.len(text, start, name, true)
  at.width, at.stop = last - name + 1, last + 1
  at.long = text:find("^%s*%(?%s*%[=*%[\r?\n", at.stop) ~= nil
  return at
end

--- A long string that begins with a line break begins on the next line.
local function text_place(at)
  if not at.long then
    return at
  end
  return { file = at.file, line = at.line + 1, column = 0, width = 0 }
end

local to_node

local NAMES_OR_LIST <const> = "a table of options has names, or it is a list; this one has %s"

local function table_node(value, at, depth)
  if depth > DEPTH_MAX then
    raise(at, "tables are nested deeper than %d", DEPTH_MAX)
  end
  local count, keys = #value, {}
  for key in pairs(value) do
    if type(key) == "string" then
      keys[#keys + 1] = key
    elseif math.type(key) ~= "integer" or key < 1 or key > count then
      raise(at, NAMES_OR_LIST, "the key " .. tostring(key))
    end
  end
  if count > 0 and #keys > 0 then
    raise(at, NAMES_OR_LIST, "both")
  end
  if count > 0 then
    local items = {}
    for i = 1, count do
      items[i] = to_node(value[i], at, depth + 1)
    end
    return { kind = "list", at = at, items = items }
  end
  local values = building.values
  --- Values such as s.count() know the order in which they were written; names go by the alphabet.
  table.sort(keys, function(a, b)
    local first, second = values[value[a]], values[value[b]]
    if first and second and first.number ~= second.number then
      return first.number < second.number
    elseif (first ~= nil) ~= (second ~= nil) then
      return first ~= nil
    end
    return a < b
  end)
  local entries = {}
  for i, key in ipairs(keys) do
    local place = values[value[key]]
    entries[i] = { key, to_node(value[key], at, depth + 1), place and place.node.at or at }
  end
  return { kind = "map", at = at, entries = entries }
end

--- A Lua value as a node of a configuration.
function to_node(value, at, depth)
  local kind = type(value)
  if kind == "string" then
    return { kind = "text", at = text_place(at), text = value }
  elseif kind == "number" then
    local text = math.type(value) == "integer" and ("%d"):format(value) or ("%.17g"):format(value)
    return { kind = "text", at = at, text = tonumber(("%.15g"):format(value)) == value
      and math.type(value) == "float" and ("%.15g"):format(value) or text }
  elseif kind == "boolean" then
    return { kind = "text", at = at, text = tostring(value) }
  elseif kind == "function" then
    local functions = building.functions
    functions[#functions + 1] = value
    return { kind = "function", at = at, index = #functions }
  elseif kind == "table" and building.values[value] then
    return building.values[value].node
  elseif kind == "table" and getmetatable(value) ~= false then
    return table_node(value, at, depth or 1)
  end
  raise(at, "an option cannot be a %s", kind == "table" and "stream" or kind)
end

--- A value that stands for a node, such as s.count(): opaque to the file.
local function made(node, at)
  local value = setmetatable({}, Metatable_of_values)
  building.value_count = building.value_count + 1
  building.values[value] = { node = node, number = building.value_count }
  building.last_value_at = at
  return value
end

local function map_of(at, entries)
  return { kind = "map", at = at, entries = entries }
end

--- The table `options` with the field `name` set to `value`, which stands first in the call.
local function options_with(at, name, value, options, what)
  if options ~= nil and type(options) ~= "table" then
    raise(at, "%s takes a table of options, not a %s", what, type(options))
  end
  local node = table_node(options or {}, at, 1)
  if node.kind == "list" then
    raise(at, "%s takes a table with names, not a list", what)
  end
  for _, entry in ipairs(node.entries) do
    if entry[1] == name then
      raise(at, "%s names '%s' twice", what, name)
    end
  end
  table.insert(node.entries, 1, { name, to_node(value, at), at })
  return node
end

--- --- streams ---

local function check_stream(stream, what)
  check_building(what)
  if type(stream) ~= "table" or not rawequal(building.streams[stream], true) then
    error(("%s: call it on a stream, with a colon: stream%s(...)"):format(what, what), 3)
  end
end

--- Every field is there, so that what is not a field is a method.
local function new_stream(fields)
  local stream = {
    at = fields.at, key = fields.key or false, value = fields.value or false, children = {},
    arms = false, given_name = false, handler = false,
    from = fields.from or false, topic = false, options = false, merged = false,
  }
  building.streams[stream] = true
  return setmetatable(stream, Metatable)
end

function Metatable.__index(stream, key)
  local method = Stream[key]
  if method == nil and building and type(key) == "string" then
    local at = locate(here(), stream.at, ":%s*" .. key:gsub("%W", "%%%0") .. "%f[^%w_]")
    building.refused = { kind = "step", what = key, at = at }
    raise(at, "unknown step '%s'", key)
  end
  return method
end

local function add(stream, key, value, at)
  local child = new_stream { key = key, value = value, at = at }
  stream.children[#stream.children + 1] = child
  return child
end

--- The steps that take a function.
for _, key in ipairs { "filter", "reject", "map", "update", "flat_map", "peek", "key_by",
  "split" } do
  Stream[key] = function(self, fn)
    check_stream(self, ":" .. key)
    local at = locate(here(), self.at, ":%s*" .. key .. "%f[^%w_]")
    if fn == nil then
      raise(at, ":%s takes a function, or a text such as \"v.total > 0\"", key)
    end
    return add(self, key, to_node(fn, at), at)
  end
end

--- The first record in so many, by count and time: `{ by = fn, rate = "100/s" }`.
function Stream:throttle(options)
  check_stream(self, ":throttle")
  local at = locate(here(), self.at, ":%s*throttle%f[^%w_]")
  if options == nil then
    raise(at, ":throttle takes { by = ..., rate = \"100/s\" }")
  end
  return add(self, "throttle", to_node(options, at), at)
end

function Stream:sample(ratio)
  check_stream(self, ":sample")
  local at = locate(here(), self.at, ":%s*sample%f[^%w_]")
  if ratio == nil then
    raise(at, ":sample takes a number from 0 to 1")
  end
  return add(self, "sample", to_node(ratio, at), at)
end

function Stream:print(label)
  check_stream(self, ":print")
  local at = locate(here(), self.at, ":%s*print%f[^%w_]")
  return add(self, "print", label == nil and map_of(at, {}) or to_node(label, at), at)
end

--- A topic's name, or a function that computes it.
function Stream:to(target, options)
  check_stream(self, ":to")
  local at = locate(here(), self.at, ":%s*to%f[^%w_]")
  if target == nil then
    raise(at, ":to takes the name of a topic, or a function that computes it")
  end
  local value
  if type(target) == "table" and options == nil then
    value = to_node(target, at)
  else
    value = options_with(at, type(target) == "string" and "topic" or "fn", target, options, ":to")
  end
  return add(self, "to", value, at)
end

function Stream:to_file(path, options)
  check_stream(self, ":to_file")
  local at = locate(here(), self.at, ":%s*to_file%f[^%w_]")
  if type(path) == "table" and options == nil then
    return add(self, "to_file", to_node(path, at), at)
  elseif type(path) ~= "string" then
    raise(at, ":to_file takes a path")
  end
  return add(self, "to_file", options_with(at, "path", path, options, ":to_file"), at)
end

function Stream:to_stdout(options)
  check_stream(self, ":to_stdout")
  local at = locate(here(), self.at, ":%s*to_stdout%f[^%w_]")
  return add(self, "to_stdout", to_node(options or {}, at), at)
end

local function arm_fields(at, arm, number)
  if type(arm) ~= "table" then
    raise(at, ":branch takes a list of arms such as { \"paid\", \"v.paid\" }; arm %d is a %s",
      number, type(arm))
  end
  local fields = {}
  for key, value in pairs(arm) do
    local name = key == 1 and "name" or key == 2 and "when" or key
    if type(name) ~= "string" or fields[name] ~= nil then
      raise(at, "arm %d of :branch takes a name and a condition", number)
    end
    fields[name] = value
  end
  return fields
end

--- `{ { "paid", "v.paid" }, { "rest" } }`: the streams of the arms, by name.
function Stream:branch(arms)
  check_stream(self, ":branch")
  local at = locate(here(), self.at, ":%s*branch%f[^%w_]")
  if type(arms) ~= "table" or #arms == 0 then
    raise(at, ":branch takes arms such as { { \"paid\", \"v.paid\" }, { \"rest\" } }")
  end
  local branch = add(self, "branch", false, at)
  local streams = {}
  branch.arms = {}
  for i, arm in ipairs(arms) do
    local fields = arm_fields(at, arm, i)
    local stream = new_stream { at = at }
    branch.arms[i] = { node = table_node(fields, at, 1), stream = stream, name = fields.name }
    if type(fields.name) == "string" then
      if streams[fields.name] then
        raise(at, ":branch has two arms named '%s'", fields.name)
      end
      streams[fields.name] = stream
    end
  end
  return setmetatable(streams, {
    __index = function(_, key)
      error(("this branch has no arm '%s'"):format(tostring(key)), 2)
    end,
  })
end

local function last_step(stream, what, at)
  if not stream.key then
    raise(at, "%s belongs behind a step, not behind a source", what)
  end
  return stream
end

--- Name the step before.
function Stream:as(name)
  check_stream(self, ":as")
  local at = locate(here(), self.at, ":%s*as%f[^%w_]")
  last_step(self, ":as", at).given_name = to_node(name == nil and "" or name, at)
  self.at.stop = at.stop or self.at.stop
  return self
end

--- What to do when the step before fails: `{ retry = 3, backoff = "100ms..10s", give_up = "dlq" }`.
function Stream:on_error(options)
  check_stream(self, ":on_error")
  local at = locate(here(), self.at, ":%s*on_error%f[^%w_]")
  last_step(self, ":on_error", at).handler = to_node(options == nil and {} or options, at)
  self.at.stop = at.stop or self.at.stop
  return self
end

for _, key in ipairs { "join", "dedupe", "process", "to_queue" } do
  Stream[key] = function(self)
    check_stream(self, ":" .. key)
    refuse(locate(here(), self.at, ":%s*" .. key .. "%f[^%w_]"), "':" .. key .. "' is")
  end
end

--- --- sources ---

local function add_source(at, node)
  local source = new_stream { at = at, from = node }
  building.sources[#building.sources + 1] = source
  return source
end

local function source_place(name)
  local file, line = building.where(3)
  local at = { file = file, line = line, column = 0, width = 0, call_line = line }
  return locate(at, nil, "%f[%w_]" .. name .. "%f[^%w_]")
end

--- Read a topic. Options: codec, start.
function M.topic(name, options)
  check_building "s.topic"
  local at = source_place "topic"
  if type(name) ~= "string" then
    raise(at, "s.topic takes the name of a topic")
  end
  local source = add_source(at, options_with(at, "topic", name, options, "s.topic"))
  source.topic = name
  source.options = options or false
  return source
end

--- Read a file, a record a line. Options: follow, codec, max_record_bytes.
function M.file(path, options)
  check_building "s.file"
  local at = source_place "file"
  if type(path) ~= "string" then
    raise(at, "s.file takes a path")
  end
  return add_source(at, options_with(at, "file", path, options, "s.file"))
end

--- Read standard input, a record a line. Options: codec, max_record_bytes.
function M.stdin(options)
  check_building "s.stdin"
  local at = source_place "stdin"
  return add_source(at, options_with(at, "stdin", {}, options, "s.stdin"))
end

--- Make records: `{ fn, rate = 50, count = 1000, seed = 1 }`; fn is called with (n, rng).
function M.generate(options)
  check_building "s.generate"
  local at = source_place "generate"
  if type(options) ~= "table" then
    raise(at, "s.generate takes a table such as { fn = function(n, rng) ... end, rate = 50 }")
  end
  local rest, fn = {}, options.fn or options[1]
  for key, value in pairs(options) do
    if key ~= "fn" and key ~= 1 then
      rest[key] = value
    end
  end
  if fn == nil then
    raise(at, "s.generate needs a function: fn = function(n, rng) ... end")
  end
  return add_source(at, options_with(at, "generate", fn, rest, "s.generate"))
end

local function same_options(a, b)
  a, b = a or {}, b or {}
  for key, value in pairs(a) do
    if b[key] ~= value then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

--- One source of several topics: `s.merge(s.topic "a", s.topic "b")`, or their names.
function M.merge(...)
  check_building "s.merge"
  local at = source_place "merge"
  local names, options = {}, nil
  local count = select("#", ...)
  if count == 0 then
    raise(at, "s.merge takes topics")
  end
  for i = 1, count do
    local one = select(i, ...)
    if type(one) == "string" then
      one = { topic = one, children = {}, options = false }
    elseif type(one) ~= "table" or not building.streams[one] then
      raise(at, "s.merge takes topics; argument %d is a %s", i, type(one))
    end
    if not one.topic or #one.children > 0 then
      refuse(at, "merging anything but topics as they are is", "merge first, then filter")
    end
    if i > 1 and not same_options(options, one.options) then
      raise(at, "the topics of s.merge have different options")
    end
    names[i], options, one.merged = one.topic, one.options, true
  end
  return add_source(at, options_with(at, "merge", names, options or nil, "s.merge"))
end

--- Name the pipeline and set its options: `s.pipeline { name = "orders", parallelism = 4 }`.
function M.pipeline(options)
  check_building "s.pipeline"
  local at = source_place "pipeline"
  if type(options) ~= "table" then
    raise(at, "s.pipeline takes a table such as { name = \"orders\" }")
  end
  if building.options then
    raise(at, "s.pipeline is called twice; a file makes one pipeline")
  end
  building.options = table_node(options, at, 1)
  building.options_at = at
end

for _, name in ipairs { "table", "global", "queue", "http", "store", "on_start", "on_stop" } do
  M[name] = function()
    if not building then
      error(("s.%s is not available in this version"):format(name), 2)
    end
    refuse(source_place(name), "'s." .. name .. "' is")
  end
end

--- Where the caller of the function that calls the caller of this stands.
local function here_above()
  local file, line = building.where(4)
  return { file = file, line = line, column = 0, width = 0, call_line = line }
end

--- A text behind a place in the same line: where it is written as it is.
local function place_of_text(value, at)
  local first, last
  if at.file == building.file and at.stop and value ~= "" and not value:find("\n", 1, true) then
    first, last = building.text:find(value, at.stop, true)
  end
  local next_line_at = building.line_starts[at.line + 1] or #building.text + 1
  if not first or last >= next_line_at then
    return nil
  end
  local column = utf8.len(building.text, building.line_starts[at.line], first, true)
  return { file = at.file, line = at.line, column = column, width = utf8.len(value, 1, -1, true) }
end

require "streamrt.builder_state".extend(M, Stream, {
  here = here, here_above = here_above, locate = locate, raise = raise, to_node = to_node,
  map_of = map_of, add = add, made = made, options_with = options_with,
  check_building = check_building, check_stream = check_stream, place_of_text = place_of_text,
  is_made = function(value) return building.values[value] ~= nil end,
  last_value = function() return building.last_value_at end,
})

--- --- the tree ---

local steps_of

local function step_node(stream)
  local value = stream.value
  if stream.arms then
    local arms = {}
    for i, arm in ipairs(stream.arms) do
      local entries = arm.node.entries
      if #arm.stream.children > 0 then
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

--- What follows a stream, as a list of steps. Chains are followed without recursion.
local function chain(items, stream)
  while #stream.children == 1 do
    stream = stream.children[1]
    items[#items + 1] = step_node(stream)
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

--- --- the engine's entry points ---

--- Whether the line of a call is that of its argument.
local function has_lines_of_arguments(where)
  local _, this = where(1)
  local _, call = where
    (1)
  return call == this + 2
end

--- A file is about to be run. `where(level)` gives file and line of a caller; `text` is the file's,
--- or "".
function engine.begin(where, file, text)
  local line_starts = { 1 }
  for position in text:gmatch "\n()" do
    line_starts[#line_starts + 1] = position
  end
  building = {
    where = where, file = file, text = text, line_starts = line_starts,
    lines_of_arguments = has_lines_of_arguments(where),
    functions = {}, sources = {}, streams = setmetatable({}, { __mode = "k" }),
    values = setmetatable({}, { __mode = "k" }), value_count = 0,
  }
end

--- The file has ended: its pipeline as a tree, and its functions.
---@return table tree, table functions
function engine.finish()
  local built = building
  local source
  for _, one in ipairs(built.sources) do
    if source and not one.merged then
      refuse(one.at, "a second source in one pipeline is",
        "s.merge reads several topics as one source")
    end
    source = not one.merged and one or source
  end
  local top = { file = built.file, line = 1, column = 0, width = 0 }
  local entries = built.options and built.options.entries or {}
  if source then
    entries[#entries + 1] = { "from", source.from, source.at }
    entries[#entries + 1] = { "steps", steps_of(source), source.at }
  end
  building = nil
  return map_of(built.options_at or top, entries), built.functions
end

--- After an error: what was refused ("later", or an unknown "step"), and where; nil when it was
--- something else.
---@return string|nil kind, string what, table at, string|nil help
function engine.refused()
  local refused = building and building.refused
  building = nil
  if refused then
    return refused.kind, refused.what, refused.at, refused.help
  end
end

return setmetatable(M, engine)
