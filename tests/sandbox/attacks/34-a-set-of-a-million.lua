-- attack: a set of a million
-- expect: ran longer than 100ms
return (('x'):rep(1e6)):find('[' .. ('a'):rep(1e6) .. ']+')
