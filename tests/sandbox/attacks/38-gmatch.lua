-- attack: gmatch
-- expect: ran longer than 100ms
for x in (('a'):rep(3000)):gmatch(('a-'):rep(20) .. 'b') do end
