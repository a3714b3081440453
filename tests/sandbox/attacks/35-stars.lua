-- attack: stars
-- expect: ran longer than 100ms
return (('a'):rep(1e5)):find(('a*'):rep(30) .. 'b')
