-- A symbol's name tells its home: nm on the layers' archives.
--
-- A non-static symbol of runtime/<layer>/<file>.c begins with the file's name (produce.c may have
-- producer_...) or a beginning of it (partition_read.c may have partition_...), with the layer's
-- name, with the name of a header of the same layer, for modules of several files, or, in base,
-- with srt_.

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

local function modules_of(tree)
    local modules = {}
    for _, file in ipairs(tree) do
        if file.layer and file.ext == "h" then
            local list = modules[file.layer] or {}
            list[#list + 1] = (file.stem:gsub("_impl$", ""))
            modules[file.layer] = list
        end
    end
    return modules
end

local function home_is_plain(modules, layer, stem, symbol)
    if layer == "base" then
        return begins_with(symbol, "srt")
    end
    if begins_with(symbol, layer) or symbol:sub(1, #stem) == stem then
        return true
    end
    for _, list in ipairs { beginnings(stem), modules[layer] or {} } do
        for _, prefix in ipairs(list) do
            if begins_with(symbol, prefix) then
                return true
            end
        end
    end
    return false
end

return function(tree, report, facts)
    local modules = modules_of(tree)
    local symbols = facts.symbols or source.symbols(facts.binary_dir)
    if #symbols == 0 then
        report("nm", nil, "found no symbols: are the archives built?")
    end
    for _, s in ipairs(symbols) do
        if not home_is_plain(modules, s.layer, s.stem, s.name)
            and not facts.exempt("symbols", s.name) then
            report(string.format("runtime/%s/%s.c", s.layer, s.stem), nil,
                "the symbol '%s' does not tell its home", s.name)
        end
    end
end
