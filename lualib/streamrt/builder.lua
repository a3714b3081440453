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

local place = require "streamrt.builder_place"
local tree = require "streamrt.builder_tree"

local here, locate, map_of = place.here, place.locate, tree.map_of

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

--- What a join has for its other side; a YAML file cannot spell it.
local MARK <const> = "\1mark"
local SOURCE <const> = "\1source"
local DEPTH_MAX <const> = 32

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

local to_node

local NAMES_OR_LIST <const> = "a table of options has names, or it is a list; this one has %s"

local function table_node(value, at, depth)
  if depth > DEPTH_MAX then
    raise(at, "tables are nested deeper than %d", DEPTH_MAX)
  end
  local count, keys = #value, {}
  for key in pairs(value) do
    if type(key) == "string" and not key:find "%c" then
      keys[#keys + 1] = key
    elseif math.type(key) ~= "integer" or key < 1 or key > count then
      raise(at, NAMES_OR_LIST, "the key " .. tostring(key):gsub("%c", "?"))
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
    local named = values[value[key]]
    entries[i] = { key, to_node(value[key], at, depth + 1), named and named.node.at or at }
  end
  return { kind = "map", at = at, entries = entries }
end

--- A Lua value as a node of a configuration.
function to_node(value, at, depth)
  local kind = type(value)
  if kind == "string" then
    return { kind = "text", at = place.of_long_text(at), text = value }
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
    root = fields.root or false, mark = false, joined = false, number = false, side = false,
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
  if stream.side then
    raise(at, "a table has no steps: join a stream with it, as in stream:join(s.%s \"%s\", ...)",
      stream.side, stream.topic)
  end
  local child = new_stream { key = key, value = value, at = at, root = stream.root or stream }
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
    local stream = new_stream { at = at, root = branch.root }
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

function Stream:to_queue()
  check_stream(self, ":to_queue")
  refuse(locate(here(), self.at, ":%s*to_queue%f[^%w_]"), "':to_queue' is")
end

--- --- sources ---

local function add_source(at, node)
  local source = new_stream { at = at, from = node }
  building.sources[#building.sources + 1] = source
  return source
end

local function source_place(name)
  return locate(place.here_above(), nil, "%f[%w_]" .. name .. "%f[^%w_]")
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

--- The latest value per key of a topic, for joins. Options: codec, time.
for _, name in ipairs { "table", "global" } do
  M[name] = function(topic, options)
    check_building("s." .. name)
    local at = source_place(name)
    if type(topic) ~= "string" then
      raise(at, "s.%s takes the name of a topic", name)
    end
    local source = add_source(at, options_with(at, "topic", topic, options, "s." .. name))
    source.topic, source.side = topic, name
    return source
  end
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
      one = { topic = one, children = {}, options = false, side = false, mark = false }
    elseif type(one) ~= "table" or not building.streams[one] then
      raise(at, "s.merge takes topics; argument %d is a %s", i, type(one))
    end
    if not one.topic or one.side or one.mark or #one.children > 0 then
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

for _, name in ipairs { "queue", "http", "store", "on_start", "on_stop" } do
  M[name] = function()
    if not building then
      error(("s.%s is not available in this version"):format(name), 2)
    end
    refuse(source_place(name), "'s." .. name .. "' is")
  end
end

--- What a join has for its other side: the number of its source, which finish() knows, and where
--- among the steps it takes what comes out.
local function reference_to(other, at)
  local root = other.root or other
  if not other.mark then
    other.mark = building.mark_count
    building.mark_count = building.mark_count + 1
  end
  root.joined = true
  local number = { kind = "text", at = at, text = "" }
  building.references[#building.references + 1] = { node = number, source = root }
  return root.side or "topic", map_of(at, { { SOURCE, number, at },
    { MARK, { kind = "text", at = at, text = ("%d"):format(other.mark) }, at } })
end

require "streamrt.builder_state".extend(M, Stream, {
  here = here, here_above = place.here_above, locate = locate, raise = raise, to_node = to_node,
  map_of = map_of, add = add, made = made, options_with = options_with,
  check_building = check_building, check_stream = check_stream, place_of_text = place.of_text,
  table_node = table_node, reference_to = reference_to,
  is_stream = function(value) return type(value) == "table" and building.streams[value] == true end,
  is_made = function(value) return building.values[value] ~= nil end,
  last_value = function() return building.last_value_at end,
})

--- --- the engine's entry points ---

--- A file is about to be run. `where(level)` gives file and line of a caller; `text` is the file's,
--- or "".
function engine.begin(where, file, text)
  place.begin(where, file, text)
  building = {
    file = file,
    functions = {}, sources = {}, streams = setmetatable({}, { __mode = "k" }),
    values = setmetatable({}, { __mode = "k" }), value_count = 0, mark_count = 0, references = {},
  }
end

--- The file has ended: its pipeline as a tree, and its functions.
---@return table tree, table functions
function engine.finish()
  local built = building
  local source = tree.own_source(built.sources, raise, refuse)
  local top = { file = built.file, line = 1, column = 0, width = 0 }
  local entries = built.options and built.options.entries or {}
  if source then
    entries[#entries + 1] = { "from", source.from, source.at }
    entries[#entries + 1] = { "steps", tree.steps_of(source), source.at }
    tree.add_others(entries, built, source)
  end
  building = nil
  place.finish()
  return map_of(built.options_at or top, entries), built.functions
end

--- After an error: what was refused ("later", or an unknown "step"), and where; nil when it was
--- something else.
---@return string|nil kind, string what, table at, string|nil help
function engine.refused()
  local refused = building and building.refused
  building = nil
  place.finish()
  if refused then
    return refused.kind, refused.what, refused.at, refused.help
  end
end

return setmetatable(M, engine)
