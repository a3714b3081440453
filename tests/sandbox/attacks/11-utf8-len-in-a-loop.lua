-- attack: 10 utf8.len in a loop
-- expect: ran longer than 100ms
local t = ('x'):rep(1e7)
for i = 1, 1000 do utf8.len(t) end
