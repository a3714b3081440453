-- Every fault point of fault.def is passed somewhere. (That every one that is passed is in the
-- list, the compiler sees to.)

local source = require "source"

return function(tree, report)
    local points, order = {}, {}
    for _, file in ipairs(tree) do
        if file.path == "runtime/base/fault.def" then
            for number, line in ipairs(source.lines(file.text)) do
                local name = line:match("^SRT_FAULT_POINT%(([%w_]+),")
                if name then
                    points[name] = number
                    order[#order + 1] = name
                end
            end
        end
    end
    for _, file in ipairs(tree) do
        if file.layer and file.ext == "c" and file.stem ~= "fault" then
            local code = source.code(file.text)
            for name in code:gmatch("SRT_FAULT%(([%w_]+)%)") do
                points[name] = nil
            end
            for name in code:gmatch("SRT_FAULT_([%l%d_]+)") do
                points[name] = nil
            end
        end
    end
    for _, name in ipairs(order) do
        if points[name] then
            report("runtime/base/fault.def", points[name], "no code passes the point '%s'", name)
        end
    end
end
