-- attack: 2 pcall, recursively
-- expect: either
local function f() pcall(f) return f() end f()
