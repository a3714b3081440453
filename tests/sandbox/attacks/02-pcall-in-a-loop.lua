-- attack: 2 pcall in a loop
-- expect: ran longer than 100ms
while true do pcall(function() while true do end end) end
