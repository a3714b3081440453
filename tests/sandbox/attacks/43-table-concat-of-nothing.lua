-- attack: table.concat of nothing
-- expect: ran longer than 100ms
return table.concat(setmetatable({}, {__len = function() return 1 << 60 end, __index =
  setmetatable({}, {__index = function() return '' end})}))
