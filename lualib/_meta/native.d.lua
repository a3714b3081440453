---@meta streamrt.native
-- What runtime/script/library.c provides to lualib. For editors; it cannot be required.
error "this file describes functions that are written in C; it is not a module"

---@class streamrt.native
---@field null lightuserdata JSON's null
local native = {}

--- The parts of a line in the combined format, when it has the common form: nothing for any other.
--- The minute is "17/May/2015:10:05" and the zone "+0000" behind it, not checked any further; null
--- stands for "-" but in the agent.
---@param line string
---@param whole boolean? also ident, user and protocol
---@return integer|lightuserdata? bytes
---@return string? minute
---@return integer? second 0 to 60
---@return string|lightuserdata? ip
---@return string|lightuserdata? method
---@return string|lightuserdata? path
---@return integer? status
---@return string|lightuserdata? referer
---@return string? agent
---@return string|lightuserdata? ident
---@return string|lightuserdata? user
---@return string|lightuserdata? protocol
function native.access_line(line, whole) end

--- Mark a table as an array, also while it is empty.
---@generic T: table
---@param list T?
---@return T
function native.array(list) end

---@param value any
---@return boolean # whether it would be written as a JSON array
function native.is_array(value) end

--- From JSON text.
---@param text string
---@return any value, streamrt.error? err nil and an error when it is not JSON
function native.json_decode(text) end

--- To JSON text; raises with the place of what JSON cannot hold.
---@param value any
---@return string
function native.json_encode(value) end

---@param level "debug"|"info"|"warn"|"error"
---@param ... any joined by blanks, tables as JSON
function native.log(level, ...) end

---@return integer # milliseconds since 1970-01-01 UTC
function native.now() end

--- A parameter of the pipeline. Without a default it must be there.
---@param name string
---@param default any
---@return any
function native.param(name, default) end

--- Raise an error that is worth another try.
---@param message string?
function native.retriable(message) end

---@class streamrt.error
---@field code string
---@field message string
---@field retriable boolean

return native
