-- attack: 9 table.insert
-- expect: ran longer than 100ms
table.insert(setmetatable({}, {__len = function() return 1 << 60 end}), 1, 1)
