/* An error value may be anything: a string, one of our error tables, a table of the script's with a
 * __tostring that never returns. The message handler runs inside the protected call, against the
 * same deadline, so it may ask for that text; outside of it only strings are left, and no code of
 * the script is run any more. */
#include "script/errors.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "base/atomic.h"
#include "base/str.h"
#include "script/script_impl.h"

static int error_tostring(lua_State *L)
{
    lua_pushliteral(L, "message");
    lua_rawget(L, 1);
    return 1;
}

void errors_open(lua_State *L)
{
    lua_createtable(L, 0, 3);
    lua_pushcfunction(L, error_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushliteral(L, "error");
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    script_of(L)->refs.error_mt = luaL_ref(L, LUA_REGISTRYINDEX);
}

void errors_push(lua_State *L, const char *code, const char *message, bool retriable)
{
    lua_createtable(L, 0, 3);
    lua_pushstring(L, code);
    lua_setfield(L, -2, "code");
    lua_pushstring(L, message);
    lua_setfield(L, -2, "message");
    lua_pushboolean(L, retriable);
    lua_setfield(L, -2, "retriable");
    lua_rawgeti(L, LUA_REGISTRYINDEX, script_of(L)->refs.error_mt);
    lua_setmetatable(L, -2);
}

int errors_retriable(lua_State *L)
{
    const char *message = luaL_optstring(L, 1, "try again");
    luaL_where(L, 1);
    lua_pushstring(L, message);
    lua_concat(L, 2);
    errors_push(L, "retriable", lua_tostring(L, -1), true);
    return lua_error(L);
}

static bool is_error_value(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index)) {
        return false;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, script_of(L)->refs.error_mt);
    bool equal = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return equal;
}

/* Push "file:line: " of the innermost Lua function. */
static void push_where(lua_State *L)
{
    lua_Debug ar;
    for (int level = 1; lua_getstack(L, level, &ar); level++) {
        if (lua_getinfo(L, "Sl", &ar) && ar.currentline > 0) {
            lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
            return;
        }
    }
    lua_pushliteral(L, "");
}

static void keep_traceback(struct script *script, lua_State *L, const char *message)
{
    luaL_traceback(L, L, message, 1);
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    srt_buf_clear(&script->traceback);
    srt_buf_put(&script->traceback, text, len);
    (void)srt_buf_cstr(&script->traceback);
    lua_pop(L, 1);
}

int errors_handler(lua_State *L)
{
    struct script *script = script_of(L);
    if (budget_is_over(&script->budget)) {
        return 1; /* errors_fill() knows what to say, and nothing of the script may run */
    }
    script->error_retriable = false;
    if (is_error_value(L, 1)) {
        lua_pushliteral(L, "retriable");
        lua_rawget(L, 1);
        script->error_retriable = lua_toboolean(L, -1);
        lua_pushliteral(L, "message");
        lua_rawget(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING) {
            lua_pushliteral(L, "error without a message");
        }
    } else if (lua_type(L, 1) == LUA_TSTRING) {
        lua_pushvalue(L, 1);
    } else {
        push_where(L);
        if (luaL_callmeta(L, 1, "__tostring") && lua_type(L, -1) == LUA_TSTRING) {
            lua_concat(L, 2);
        } else {
            lua_settop(L, 2);
            lua_pushfstring(L, "raised a %s instead of a message", luaL_typename(L, 1));
            lua_concat(L, 2);
        }
    }
    keep_traceback(script, L, lua_tostring(L, -1));
    return 1;
}

/* Lua shortens names of more than 59 bytes to "...tail"; put the whole name back. */
static const char *put_position(struct script *script, const char *text)
{
    const char *colon = strncmp(text, "...", 3) == 0 ? strchr(text, ':') : NULL;
    if (colon) {
        const char *whole = srt_map_find(&script->long_names, text, (size_t)(colon - text));
        if (whole) {
            srt_buf_put_str(&script->message, whole);
            return colon;
        }
    }
    return text;
}

/* One line: what follows a line break is in the traceback. */
static const char *message_line(struct script *script, const char *text, size_t len)
{
    srt_buf_clear(&script->message);
    const char *from = put_position(script, text);
    srt_buf_put(&script->message, from, len - (size_t)(from - text));
    uint8_t *data = script->message.data;
    for (size_t i = 0; i < script->message.len; i++) {
        if (data[i] < 0x20 || data[i] == 0x7f) {
            data[i] = ' ';
        }
    }
    return srt_buf_cstr(&script->message);
}

static int fill_budget(struct script *script, enum budget_breach breach, struct srt_err *err)
{
    const struct budget *budget = &script->budget;
    const char *where = message_line(script, budget->where, strlen(budget->where));
    char limit[SRT_DURATION_TEXT_MAX];
    if (breach == BUDGET_TIME) {
        srt_format_duration(limit, srt_load_relaxed(&budget->deadline_ms));
        return srt_fail(err, SRT_EBUDGET, "%sran longer than %s", where, limit);
    }
    srt_format_size(limit, budget->cap_bytes);
    return srt_fail(err, SRT_EBUDGET, "%sused more than %s of memory", where, limit);
}

int errors_fill(lua_State *L, int status, enum budget_breach breach, struct srt_err *err)
{
    struct script *script = script_of(L);
    if (breach != BUDGET_KEPT || status == LUA_ERRMEM) {
        lua_pop(L, 1);
        script->error_retriable = false;
        return fill_budget(script, breach == BUDGET_TIME ? BUDGET_TIME : BUDGET_MEMORY, err);
    }
    size_t len = 0;
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
    const char *line = text ? message_line(script, text, len) : "raised an error without a message";
    int code = status == LUA_ERRSYNTAX ? SRT_EPARSE : SRT_ESCRIPT;
    srt_fail(err, code, "%s", line);
    lua_pop(L, 1);
    return code;
}
