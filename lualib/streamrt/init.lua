--- The library of streamrt: what `s` is in every chunk, and what `require "streamrt"` returns.
---@class streamrt
local M = {}

local native = require "streamrt.native"

--- JSON's null. Absent is nil; a member that is there and null is s.null.
M.null = native.null
M.array = native.array
M.is_array = native.is_array
M.param = native.param
M.retriable = native.retriable
M.now = native.now

M.json = { encode = native.json_encode, decode = native.json_decode }

M.log = {}
for _, level in ipairs { "debug", "info", "warn", "error" } do
  M.log[level] = function(...) native.log(level, ...) end
end

M.parse = require "streamrt.parse"
M.time = require "streamrt.time"
M.str = require "streamrt.str"

for name, value in pairs(require "streamrt.builder") do
  M[name] = value
end

return M
