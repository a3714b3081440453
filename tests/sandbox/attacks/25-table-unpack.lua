-- attack: 24 table.unpack
-- expect: too many results to unpack
return table.unpack({}, 1, 1e7)
