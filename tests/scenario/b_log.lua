-- log_commands.c, data_dir.c and record_scan.c from outside; output.c when its reader goes away.
local t = require "scenario"

local function fill(dir)
  local d = dir .. "/d"
  t.must { "topic", "create", "orders", "--data-dir", d, "-p", "2" }
  t.must { "topic", "produce", "orders", "--data-dir", d,
    stdin = 'a\t{"n":[1,2.0,null]}\nb\ttext\nc\t\255\n' }
  return d
end

t.case("dump shows every record as one JSON object, ordered by partition and offset", function(dir)
  local d = fill(dir)
  local last = { -1, -1 }
  local seen = {}
  for _, line in ipairs(t.lines(t.must { "log", "dump", "orders", "--data-dir", d })) do
    local rec = t.json.decode(line)
    assert(rec.partition > last[1] or rec.partition == last[1] and rec.offset == last[2] + 1
      or last[1] == -1, "out of order: " .. line)
    last = { rec.partition, rec.offset }
    seen[rec.key] = line
    t.equal(rec.topic, "orders")
    t.equal(math.type(rec.timestamp), "integer")
    t.equal(#rec.headers, 0)
  end
  t.contains(seen.a, '"value":{"n":[1,2.0,null]}')
  t.contains(seen.b, '"value":"text"')
  t.contains(seen.c, '"value_base64":"/w=="')
end)

t.case("dump of one partition, and in a format of one's own", function(dir)
  local d = fill(dir)
  local all = t.must { "log", "dump", "orders", "--data-dir", d, "-f", "%t %p %o %k\\n" }
  local parts = t.must { "log", "dump", "orders/0", "--data-dir", d, "-f", "%t %p %o %k\\n" }
    .. t.must { "log", "dump", "orders/1", "--data-dir", d, "-f", "%t %p %o %k\\n" }
  t.equal(all, parts)
  t.equal(#t.lines(all), 3)
  t.contains(all, "orders ")
end)

t.case("topics and groups are lists", function(dir)
  local d = fill(dir)
  t.write(dir .. "/c.yaml",
    "pipelines: { p: { from: { topic: orders, codec: bytes }, steps: [ { to: copy } ] } }\n")
  t.must { "run", dir .. "/c.yaml", "--data-dir", d, "--until-drained" }
  local topics = t.json.decode(t.must { "log", "topics", "--data-dir", d, "-o", "json" })
  local found = {}
  for _, topic in ipairs(topics) do
    found[topic.topic] = topic
  end
  t.equal(#found.orders.partitions, 2)
  local sum = 0
  for _, part in ipairs(found.orders.partitions) do
    sum = sum + part["end"] - part.start
  end
  t.equal(sum, 3)
  local committed = 0
  for _, one in ipairs(t.json.decode(t.must { "log", "groups", "--data-dir", d, "-o", "json" })) do
    t.equal(one.topic, "orders")
    t.equal(one.lag, 0)
    t.equal(one.committed, one["end"])
    committed = committed + one.committed
  end
  t.equal(committed, 3)
end)

t.case("an unknown topic and a directory that is none are errors of one line", function(dir)
  local d = fill(dir)
  local r = t.run { "log", "dump", "nothing", "--data-dir", d }
  t.equal(r.code, 1)
  t.equal(r.out, "")
  t.contains(r.err, "unknown topic 'nothing'")
  r = t.run { "log", "dump", "orders", "--data-dir", dir .. "/none" }
  t.equal(r.code, 1, r.err)
  t.equal(t.exists(dir .. "/none"), false)
  t.equal(t.run { "log", "dump", "orders", "--data-dir", d, "-f", "%q" }.code ~= 0, true)
end)

t.case("a reader that has had enough is no failure", function(dir)
  local d = dir .. "/d"
  t.must { "topic", "create", "x", "--data-dir", d }
  local lines = {}
  for i = 1, 20000 do
    lines[i] = "some value that is not very short " .. i
  end
  t.must { "topic", "produce", "x", "--data-dir", d, stdin = table.concat(lines, "\n") }
  local dump = string.format("%s log dump x --data-dir %s", t.quote(t.binary), t.quote(d))
  local pipe = io.popen(string.format("(%s; echo $? >&2) 2>%s/err | head -n 1", dump, t.quote(dir)))
  assert(pipe:read "l")
  pipe:close()
  t.equal(t.read(dir .. "/err"), "0\n")
end)

t.case("check finds a flipped byte and changes nothing", function(dir)
  local d = fill(dir)
  t.equal(t.run { "log", "check", "--data-dir", d }.code, 0)
  local pipe = io.popen("find " .. t.quote(d) .. "/topics -name '*.seg' -size +0")
  local path = pipe:read "l"
  pipe:close()
  local bytes = t.read(path)
  local at = 70
  local flipped = bytes:sub(1, at) .. string.char(bytes:byte(at + 1) ~ 0x40) .. bytes:sub(at + 2)
  t.write(path, flipped)
  local r = t.run { "log", "check", "--data-dir", d }
  t.equal(r.code, 1, r.err)
  t.contains(r.out, ".seg:")
  t.equal(t.read(path), flipped)
end)

t.finish()
