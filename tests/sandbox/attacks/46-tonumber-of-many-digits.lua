-- attack: tonumber of many digits
-- expect: ran longer than 100ms
local t = ('9'):rep(5e6)
while true do tonumber(t) end
