-- What no text of the project holds: marks of unfinished work, places outside of the project, tabs,
-- spaces at the end of a line.

local source = require "source"

local TABS_ALLOWED = { [".gitmodules"] = true, Makefile = true }
local CHECKED = { c = true, h = true, def = true, lua = true, cmake = true, md = true, yaml = true,
    yml = true, json = true, sh = true, txt = true, [""] = true }

-- put together here so that this file does not hold them itself
local MARKS = { "TO" .. "DO", "FIX" .. "ME", "XX" .. "X", "HA" .. "CK" }
local PLACES = { "/wo" .. "rk/", "%.%./sha" .. "red" }

-- Samples: what they hold is what is tested.
local function is_sample(path)
    return path:find("^tests/golden/") or path:find("^tests/mistakes/")
        or path:find("^tests/fuzz/corpus/") or path:find("^examples/.*%.log$")
end

return function(tree, report)
    for _, file in ipairs(tree) do
        if CHECKED[file.ext] and not is_sample(file.path) then
            for number, line in ipairs(source.lines(file.text)) do
                for _, mark in ipairs(MARKS) do
                    if line:find("%f[%w_]" .. mark .. "%f[^%w_]") then
                        report(file.path, number, "%s: finish it, or open an issue", mark)
                    end
                end
                for _, place in ipairs(PLACES) do
                    if line:find(place) then
                        report(file.path, number, "names a place outside of the project")
                    end
                end
                if line:find("\t") and not TABS_ALLOWED[file.name] then
                    report(file.path, number, "a tab")
                end
                if line:find("%s$") then
                    report(file.path, number, "white space at the end of the line")
                end
            end
            if #file.text > 0 and file.text:sub(-1) ~= "\n" then
                report(file.path, nil, "the last line has no end")
            end
        end
    end
end
