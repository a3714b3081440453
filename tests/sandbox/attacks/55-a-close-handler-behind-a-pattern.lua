-- attack: a close handler behind a pattern
-- expect: ran longer than 100ms
local x <close> = setmetatable({}, {__close = function()
  (('a'):rep(3000)):find(('a-'):rep(20) .. 'b') end})
while true do end
