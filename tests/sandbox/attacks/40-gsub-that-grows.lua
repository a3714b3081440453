-- attack: gsub that grows
-- expect: either
local t = 'x'
while true do t = t:gsub('x', 'xx') end
