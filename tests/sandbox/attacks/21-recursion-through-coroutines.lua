-- attack: 21 recursion through coroutines
-- expect: c.yaml
local function f() return coroutine.wrap(f)() end return f()
