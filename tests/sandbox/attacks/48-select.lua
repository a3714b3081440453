-- attack: select
-- expect: ran longer than 100ms
local t = {table.unpack({}, 1, 2e5)}
while true do select(-1, table.unpack({}, 1, 2e5)) end
