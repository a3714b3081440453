-- attack: 12 string.rep
-- expect: resulting string too large
return ('x'):rep(1 << 40)
