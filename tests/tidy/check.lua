-- check.lua RULE SOURCE_DIR BINARY_DIR [ARGUMENT...]: hold the tree against one rule of rules/.
--
-- The house style as tests. A rule is a function of the tree, of a `report(path, line, message)`
-- and of facts about the build; it knows no more of the machine than what it is handed, so
-- selftest.lua can show it trees that are wrong on purpose.

local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/?.lua;" .. package.path

local source = require "source"
local rule_name, source_dir, binary_dir = arg[1], arg[2], arg[3]
local rule = require("rules." .. rule_name)

local tree = source.read_tree(source_dir)
local findings, warnings = {}, {}

local function add(list)
    return function(path, line, message, ...)
        local where = line and string.format("%s:%d", path, line) or path
        list[#list + 1] = where .. ": " .. string.format(message, ...)
    end
end

local exemptions = source.exemptions(require "exemptions")
rule(tree, add(findings), {
    exempt = exemptions.take,
    warn = add(warnings),
    source_dir = source_dir,
    binary_dir = binary_dir,
    arguments = table.move(arg, 4, #arg, 1, {}),
})
for _, stale in ipairs(exemptions.stale(rule_name)) do
    findings[#findings + 1] = "tests/tidy/exemptions.lua: no longer needed: " .. stale
end

table.sort(findings)
table.sort(warnings)
for _, line in ipairs(warnings) do
    print("note: " .. line)
end
for _, line in ipairs(findings) do
    print(line)
end
if #findings > 0 then
    print(string.format("%d findings of rule '%s'", #findings, rule_name))
    os.exit(1)
end
