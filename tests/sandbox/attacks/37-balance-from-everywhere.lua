-- attack: balance from everywhere
-- expect: ran longer than 100ms
return (('('):rep(2e6)):find('%b()')
