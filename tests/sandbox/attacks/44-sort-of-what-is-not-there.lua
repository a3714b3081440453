-- attack: sort of what is not there
-- expect: ran longer than 100ms
table.sort(setmetatable({}, {__len = function() return 1 << 30 end, __index = function()
  return 1 end, __newindex = function() end}))
