/* `require "a.b"` looks for a/b.lua, then a/b/init.lua, in the folders of lua.path, and last in the
 * binary. Names are words and dots only, so they cannot lead out of those folders. */
#include "script/module.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "io/fs.h"
#include "script/chunk.h"
#include "script/errors.h"
#include "script/sandbox.h"
#include "script/script_impl.h"

enum { MODULE_NAME_MAX = 200 };

/* The table of loaded modules is kept in the registry under the first address; `true` under a name
 * while it is being loaded, so that a circle is found. */
static const char loaded_key;
static const char loading;

static bool name_is_valid(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > MODULE_NAME_MAX) {
        return false;
    }
    char before = '.';
    for (const char *p = name; *p; p++) {
        bool is_word = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                       (*p >= '0' && *p <= '9') || *p == '_' || *p == '-';
        if (!is_word && (*p != '.' || before == '.')) {
            return false;
        }
        before = *p;
    }
    return before != '.';
}

static bool file_exists(const char *path)
{
    struct io_file_info info;
    return io_fs_real()->path_info(io_fs_real(), path, &info) == 0 && info.is_regular;
}

static bool find_file(const struct script *script, const char *name, char path[SRT_PATH_MAX])
{
    static const char *const endings[] = {".lua", "/init.lua"};
    char tail[MODULE_NAME_MAX + 1];
    snprintf(tail, sizeof tail, "%s", name);
    for (char *p = tail; *p; p++) {
        *p = *p == '.' ? '/' : *p;
    }
    for (const char *const *folder = script->options.paths; *folder; folder++) {
        for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
            int n = snprintf(path, SRT_PATH_MAX, "%s/%s%s", *folder, tail, endings[i]);
            if (n > 0 && n < SRT_PATH_MAX && file_exists(path)) {
                return true;
            }
        }
    }
    return false;
}

static const struct module_embedded *find_embedded(const char *name)
{
    for (size_t i = 0; i < module_embedded_count; i++) {
        if (strcmp(module_embedded[i].name, name) == 0) {
            return &module_embedded[i];
        }
    }
    return NULL;
}

static int fail_missing(lua_State *L, const struct script *script, const char *name)
{
    luaL_where(L, 1);
    lua_pushfstring(L, "there is no module '%s'; looked for it in", name);
    int parts = 2;
    for (const char *const *folder = script->options.paths; *folder; folder++) {
        luaL_checkstack(L, 2, "paths");
        lua_pushfstring(L, " %s/,", *folder);
        parts++;
    }
    lua_pushliteral(L, " and the library of streamrt");
    lua_concat(L, parts + 1);
    return lua_error(L);
}

/* Push the module's chunk. */
static void load_chunk(lua_State *L, const char *name)
{
    struct script *script = script_of(L);
    char path[SRT_PATH_MAX];
    if (find_file(script, name, path)) {
        struct srt_err err = {0};
        if (chunk_load_file(L, path, &err)) {
            lua_pushstring(L, err.msg); /* has its own position */
            lua_error(L);
        }
        return;
    }
    const struct module_embedded *embedded = find_embedded(name);
    if (!embedded) {
        fail_missing(L, script, name);
    }
    if (chunk_load_text(L, embedded->text, embedded->len, embedded->file) != LUA_OK) {
        lua_error(L);
    }
}

void module_require(lua_State *L, const char *name)
{
    if (!name_is_valid(name)) {
        luaL_error(L, "'%s' is not the name of a module: letters, digits, _ and -, parted by dots",
                   name);
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &loaded_key);
    int loaded = lua_gettop(L);
    int type = lua_getfield(L, loaded, name);
    if (type == LUA_TLIGHTUSERDATA && lua_touserdata(L, -1) == (const void *)&loading) {
        luaL_error(L, "module '%s' requires itself", name);
    }
    if (type == LUA_TNIL) {
        load_chunk(L, name);
        lua_pushlightuserdata(L, (void *)&loading);
        lua_setfield(L, loaded, name);
        lua_pushstring(L, name);
        if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
            lua_pushnil(L);
            lua_setfield(L, loaded, name);
            lua_error(L);
        }
        if (lua_isnil(L, -1)) {
            lua_pushboolean(L, true);
            lua_replace(L, -2);
        }
        lua_pushvalue(L, -1);
        lua_setfield(L, loaded, name);
    }
    lua_replace(L, loaded);
    lua_settop(L, loaded);
}

void module_provide(lua_State *L, const char *name)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &loaded_key);
    lua_insert(L, -2);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

static int require(lua_State *L)
{
    module_require(L, luaL_checkstring(L, 1));
    return 1;
}

void module_open(lua_State *L)
{
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &loaded_key);
    lua_pushcfunction(L, require);
    sandbox_provide(L, "require");
}

/* --- use: --- */

/* (name) -> the function, or nil and what is missing */
static int use_protected(lua_State *L)
{
    const char *name = lua_tostring(L, 1);
    const char *dot = strrchr(name, '.');
    if (!dot || dot == name || !dot[1]) {
        lua_pushnil(L);
        lua_pushfstring(L, "use '%s': expected module.function", name);
        return 2;
    }
    lua_pushlstring(L, name, (size_t)(dot - name));
    const char *module = lua_tostring(L, -1);
    char path[SRT_PATH_MAX];
    if (!name_is_valid(module) ||
        (!find_file(script_of(L), module, path) && !find_embedded(module))) {
        lua_pushnil(L);
        lua_pushfstring(L, "use '%s': there is no module '%s' in lua.path", name, module);
        return 2;
    }
    module_require(L, module);
    if (lua_type(L, -1) != LUA_TTABLE) {
        lua_pushnil(L);
        lua_pushfstring(L, "use '%s': module '%s' returned a %s, not a table of functions", name,
                        module, luaL_typename(L, -2));
        return 2;
    }
    lua_getfield(L, -1, dot + 1);
    if (lua_type(L, -1) != LUA_TFUNCTION) {
        lua_pushnil(L);
        lua_pushfstring(L, "use '%s': module '%s' has no function '%s'", name, module, dot + 1);
        return 2;
    }
    lua_pushnil(L);
    return 2;
}

int script_use(struct script *script, const char *name, struct script_fn *ret_fn,
               struct srt_err *err)
{
    lua_State *L = script->L;
    if (!lua_checkstack(L, LUA_MINSTACK) || !budget_has(&script->budget, strlen(name) + 256)) {
        return srt_fail(err, SRT_EBUDGET, "use '%s': no memory left", name);
    }
    lua_pushcfunction(L, use_protected);
    lua_pushstring(L, name);
    int rc = script_call(script, 1, 2, err);
    if (rc) {
        return rc;
    }
    if (lua_isnil(L, -2)) {
        rc = srt_fail(err, SRT_ENOENT, "%s", lua_tostring(L, -1));
        lua_pop(L, 2);
        return rc;
    }
    lua_pop(L, 1);
    rc = script_fn_take(script, ret_fn);
    return rc ? srt_fail(err, rc, "use '%s': no memory left", name) : SRT_OK;
}
