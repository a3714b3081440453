-- attack: 29 deep nesting
-- expect: deep
local t = {} for i = 1, 1e5 do t = {t} end return t
