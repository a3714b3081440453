-- attack: back references
-- expect: ran longer than 100ms
return (('ab'):rep(1e5)):match('(.-)%1%1c')
