-- attack: 8 table.move
-- expect: ran longer than 100ms
table.move({}, 1, 1e12, 2)
