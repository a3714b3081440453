-- attack: 22 a loop in a coroutine
-- expect: ran longer than 100ms
while true do coroutine.wrap(function() while true do end end)() end
