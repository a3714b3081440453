-- attack: 21 recursion through gsub
-- expect: overflow
local function f() return (('x'):gsub('x', f)) end return f()
