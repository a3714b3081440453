-- attack: 1 a loop
-- expect: ran longer than 100ms
while true do end
