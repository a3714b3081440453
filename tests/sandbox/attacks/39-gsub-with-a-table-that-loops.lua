-- attack: gsub with a table that loops
-- expect: ran longer than 100ms
return (('a'):gsub('a', setmetatable({}, {__index = function() while true do end end})))
