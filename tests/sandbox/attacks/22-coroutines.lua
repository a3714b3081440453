-- attack: 22 coroutines
-- expect: either
local t = {}
while true do t[#t + 1] = coroutine.create(function() end) end
