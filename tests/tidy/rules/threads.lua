-- docs/threads.md has every role and every lock of io/thread.h, the locks in the order of their
-- ranks.

local function file_of(tree, path)
    for _, file in ipairs(tree) do
        if file.path == path then
            return file
        end
    end
    return { text = "" }
end

local function rows_of(text, map)
    local rows = {}
    local body = text:match("#define " .. map .. "%(X%)(.-)\n\n") or ""
    for name, words in body:gmatch('X%(([%u_]+), "([^"]*)"%)') do
        rows[#rows + 1] = { name = name, words = words }
    end
    return rows
end

return function(tree, report)
    local header = file_of(tree, "runtime/io/thread.h").text
    local page = file_of(tree, "docs/threads.md").text
    for _, role in ipairs(rows_of(header, "IO_ROLE_MAP")) do
        if role.name ~= "NONE" and not page:find("\n| `" .. role.words .. "[-`]") then
            report("docs/threads.md", nil, "the table of roles lacks `%s`", role.words)
        end
    end
    local at = 1
    for _, lock in ipairs(rows_of(header, "IO_LOCK_MAP")) do
        local found = page:find("\n| `" .. lock.name .. "` |", 1, true)
        if not found then
            report("docs/threads.md", nil, "the table of locks lacks `%s`", lock.name)
        elseif found < at then
            report("docs/threads.md", nil, "the lock `%s` stands out of order", lock.name)
        end
        at = found or at
    end
end
