-- attack: 31 string.unpack
-- expect: data string too short
return string.unpack('s8', ('\255'):rep(20))
