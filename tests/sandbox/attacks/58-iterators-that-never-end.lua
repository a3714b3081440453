-- attack: iterators that never end
-- expect: ran longer than 100ms
for k in pairs(setmetatable({}, {__pairs = function() return function() return 1 end end}))
  do end
