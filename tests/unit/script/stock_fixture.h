/* stock_fixture.h - a script state that also has Lua's own libraries, as `stock`, to compare with.
 *
 * Owner:   the test.
 * Thread:  the test's.
 * Memory:  the state's.
 * Fails:   by failing the test. */
#ifndef SRT_UNIT_STOCK_FIXTURE_H
#define SRT_UNIT_STOCK_FIXTURE_H

#include "script/sandbox.h"
#include "script_fixture.h"

#include <lualib.h>

#define STOCK_LUA_DIR SRT_SOURCE_DIR "/tests/unit/script/lua"

static inline void stock_open_library(lua_State *L, lua_CFunction open, const char *name)
{
    lua_pushcfunction(L, open);
    lua_pushstring(L, name);
    lua_call(L, 1, 1);
    lua_setfield(L, -2, name);
}

static inline void stock_provide(lua_State *L)
{
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_newtable(L);
    stock_open_library(L, luaopen_string, "string");
    stock_open_library(L, luaopen_table, "table");
    stock_open_library(L, luaopen_utf8, "utf8");
    sandbox_provide(L, "stock");
    lua_setmetatable(L, -2); /* the strings' own, which luaopen_string replaced */
    lua_pop(L, 1);
}

/* Run a file of properties that returns how often it compared. */
static inline void stock_run(struct script_fixture *f, const char *path, int rounds)
{
    static const char *const paths[] = {STOCK_LUA_DIR, NULL};
    f->options.paths = paths;
    f->options.deadline_ms = 20000;
    f->options.memory_bytes = 256 << 20;
    fixture_reopen(f);
    lua_State *L = script_state(f->script);
    stock_provide(L);
    lua_pushinteger(L, rounds);
    sandbox_provide(L, "rounds");
    int count = 0;
    if (script_run_file(f->script, path, &count, &f->err)) {
        fail_msg("%s", f->err.msg);
    }
    assert_int_equal(count, 1);
    assert_true(lua_tointeger(L, -1) > rounds);
    lua_pop(L, 1);
}

/* The text must run into a deadline of 20 ms, and end soon after: half a second is for machines
 * that are slow, or instrumented. */
static inline void stock_assert_stops(struct script_fixture *f, const char *text)
{
    f->options.deadline_ms = 20;
    fixture_reopen(f);
    int64_t start_ns = srt_clock_mono_ns(srt_clock_real());
    const char *result = fixture_run(f, text, "{}");
    int64_t took_ms = (srt_clock_mono_ns(srt_clock_real()) - start_ns) / 1000000;
    if (result) {
        fail_msg("%s gave %s", text, result);
    }
    if (f->err.code != SRT_EBUDGET) {
        fail_msg("%s: %s", text, f->err.msg);
    }
    assert_string_equal(f->err.msg, "pipelines.yaml:14: ran longer than 20ms");
    if (took_ms >= 500) {
        fail_msg("%s took %d ms", text, (int)took_ms);
    }
    assert_int_equal(strcmp(fixture_run(f, "1 + 1", "{}"), "2"), 0);
}

#endif
