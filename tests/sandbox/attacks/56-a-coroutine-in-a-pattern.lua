-- attack: a coroutine in a pattern
-- expect: ran longer than 100ms
coroutine.wrap(function() (('a'):rep(3000)):find(('a-'):rep(20) .. 'b') end)()
