-- attack: 26 a yield to the host
-- expect: yield
coroutine.yield(1)
