-- exemptions.lua: what may deviate from a rule, and why. One that is not needed fails the rule.

return {
    -- "path function"
    banned = {
        -- Lua's allocator has a limit of its own and no fault point: a state that cannot be made is
        -- the control plane's, and scripts meet the limit in tests of theirs.
        ["runtime/script/budget.c free"] = "under Lua's own limit",
        ["runtime/script/budget.c realloc"] = "under Lua's own limit",
    },

    -- "layer/file.c": why no test names it
    tests = {
        ["app/main.c"] = "every test of the binary runs it",
    },

    -- symbol: why its name does not tell its home
    symbols = {},
}
