-- attack: 11 table.sort
-- expect: ran longer than 100ms
local t = {}
for i = 1, 1e5 do t[i] = ('%d'):format(i * 7919 % 100003) end
while true do table.sort(t, function(a, b) return a > b end) table.sort(t) end
