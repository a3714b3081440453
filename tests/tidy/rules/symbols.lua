-- A symbol's name tells its home: nm on the layers' archives.
--
-- A non-static symbol of runtime/<layer>/<file>.c begins with the file's name or a beginning of it
-- (partition_read.c may have partition_...), with the layer's name, or, in base, with srt_. A
-- module that spans files whose names do not begin alike declares its symbols in a header of its
-- name in the same layer: then the header's name will do.

local source = require "source"

local function begins_with(symbol, prefix)
    return symbol == prefix or symbol:sub(1, #prefix + 1) == prefix .. "_"
end

-- "partition_read": partition_read, partition
local function beginnings(stem)
    local list = { stem }
    local rest = stem:match("^(.*)_[^_]*$")
    while rest do
        list[#list + 1] = rest
        rest = rest:match("^(.*)_[^_]*$")
    end
    return list
end

local function is_declared_in_own_module(tree, layer, symbol)
    for _, file in ipairs(tree) do
        if file.layer == layer and file.ext == "h" then
            local module = file.stem:gsub("_impl$", "")
            if begins_with(symbol, module)
                and source.code(file.text):find("%f[%w_]" .. symbol .. "%f[^%w_]") then
                return true
            end
        end
    end
    return false
end

local function home_is_plain(tree, layer, stem, symbol)
    if layer == "base" then
        return begins_with(symbol, "srt")
    end
    if begins_with(symbol, layer) then
        return true
    end
    for _, prefix in ipairs(beginnings(stem)) do
        if begins_with(symbol, prefix) then
            return true
        end
    end
    return is_declared_in_own_module(tree, layer, symbol)
end

return function(tree, report, facts)
    local lines = facts.nm_lines or source.each_line_of("nm -A -g --defined-only "
        .. source.quote(facts.binary_dir) .. "/runtime/libsrt_*.a 2>/dev/null")
    if #lines == 0 then
        report("nm", nil, "found no symbols: are the archives built?")
    end
    for _, line in ipairs(lines) do
        local layer, stem, symbol =
            line:match("libsrt_([%w_]+)%.a:([%w_]+)%.c%.o:%x* %u ([%w_.]+)$")
        if layer and not symbol:find("^__") and symbol ~= "main"
            and not home_is_plain(tree, layer, stem, symbol)
            and not facts.exempt("symbols", symbol) then
            report(string.format("runtime/%s/%s.c", layer, stem), nil,
                "the symbol '%s' does not tell its home", symbol)
        end
    end
end
