-- What stands in the input: each bad record is a dead letter with its bytes and its reason.
local one = require "one_pipeline"
local t = require "scenario"

local touch = "filter: type(v) ~= 'table' or v.x == nil"

local function not_json(at)
  return "the value is not JSON: unexpected at byte " .. at
end

-- A map or list is looked at when it is touched: then there is a place in a script.
local function touched(...)
  local list = {}
  for i, at in ipairs { ... } do
    list[i] = "c.yaml:5: " .. not_json(at)
  end
  return list
end

local function too_long(found, allowed)
  return string.format("line of %d bytes is longer than max_record_bytes (%d)", found, allowed)
end

one.cases {
  { "JSON that is wrong at its start, in its middle and at its end", steps = "filter: v.a",
    input = 'x{"a":1}\n{"a":1,}\n{"a":[1,2}}\n{"a":1\n{"a":1}}\n{"a":1}\n', out = { '{"a":1}' },
    dead = { not_json(0), table.unpack(touched(7, 9, 6, 7)) } },
  { "JSON that only looks like it", steps = "filter: v.a",
    input = '{"a":01}\n{"a":NaN}\n{"a":.5}\n{"a":0x1}\n{a:1}\n{\'a\':1}\n{"a":True}\n{"a":"\t"}\n',
    dead = touched(6, 5, 5, 6, 1, 1, 5, 6) },
  { "JSON that is not UTF-8", steps = "filter: v.a",
    input = '{"a":"\255"}\n{"a":"\xed\xa0\x80"}\n\xef\xbb\xbf{"a":1}\n{"a":"\xc3\xa9"}\n',
    out = { '{"a":"\xc3\xa9"}' }, dead = { not_json(0), table.unpack(touched(6, 6)) } },
  { "JSON that nests too deep", steps = "filter: v[1]",
    input = ("["):rep(128) .. ("]"):rep(128) .. "\n" .. ("["):rep(129) .. ("]"):rep(129) .. "\n"
      .. ("["):rep(500000) .. "\n",
    out = { ("["):rep(128) .. ("]"):rep(128) }, dead = {
      "c.yaml:5: the value is JSON nested deeper than 128",
      "c.yaml:5: the value is JSON nested deeper than 128" } },
  { "lines without anything are no records", steps = touch, input = "\n\n1\n\r\n\n2",
    out = { "1", "2" }, counted = { ["in"] = 2 } },
  { "a line of white space is no JSON", steps = touch, input = "   \n\t\n",
    dead = { not_json(3), not_json(1) } },
  { "a record may be any JSON value", steps = touch, input = '"a"\n5\nnull\ntrue\n[]\n{}\n',
    out = { '"a"', "5", "null", "true", "[]", "{}" } },
  { "a text where a map is expected", steps = "filter: v.total > 1", input = '"a"\n5\nnull\n',
    dead = { "c.yaml:5: attempt to compare number with nil",
      "c.yaml:5: attempt to index a number value (local 'v')",
      "c.yaml:5: attempt to index a userdata value (local 'v')" } },
  { "numbers at their limits", steps = "update: v.b = v.a",
    input = '{"a":9223372036854775807}\n{"a":-9223372036854775808}\n{"a":-0}\n{"a":1e-999}\n',
    out = { '{"a":9223372036854775807,"b":9223372036854775807}',
      '{"a":-9223372036854775808,"b":-9223372036854775808}', '{"a":-0,"b":-0.0}',
      '{"a":1e-999,"b":0.0}' } },
  { "a line that is too long is a dead letter, at the end of the file as well", steps = touch,
    from = "{ file: in.txt, max_record_bytes: 8B }", input = "1234567890\n1\n" .. ("2"):rep(100000),
    out = { "1" }, dead = { too_long(10, 8), too_long(100000, 8) } },
  { "a record that has become too large for its topic", steps = "update: v.b = ('x'):rep(v.a)",
    topics = "{ out: { max_record_bytes: 1KiB } }", input = '{"a":10}\n{"a":2000}\n',
    out = { '{"a":10,"b":"xxxxxxxxxx"}' }, dead = {
      "a record of 2017 bytes is larger than topic 'out' takes (1024): "
        .. "raise its max_record_bytes or make the record smaller" } },
  { "bytes are any bytes", steps = "filter: \"#v > 0\"", from = "{ file: in.txt, codec: bytes }",
    input = "a\0b\255\r\n\n", out = { "a\0b\255\r" }, counted = { ["in"] = 2, dropped = 1 } },
  { "text has its line end taken off", steps = "map: v .. '|'",
    from = "{ file: in.txt, codec: text }", input = "a\r\n\xc3\xa9\nlast",
    out = { "a|", "\xc3\xa9|", "last|" } },
  { "an empty file", steps = touch, input = "", counted = { ["in"] = 0 } },
  { "a file that is zeros", steps = touch, input = ("\0"):rep(100000), dead = { not_json(0) } },
}

t.case("records without a key and without a value pass", function(dir)
  t.must { "topic", "create", "given", "--data-dir", dir .. "/d" }
  t.must { "topic", "produce", "given", "--data-dir", dir .. "/d", stdin = 'k\t\n{"a":1}\n\tx\n' }
  t.write(dir .. "/c.yaml", [[
pipelines:
  p:
    from: given
    steps: [ { filter: "r.key == nil or #r.key >= 0" }, { map: "{ v = v }" }, { to: out } ]
]])
  local r = t.run { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", "--until-drained" }
  t.equal(r.code, 0, r.err)
  local counted = t.summary(r.err).p
  t.equal(counted["in"], 3)
  t.equal(counted.out + counted.dead, 3, "out and dead")
  for _, rec in ipairs(t.dump(dir .. "/d", "p.dlq")) do
    t.equal(rec.value == "" or rec.value == "x", true, "a dead letter keeps its bytes")
  end
end)

t.case("a dead letter is kept whole, also where its topic takes less", function(dir)
  t.write(dir .. "/in.txt", "{" .. ("x"):rep(5000) .. "\n")
  t.write(dir .. "/c.yaml", [[
topics: { p.dlq: { max_record_bytes: 1KiB } }
pipelines: { p: { from: { file: in.txt }, steps: [ { filter: v.a }, { to: out } ] } }
]])
  local r = t.run { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", "--until-drained" }
  t.equal(r.code, 0, r.err)
  t.equal(t.dump(dir .. "/d", "p.dlq")[1].value, "{" .. ("x"):rep(5000))
end)

t.case("what topic produce is given wrongly is named by its line", function(dir)
  t.must { "topic", "create", "x", "--data-dir", dir .. "/d" }
  local r = t.run { "topic", "produce", "x", "--data-dir", dir .. "/d", stdin = ("y"):rep(2 << 20) }
  t.equal(r.code, 1, r.err)
  t.contains(r.err, "line 1")
  t.equal(#t.dump(dir .. "/d", "x"), 0)
end)

t.finish()
