-- Relative links between documents lead somewhere.

local source = require "source"

local function resolve(from, link)
    local parts = {}
    for part in (from:match("^(.*/)") or ""):gmatch("[^/]+") do
        parts[#parts + 1] = part
    end
    for part in link:gmatch("[^/]+") do
        if part == ".." then
            parts[#parts] = nil
        elseif part ~= "." then
            parts[#parts + 1] = part
        end
    end
    return table.concat(parts, "/")
end

return function(tree, report)
    local exists = {}
    for _, file in ipairs(tree) do
        local path = file.path
        while path do
            exists[path] = true
            path = path:match("^(.*)/[^/]*$")
        end
    end
    for _, file in ipairs(tree) do
        if file.ext == "md" then
            for number, line in ipairs(source.lines(file.text)) do
                for link in line:gmatch("%]%(([^)%s]+)%)") do
                    local target = link:gsub("#.*$", "")
                    local ours = target ~= "" and not link:find("^%a+:")
                    if ours and not exists[resolve(file.path, target)] then
                        report(file.path, number, "the link '%s' leads nowhere", link)
                    end
                end
            end
        end
    end
end
