local settings = nil
local limit = settings.limit

return { add = function(v) return v, limit end }
