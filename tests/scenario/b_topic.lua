-- topic_commands.c, topic_produce.c and topic_tail.c from outside.
local t = require "scenario"

t.case("what is produced can be read again, keys and all", function(dir)
  local d = dir .. "/d"
  t.must { "topic", "create", "orders", "--data-dir", d, "-p", "1" }
  t.must { "topic", "produce", "orders", "--data-dir", d, "-H", "from=test",
    stdin = 'k1\t{"n":1}\nplain\nk2\t\n' }
  local records = t.dump(d, "orders")
  t.equal(#records, 3)
  t.equal(records[1].key, "k1")
  t.equal(records[1].value.n, 1)
  t.equal(records[1].headers[1][1], "from")
  t.equal(records[1].headers[1][2], "test")
  t.equal(records[2].key, t.json.null)
  t.equal(records[2].value, "plain")
  t.equal(records[3].key, "k2")
  t.equal(records[3].value, "")
  t.equal(records[3].offset, 2)
end)

t.case("a key always goes to the partition that a Java client chooses", function(dir)
  local d = dir .. "/d"
  t.must { "topic", "create", "keys", "--data-dir", d, "-p", "3" }
  t.must { "topic", "produce", "keys", "--data-dir", d, stdin = "21\ta\nfoobar\tb\n21\tc\n" }
  local at = {}
  for _, rec in ipairs(t.dump(d, "keys")) do
    t.equal(at[rec.key] or rec.partition, rec.partition)
    at[rec.key] = rec.partition
  end
  -- (murmur2("21") & 0x7fffffff) % 3 and the same of "foobar", from Kafka's own test vectors
  t.equal(at["21"], ((-973932308) & 0x7fffffff) % 3)
  t.equal(at.foobar, ((-790332482) & 0x7fffffff) % 3)
end)

t.case("the whole line is the value with --no-key and with --key", function(dir)
  local d = dir .. "/d"
  t.must { "topic", "create", "x", "--data-dir", d, "-p", "1" }
  t.must { "topic", "produce", "x", "--data-dir", d, "--no-key", stdin = "a\tb\n" }
  t.must { "topic", "produce", "x", "--data-dir", d, "-k", "me", "--timestamp", "1431857103000",
    stdin = "c\td\n" }
  local records = t.dump(d, "x")
  t.equal(records[1].value, "a\tb")
  t.equal(records[1].key, t.json.null)
  t.equal(records[2].value, "c\td")
  t.equal(records[2].key, "me")
  t.equal(records[2].timestamp, 1431857103000)
end)

t.case("a record that is too large is named, and those before it are kept", function(dir)
  local d = dir .. "/d"
  t.must { "topic", "create", "small", "--data-dir", d, "--max-record-bytes", "100B" }
  local r = t.run { "topic", "produce", "small", "--data-dir", d,
    stdin = "fits\n" .. ("x"):rep(101) .. "\nnever\n" }
  t.equal(r.code, 1, r.err)
  t.contains(r.err, "line 2")
  t.equal(#t.dump(d, "small"), 1)
end)

t.case("tail prints the last records in order of time", function(dir)
  local d = dir .. "/d"
  t.must { "topic", "create", "x", "--data-dir", d, "-p", "3" }
  local lines = {}
  for i = 1, 50 do
    lines[i] = string.format("k%d\t%d\n", i, i)
  end
  -- two rounds, so that the last ten are younger in every partition
  t.must { "topic", "produce", "x", "--data-dir", d, "--timestamp", "1431857103000",
    stdin = table.concat(lines, "", 1, 40) }
  t.must { "topic", "produce", "x", "--data-dir", d, stdin = table.concat(lines, "", 41) }
  local function count(...)
    return #t.lines(t.must { "topic", "tail", "x", "--data-dir", d, ... })
  end
  t.equal(count(), 10)
  t.equal(count("-n", "3"), 3)
  t.equal(count("--offset", "start"), 50)
  t.equal(count("--offset", "end"), 0)
  t.equal(count("--offset", "@-1h"), 10)
  t.equal(count("--offset", "@-2h:@-1h"), 0)
  t.equal(count("--offset", "start", "-n", "7"), 7)
  t.equal(t.must { "topic", "tail", "x/0", "--data-dir", d, "--offset", "0:1",
    "--format", "%p:%o\\n" }, "0:0\n")
  local last = t.must { "topic", "tail", "x", "--data-dir", d, "--format", "%v\\n" }
  t.same_multiset(t.lines(last), { "41", "42", "43", "44", "45", "46", "47", "48", "49", "50" })
end)

t.case("tail -f shows what is produced while it looks", function(dir)
  local d = dir .. "/d"
  t.must { "topic", "create", "x", "--data-dir", d, "-p", "2" }
  t.must { "topic", "produce", "x", "--data-dir", d, stdin = "1\n" }
  local out = dir .. "/out"
  t.shell("mkfifo " .. out)
  local tail = t.start { "topic", "tail", "x", "--data-dir", d, "-f", "--format", "%v\\n",
    stdout_file = out }
  local seen = assert(io.open(out, "r"))
  tail:await_pid()
  t.equal(seen:read "l", "1")
  t.must { "topic", "produce", "x", "--data-dir", d, stdin = "2\n" }
  t.equal(seen:read "l", "2")
  t.must { "topic", "produce", "x", "--data-dir", d, stdin = "3\n" }
  t.equal(seen:read "l", "3")
  tail:signal "INT"
  t.equal(tail:wait(), 130)
  seen:close()
end)

t.case("creating twice, wrong names and unknown topics are refused", function(dir)
  local d = dir .. "/d"
  t.must { "topic", "create", "x", "--data-dir", d }
  local r = t.run { "topic", "create", "x", "--data-dir", d }
  t.equal(r.code, 1)
  t.contains(r.err, "'x'")
  t.equal(t.run { "topic", "create", "no good", "--data-dir", d }.code, 1)
  t.equal(t.run { "topic", "create", "__streamrt.x", "--data-dir", d }.code, 1)
  t.equal(t.run { "topic", "create", "y", "--data-dir", d, "-p", "0" }.code, 2)
  r = t.run { "topic", "produce", "nowhere", "--data-dir", d, stdin = "a\n" }
  t.equal(r.code, 1)
  t.contains(r.err, "nowhere")
  t.equal(t.run { "topic", "tail", "x/9", "--data-dir", d }.code, 1)
  t.equal(t.run { "topic", "tail", "x", "--data-dir", d, "--offset", "soon" }.code, 2)
end)

t.finish()
