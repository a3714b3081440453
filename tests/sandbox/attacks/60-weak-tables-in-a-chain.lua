-- attack: 34 a chain of tables with weak keys, which a collection walks again and again
-- expect: either
local all, last = {}, {}
for i = 1, 20000 do
  local t = setmetatable({}, {__mode = "k"})
  all[i] = t
  local next = {}
  t[last] = next
  last = next
end
local s = ""
for i = 1, 1e7 do s = ("x"):rep(i % 1000) end
