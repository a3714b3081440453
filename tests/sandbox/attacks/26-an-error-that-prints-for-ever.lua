-- attack: 25 an error that prints for ever
-- expect: either
error(setmetatable({}, {__tostring = function() while true do end end}))
