-- source.lua: the files of the tree, and C text without what is not code.

local M = {}

-- A file: path from the root of the tree, text, and what kind it is by its name.
function M.file(path, text)
    return {
        path = path,
        text = text,
        name = path:match("[^/]+$"),
        stem = path:match("([^/]+)%.[^./]*$") or path:match("[^/]+$"),
        ext = path:match("%.([^./]*)$") or "",
        layer = path:match("^runtime/([^/]+)/"),
    }
end

local function each_line_of(command)
    local pipe <close> = assert(io.popen(command, "r"))
    local lines = {}
    for line in pipe:lines() do
        lines[#lines + 1] = line
    end
    return lines
end
M.each_line_of = each_line_of

function M.quote(s)
    return "'" .. s:gsub("'", "'\\''") .. "'"
end

-- Every text file of the project, sorted by path; not what is built, nor version control.
function M.read_tree(root)
    local paths = each_line_of("cd " .. M.quote(root)
        .. " && find . \\( -name build -o -name .git \\) -prune -o -type f -print")
    table.sort(paths)
    local tree = {}
    for _, dotted in ipairs(paths) do
        local path = dotted:gsub("^%./", "")
        local file = assert(io.open(root .. "/" .. path, "rb"))
        local text = file:read("a")
        file:close()
        if not text:find("\0", 1, true) then
            tree[#tree + 1] = M.file(path, text)
        end
    end
    return tree
end

function M.lines(text)
    local lines = {}
    for line in (text:sub(-1) == "\n" and text or text .. "\n"):gmatch("(.-)\n") do
        lines[#lines + 1] = line
    end
    return lines
end

function M.line_of(text, position)
    local _, count = text:sub(1, position - 1):gsub("\n", "")
    return count + 1
end

local function blank(text)
    return (text:gsub("[^\n]", " "))
end

-- The text with comments, and what is between quotes, turned into spaces: positions and lines stay.
function M.code(text)
    local parts, at = {}, 1
    while true do
        local from = text:find("[/\"']", at)
        if not from then
            break
        end
        parts[#parts + 1] = text:sub(at, from - 1)
        local two = text:sub(from, from + 1)
        local to
        if two == "/*" then
            local _, last = text:find("*/", from + 2, true)
            to = last or #text
            parts[#parts + 1] = blank(text:sub(from, to))
        elseif two == "//" then
            to = (text:find("\n", from, true) or #text + 1) - 1
            parts[#parts + 1] = blank(text:sub(from, to))
        elseif two:sub(1, 1) == "/" then
            to = from
            parts[#parts + 1] = "/"
        else
            local quote = two:sub(1, 1)
            to = from + 1
            while to <= #text and text:sub(to, to) ~= quote and text:sub(to, to) ~= "\n" do
                to = to + (text:sub(to, to) == "\\" and 2 or 1)
            end
            parts[#parts + 1] = quote .. blank(text:sub(from + 1, to - 1)) .. text:sub(to, to)
        end
        at = to + 1
    end
    parts[#parts + 1] = text:sub(at)
    return table.concat(parts)
end

-- Code without preprocessor lines, continued ones included.
function M.without_directives(code)
    local out, continued = {}, false
    for _, line in ipairs(M.lines(code)) do
        local directive = continued or line:find("^%s*#")
        continued = directive and line:find("\\$") ~= nil
        out[#out + 1] = directive and "" or line
    end
    return table.concat(out, "\n")
end

-- What nm finds in the layers' archives: { layer, stem, name } for each symbol that is not static.
function M.symbols(binary_dir)
    local symbols = {}
    for _, line in ipairs(each_line_of("nm -A -g --defined-only " .. M.quote(binary_dir)
        .. "/runtime/libsrt_*.a 2>/dev/null")) do
        local layer, stem, name =
            line:match("libsrt_([%w_]+)%.a:([%w_]+)%.c%.o:%x* %u ([%w_]+)$")
        if layer and not name:find("^__") then -- the sanitizers' and gcov's
            symbols[#symbols + 1] = { layer = layer, stem = stem, name = name }
        end
    end
    return symbols
end

-- Exemptions are taken by name; those that nobody took are stale.
function M.exemptions(tables)
    local taken = {}
    return {
        take = function(rule, name)
            local reason = tables[rule] and tables[rule][name]
            if reason then
                taken[rule .. "\0" .. name] = true
            end
            return reason ~= nil
        end,
        stale = function(rule)
            local names = {}
            for name in pairs(tables[rule] or {}) do
                if not taken[rule .. "\0" .. name] then
                    names[#names + 1] = name
                end
            end
            table.sort(names)
            return names
        end,
    }
end

return M
