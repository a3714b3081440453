-- attack: rep of nothing
-- expect: passes
return #(''):rep(math.maxinteger)
