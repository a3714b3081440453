-- attack: 7 a pattern
-- expect: ran longer than 100ms
local p = ('(".-")'):rep(6) .. 'b'
return (('"'):rep(50000)):match(p)
