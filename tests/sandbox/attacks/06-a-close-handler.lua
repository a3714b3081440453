-- attack: 6 a close handler
-- expect: ran longer than 100ms
local x <close> = setmetatable({}, {__close = function() while true do end end})
while true do end
