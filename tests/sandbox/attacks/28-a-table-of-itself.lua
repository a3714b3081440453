-- attack: 29 a table of itself
-- expect: circle
local t = {} t.t = t return t
