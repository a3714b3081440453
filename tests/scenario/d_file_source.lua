-- Files as a source, killed: compressed by gzip, and followed through rotations.
local t = require "scenario"

local LINES = 30000

local function gzip_config(extra)
  return [[
topics: { lines: { partitions: 1 } }
pipelines:
  p:
    from: { file: in.txt.gz, codec: text]] .. (extra or "") .. [[ }
    commit_interval: 1ms
    commit_bytes: 64KiB
    steps: [ { to: lines } ]
]]
end

local function run(dir, env)
  return t.run { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d", "--until-drained", env = env }
end

local function values(dir, topic)
  return t.lines(t.must { "log", "dump", topic, "--data-dir", dir .. "/d", "-f", "%v\\n" })
end

local function numbered(count)
  local lines = {}
  for i = 1, count do
    lines[i] = "line " .. i .. " of a compressed file that takes many commits"
  end
  return lines
end

local function gzip(dir, lines)
  t.write(dir .. "/in.txt", table.concat(lines, "\n") .. "\n")
  t.shell("gzip -nf " .. dir .. "/in.txt")
end

t.case("a gzip file is read once, however often it is killed", function(dir)
  local lines = numbered(LINES)
  gzip(dir, lines)
  t.write(dir .. "/c.yaml", gzip_config())
  local kills = 0
  for _, fault in ipairs { "commit_done:2:kill", "journal_synced:5:kill", "commit_sent:4:kill",
    "source_file_read:2:kill", "segment_write:9:kill", "ack:6:kill" } do
    local r = run(dir, { STREAMRT_FAULT = fault })
    if r.code ~= 0 then
      t.equal(r.code, 137, r.err)
      kills = kills + 1
    end
  end
  assert(kills >= 4, "it was killed only " .. kills .. " times")
  t.equal(run(dir).code, 0)
  t.equal(table.concat(values(dir, "lines"), "\n"), table.concat(lines, "\n"))
end)

t.case("members of a gzip file are one stream, and a later one is read later", function(dir)
  t.write(dir .. "/c.yaml", gzip_config())
  t.shell(string.format("cd %s; (printf 'one\\ntw' | gzip; printf 'o\\n' | gzip) > in.txt.gz", dir))
  t.equal(run(dir).code, 0)
  t.shell(string.format("cd %s; printf 'three\\n' | gzip >> in.txt.gz", dir))
  t.equal(run(dir).code, 0)
  t.equal(table.concat(values(dir, "lines"), " "), "one two three")
end)

t.case("a damaged gzip file gives what stands before, and one error with its place", function(dir)
  t.write(dir .. "/c.yaml", gzip_config())
  gzip(dir, numbered(1000))
  local bytes = t.read(dir .. "/in.txt.gz")
  t.write(dir .. "/in.txt.gz", bytes:sub(1, #bytes - 500))
  local r = run(dir)
  t.equal(r.code, 1, r.err)
  t.contains(r.err, "the gzip data ends too early, at byte " .. #bytes - 500)
  local found = values(dir, "lines")
  local expected = numbered(#found)
  assert(#found > 100 and #found < 1000, "#found " .. #found)
  t.equal(table.concat(found, "\n"), table.concat(expected, "\n"))
  -- it is told again, and nothing is read twice
  r = run(dir)
  t.equal(r.code, 1, r.err)
  t.contains(r.err, "the gzip data ends too early, at byte " .. #bytes - 500)
  t.equal(#values(dir, "lines"), #found)
  -- and when the file is whole, it goes on
  t.write(dir .. "/in.txt.gz", bytes)
  t.equal(run(dir).code, 0)
  t.equal(table.concat(values(dir, "lines"), "\n"), table.concat(numbered(1000), "\n"))

  t.write(dir .. "/in.txt.gz", bytes:sub(1, 20) .. ("\255"):rep(30) .. bytes:sub(51))
  r = t.run { "run", dir .. "/c.yaml", "--data-dir", dir .. "/other", "--until-drained" }
  t.equal(r.code, 1, r.err)
  assert(r.err:find("in%.txt%.gz'.*the gzip data is damaged at byte %d+: "), r.err)
end)

t.case("a gzip file is not followed", function(dir)
  t.write(dir .. "/c.yaml", gzip_config ", follow: true")
  gzip(dir, numbered(10))
  local r = t.run { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d" }
  t.equal(r.code, 1, r.err)
  t.contains(r.err, "is compressed by gzip and cannot be followed")
end)

-- --- followed ---

local follow_config = [[
topics: { lines: { partitions: 1 } }
pipelines:
  p:
    from: { file: app.log, follow: true, codec: text }
    commit_interval: 1ms
    steps: [ { to: lines } ]
]]

-- What a server that is stopped by kill -9 meets when it starts again. Each: what it does to the
-- log, and the lines that come of it.
local meanwhile = {
  { "renamed", function(sh)
    sh "printf 'three\\n' >> app.log; mv app.log app.log.1; printf 'four\\n' > app.log"
  end, "one two three four" },
  { "renamed twice", function(sh)
    sh "printf 'three\\n' >> app.log; mv app.log app.log.2"
    sh "printf 'four\\n' > app.log; mv app.log app.log.1; printf 'five\\n' > app.log"
  end, "one two three four five" },
  { "renamed, and nothing new yet", function(sh)
    sh "printf 'three\\n' >> app.log; mv app.log app.log.1"
  end, "one two three" },
  { "copied and cut", function(sh)
    sh "printf 'three\\n' >> app.log; cp app.log app.log.1; : > app.log"
    sh "printf 'four\\n' >> app.log"
  end, "one two three four" },
  { "removed and made anew", function(sh)
    sh "rm app.log; printf 'one\\nthree\\n' > app.log"
  end, "one two one three" },
}

-- Files that are made from now on are younger than all there are: a file system's clock ticks.
local function tick(dir)
  t.shell(string.format("cd %s; : > a; while rm -f b; : > b; "
    .. "[ $(stat -c %%.9W a) = $(stat -c %%.9W b) ]; do :; done; rm a b", t.quote(dir)))
end

-- Follow until so many records are there; killed, or ended well.
local function follow(dir, count, signal)
  local server = t.start { "run", dir .. "/c.yaml", "--data-dir", dir .. "/d" }
  server:wait_for "ready"
  local tail = string.format("%s topic tail lines --data-dir %s/d --offset start -n %d -f --format "
    .. "'%%v\\n' >%s/seen", t.quote(t.binary), dir, count, dir)
  t.shell("timeout 60 " .. tail)
  server:signal(signal)
  t.equal(server:wait(), signal == "KILL" and 137 or 0)
end

for _, case in ipairs(meanwhile) do
  local name, change, expected = table.unpack(case)
  t.case("followed, killed, " .. name .. ": nothing is lost or read twice", function(dir)
    t.write(dir .. "/c.yaml", follow_config)
    t.write(dir .. "/app.log", "one\ntwo\n")
    follow(dir, 2, "KILL")
    tick(dir)
    change(function(command)
      t.shell("cd " .. t.quote(dir) .. "; " .. command)
    end)
    local _, spaces = expected:gsub(" ", "")
    follow(dir, spaces + 1, "KILL")
    t.equal(table.concat(values(dir, "lines"), " "), expected)
    t.shell("printf 'last\\n' >> " .. t.quote(dir .. "/app.log"))
    follow(dir, spaces + 2, "TERM")
    t.equal(table.concat(values(dir, "lines"), " "), expected .. " last")
  end)
end

t.finish()
