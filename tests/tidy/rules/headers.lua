-- Every header: the contract block, the include guard. Every source: a name of its own.

local source = require "source"

local CONTRACT = { "Owner:", "Thread:", "Memory:", "Fails:" }

local function guard_of(file)
    local folder = file.layer or file.path:match "^tests/(%w+)/" or
        file.path:match "^(bench)/" or "X"
    return string.format("SRT_%s_%s_H", folder:upper(), file.stem:upper())
end

local function check_contract(file, report)
    local comment = file.text:match("^/%*(.-)%*/")
    if not comment or comment:sub(1, #file.name + 4) ~= " " .. file.name .. " - " then
        report(file.path, 1, "begins with '/* %s - what it is, in a sentence'", file.name)
        return
    end
    for _, word in ipairs(CONTRACT) do
        if not comment:find("\n %* " .. word .. "%s+%S") then
            report(file.path, 1, "the contract block has no line ' * %s'", word)
        end
    end
end

local function check_guard(file, report)
    local guard = guard_of(file)
    local code = source.code(file.text)
    local first, second = code:match("^%s*#ifndef (%S+)\n#define (%S+)\n")
    if first ~= guard or second ~= guard then
        report(file.path, 1, "the include guard is %s", guard)
    elseif not code:find("#endif%s*$") then
        report(file.path, nil, "ends with the #endif of its guard")
    end
end

return function(tree, report)
    local seen = {}
    for _, file in ipairs(tree) do
        if file.ext == "h" then
            check_contract(file, report)
            check_guard(file, report)
        end
        if file.layer and (file.ext == "c" or file.ext == "h") then
            if not file.stem:find("^[a-z][a-z0-9_]*$") then
                report(file.path, nil, "file names are lower_snake")
            end
            local other = seen[file.name]
            if other then
                report(file.path, nil, "there is a %s already: %s", file.name, other)
            end
            seen[file.name] = file.path
        end
    end
end
