-- attack: pcall of what ended a pattern
-- expect: ran longer than 100ms
while true do pcall(string.find, ('a'):rep(3000), ('a-'):rep(20) .. 'b') end
