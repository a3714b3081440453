---@meta streamrt
-- The library `s` beyond lualib/streamrt/*.lua, which carry their own annotations. For editors; it
-- cannot be required.
error "this file describes a library; it is not a module"

---@class streamrt
---@field null lightuserdata JSON's null
---@field array fun(list: table?): table
---@field is_array fun(value: any): boolean
---@field param fun(name: string, default: any): any
---@field retriable fun(message: string?)
---@field now fun(): integer
---@field json { encode: fun(value: any): string; decode: fun(text: string): any, streamrt.error? }
---@field log { debug: fun(...), info: fun(...), warn: fun(...), error: fun(...) }
---@field parse streamrt.parse
---@field time streamrt.time
---@field str streamrt.str
s = {}

--- The metadata of a record, as stage functions see it.
---@class streamrt.record
---@field key string?
---@field headers table<string, string>
---@field timestamp integer milliseconds since 1970-01-01 UTC
---@field topic string
---@field partition integer
---@field offset integer

return s
