-- run.lua ROOT DIR [NAME PATTERN] - plants each bug of mutants.lua in a copy of the sources in DIR,
-- builds it, and runs the tests that have to find it. Called by scripts/test --mutants.
--
-- The tests are run on the unchanged copy first: one that fails anyway proves nothing. Ends with
-- "N passed, N failed"; a bug that no test finds is a failure, as is one that cannot be planted.

local root, dir, only = arg[1], arg[2], arg[3]
package.path = root .. "/tests/mutants/?.lua;" .. package.path
local mutants = require "mutants"

local tree, build = dir .. "/tree", dir .. "/build"

local function shell(...)
  return os.execute(string.format(...))
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  assert(file:close())
end

-- Only what differs is written, so that ninja builds only that again.
local function copy_sources()
  assert(shell("mkdir -p %s", quote(tree)))
  local list <close> = assert(io.popen("cd " .. quote(root)
    .. " && find . -type f -not -path './.git/*' -not -path './build/*'"))
  local wanted = {}
  for path in list:lines() do
    wanted[path] = true
    local to = tree .. "/" .. path
    local file = io.open(to, "rb")
    local same = file and file:read "a" == read(root .. "/" .. path)
    if file then file:close() end
    if not same then
      shell("mkdir -p \"$(dirname %s)\" && cp -p %s %s && touch %s", quote(to),
        quote(root .. "/" .. path), quote(to), quote(to))
    end
  end
  local there <close> = assert(io.popen("cd " .. quote(tree) .. " && find . -type f"))
  for path in there:lines() do
    if not wanted[path] then os.remove(tree .. "/" .. path) end
  end
end

local function configure()
  return shell("test -f %s || cmake -S %s -B %s -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo "
    .. ">%s 2>&1", quote(build .. "/build.ninja"), quote(tree), quote(build),
    quote(dir .. "/configure.log"))
end

local function compile()
  return shell("cmake --build %s >%s 2>&1", quote(build), quote(dir .. "/build.log"))
end

-- The name of the first test that failed; nil when all passed. Raises when there was none to run.
local function failing(tests)
  local log = dir .. "/test.log"
  local passed = shell("ctest --test-dir %s -R %s -LE '^long$' --stop-on-failure --no-tests=error "
    .. "-j \"$(nproc)\" >%s 2>&1", quote(build), quote(tests), quote(log))
  if passed then
    return nil
  end
  local text = read(log)
  assert(not text:find("No tests were found", 1, true), "there is no test " .. tests)
  return text:match "Test +#%d+: (%S+) %.*%*%*%*" or text:match "%d+ %- (%S+) %(" or "?"
end

local function plant(mutant)
  local path = tree .. "/" .. mutant.file
  local text = read(path)
  local from, to = text:find(mutant.from, 1, true)
  assert(from, "its text is not in " .. mutant.file)
  assert(not text:find(mutant.from, to + 1, true), "its text is in " .. mutant.file .. " twice")
  write(path, text:sub(1, from - 1) .. mutant.to .. text:sub(to + 1))
  return function() write(path, text) end
end

-- True and the test that found it, or false and why not.
local function try(mutant)
  local ok, restore = pcall(plant, mutant)
  if not ok then
    return false, (restore:gsub("^.-:%d+: ", ""))
  end
  local found, detail = pcall(function()
    assert(compile(), "it does not compile, see " .. dir .. "/build.log")
    return failing(mutant.tests)
  end)
  restore()
  if not found then
    return false, (detail:gsub("^.-:%d+: ", ""))
  end
  return detail ~= nil, detail or "NOT FOUND by " .. mutant.tests
end

local wanted, chosen = {}, {}
for _, mutant in ipairs(mutants) do
  if not only or mutant.name:find(only) then
    chosen[#chosen + 1] = mutant
    wanted[#wanted + 1] = mutant.tests
  end
end
if #chosen == 0 then
  io.stderr:write("no bug has a name like '", only, "'\n")
  os.exit(2)
end
copy_sources()
assert(configure(), "cannot configure, see " .. dir .. "/configure.log")
assert(compile(), "cannot build, see " .. dir .. "/build.log")

-- All bugs together name most of the suite, in more words than ctest takes for a pattern.
local broken = failing(only and table.concat(wanted, "|") or ".")
if broken then
  print("without any bug planted, " .. broken .. " fails: see " .. dir .. "/test.log")
  print "0 passed, 1 failed"
  os.exit(1)
end

local passed, failed = 0, 0
for i, mutant in ipairs(chosen) do
  local found, detail = try(mutant)
  passed, failed = passed + (found and 1 or 0), failed + (found and 0 or 1)
  print(string.format("%2d/%d %s: %s", i, #chosen, mutant.name, detail))
  io.stdout:flush()
end
print(string.format("%d passed, %d failed", passed, failed))
os.exit(failed == 0)
