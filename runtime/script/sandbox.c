/* Globals in two layers. `_G` is a table that holds only what the script itself assigned; its
 * metatable looks further in the built-ins and refuses to shadow them:
 *
 *     x = 1            _G.x, raw
 *     string.rep       _G.string is absent -> built-ins.string -> a locked table -> Lua's own
 *     string = nil     error: cannot assign to the built-in 'string'
 *
 * Only what is listed here is there at all. Left out are: io, debug, package, load, loadstring,
 * loadfile, dofile, string.dump, os but for the time, collectgarbage but for "count", and __gc,
 * because a finaliser runs where no deadline reaches it.
 *
 * pairs, next, rawget and their like are our own because of lazy values (lazy.h): whatever looks at
 * a table as a whole first turns a lazy one into a plain one. */
#include "script/sandbox.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "base/log.h"
#include "script/coroutines.h"
#include "script/lazy.h"
#include "script/lazy_walk.h"
#include "script/library_string.h"
#include "script/library_table.h"
#include "script/library_utf8.h"
#include "script/script_impl.h"

/* --- locked tables --- */

/* Only the metatables of locked tables have a field under this address. */
static const char locked_key;

static int locked_write(lua_State *L)
{
    return luaL_error(L, "cannot change '%s': it is built in",
                      lua_tostring(L, lua_upvalueindex(1)));
}

static int locked_pairs(lua_State *L)
{
    lua_getglobal(L, "next");
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushnil(L);
    return 3;
}

void sandbox_lock(lua_State *L, const char *name)
{
    int real = lua_gettop(L);
    lua_newtable(L);
    lua_createtable(L, 0, 5);
    lua_pushvalue(L, real);
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, name);
    lua_pushcclosure(L, locked_write, 1);
    lua_setfield(L, -2, "__newindex");
    lua_pushvalue(L, real);
    lua_pushcclosure(L, locked_pairs, 1);
    lua_setfield(L, -2, "__pairs");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_pushboolean(L, true);
    lua_rawsetp(L, -2, &locked_key);
    lua_setmetatable(L, -2);
    lua_remove(L, real);
}

bool sandbox_behind(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index)) {
        return false;
    }
    bool locked = lua_rawgetp(L, -1, &locked_key) == LUA_TBOOLEAN;
    lua_pop(L, 1);
    if (locked) {
        lua_getfield(L, -1, "__index");
        lua_remove(L, -2);
        return true;
    }
    lua_pop(L, 1);
    return false;
}

/* --- base functions --- */

static int base_next(lua_State *L)
{
    if (lazy_walk_step(L)) {
        return 2;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    bool found;
    if (lua_getmetatable(L, 1)) {
        lua_pop(L, 1);
        if (sandbox_behind(L, 1)) {
            lua_replace(L, 1);
        }
        found = lazy_walk_next(L, 1);
    } else {
        found = lazy_walk_plain(L, 1);
    }
    if (!found) {
        lua_pushnil(L);
    }
    return found ? 2 : 1;
}

static int pairs_continue(lua_State *L, int status, lua_KContext context)
{
    (void)L;
    (void)status;
    (void)context;
    return 3;
}

static int base_pairs(lua_State *L)
{
    luaL_checkany(L, 1);
    if (luaL_getmetafield(L, 1, "__pairs") == LUA_TNIL) {
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_pushvalue(L, 1);
        lua_pushnil(L);
        return 3;
    }
    lua_pushvalue(L, 1);
    lua_callk(L, 1, 3, 0, pairs_continue);
    return 3;
}

/* For a lazy value, raw and ordinary access are the same: it has no metatable that a script could
 * see. */
static int base_rawget(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 2);
    lua_settop(L, 2);
    if (lazy_is(L, 1)) {
        lua_gettable(L, 1);
    } else {
        lua_rawget(L, 1);
    }
    return 1;
}

static int base_rawset(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 2);
    luaL_checkany(L, 3);
    lua_settop(L, 3);
    lua_pushglobaltable(L);
    bool through_metatable = lazy_is(L, 1) || lua_rawequal(L, 1, -1);
    lua_settop(L, 3);
    if (through_metatable) { /* also of _G, whose built-ins stay */
        lua_settable(L, 1);
        return 1;
    }
    if (lua_getmetatable(L, 1)) {
        if (lua_rawgetp(L, -1, &locked_key) == LUA_TBOOLEAN) {
            return luaL_error(L, "rawset: a built-in table cannot be changed");
        }
        lua_settop(L, 3);
    }
    lua_rawset(L, 1);
    return 1;
}

static int base_rawlen(lua_State *L)
{
    int type = lua_type(L, 1);
    luaL_argexpected(L, type == LUA_TTABLE || type == LUA_TSTRING, 1, "table or string");
    lazy_flatten(L, 1);
    lua_pushinteger(L, (lua_Integer)lua_rawlen(L, 1));
    return 1;
}

static int base_getmetatable(lua_State *L)
{
    luaL_checkany(L, 1);
    if (lazy_is(L, 1) || !lua_getmetatable(L, 1)) {
        lua_pushnil(L);
        return 1;
    }
    luaL_getmetafield(L, 1, "__metatable");
    return 1;
}

static int base_setmetatable(lua_State *L)
{
    int type = lua_type(L, 2);
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    lua_settop(L, 2);
    if (type == LUA_TTABLE) {
        lazy_flatten(L, 2);
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL) {
            return luaL_error(L, "setmetatable: __gc is not available; use <close>");
        }
        lua_settop(L, 2);
    }
    lazy_flatten(L, 1);
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) {
        return luaL_error(L, "cannot change a protected metatable");
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

static int base_collectgarbage(lua_State *L)
{
    const char *what = luaL_optstring(L, 1, "collect");
    if (strcmp(what, "count") != 0) {
        return luaL_error(L, "collectgarbage: only \"count\" is available");
    }
    lua_pushnumber(L, (lua_Number)script_of(L)->budget.used_bytes / 1024);
    return 1;
}

static int base_print(lua_State *L)
{
    struct script *script = script_of(L);
    int count = lua_gettop(L);
    luaL_Buffer line;
    luaL_buffinit(L, &line);
    for (int i = 1; i <= count; i++) {
        if (i > 1) {
            luaL_addchar(&line, '\t');
        }
        luaL_tolstring(L, i, NULL);
        luaL_addvalue(&line);
    }
    luaL_pushresult(&line);
    log_info(LOG_SCRIPT, "%s: %s", script->options.name, lua_tostring(L, -1));
    return 0;
}

/* --- protected calls: as Lua's, but a used-up budget goes through them --- */

static int pcall_finish(lua_State *L, int status, lua_KContext extra)
{
    if (status == LUA_OK || status == LUA_YIELD) {
        return lua_gettop(L) - (int)extra;
    }
    struct budget *budget = &script_of(L)->budget;
    if (status == LUA_ERRMEM) {
        budget_raise(budget, L);
    }
    budget_check(budget, L);
    lua_pushboolean(L, false);
    lua_pushvalue(L, -2);
    return 2;
}

static int base_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, true);
    lua_insert(L, 1);
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, pcall_finish);
    return pcall_finish(L, status, 0);
}

/* The script's handler is not called for a used-up budget: it would run without one. */
static int xpcall_handler(lua_State *L)
{
    if (budget_is_over(&script_of(L)->budget)) {
        return 1;
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

static int base_xpcall(lua_State *L)
{
    int count = lua_gettop(L);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, xpcall_handler, 1);
    lua_replace(L, 2);
    lua_pushboolean(L, true);
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2);
    int status = lua_pcallk(L, count - 2, LUA_MULTRET, 2, 2, pcall_finish);
    return pcall_finish(L, status, 2);
}

/* --- os: only what tells the time, by the injected clock, and always in UTC --- */

static int64_t now_s(lua_State *L)
{
    int64_t ms = srt_clock_wall_ms(script_of(L)->options.clock);
    return ms / 1000 - (ms % 1000 < 0);
}

static int64_t date_field(lua_State *L, const char *name, int64_t missing)
{
    int64_t value = missing;
    lua_getfield(L, 1, name);
    if (!lua_isnil(L, -1)) {
        int is_integer = 0;
        value = lua_tointegerx(L, -1, &is_integer);
        if (!is_integer) {
            luaL_error(L, "field '%s' is not an integer", name);
        }
        if (value < -INT32_MAX || value > INT32_MAX) {
            luaL_error(L, "field '%s' is out-of-bound", name);
        }
    } else if (missing < 0) {
        luaL_error(L, "field '%s' missing in date table", name);
    }
    lua_pop(L, 1);
    return value;
}

/* Days since 1970-01-01 of a day in the Gregorian calendar; months beyond 1..12 count on. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year += (month - 1) / 12;
    month = (month - 1) % 12 + 1;
    if (month < 1) {
        month += 12;
        year--;
    }
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int os_time(lua_State *L)
{
    if (lua_isnoneornil(L, 1)) {
        lua_pushinteger(L, now_s(L));
        return 1;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    int64_t days = days_of(date_field(L, "year", -1), date_field(L, "month", -1),
                           date_field(L, "day", -1));
    int64_t seconds = date_field(L, "hour", 12) * 3600 + date_field(L, "min", 0) * 60 +
                      date_field(L, "sec", 0);
    lua_pushinteger(L, days * 86400 + seconds);
    return 1;
}

static int os_date(lua_State *L)
{
    const char *format = luaL_optstring(L, 1, "%c");
    int64_t at_s = lua_isnoneornil(L, 2) ? now_s(L) : luaL_checkinteger(L, 2);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushfstring(L, "%s%s", *format == '!' ? "" : "!", format);
    lua_pushinteger(L, at_s);
    lua_call(L, 2, 1);
    return 1;
}

static int os_clock(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)srt_clock_mono_ns(script_of(L)->options.clock) / 1e9);
    return 1;
}

/* --- putting it together --- */

/* What a script may use of Lua's own libraries as it is. */
static const char *const base_names[] = {"assert", "error",    "ipairs", "rawequal", "select",
                                         "tonumber", "tostring", "type", "_VERSION", NULL};
static const char *const string_names[] = {"byte", "char",     "format", "len",
                                           "pack", "packsize", "sub",    "unpack", NULL};

/* Copy the named fields of the table at `from` into a new table on top. */
static void copy_names(lua_State *L, int from, const char *const *names)
{
    from = lua_absindex(L, from);
    lua_newtable(L);
    for (; *names; names++) {
        lua_getfield(L, from, *names);
        lua_setfield(L, -2, *names);
    }
}

/* Open one of Lua's libraries; its table is on top, and no global is made. */
static void open_library(lua_State *L, lua_CFunction open, const char *name)
{
    lua_pushcfunction(L, open);
    lua_pushstring(L, name);
    lua_call(L, 1, 1);
}

static void provide_locked(lua_State *L, const char *name)
{
    sandbox_lock(L, name);
    sandbox_provide(L, name);
}

/* The built-ins are kept in the registry under this address. */
static const char builtins_key;

void sandbox_provide(lua_State *L, const char *name)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &builtins_key);
    lua_insert(L, -2);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

static int globals_write(lua_State *L)
{
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) {
        return luaL_error(L, "cannot assign to the built-in '%s'; use `local %s`",
                          lua_tostring(L, 2), lua_tostring(L, 2));
    }
    lua_pop(L, 1);
    lua_rawset(L, 1);
    return 0;
}

static void open_globals(lua_State *L)
{
    lua_newtable(L); /* _G */
    lua_newtable(L); /* the built-ins */
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &builtins_key);
    lua_createtable(L, 0, 4);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "__index");
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, globals_write, 1);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -3);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "_G");
    lua_pop(L, 1);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}

static void open_base(lua_State *L)
{
    static const luaL_Reg own[] = {
        {"collectgarbage", base_collectgarbage},
        {"getmetatable", base_getmetatable},
        {"pcall", base_pcall},
        {"print", base_print},
        {"rawget", base_rawget},
        {"rawlen", base_rawlen},
        {"rawset", base_rawset},
        {"setmetatable", base_setmetatable},
        {"xpcall", base_xpcall},
        {NULL, NULL},
    };
    /* luaopen_base() writes into the globals: lend it a table. */
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_newtable(L);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    open_library(L, luaopen_base, LUA_GNAME);
    lua_insert(L, -2);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    for (const char *const *name = base_names; *name; name++) {
        lua_getfield(L, -1, *name);
        sandbox_provide(L, *name);
    }
    lua_pop(L, 1);
    for (const luaL_Reg *reg = own; reg->name; reg++) {
        lua_pushcfunction(L, reg->func);
        sandbox_provide(L, reg->name);
    }
    lazy_walk_push_function(L, base_next);
    lua_pushvalue(L, -1);
    lua_pushcclosure(L, base_pairs, 1); /* its upvalue: what it returns */
    sandbox_provide(L, "pairs");
    sandbox_provide(L, "next");
}

static void open_string(lua_State *L)
{
    open_library(L, luaopen_string, LUA_STRLIBNAME);
    copy_names(L, -1, string_names);
    lua_remove(L, -2);
    library_string_open(L);
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
    provide_locked(L, LUA_STRLIBNAME);
}

static void open_math(lua_State *L)
{
    open_library(L, luaopen_math, LUA_MATHLIBNAME);
    lua_getfield(L, -1, "randomseed");
    uint64_t seed = script_of(L)->options.random_seed;
    lua_pushinteger(L, (lua_Integer)seed);
    lua_call(L, 1, 0);
    provide_locked(L, LUA_MATHLIBNAME);
}

static void open_os(lua_State *L)
{
    open_library(L, luaopen_os, LUA_OSLIBNAME);
    lua_newtable(L);
    lua_pushcfunction(L, os_time);
    lua_setfield(L, -2, "time");
    lua_getfield(L, -2, "date");
    lua_pushcclosure(L, os_date, 1);
    lua_setfield(L, -2, "date");
    lua_getfield(L, -2, "difftime");
    lua_setfield(L, -2, "difftime");
    lua_pushcfunction(L, os_clock);
    lua_setfield(L, -2, "clock");
    lua_remove(L, -2);
    provide_locked(L, LUA_OSLIBNAME);
}

void sandbox_open(lua_State *L)
{
    open_globals(L);
    open_base(L);
    open_string(L);
    open_math(L);
    open_os(L);
    open_library(L, luaopen_table, LUA_TABLIBNAME);
    library_table_open(L);
    provide_locked(L, LUA_TABLIBNAME);
    open_library(L, luaopen_utf8, LUA_UTF8LIBNAME);
    library_utf8_open(L);
    provide_locked(L, LUA_UTF8LIBNAME);
    coroutines_open(L);
    provide_locked(L, LUA_COLIBNAME);
}
