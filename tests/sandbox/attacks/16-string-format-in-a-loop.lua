-- attack: 14 string.format in a loop
-- expect: ran longer than 100ms
while true do ('%099d'):format(1) end
