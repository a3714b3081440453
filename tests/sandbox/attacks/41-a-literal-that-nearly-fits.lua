-- attack: a literal that nearly fits
-- expect: ran longer than 100ms
while true do (('a'):rep(1e6)):find(('a'):rep(5e5) .. 'b', 1, true) end
