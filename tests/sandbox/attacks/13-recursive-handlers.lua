-- attack: 11 recursive handlers
-- expect: ran longer than 100ms
local function f() error(1) end
local function h() return xpcall(f, h) end
while true do xpcall(f, h) end
