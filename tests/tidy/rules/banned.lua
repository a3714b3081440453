-- Functions that are not called here, each with what is, and where it may be all the same.

local source = require "source"

-- words, what to use, places (files or whole layers) that may
local BANNED = {
    { "strcpy stpcpy strncpy", "memcpy with a checked length, or snprintf" },
    { "strcat strncat", "snprintf, or srt_buf" },
    { "sprintf vsprintf", "snprintf" },
    { "strtok", "strcspn, or srt_str" },
    { "atoi atol atoll atof", "srt_parse_int, srt_parse_double" },
    { "gets", "io_read_at" },
    { "gmtime localtime asctime ctime", "gmtime_r" },
    { "rand srand random srandom drand48", "srt_rng" },
    { "system popen", "nothing: the runtime starts no processes" },
    { "alloca", "srt_alloc, or an array with a named limit" },
    { "strerror", "srt_fail_sys" },
    { "sleep usleep nanosleep clock_nanosleep", "io_timer, io_cond_wait_ms" },
    { "malloc calloc realloc free strdup strndup asprintf vasprintf aligned_alloc posix_memalign",
        "srt_alloc or srt_xalloc and their family", "base/alloc.c base/ring.c" },
    { "assert", "srt_assert" },
    { "time clock_gettime gettimeofday", "srt_clock", "base/clock.c base/log.c" },
    { "getrandom arc4random", "srt_random_bytes", "base/rng.c" },
    { "fsync fdatasync pread preadv pwrite pwritev ftruncate fallocate posix_fallocate rename "
        .. "unlink mkdir rmdir opendir readdir flock", "the io_fs that one was given", "io" },
    { "epoll_create epoll_create1 epoll_wait poll ppoll select pselect eventfd timerfd_create",
        "io_loop", "io" },
    { "pthread_create pthread_join pthread_mutex_lock pthread_mutex_unlock pthread_cond_wait",
        "io/thread.h", "io base/log.c" },
    { "atomic_load atomic_store atomic_load_explicit atomic_store_explicit atomic_fetch_add "
        .. "atomic_fetch_add_explicit atomic_fetch_sub atomic_exchange atomic_exchange_explicit "
        .. "atomic_compare_exchange_strong atomic_compare_exchange_weak atomic_thread_fence",
        "base/atomic.h", "base/atomic.h" },
    { "exit _exit _Exit quick_exit", "an error that is returned to main",
        "app base/alloc.c" },
    { "abort", "srt_panic", "base/assert.c" },
}

local function allowed(file, places)
    for place in (places or ""):gmatch("%S+") do
        if place == file.layer or "runtime/" .. place == file.path then
            return true
        end
    end
    return false
end

local function check_calls(file, code, report, facts)
    local rows = {}
    for _, row in ipairs(BANNED) do
        for word in row[1]:gmatch("%S+") do
            rows[word] = row
        end
    end
    for position, name in code:gmatch("()%f[%w_]([%a_][%w_]*)%s*%(") do
        local row = rows[name]
        local before = code:sub(math.max(1, position - 2), position - 1)
        local member = before:find("%.$") or before == "->"
        if row and not member and not allowed(file, row[3])
            and not facts.exempt("banned", file.path .. " " .. name) then
            report(file.path, source.line_of(code, position), "%s() is not used here, but %s", name,
                row[2])
        end
    end
end

local function skip_parentheses(code, at)
    local _, last = code:find("^%b()", at)
    return last and last + 1
end

-- Braces always, goto only to `out`, no names for structs.
local function check_forms(file, code, report)
    code = source.without_directives(code)
    local function at(position, ...)
        report(file.path, source.line_of(code, position), ...)
    end
    for position, label in code:gmatch("()%f[%w_]goto%s+([%w_]+)") do
        if label ~= "out" then
            at(position, "goto leads forward to 'out' and nowhere else")
        end
    end
    for position in code:gmatch("()%f[%w_]typedef%s+struct%f[^%w_]") do
        at(position, "structs have no typedef")
    end
    for position, word, paren in code:gmatch("()%f[%w_](%l+)%s*()%(") do
        if word == "if" or word == "for" or word == "while" then
            local after = skip_parentheses(code, paren)
            local next_char = after and code:match("^%s*(.)", after)
            local loop_end = word == "while" and next_char == ";" -- of a do
            if after and next_char ~= "{" and not loop_end then
                at(position, "'%s' without braces", word)
            end
        end
    end
    for position, next_word in code:gmatch("()%f[%w_]else%f[^%w_]%s*([%l{]*)") do
        if next_word:sub(1, 1) ~= "{" and next_word ~= "if" then
            at(position, "'else' without braces")
        end
    end
end

return function(tree, report, facts)
    for _, file in ipairs(tree) do
        if file.layer and (file.ext == "c" or file.ext == "h") then
            local code = source.code(file.text)
            check_calls(file, code, report, facts)
            check_forms(file, code, report)
        end
    end
end
