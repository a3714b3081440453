-- attack: 31 string.pack
-- expect: memory
return string.pack('c2147483647', 'x')
