-- attack: 17 the metatable of strings
-- expect: index a boolean value
getmetatable('').__index = {}
