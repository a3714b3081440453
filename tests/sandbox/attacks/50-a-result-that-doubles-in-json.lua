-- attack: a result that doubles in JSON
-- expect: either
local t = 'x'
for i = 1, 60 do t = {t, t} end
return t
