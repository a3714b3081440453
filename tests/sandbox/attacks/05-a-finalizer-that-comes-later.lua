-- attack: 5 a finalizer that comes later
-- expect: passes
local mt = {} setmetatable({}, mt)
mt.__gc = function() while true do end end
for i = 1, 1e4 do local x = {i} end
return v
