-- Lines of 100 columns, functions of 70 lines, files of 600 lines (1000 at the very most).

local source = require "source"

local COLUMNS, FUNCTION_LINES, FILE_LINES_SOFT, FILE_LINES = 100, 70, 600, 1000
local LINED = { c = true, h = true, def = true, lua = true, cmake = true, sh = true }

-- By the house's braces a function begins with a "{" and ends with a "}" in the first column.
local function check_functions(file, report)
    local lines = source.lines(file.text)
    local code = source.lines(source.code(file.text))
    local opened
    for number, line in ipairs(code) do
        if line:find("^{%s*$") then
            opened = number
        elseif line:find("^}") and opened then
            local length = number - opened - 1
            if length > FUNCTION_LINES then
                local around = table.concat(lines, "\n", math.max(1, opened - 4), number)
                if not around:find("/%* tidy: long, %S.- %*/") then
                    report(file.path, opened, "a function of %d lines, of which %d are allowed; "
                        .. "/* tidy: long, <reason> */ exempts it", length, FUNCTION_LINES)
                end
            end
            opened = nil
        end
    end
end

return function(tree, report, facts)
    for _, file in ipairs(tree) do
        if LINED[file.ext] then
            local lines = source.lines(file.text)
            for number, line in ipairs(lines) do
                local columns = utf8.len(line) or #line
                if columns > COLUMNS then
                    report(file.path, number, "%d columns, of which %d are allowed", columns,
                        COLUMNS)
                end
            end
            if file.ext == "c" or file.ext == "h" then
                if #lines > FILE_LINES then
                    report(file.path, nil, "%d lines, of which %d are allowed", #lines, FILE_LINES)
                elseif #lines > FILE_LINES_SOFT then
                    facts.warn(file.path, nil, "%d lines: more than %d ask for two files", #lines,
                        FILE_LINES_SOFT)
                end
            end
        end
        if file.ext == "c" then
            check_functions(file, report)
        end
    end
end
