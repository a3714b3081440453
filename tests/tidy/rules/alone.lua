-- Each header compiles alone: it includes what it needs. Arguments: the compiler and its flags.

local source = require "source"

return function(tree, report, facts)
    local compiler = {}
    for _, word in ipairs(facts.arguments) do
        compiler[#compiler + 1] = source.quote(word)
    end
    local headers = {}
    for _, file in ipairs(tree) do
        if file.layer and file.ext == "h" then
            headers[#headers + 1] = file.path
        end
    end
    -- two at a time; a failure prints the header's path in front of what the compiler says
    local each = [[header=$1; shift
        said=$("$@" -fsyntax-only -x c -include "$header" /dev/null 2>&1) ||
        printf '%s\n' "FAILS $header" "$said"]]
    local script = string.format("cd %s && printf '%%s\\n' %s | xargs -P 2 -I{} sh -c %s sh {} %s",
        source.quote(facts.source_dir), table.concat(headers, " "), source.quote(each),
        table.concat(compiler, " "))
    local current
    for _, line in ipairs(source.each_line_of(script)) do
        local path = line:match("^FAILS (.*)")
        if path then
            current = path
            report(path, nil, "does not compile alone")
        elseif current and line:find("error:") then
            report(current, nil, "%s", line)
        end
    end
end
