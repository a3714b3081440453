-- exemptions.lua: what may deviate from a rule, and why. One that is not needed fails the rule.

return {
    -- "path function"
    banned = {
        -- Lua's allocator has a limit of its own and no fault point: scripts meet the limit in
        -- tests of theirs.
        ["runtime/script/heap.c free"] = "under Lua's own limit",
        ["runtime/script/heap.c realloc"] = "under Lua's own limit",
        -- A write that may stall is waited for on a thread of its own, without O_NONBLOCK on a
        -- stream that other programs share, which a loop would set.
        ["runtime/connect/stream_writer.c poll"] = "see the file's beginning",
        ["runtime/connect/stream_writer.c eventfd"] = "see the file's beginning",
        ["runtime/config/doc.c free"] = "realpath's memory",
        ["runtime/app/ready_file.c free"] = "realpath's memory",
        ["runtime/app/ready_file.c unlink"] = "also from a signal's handler",
    },

    -- "layer/file.c": why no test names it
    tests = {
        ["app/main.c"] = "every scenario runs it",
    },

    -- symbol: why its name does not tell its home
    symbols = {
        murmur2 = "the algorithm's name, and Kafka's",
        partition_for_key = "one of the two partitioners of partitioner.h",
        sticky_batch_full = "one of the two partitioners of partitioner.h",
        sticky_init = "one of the two partitioners of partitioner.h",
        sticky_partition = "one of the two partitioners of partitioner.h",
        stage_kind_keyed = "a graph's stages are graph.h's",
        stage_kind_name = "a graph's stages are graph.h's",
        -- tables of options are called after the struct or section that they describe
        defaults_option_table = "the section defaults:",
        lua_section_table = "the section lua:",
        node_option_table = "the section node:",
        root_option_table = "the root of the configuration",
        topic_option_table = "the section topics:",
        source_option_table = "a source's options",
    },
}
