-- attack: a very long message
-- expect: either
error(('x'):rep(1e7))
