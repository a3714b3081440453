-- attack: 13 a string that doubles
-- expect: used more than 32MiB of memory
local t = 'x'
while true do t = t .. t end
