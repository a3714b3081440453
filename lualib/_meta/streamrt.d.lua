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

--- What a window or an aggregator is: made by s.tumbling, s.count and the like.
---@class streamrt.window
---@class streamrt.aggregator

--- A function, or its text over `v`, `k` and `r`.
---@alias streamrt.fn function|string

--- The other side of a join: the latest value per key of a topic.
---@class streamrt.table

---@param topic string
---@param options { codec: string?, time: streamrt.fn? }?
---@return streamrt.table
function s.table(topic, options) end

--- The same, with all of it at every worker.
---@param topic string
---@param options { codec: string?, time: streamrt.fn? }?
---@return streamrt.table
function s.global(topic, options) end

---@class streamrt.window_options
---@field grace string? a duration: how much longer it waits for late records
---@field emit "final"|"updates"?
---@field late string? a topic

---@param size string a duration
---@param options streamrt.window_options?
---@return streamrt.window
function s.tumbling(size, options) end

---@param size string a duration
---@param every string a duration
---@param options streamrt.window_options?
---@return streamrt.window
function s.hopping(size, every, options) end

---@param size string a duration
---@param options streamrt.window_options?
---@return streamrt.window
function s.sliding(size, options) end

---@param gap string a duration
---@param options streamrt.window_options?
---@return streamrt.window
function s.session(gap, options) end

---@param count integer
---@return streamrt.window
function s.tumbling_count(count) end

---@param value streamrt.fn? with it, records where it is neither nil nor false
---@return streamrt.aggregator
function s.count(value) end

---@param value streamrt.fn
---@return streamrt.aggregator
function s.sum(value) end

---@param value streamrt.fn
---@return streamrt.aggregator
function s.avg(value) end

---@param value streamrt.fn
---@return streamrt.aggregator
function s.min(value) end

---@param value streamrt.fn
---@return streamrt.aggregator
function s.max(value) end

---@param value streamrt.fn
---@return streamrt.aggregator
function s.first(value) end

---@param value streamrt.fn
---@return streamrt.aggregator
function s.last(value) end

---@param value streamrt.fn
---@return streamrt.aggregator
function s.any(value) end

---@param value streamrt.fn
---@return streamrt.aggregator
function s.all(value) end

---@param value streamrt.fn
---@return streamrt.aggregator
function s.distinct(value) end

---@param value streamrt.fn
---@return streamrt.aggregator
function s.approx_distinct(value) end

---@param part number 0 to 1
---@param value streamrt.fn
---@return streamrt.aggregator
function s.quantile(part, value) end

---@param value streamrt.fn
---@param ... number|number[] upper bounds, ascending
---@return streamrt.aggregator
function s.histogram(value, ...) end

---@param value streamrt.fn
---@return streamrt.aggregator
function s.stddev(value) end

---@param count integer
---@param value streamrt.fn
---@param by streamrt.fn? what they are ordered by; the value itself without it
---@return streamrt.aggregator
function s.top(count, value, by) end

---@param value streamrt.fn
---@param limit integer?
---@return streamrt.aggregator
function s.collect(value, limit) end

---@param value streamrt.fn
---@param weight number of the newest value, above 0 and up to 1
---@return streamrt.aggregator
function s.ewma(value, weight) end

---@param value streamrt.fn?
---@return streamrt.aggregator
function s.rate(value) end

return s
