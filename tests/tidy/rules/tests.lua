-- Every source has a test that names it, every test is registered, every source is built.
--
-- A test names runtime/store/segment_index.c when it is tests/unit/store/test_segment_index.c, or
-- when its text says "segment_index.c".

local function listed(tree, path)
    for _, file in ipairs(tree) do
        if file.path == path then
            return file.text
        end
    end
    return ""
end

local function is_named(tree, source_file)
    local own = string.format("tests/unit/%s/test_%s.c", source_file.layer, source_file.stem)
    local name = "%f[%w_]" .. source_file.stem .. "%.c%f[^%w_]"
    for _, file in ipairs(tree) do
        if file.path == own then
            return true
        end
        if file.path:find("^tests/") and not file.path:find("^tests/tidy/")
            and (file.ext == "c" or file.ext == "lua") and file.text:find(name) then
            return true
        end
    end
    return false
end

return function(tree, report, facts)
    for _, file in ipairs(tree) do
        if file.layer and file.ext == "c" then
            local cmake = listed(tree, "runtime/" .. file.layer .. "/CMakeLists.txt")
            local is_built = cmake:find("%f[%w_]" .. file.stem .. "%.c%f[^%w_]")
            if not is_built and file.name ~= "main.c" then
                report(file.path, nil, "is not in its layer's CMakeLists.txt: nobody builds it")
            end
            if not is_named(tree, file)
                and not facts.exempt("tests", file.layer .. "/" .. file.name) then
                report(file.path, nil, "no test names it")
            end
        end
        local layer, name = file.path:match("^tests/unit/([%w_]+)/test_([%w_]+)%.c$")
        if layer then
            local cmake = listed(tree, "tests/unit/" .. layer .. "/CMakeLists.txt")
            if not cmake:find("srt_test%(" .. layer .. "%s+" .. name .. "%f[^%w_]") then
                report(file.path, nil, "is not registered in its CMakeLists.txt: nobody runs it")
            end
        end
    end
end
