local s = require "streamrt"
local T = {}

local function fails(what, fn, ...)
  local ok, message = pcall(fn, ...)
  assert(not ok, "did not fail: " .. what)
  assert(tostring(message):find(what, 1, true), tostring(message))
end

function T.the_library_is_global_and_a_module()
  assert(_G.s == require "streamrt" and _G.s == s)
end

function T.the_library_cannot_be_changed()
  fails("cannot change 's'", function() s.null = 1 end)
  fails("cannot change 's.json'", function() s.json.encode = print end)
  fails("cannot change 's.parse'", function() s.parse.mine = print end)
  fails("rawset", rawset, s, "null", 1)
  fails("protected", setmetatable, s, {})
  fails("cannot assign to the built-in 's'", function() _ENV.s = 1 end)
end

function T.null_is_a_value()
  assert(s.null ~= nil and s.null == s.null and tostring(s.null) == "null")
  assert(getmetatable(s.null) == false)
  assert(s.json.encode(s.null) == "null" and s.json.decode "null" == s.null)
end

function T.arrays_stay_arrays_while_empty()
  assert(s.json.encode {} == "{}")
  assert(s.json.encode(s.array {}) == "[]" and s.json.encode(s.array()) == "[]")
  assert(s.json.encode { list = s.array {} } == '{"list":[]}')
  local a = s.array { 1 }
  assert(getmetatable(a) == nil and next(a) == 1 and #a == 1)
  table.remove(a)
  assert(s.json.encode(a) == "[]" and next(a) == nil)
  local v = s.json.decode '{"a":[1],"b":{"x":1},"c":[]}'
  v.a[1], v.b.x, v.c[1] = nil, nil, "new"
  assert(s.json.encode(v) == '{"a":[],"b":{},"c":["new"]}', s.json.encode(v))
  assert(s.is_array(v.a) and not s.is_array(v.b))
  assert(s.is_array { 1 } and not s.is_array {} and not s.is_array "x")
  assert(s.json.encode(s.array(s.json.decode "{}")) == "[]")
  assert(s.json.encode(s.array(s.json.decode "[ ]")) == "[ ]")
end

function T.encode_writes_what_json_knows()
  local e = s.json.encode
  assert(e(1) == "1" and e(1.0) == "1.0" and e(1e300) == "1e+300")
  assert(e(-0.0) == "-0.0" and e(0.1) == "0.1")
  assert(e(math.maxinteger) == "9223372036854775807")
  assert(e(math.mininteger) == "-9223372036854775808")
  assert(e(true) == "true" and e "a\"\\\n\0" == '"a\\"\\\\\\n\\u0000"' and e "Köln" == '"Köln"')
  assert(e "\xff" == '"\u{fffd}"')
  assert(e { b = 1, a = { 1, "x", s.null } } == '{"a":[1,"x",null],"b":1}')
  assert(e { [10] = "x", [9] = "y", z = 1 } == '{"10":"x","9":"y","z":1}')
  assert(e { ["a b"] = 1, [""] = 2 } == '{"":2,"a b":1}')
end

function T.encode_says_where_it_fails()
  fails("v.items[2].price is not a number that JSON can hold (nan)", s.json.encode,
    { items = { { price = 1 }, { price = 0 / 0 } } })
  fails("v[1] is not a number that JSON can hold (-inf)", s.json.encode, { -1 / 0 })
  fails('v["a b"] is a function, which JSON cannot hold', s.json.encode, { ["a b"] = print })
  fails("v[2] is missing: an array has no holes", s.json.encode, { 1, nil, 3 })
  fails("v is an array and has the field 'x' too", s.json.encode, { 1, 2, x = 3 })
  fails("v[0] is no element of an array", s.json.encode, { [0] = 0, 1 })
  fails("v has a boolean as a key", s.json.encode, { [true] = 1 })
  fails("v has a number as a key", s.json.encode, { [1.5] = 1 })
  fails('v["5"] is there twice, as a number and as a string', s.json.encode, { [5] = 1, ["5"] = 2 })
  fails("is a thread", s.json.encode, { t = coroutine.create(print) })
  local circle = {} circle.again = circle
  fails("nests deeper than 128", s.json.encode, circle)
  local v = s.json.decode '{"a":{}}'
  v.a.back = v
  fails("nests deeper than 128", s.json.encode, v)
end

function T.encode_keeps_what_did_not_change()
  local function edit(text, fn) local v = s.json.decode(text) fn(v) return s.json.encode(v) end
  local function gives(text, fn, want) local got = edit(text, fn) assert(got == want, got) end
  local text = '{ "id": 7, "n": 1e2, "tags": ["a"], "old": 0 }'
  gives(text, function() end, text)
  gives(text, function(v) return v.id + v.n end, text)
  gives(text, function(v) for k, x in pairs(v) do v[k] = x end end, text)
  gives(text, function(v) v.n = 5 v.old = nil v.tags[2] = "b" v.z = true end,
    '{ "id": 7, "n": 5, "tags": ["a","b"],"z":true }')
  gives(text, function(v) v.n = 100 end, '{ "id": 7, "n": 100, "tags": ["a"], "old": 0 }')
  gives(text, function(v) v.n = 100.0 end, text)
  gives(text, function(v) v.id = nil end, '{ "n": 1e2, "tags": ["a"], "old": 0 }')
  gives(text, function(v) v.id, v.n = nil, nil end, '{ "tags": ["a"], "old": 0 }')
  gives(text, function(v) v.tags = nil end, '{ "id": 7, "n": 1e2, "old": 0 }')
  gives(text, function(v) for k in pairs(v) do v[k] = nil end end, '{  }')
  gives(text, function(v) for k in pairs(v) do v[k] = nil end v.only = 1 end, '{ "only":1 }')
  gives(text, function(v) v.zz, v.b, v["ä"] = 1, 2, 3 end,
    '{ "id": 7, "n": 1e2, "tags": ["a"], "old": 0,"b":2,"zz":1,"ä":3 }')
  gives("{ }", function(v) v.a = 1 end, '{"a":1 }')
  gives('{"a":{"b":{"c": [1, 2]}}}', function(v) v.a.b.c[1] = 9 end, '{"a":{"b":{"c": [9, 2]}}}')
  gives('{"a":{"b": 1},"c":{"d": 2}}', function(v) v.a, v.c = v.c, v.a end,
    '{"a":{"d": 2},"c":{"b": 1}}')
  gives('{"a":{"b": 1 }}', function(v) v.x = v.a v.x.b = 2 end, '{"a":{"b": 2 },"x":{"b": 2 }}')
  gives('{"a":1.0,"b":1,"c":1}', function(v) v.a, v.b = 1, 1.0 end, '{"a":1,"b":1.0,"c":1}')
  gives('{"e\\u0041":1,"x":"\\u00e9"}', function(v) v.eA = 2 v.x = "é" end,
    '{"e\\u0041":2,"x":"\\u00e9"}')
  gives('{"big":12345678901234567890,"x":1}', function(v) for _ in pairs(v) do end v.x = 2 end,
    '{"big":12345678901234567890,"x":2}')
  gives("{}", function(v) v[1] = "x" end, '["x"]')
  gives('{"o":{}}', function(v) v.o[1] = "x" end, '{"o":["x"]}')
end

function T.encode_keeps_what_did_not_change_in_arrays()
  local function gives(text, fn, want)
    local v = s.json.decode(text)
    fn(v)
    local got = s.json.encode(v)
    assert(got == want, got)
  end
  gives("[ 1e2 , 2 ]", function(v) v[2] = 3 end, "[ 1e2 , 3 ]")
  gives("[ 1e2 , 2 ]", function(v) v[3] = 3 end, "[ 1e2 , 2,3 ]")
  gives("[ 1e2 , 2 ]", function(v) table.remove(v) end, "[ 1e2 ]")
  gives("[ 1e2 , 2 ]", function(v) v[1], v[2] = nil, nil end, "[ ]")
  gives("[ ]", function(v) v[1] = 1 end, "[1 ]")
  gives('[{"a": 1},{"b": 2}]', function(v) table.remove(v, 1) end, '[{"b": 2}]')
  gives('[{"a": 1},{"b": 2}]', function(v) table.insert(v, 1, s.null) end,
    '[null,{"a": 1},{"b": 2}]')
  gives('[{"a": 1},{"b": 2}]', function(v) v[2].b = 3 end, '[{"a": 1},{"b": 3}]')
end

function T.values_from_elsewhere_are_written_as_they_are()
  local other = s.json.decode ' {"x" : 1e1} '
  assert(s.json.encode { o = other } == '{"o":{"x" : 1e1}}', s.json.encode { o = other })
  local _ = other.x
  assert(s.json.encode { o = other } == '{"o":{"x" : 1e1}}')
  local v = s.json.decode '{"a":1}'
  v.o = other
  assert(s.json.encode(v) == '{"a":1,"o":{"x" : 1e1}}')
end

function T.decode_returns_an_error_value()
  local v, err = s.json.decode '{"a":}'
  assert(v == nil and err.code == "not_json")
  assert(tostring(err) == "not JSON: byte 5: unexpected", tostring(err))
  assert(s.json.decode "" == nil and s.json.decode "1 1" == nil)
  local _, deep = s.json.decode(("["):rep(200) .. ("]"):rep(200))
  assert(tostring(deep):find "nested too deeply")
  assert(s.json.decode '"x"' == "x" and s.json.decode " 5 " == 5 and s.json.decode "true" == true)
end

function T.params_have_the_type_that_they_look_like()
  assert(s.param("limit", 1) == 10 and math.type(s.param "limit") == "integer")
  assert(s.param "ratio" == 0.5 and s.param "on" == true and s.param "name" == "x y")
  assert(s.param "version" == "1.2.3")
  assert(s.param("absent", "default") == "default" and s.param("absent", nil) == nil)
  fails("there is no param 'absent'", s.param, "absent")
end

function T.retriable_raises_an_error_that_says_so()
  local ok, err = pcall(function() s.retriable "later" end)
  assert(not ok and err.retriable == true and tostring(err):find "later$")
  local again, err2 = pcall(function() error(s.retriable "later") end)
  assert(not again and err2.retriable)
end

function T.log_takes_any_values()
  s.log.debug("a", 1, { x = 1 }, s.null, nil, true)
  s.log.info("values", { list = { 1, 2 } }, nil)
end

return T
