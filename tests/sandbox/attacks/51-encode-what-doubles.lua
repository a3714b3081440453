-- attack: encode what doubles
-- expect: either
local t = 'x'
for i = 1, 60 do t = {t, t} end
return s.json.encode(t)
