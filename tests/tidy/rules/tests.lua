-- Every source has a test that names it, every test is registered, every source is built.
--
-- A test names runtime/store/segment_index.c when it is tests/unit/store/test_segment_index.c, when
-- its text says "segment_index.c", or when it uses a symbol of that file.

local source = require "source"

local function listed(tree, path)
    for _, file in ipairs(tree) do
        if file.path == path then
            return file.text
        end
    end
    return ""
end

-- The words of all unit tests' code, and the file names that tests speak of.
local function read_tests(tree)
    local words, names, paths = {}, {}, {}
    for _, file in ipairs(tree) do
        if file.path:find("^tests/") and not file.path:find("^tests/tidy/") then
            paths[file.path] = true
            if file.ext == "c" or file.ext == "lua" then
                for name in file.text:gmatch("[%w_]+%.c%f[^%w_]") do
                    names[name] = true
                end
            end
            if file.path:find("^tests/unit/.*%.c$") then
                for word in source.code(file.text):gmatch("[%a_][%w_]*") do
                    words[word] = true
                end
            end
        end
    end
    return words, names, paths
end

return function(tree, report, facts)
    local words, names, paths = read_tests(tree)
    local used = {} -- "layer/stem" of sources of which a test uses a symbol
    for _, s in ipairs(facts.symbols or source.symbols(facts.binary_dir)) do
        if words[s.name] then
            used[s.layer .. "/" .. s.stem] = true
        end
    end
    for _, file in ipairs(tree) do
        if file.layer and file.ext == "c" then
            local cmake = listed(tree, "runtime/" .. file.layer .. "/CMakeLists.txt")
            local is_built = cmake:find("%f[%w_]" .. file.stem .. "%.c%f[^%w_]")
            if not is_built and file.name ~= "main.c" then
                report(file.path, nil, "is not in its layer's CMakeLists.txt: nobody builds it")
            end
            local own = string.format("tests/unit/%s/test_%s.c", file.layer, file.stem)
            if not paths[own] and not names[file.name] and not used[file.layer .. "/" .. file.stem]
                and not facts.exempt("tests", file.layer .. "/" .. file.name) then
                report(file.path, nil, "no test names it")
            end
        end
        local layer, name = file.path:match("^tests/unit/([%w_]+)/test_([%w_]+)%.c$")
        if layer then
            local cmake = listed(tree, "tests/unit/" .. layer .. "/CMakeLists.txt")
            if not cmake:find("%f[%w_]" .. name .. "%f[^%w_]") then
                report(file.path, nil, "is not registered in its CMakeLists.txt: nobody runs it")
            end
        end
    end
end
