-- attack: 21 deep recursion
-- expect: either
local function f() return 1 + f() end return f()
