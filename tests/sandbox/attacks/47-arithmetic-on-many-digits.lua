-- attack: arithmetic on many digits
-- expect: ran longer than 100ms
local t = ('9'):rep(5e6)
while true do local x = t + 1 end
