-- attack: 10 table.concat in a loop
-- expect: ran longer than 100ms
local t = {}
for i = 1, 1000 do t[i] = ('x'):rep(1000) end
while true do table.concat(t) end
