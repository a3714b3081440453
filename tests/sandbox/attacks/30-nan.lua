-- attack: 29 nan
-- expect: nan
return {x = 0/0}
