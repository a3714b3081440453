/* As Lua 5.4's lcorolib.c, but for two things: the budget is told which coroutine runs, so that the
 * deadline's hook goes to the right one, and an error that stands for a used-up budget is raised
 * again in whoever resumed. */
#include "script/coroutines.h"

#include <lauxlib.h>

#include "script/script_impl.h"

static lua_State *get_co(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co, 1, "coroutine");
    return co;
}

/* Resume with arg_count values from L; the results, or the error, are moved to L. Negative: an
 * error. */
static int resume(lua_State *L, lua_State *co, int arg_count)
{
    struct budget *budget = &script_of(L)->budget;
    if (!lua_checkstack(co, arg_count)) {
        lua_pushliteral(L, "too many arguments to resume");
        return -1;
    }
    lua_xmove(L, co, arg_count);
    int result_count = 0;
    lua_State *from = budget_switch(budget, co);
    int status = lua_resume(co, L, arg_count, &result_count);
    budget_switch(budget, from);
    if (status == LUA_OK || status == LUA_YIELD) {
        if (!lua_checkstack(L, result_count + 1)) {
            lua_pop(co, result_count);
            lua_pushliteral(L, "too many results to resume");
            return -1;
        }
        lua_xmove(co, L, result_count);
        return result_count;
    }
    if (status == LUA_ERRMEM) {
        budget_raise(budget, L);
    }
    budget_check(budget, L);
    lua_xmove(co, L, 1);
    return -1;
}

static int co_resume(lua_State *L)
{
    lua_State *co = get_co(L);
    int count = resume(L, co, lua_gettop(L) - 1);
    if (count < 0) {
        lua_pushboolean(L, false);
        lua_insert(L, -2);
        return 2;
    }
    lua_pushboolean(L, true);
    lua_insert(L, -(count + 1));
    return count + 1;
}

/* Run what is left to be closed in it; the status is that of lua_resetthread. */
static int reset(lua_State *L, lua_State *co)
{
    struct budget *budget = &script_of(L)->budget;
    lua_State *from = budget_switch(budget, co);
    int status = lua_resetthread(co);
    budget_switch(budget, from);
    budget_check(budget, L);
    return status;
}

static int co_wrapped(lua_State *L)
{
    lua_State *co = lua_tothread(L, lua_upvalueindex(1));
    int count = resume(L, co, lua_gettop(L));
    if (count >= 0) {
        return count;
    }
    int status = lua_status(co);
    if (status != LUA_OK && status != LUA_YIELD) {
        if (reset(L, co) != LUA_OK) {
            lua_xmove(co, L, 1); /* the error, or the one that closing it raised */
        }
    }
    if (lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int co_create(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    return 1;
}

static int co_wrap(lua_State *L)
{
    co_create(L);
    lua_pushcclosure(L, co_wrapped, 1);
    return 1;
}

static int co_yield(lua_State *L)
{
    return lua_yield(L, lua_gettop(L));
}

static const char *status_name(lua_State *L, lua_State *co)
{
    if (L == co) {
        return "running";
    }
    switch (lua_status(co)) {
    case LUA_YIELD:
        return "suspended";
    case LUA_OK: {
        lua_Debug ar;
        if (lua_getstack(co, 0, &ar)) {
            return "normal"; /* it resumed another one */
        }
        return lua_gettop(co) == 0 ? "dead" : "suspended";
    }
    default:
        return "dead";
    }
}

static int co_status(lua_State *L)
{
    lua_pushstring(L, status_name(L, get_co(L)));
    return 1;
}

static int co_isyieldable(lua_State *L)
{
    lua_State *co = lua_isthread(L, 1) ? lua_tothread(L, 1) : L;
    lua_pushboolean(L, lua_isyieldable(co));
    return 1;
}

static int co_running(lua_State *L)
{
    int is_main = lua_pushthread(L);
    lua_pushboolean(L, is_main);
    return 2;
}

static int co_close(lua_State *L)
{
    lua_State *co = get_co(L);
    const char *status = status_name(L, co);
    if (*status != 's' && *status != 'd') {
        return luaL_error(L, "cannot close a %s coroutine", status);
    }
    if (reset(L, co) == LUA_OK) {
        lua_pushboolean(L, true);
        return 1;
    }
    lua_pushboolean(L, false);
    lua_xmove(co, L, 1);
    return 2;
}

void coroutines_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"create", co_create},   {"resume", co_resume}, {"running", co_running},
        {"status", co_status},   {"wrap", co_wrap},     {"yield", co_yield},
        {"isyieldable", co_isyieldable}, {"close", co_close}, {NULL, NULL},
    };
    luaL_newlib(L, functions);
}
