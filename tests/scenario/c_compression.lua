-- Compressed topics through the binary: written by pipelines and by hand, killed, read by all.
local t = require "scenario"

local CODECS = { "gzip", "snappy", "lz4", "zstd" }
local LINES = 20000

local function config(codec)
  return string.format([[
topics:
  packed: { partitions: 2, compression: %s }
  plain: { partitions: 2 }
pipelines:
  pack:
    from: { file: in.txt, codec: text }
    commit_interval: 1ms
    commit_bytes: 64KiB
    steps: [ { key_by: "v:match('%%d')" }, { to: packed } ]
  unpack:
    from: { topic: packed, codec: text }
    steps: [ { map: "v:upper()" }, { to: plain } ]
]], codec)
end

local function prepare(dir)
  local lines = {}
  for i = 1, LINES do
    lines[i] = "line " .. i .. " of a file that is not too short for many commits"
  end
  t.write(dir .. "/in.txt", table.concat(lines, "\n") .. "\n")
  return lines
end

local function run(dir, env)
  return t.run { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", "--until-drained", env = env }
end

local function values(dir, topic)
  local found = {}
  local text = t.must { "log", "dump", topic, "--data-dir", dir .. "/d", "-f", "%v\\n" }
  for i, line in ipairs(t.lines(text)) do
    found[i] = line
  end
  return found
end

local function shown(dir, topic)
  return t.json.decode(t.must { "topic", "show", topic, "--data-dir", dir .. "/d", "-o", "json" })
end

local function check_all(dir, lines, codec)
  t.same_multiset(values(dir, "packed"), lines)
  local upper = {}
  for i, line in ipairs(lines) do
    upper[i] = line:upper()
  end
  t.same_multiset(values(dir, "plain"), upper)
  t.equal(t.run { "log", "check", "--data-dir", dir .. "/d" }.code, 0)
  local packed, plain = shown(dir, "packed"), shown(dir, "plain")
  t.equal(packed.compression, codec)
  t.equal(plain.compression, "none")
  assert(packed.size_bytes * 2 < plain.size_bytes, "it is not smaller: " .. packed.size_bytes)
end

for _, codec in ipairs(CODECS) do
  t.case(codec .. ": killed while it is written, then read and checked", function(dir)
    local lines = prepare(dir)
    t.write(dir .. "/c.yaml", config(codec))
    local kills = 0
    for _, fault in ipairs { "commit_done:3:kill", "journal_write_short:9:kill",
      "segment_written:12:kill", "checkpoint_begin:1:kill" } do
      local r = run(dir, { STREAMRT_FAULT = fault })
      if r.code ~= 0 then
        t.equal(r.code, 137, r.err)
        kills = kills + 1
        local before = values(dir, "packed")
        t.same_multiset(values(dir, "packed"), before, "looking twice")
        t.equal(t.run { "log", "check", "--data-dir", dir .. "/d" }.code, 0)
      end
    end
    assert(kills >= 3, "it was killed only " .. kills .. " times")
    local r = run(dir)
    t.equal(r.code, 0, r.err)
    check_all(dir, lines, codec)
  end)

  t.case(codec .. ": what is produced by hand is tailed from a place and a time", function(dir)
    local d = dir .. "/d"
    t.must { "topic", "create", "x", "--data-dir", d, "-p", "1", "--compression", codec }
    local function produce(first, last, time)
      local lines = {}
      for i = first, last do
        lines[#lines + 1] = "the value of number " .. i .. "\n"
      end
      t.must { "topic", "produce", "x", "--data-dir", d, "--timestamp", time,
        stdin = table.concat(lines) }
    end
    produce(1, 400, "1431857103000")
    produce(401, 1000, "1431857104000")
    t.equal(#values(dir, "x"), 1000)
    local size = shown(dir, "x").size_bytes
    assert(size < 12000, "it is not compressed: " .. size)
    local r = t.must { "topic", "tail", "x", "--data-dir", d, "--offset", "997", "--format",
      "%o %v\\n" }
    t.equal(r, "997 the value of number 998\n998 the value of number 999\n"
      .. "999 the value of number 1000\n")
    r = t.must { "topic", "tail", "x", "--data-dir", d, "--offset", "@2015-05-17T10:05:04Z",
      "--format", "%o\\n", "-n", "1000" }
    t.equal(r:match "^%d+", "400")
    t.equal(#t.lines(r), 600)
  end)
end

t.case("a compression is changed for what comes, and what is there stays readable", function(dir)
  local want = {}
  for i, codec in ipairs { "none", "zstd", "lz4", "none" } do
    t.write(dir .. "/c.yaml", string.format([[
topics: { x: { partitions: 1, compression: %s } }
pipelines: { p: { from: { stdin: {}, codec: text }, steps: [ { to: x } ] } }
]], codec))
    local lines = {}
    for n = 1, 200 do
      lines[n] = codec .. " " .. i .. " value " .. n
      want[#want + 1] = lines[n]
    end
    local r = t.run { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", "--until-drained",
      stdin = table.concat(lines, "\n") .. "\n" }
    t.equal(r.code, 0, r.err)
    t.equal(shown(dir, "x").compression, codec)
    t.contains(t.must { "topic", "show", "x", "--data-dir", dir .. "/d" },
      "compression      " .. codec)
  end
  local found = values(dir, "x")
  t.equal(table.concat(found, "\n"), table.concat(want, "\n"))
end)

t.case("a damaged compressed batch is named and not shown", function(dir)
  prepare(dir)
  t.write(dir .. "/c.yaml", config "zstd")
  t.equal(run(dir).code, 0)
  local pipe = assert(io.popen("ls " .. dir .. "/d/topics/*-packed-0/*.seg"))
  local path = pipe:read "l"
  pipe:close()
  local bytes = t.read(path)
  local at = #bytes // 2
  t.write(path, bytes:sub(1, at) .. string.char(bytes:byte(at + 1) ~ 0x10) .. bytes:sub(at + 2))
  local r = t.run { "log", "check", "--data-dir", dir .. "/d" }
  t.equal(r.code, 1)
  assert(r.out:find("%.seg:%d+: "), r.out)
  r = t.run { "log", "dump", "packed/0", "--data-dir", dir .. "/d", "-f", "%v\\n" }
  assert(r.code ~= 0, "it was dumped as if nothing were wrong")
  for _, line in ipairs(t.lines(r.out)) do
    assert(line:find "^line %d+ of a file", line)
  end
end)

t.finish()
