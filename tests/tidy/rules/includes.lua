-- Which "layer/file.h" and which <library.h> a source may include, and which library it may call.

local source = require "source"

-- The home of each third-party library, by header and by the prefix of its functions.
local LIBRARIES = {
    { headers = { "uv.h" }, calls = "uv_", layers = { "io" } },
    { headers = { "yaml.h" }, calls = "yaml_", layers = { "config" } },
    { headers = { "lua.h", "lauxlib.h", "lualib.h" }, calls = "luaL?_",
        layers = { "script", "pipeline" } },
    { headers = { "isa-l/crc.h" }, calls = "crc32_", layers = { "base" } },
    { headers = { "zlib.h" }, calls = "[di][ne]flate", layers = { "record" } },
    { headers = { "snappy-c.h" }, calls = "snappy_", layers = { "record" } },
    { headers = { "lz4.h", "lz4frame.h" }, calls = "LZ4F?_", layers = { "record" } },
    { headers = { "zstd.h", "zstd_errors.h" }, calls = "ZSTD_", layers = { "record" } },
    { headers = { "xxhash.h" }, calls = "XXH", layers = { "base", "record", "state", "store" } },
}

-- What the C library and the kernel bring on every Debian.
local SYSTEM = {}
for name in ([[
    assert.h ctype.h dirent.h dlfcn.h endian.h errno.h execinfo.h fcntl.h float.h ftw.h getopt.h
    glob.h inttypes.h limits.h link.h locale.h malloc.h math.h poll.h pthread.h sched.h setjmp.h
    signal.h stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h string.h
    strings.h sys/auxv.h sys/eventfd.h
    sys/file.h sys/ioctl.h sys/mman.h sys/param.h sys/prctl.h sys/random.h
    sys/resource.h sys/socket.h sys/stat.h sys/statvfs.h sys/syscall.h sys/sysmacros.h sys/time.h
    sys/types.h
    sys/uio.h sys/utsname.h sys/wait.h sysexits.h syslog.h termios.h time.h ucontext.h unistd.h
    immintrin.h emmintrin.h nmmintrin.h tmmintrin.h smmintrin.h arm_neon.h ]]):gmatch("%S+") do
    SYSTEM[name] = true
end

local function set_of(list)
    local set = {}
    for _, item in ipairs(list) do
        set[item] = true
    end
    return set
end

-- "store: base io record" gives { store = { base = true, ... } }.
local function read_layers(text)
    local layers = {}
    for name, rest in text:gmatch("([%w_]+):([^\n]*)") do
        local list = {}
        for dependency in rest:gmatch("%S+") do
            list[#list + 1] = dependency
        end
        layers[name] = set_of(list)
    end
    return layers
end

local function check_ours(file, line, path, layers, exists, report)
    local layer = path:match("^([%w_]+)/[%w_]+%.[%w]+$")
    if not layer then
        report(file.path, line, 'include "%s": spell it "layer/file.h"', path)
        return
    end
    if layer ~= file.layer and not layers[file.layer][layer] then
        report(file.path, line, "layer '%s' may not include '%s'", file.layer, path)
    elseif layer ~= file.layer and path:find("_impl%.h$") then
        report(file.path, line, "'%s' is for the layer '%s' alone", path, layer)
    elseif not exists["runtime/" .. path] then
        report(file.path, line, "there is no '%s'", path)
    end
end

local function check_theirs(file, line, header, report)
    for _, library in ipairs(LIBRARIES) do
        for _, name in ipairs(library.headers) do
            if name == header then
                if not set_of(library.layers)[file.layer] then
                    report(file.path, line, "<%s> belongs to %s", header,
                        table.concat(library.layers, ", "))
                end
                return
            end
        end
    end
    if not SYSTEM[header] then
        report(file.path, line, "<%s> is of no known library: tests/tidy/rules/includes.lua says "
            .. "who may use which", header)
    end
end

local function check_calls(file, code, report)
    for _, library in ipairs(LIBRARIES) do
        if not set_of(library.layers)[file.layer] then
            for position, name in code:gmatch("()%f[%w_](" .. library.calls .. "[%w_]+)%s*%(") do
                report(file.path, source.line_of(code, position), "%s() belongs to %s", name,
                    table.concat(library.layers, ", "))
            end
        end
    end
end

return function(tree, report, facts)
    local text = facts.layers_text
    if not text then
        local file <close> = assert(io.open(facts.binary_dir .. "/layers.txt"))
        text = file:read("a")
    end
    local layers = read_layers(text)
    local exists = {}
    for _, file in ipairs(tree) do
        exists[file.path] = true
    end
    for _, file in ipairs(tree) do
        if file.layer and (file.ext == "c" or file.ext == "h") then
            if not layers[file.layer] then
                report(file.path, nil, "'%s' is not a layer of runtime/CMakeLists.txt", file.layer)
            else
                for number, line in ipairs(source.lines(file.text)) do
                    local ours = line:match('^%s*#%s*include%s+"([^"]*)"')
                    local theirs = line:match("^%s*#%s*include%s+<([^>]*)>")
                    if ours then
                        check_ours(file, number, ours, layers, exists, report)
                    elseif theirs then
                        check_theirs(file, number, theirs, report)
                    end
                end
                check_calls(file, source.code(file.text), report)
            end
        end
    end
end
