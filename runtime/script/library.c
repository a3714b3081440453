#include "script/library.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "script/access_line.h"
#include "script/errors.h"
#include "script/lazy.h"
#include "script/module.h"
#include "script/sandbox.h"
#include "script/script_impl.h"
#include "script/json_writer.h"

/* s.array(list): an array even while it is empty. */
static int lib_array(lua_State *L)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lazy_mark_array(L, 1);
    return 1;
}

static int lib_is_array(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, lazy_is_array(L, 1));
    return 1;
}

/* --- params --- */

static void push_param(lua_State *L, const char *text)
{
    bool is_true = strcmp(text, "true") == 0;
    if (is_true || strcmp(text, "false") == 0) {
        lua_pushboolean(L, is_true);
        return;
    }
    bool maybe_number = *text && strspn(text, "+-.0123456789eE") == strlen(text);
    if (!maybe_number || !lua_stringtonumber(L, text)) {
        lua_pushstring(L, text);
    }
}

static int lib_param(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const struct script_options *options = &script_of(L)->options;
    for (size_t i = 0; i < options->param_count; i++) {
        if (strcmp(options->params[i].name, name) == 0) {
            push_param(L, options->params[i].value);
            return 1;
        }
    }
    if (lua_gettop(L) < 2) {
        return luaL_error(L, "there is no param '%s' and no default: s.param(name, default)", name);
    }
    lua_settop(L, 2);
    return 1;
}

/* --- JSON --- */

static int lib_json_encode(lua_State *L)
{
    luaL_checkany(L, 1);
    json_writer_push(L, 1);
    return 1;
}

static int lib_json_decode(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    size_t error_at = 0;
    int rc = json_validate(text, len, &error_at);
    if (rc) {
        char message[80];
        snprintf(message, sizeof message, "not JSON: byte %zu: %s", error_at,
                 rc == SRT_ETOOBIG ? "nested too deeply" : "unexpected");
        lua_pushnil(L);
        errors_push(L, "not_json", message, false);
        return 2;
    }
    lazy_push_any(L, text, len);
    return 1;
}

/* --- log, time --- */

static int lib_log(lua_State *L)
{
    static const char *const names[] = {"debug", "info", "warn", "error", NULL};
    enum srt_log_level level = (enum srt_log_level)luaL_checkoption(L, 1, NULL, names);
    if (!srt_log_enabled(level)) {
        return 0;
    }
    int count = lua_gettop(L);
    luaL_Buffer line;
    luaL_buffinit(L, &line);
    for (int i = 2; i <= count; i++) {
        if (i > 2) {
            luaL_addchar(&line, ' ');
        }
        if (lua_type(L, i) == LUA_TTABLE && luaL_getmetafield(L, i, "__tostring") == LUA_TNIL) {
            json_writer_push(L, i);
        } else {
            lua_settop(L, lua_gettop(L));
            luaL_tolstring(L, i, NULL);
        }
        luaL_addvalue(&line);
    }
    luaL_pushresult(&line);
    SRT_LOG_AT(level, LOG_SCRIPT, "%s: %s", script_of(L)->options.name, lua_tostring(L, -1));
    return 0;
}

/* Milliseconds since 1970-01-01 UTC, by the engine's clock. */
static int lib_now(lua_State *L)
{
    lua_pushinteger(L, srt_clock_wall_ms(script_of(L)->options.clock));
    return 1;
}

const luaL_Reg library_functions[] = {
    {"access_line", access_line_split},
    {"array", lib_array},
    {"is_array", lib_is_array},
    {"json_decode", lib_json_decode},
    {"json_encode", lib_json_encode},
    {"log", lib_log},
    {"now", lib_now},
    {"param", lib_param},
    {"retriable", errors_retriable},
    {NULL, NULL},
};

/* Lock the tables in the table on top of the stack, then itself. */
static void lock_all(lua_State *L)
{
    int library = lua_gettop(L);
    lua_newtable(L); /* names: the table must not change while it is walked */
    lua_pushnil(L);
    lua_Integer count = 0;
    while (lua_next(L, library)) {
        if (lua_type(L, -1) == LUA_TTABLE && lua_type(L, -2) == LUA_TSTRING) {
            lua_pushvalue(L, -2);
            lua_rawseti(L, library + 1, ++count);
        }
        lua_pop(L, 1);
    }
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, library + 1, i);
        const char *name = lua_tostring(L, -1);
        lua_getfield(L, library, name);
        lua_pushfstring(L, "s.%s", name);
        lua_insert(L, -2);
        sandbox_lock(L, lua_tostring(L, -2));
        lua_setfield(L, library, name);
        lua_settop(L, library + 1);
    }
    lua_settop(L, library);
    sandbox_lock(L, "s");
}

void library_open(lua_State *L)
{
    lua_newtable(L);
    luaL_setfuncs(L, library_functions, 0);
    lazy_push_null(L);
    lua_setfield(L, -2, "null");
    module_provide(L, "streamrt.native");
    module_require(L, "streamrt");
    lock_all(L);
    lua_pushvalue(L, -1);
    module_provide(L, "streamrt");
    sandbox_provide(L, "s");
}
