-- attack: many small strings
-- expect: either
local t = {}
for i = 1, 1e9 do t[i] = 'k' .. i end
