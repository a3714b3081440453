#include "limit_lua.h"

#include "limit_json.h"
#include "limit_output.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct limit_record limit_record;
static int record_ref;

static void push_value(lua_State *L, const struct limit_field *field)
{
    int64_t integer;
    double number;
    switch (*field->value) {
    case '"':
        lua_pushlstring(L, field->value + 1, field->value_len - 2);
        return;
    case 't':
    case 'f':
        lua_pushboolean(L, *field->value == 't');
        return;
    case 'n':
        lua_pushnil(L);
        return;
    default:
        if (limit_json_number(field->value, field->value_len, &integer, &number)) {
            lua_pushinteger(L, integer);
        } else {
            lua_pushnumber(L, number);
        }
    }
}

/* --- the record as a userdata --- */

static int record_index(lua_State *L)
{
    size_t len;
    const char *key = lua_tolstring(L, 2, &len);
    struct limit_field field;
    if (!limit_json_find(limit_record.text, key, len, &field)) {
        return 0;
    }
    push_value(L, &field);
    return 1;
}

static int record_newindex(lua_State *L)
{
    size_t len;
    const char *key = lua_tolstring(L, 2, &len);
    int at = limit_record.overlay_count++;
    if (at >= LIMIT_OVERLAY_MAX || len >= sizeof limit_record.overlay[0].key ||
        lua_type(L, 3) != LUA_TNUMBER) {
        return luaL_error(L, "the limit program cannot keep this");
    }
    memcpy(limit_record.overlay[at].key, key, len);
    limit_record.overlay[at].key_len = len;
    char *value = limit_record.overlay[at].value;
    limit_record.overlay[at].value_len = lua_isinteger(L, 3)
                                             ? limit_output_integer(value, lua_tointeger(L, 3))
                                             : limit_output_number(value, lua_tonumber(L, 3));
    return 0;
}

lua_State *limit_lua_open(void)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    lua_newuserdatauv(L, 1, 0);
    lua_newtable(L);
    lua_pushcfunction(L, record_index);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, record_newindex);
    lua_setfield(L, -2, "__newindex");
    lua_setmetatable(L, -2);
    record_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return L;
}

int limit_lua_function(lua_State *L, const char *source)
{
    lua_pushfstring(L, "return %s", source);
    if (luaL_dostring(L, lua_tostring(L, -1))) {
        fprintf(stderr, "bench_limit: %s\n", lua_tostring(L, -1));
        exit(1);
    }
    int ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_settop(L, 0);
    return ref;
}

void limit_lua_show(const char *text, size_t len)
{
    limit_record.text = text;
    limit_record.len = len;
    limit_record.overlay_count = 0;
}

static void call(lua_State *L, int arguments)
{
    if (lua_pcall(L, arguments, 1, 0)) {
        fprintf(stderr, "bench_limit: %s\n", lua_tostring(L, -1));
        exit(1);
    }
}

void limit_lua_call_record(lua_State *L, int fn)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, fn);
    lua_rawgeti(L, LUA_REGISTRYINDEX, record_ref);
    call(L, 1);
}

void limit_lua_call_value(lua_State *L, int fn)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, fn);
    lua_insert(L, -2);
    call(L, 1);
}

void limit_lua_call_both(lua_State *L, int fn)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, fn);
    lua_insert(L, -2);
    lua_rawgeti(L, LUA_REGISTRYINDEX, record_ref);
    call(L, 2);
}

int limit_lua_is_record(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TUSERDATA;
}

void limit_lua_put_record(void)
{
    const struct limit_record *record = &limit_record;
    char *to = limit_output_room(record->len + LIMIT_OVERLAY_MAX * 128);
    char *p = to;
    memcpy(p, record->text, record->len);
    p += record->len;
    for (int i = 0; i < record->overlay_count; i++) {
        p[-1] = ',';
        *p++ = '"';
        memcpy(p, record->overlay[i].key, record->overlay[i].key_len);
        p += record->overlay[i].key_len;
        *p++ = '"';
        *p++ = ':';
        memcpy(p, record->overlay[i].value, record->overlay[i].value_len);
        p += record->overlay[i].value_len;
        *p++ = '}';
    }
    *p++ = '\n';
    limit_output_took((size_t)(p - to));
}

/* --- the record as a table --- */

void limit_lua_push_table(lua_State *L, const char *text)
{
    lua_createtable(L, 0, 12);
    const char *at = text + 1;
    struct limit_field field;
    while (limit_json_next(&at, &field)) {
        lua_pushlstring(L, field.key, field.key_len);
        push_value(L, &field);
        lua_rawset(L, -3);
    }
}

static void put_string(const char *text, size_t len)
{
    char *to = limit_output_room(2 * len + 2);
    char *p = to;
    *p++ = '"';
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"' || text[i] == '\\') {
            *p++ = '\\';
        }
        *p++ = text[i];
    }
    *p++ = '"';
    limit_output_took((size_t)(p - to));
}

static void put_value(lua_State *L, int index)
{
    size_t len;
    const char *text;
    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &len);
        put_string(text, len);
        return;
    case LUA_TNUMBER: {
        char *to = limit_output_room(32);
        limit_output_took(lua_isinteger(L, index)
                              ? limit_output_integer(to, lua_tointeger(L, index))
                              : limit_output_number(to, lua_tonumber(L, index)));
        return;
    }
    case LUA_TBOOLEAN:
        text = lua_toboolean(L, index) ? "true" : "false";
        limit_output_put(text, strlen(text));
        return;
    default:
        limit_output_put("null", 4);
    }
}

void limit_lua_put_table(lua_State *L, int index)
{
    const char *before = "{";
    lua_pushnil(L);
    while (lua_next(L, index)) {
        size_t len;
        const char *key = lua_tolstring(L, -2, &len);
        limit_output_put(before, 1);
        put_string(key, len);
        limit_output_put(":", 1);
        put_value(L, lua_gettop(L));
        lua_pop(L, 1);
        before = ",";
    }
    limit_output_put("}\n", 2);
}
