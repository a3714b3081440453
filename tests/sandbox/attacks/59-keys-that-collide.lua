-- attack: 33 integer keys that collide when their table grows
-- expect: ran longer than 100ms
local t = {}
local step = (1 << 17) - 1
for i = 1, 1 << 16 do t[i * step] = true end
t[-1] = true
