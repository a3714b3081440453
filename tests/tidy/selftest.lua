-- selftest.lua: every rule is shown a tree that breaks it, and one that does not.

local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/?.lua;" .. package.path

local source = require "source"

local failures = 0

-- files: path -> text. expected: what each finding contains, in any order.
local function expect(rule_name, files, expected, facts)
    local tree = {}
    for path, text in pairs(files) do
        tree[#tree + 1] = source.file(path, text)
    end
    table.sort(tree, function(a, b) return a.path < b.path end)
    local found = {}
    facts = facts or {}
    facts.exempt = facts.exempt or function() return false end
    facts.warn = function() end
    require("rules." .. rule_name)(tree, function(path, line, message, ...)
        found[#found + 1] = string.format("%s:%s: %s", path, line, string.format(message, ...))
    end, facts)
    local problems = {}
    for _, part in ipairs(expected) do
        local hit
        for i, finding in ipairs(found) do
            if finding:find(part, 1, true) then
                hit = table.remove(found, i)
                break
            end
        end
        if not hit then
            problems[#problems + 1] = "not found: " .. part
        end
    end
    for _, finding in ipairs(found) do
        problems[#problems + 1] = "not expected: " .. finding
    end
    for _, problem in ipairs(problems) do
        local line = debug.getinfo(2, "l").currentline
        print(string.format("selftest.lua:%d: rule '%s': %s", line, rule_name, problem))
        failures = failures + 1
    end
end

-- --- source ---

local function equal(got, expected)
    if got ~= expected then
        print(string.format("selftest.lua:%d: got %q", debug.getinfo(2, "l").currentline, got))
        failures = failures + 1
    end
end

equal(source.code('a /* b\nc */ d "e\\"f" // g\nh \'"\' i / j'),
    'a     \n     d "    "     \nh \' \' i / j')
equal(source.without_directives("a\n#define b \\\nc\nd"), "a\n\n\nd")
equal(source.line_of("a\nb\nc", 5), 3)

-- --- includes ---

local layers = { layers_text = "base:\nio: base\nstore: base io\n" }
expect("includes", {
    ["runtime/base/err.h"] = "",
    ["runtime/io/fs.h"] = "",
    ["runtime/io/fs_impl.h"] = "",
    ["runtime/store/store.c"] = '#include "io/fs.h"\n#include "base/err.h"\n#include <stdio.h>\n'
        .. '#include <xxhash.h>\n',
}, {}, layers)
expect("includes", {
    ["runtime/io/fs.h"] = "",
    ["runtime/io/fs_impl.h"] = "",
    ["runtime/store/store.h"] = "",
    ["runtime/base/a.c"] = '#include "io/fs.h"\n',
    ["runtime/io/b.c"] = '#include "store/store.h"\n#include "fs.h"\n#include "../store/store.h"\n',
    ["runtime/store/c.c"] = '#include "io/fs_impl.h"\n#include <uv.h>\n#include <curl/curl.h>\n'
        .. '#include "io/gone.h"\nint x = uv_now(0); /* uv_run() */',
    ["runtime/new/d.c"] = "",
}, {
    "runtime/base/a.c:1: layer 'base' may not include 'io/fs.h'",
    "runtime/io/b.c:1: layer 'io' may not include 'store/store.h'",
    'runtime/io/b.c:2: include "fs.h": spell it',
    'runtime/io/b.c:3: include "../store/store.h": spell it',
    "runtime/store/c.c:1: 'io/fs_impl.h' is for the layer 'io' alone",
    "runtime/store/c.c:2: <uv.h> belongs to io",
    "runtime/store/c.c:3: <curl/curl.h> is of no known library",
    "runtime/store/c.c:4: there is no 'io/gone.h'",
    "runtime/store/c.c:5: uv_now() belongs to io",
    "'new' is not a layer",
}, layers)

-- --- headers ---

local CONTRACT = " - it.\n *\n * Owner:   a.\n * Thread:  b.\n * Memory:  c.\n * Fails:   d. */\n"
expect("headers", {
    ["runtime/io/fs.h"] = "/* fs.h" .. CONTRACT
        .. "#ifndef SRT_IO_FS_H\n#define SRT_IO_FS_H\n\n#endif\n",
}, {})
expect("headers", {
    ["runtime/io/a.h"] = "#ifndef SRT_IO_A_H\n#define SRT_IO_A_H\n#endif\n",
    ["runtime/io/b.h"] = "/* b.h" .. CONTRACT:gsub(" %* Thread:%s+b%.\n", "")
        .. "#ifndef IO_B_H\n#define IO_B_H\n#endif\n",
    ["runtime/io/c.h"] = "/* c.h" .. CONTRACT
        .. "#ifndef SRT_IO_C_H\n#define SRT_IO_C_H\n#endif\nint x;\n",
    ["runtime/store/x.c"] = "",
    ["runtime/io/x.c"] = "",
    ["runtime/io/CamelCase.c"] = "",
}, {
    "runtime/io/a.h:1: begins with",
    "runtime/io/b.h:1: the contract block has no line ' * Thread:'",
    "runtime/io/b.h:1: the include guard is SRT_IO_B_H",
    "runtime/io/c.h:nil: ends with the #endif",
    "there is a x.c already",
    "file names are lower_snake",
})

-- --- lengths ---

local function c_function(lines)
    return "int f(void)\n{\n" .. ("    a();\n"):rep(lines) .. "}\n"
end
expect("lengths", {
    ["runtime/io/a.c"] = c_function(70) .. ("x"):rep(100) .. "\n",
    ["runtime/io/b.c"] = "/* tidy: long, one flat switch */\n" .. c_function(71),
    ["docs/a.md"] = ("x"):rep(300),
}, {})
expect("lengths", {
    ["runtime/io/a.c"] = c_function(71),
    ["runtime/io/b.c"] = ("x"):rep(101) .. "\n",
    ["runtime/io/c.c"] = ("\n"):rep(1001),
    ["lualib/d.lua"] = ("x"):rep(101),
}, {
    "runtime/io/a.c:2: a function of 71 lines",
    "runtime/io/b.c:1: 101 columns",
    "runtime/io/c.c:nil: 1001 lines",
    "lualib/d.lua:1: 101 columns",
})

-- --- banned ---

expect("banned", {
    ["runtime/io/a.c"] = [[
/* strcpy(a, b) */ const char *s = "sprintf(x)";
int n = fs->rename(fs, a, b) + x.free(1) + my_strcpy(a);
#define loop(x) for (;;)
if (a) {
} else if (b) {
} else {
    goto out;
}
do {
} while (x);
fsync(fd);
]],
}, {})
expect("banned", {
    ["runtime/store/a.c"] = "strcpy(a, b);\nif (a)\n    b();\nelse c();\nfor (;;) d();\n"
        .. "while (x) e();\ngoto again;\ntypedef struct foo foo;\nfsync(fd);\nfree(p);\n",
}, {
    "a.c:1: strcpy() is not used here, but memcpy",
    "a.c:2: 'if' without braces",
    "a.c:4: 'else' without braces",
    "a.c:5: 'for' without braces",
    "a.c:6: 'while' without braces",
    "a.c:7: goto leads forward to 'out'",
    "a.c:8: structs have no typedef",
    "a.c:9: fsync() is not used here, but the io_fs",
    "a.c:10: free() is not used here",
})
expect("banned", { ["runtime/store/a.c"] = "free(p);" }, {}, {
    exempt = function(rule, name) return rule == "banned" and name == "runtime/store/a.c free" end,
})

-- --- text ---

expect("text", {
    ["docs/a.md"] = "a line\n",
    ["tests/mistakes/x.yaml"] = "a\tb \n",
    ["scripts/x.sh"] = "mktemp /tmp/foo-XXXXXX\n",
}, {})
expect("text", {
    ["docs/a.md"] = "TO" .. "DO: more\n/wo" .. "rk/x\n",
    ["lualib/a.lua"] = "x = 1 \n\ty = 2\nend",
}, {
    "docs/a.md:1: TO" .. "DO: finish it",
    "docs/a.md:2: names a place outside",
    "lualib/a.lua:1: white space at the end",
    "lualib/a.lua:2: a tab",
    "lualib/a.lua:nil: the last line has no end",
})

-- --- tests ---

local function symbol(layer, stem, name)
    return { layer = layer, stem = stem, name = name }
end

expect("tests", {
    ["runtime/io/CMakeLists.txt"] = "srt_sources(\n  fs.c\n  fs_real.c)\n",
    ["runtime/io/fs.c"] = "",
    ["runtime/io/fs_real.c"] = "",
    ["tests/unit/io/test_fs.c"] = "/* also fs_real.c */ x(io_tidy_up);",
    ["tests/unit/io/CMakeLists.txt"] = "srt_test(io fs LABELS threads)\n",
}, {}, { symbols = {} })
expect("tests", {
    ["runtime/io/CMakeLists.txt"] = "srt_sources(\n  fs_tidy.c\n  fs_other.c)\n",
    ["runtime/io/fs_tidy.c"] = "",
    ["runtime/io/fs_other.c"] = "",
    ["tests/unit/io/test_fs.c"] = "/* io_other() */ x(io_tidy_up);",
    ["tests/unit/io/CMakeLists.txt"] = "srt_test(io fs LABELS threads)\n",
}, {
    "runtime/io/fs_other.c:nil: no test names it",
}, { symbols = { symbol("io", "fs_tidy", "io_tidy_up"), symbol("io", "fs_other", "io_other") } })
expect("tests", {
    ["runtime/io/CMakeLists.txt"] = "srt_sources(\n  xfs.c)\n",
    ["runtime/io/fs.c"] = "",
    ["runtime/io/xfs.c"] = "",
    ["tests/unit/io/test_loop.c"] = "",
    ["tests/unit/io/CMakeLists.txt"] = "srt_test(io loops)\n",
}, {
    "runtime/io/fs.c:nil: is not in its layer's CMakeLists.txt",
    "runtime/io/fs.c:nil: no test names it",
    "runtime/io/xfs.c:nil: no test names it",
    "tests/unit/io/test_loop.c:nil: is not registered",
}, { symbols = {} })

-- --- faults ---

expect("faults", {
    ["runtime/base/fault.def"] = 'SRT_FAULT_POINT(one, "x")\nSRT_FAULT_POINT(two, "x")\n',
    ["runtime/store/a.c"] = "if (SRT_FAULT(one)) { /* SRT_FAULT(two) */ }",
}, { "fault.def:2: no code passes the point 'two'" })

-- --- symbols ---

expect("symbols", {
    ["runtime/store/reader.h"] = "",
}, {
    "runtime/store/segment.c:nil: the symbol 'helper'",
    "runtime/base/err.c:nil: the symbol 'err_set'",
    "runtime/store/segment.c:nil: the symbol 'seg_find'",
}, {
    symbols = {
        symbol("store", "segment", "segment_append"),
        symbol("store", "segment_index", "segment_find"),
        symbol("store", "segment", "store_open"),
        symbol("store", "segment", "helper"),
        symbol("store", "segment", "seg_find"),
        symbol("store", "produce", "producer_add"),
        symbol("store", "segment", "reader_next"),
        symbol("base", "err", "srt_fail"),
        symbol("base", "err", "err_set"),
    },
})

-- --- links ---

expect("links", {
    ["README.md"] = "[a](docs/a.md) [b](docs/a.md#part) [c](https://x.y/z) [d](docs) [e](#here)",
    ["docs/a.md"] = "[up](../README.md)",
}, {})
expect("links", {
    ["docs/a.md"] = "x\n[gone](b.md) [up](../docs/c.md)",
}, { "docs/a.md:2: the link 'b.md'", "docs/a.md:2: the link '../docs/c.md'" })

-- --- threads ---

local thread_h = '#define IO_ROLE_MAP(X) \\\n    X(NONE, "none") \\\n    X(MAIN, "main")\n\n'
    .. '#define IO_LOCK_MAP(X) \\\n    X(GROUP, "a") \\\n    X(MAILBOX, "b")\n\n'
expect("threads", {
    ["runtime/io/thread.h"] = thread_h,
    ["docs/threads.md"] = "\n| `main` | one\n\n| `GROUP` | x\n| `MAILBOX` | y\n",
}, {})
expect("threads", {
    ["runtime/io/thread.h"] = thread_h,
    ["docs/threads.md"] = "\n| `MAILBOX` | y\n| `GROUP` | x\n",
}, {
    "the table of roles lacks `main`",
    "the lock `MAILBOX` stands out of order",
})

-- --- exemptions ---

local exemptions = source.exemptions { tests = { a = "why", b = "why" } }
equal(tostring(exemptions.take("tests", "a")), "true")
equal(tostring(exemptions.take("tests", "c")), "false")
equal(table.concat(exemptions.stale("tests"), " "), "b")

if failures > 0 then
    print(failures .. " failures")
    os.exit(1)
end
