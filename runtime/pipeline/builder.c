/* Pipelines wholly in Lua. lualib/streamrt/builder.lua records what the file says as a tree of Lua
 * tables; here the tree becomes configuration nodes, which compile like YAML:
 *
 *     file.lua --run--> builder.lua: tree + functions --convert--> config_node --compile--> graph
 *                                        |
 *     a worker: file.lua --run--> the same functions, in the same order --> its own script_fns
 *
 * Everything that touches the tree runs as a C function under script_call(), because reading Lua
 * tables may raise. What it makes lives in the document, so nothing leaks when it does. */
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "pipeline/compile_impl.h"

enum { TREE_DEPTH_MAX = 200 };

struct building {
    struct config_doc *doc; /* NULL in a worker: only the functions are wanted */
    const char *path;
    const char *text;
    size_t text_len;
    struct config_node *tree;
    const char *name;
    struct config_mark name_mark;
    uint32_t fn_count;
    bool refused; /* the builder said no: to what, where, and what would do */
    bool refused_step;
    const char *refused_what;
    const char *refused_help;
    struct config_mark refused_mark;
};

/* (level) -> file, line of the caller there */
static int where(lua_State *L)
{
    lua_Debug ar;
    int level = (int)luaL_checkinteger(L, 1);
    if (!lua_getstack(L, level, &ar) || !lua_getinfo(L, "Sl", &ar)) {
        lua_pushliteral(L, "?");
        lua_pushinteger(L, 0);
        return 2;
    }
    lua_pushstring(L, ar.source[0] == '@' ? ar.source + 1 : ar.short_src);
    lua_pushinteger(L, ar.currentline > 0 ? ar.currentline : 0);
    return 2;
}

/* Push an entry point of the builder, which is in its module's metatable. */
static void push_engine_fn(lua_State *L, const char *name)
{
    lua_getglobal(L, "require");
    lua_pushliteral(L, "streamrt.builder");
    lua_call(L, 1, 1);
    if (luaL_getmetafield(L, -1, name) != LUA_TFUNCTION) {
        luaL_error(L, "the module streamrt.builder was replaced by another");
    }
    lua_remove(L, -2);
}

static int begin_protected(lua_State *L)
{
    const struct building *building = lua_touserdata(L, 1);
    push_engine_fn(L, "begin");
    lua_pushcfunction(L, where);
    lua_pushstring(L, building->path);
    lua_pushlstring(L, building->text ? building->text : "", building->text_len);
    lua_call(L, 3, 0);
    return 0;
}

/* --- the tree --- */

static struct config_mark mark_field(lua_State *L, struct config_doc *doc, int index)
{
    struct config_mark mark = {.width = 1};
    lua_getfield(L, index, "file");
    mark.file = config_strdup(doc, luaL_checkstring(L, -1));
    lua_getfield(L, index, "line");
    mark.line = (int)luaL_checkinteger(L, -1);
    lua_getfield(L, index, "column");
    mark.column = (int)luaL_checkinteger(L, -1);
    lua_getfield(L, index, "width");
    mark.width = (int)luaL_checkinteger(L, -1);
    lua_pop(L, 4);
    return mark;
}

static struct config_node *node_at(lua_State *L, struct config_doc *doc, int index, int depth);

static struct config_node *list_at(lua_State *L, struct config_doc *doc, int index,
                                   struct config_mark mark, int depth)
{
    struct config_node *list = config_new_list(doc, mark);
    lua_getfield(L, index, "items");
    lua_Integer count = luaL_len(L, -1);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, i);
        config_list_add(doc, list, node_at(L, doc, lua_gettop(L), depth + 1));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return list;
}

static struct config_node *map_at(lua_State *L, struct config_doc *doc, int index,
                                  struct config_mark mark, int depth)
{
    struct config_node *map = config_new_map(doc, mark);
    lua_getfield(L, index, "entries");
    lua_Integer count = luaL_len(L, -1);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, i); /* { key, node, at } */
        int entry = lua_gettop(L);
        lua_rawgeti(L, entry, 1);
        lua_rawgeti(L, entry, 2);
        lua_rawgeti(L, entry, 3);
        const char *key = luaL_checkstring(L, entry + 1);
        struct config_node *value = node_at(L, doc, entry + 2, depth + 1);
        config_map_add(doc, map, key, mark_field(L, doc, entry + 3), value);
        lua_settop(L, entry - 1);
    }
    lua_pop(L, 1);
    return map;
}

static struct config_node *node_at(lua_State *L, struct config_doc *doc, int index, int depth)
{
    if (depth > TREE_DEPTH_MAX) {
        luaL_error(L, "the pipeline is nested deeper than %d", TREE_DEPTH_MAX);
    }
    luaL_checkstack(L, 8, "the pipeline is nested too deeply");
    luaL_checktype(L, index, LUA_TTABLE);
    lua_getfield(L, index, "at");
    struct config_mark mark = mark_field(L, doc, lua_gettop(L));
    lua_getfield(L, index, "kind");
    const char *kind = luaL_checkstring(L, -1);
    struct config_node *node = NULL;
    if (!strcmp(kind, "list")) {
        node = list_at(L, doc, index, mark, depth);
    } else if (!strcmp(kind, "map")) {
        node = map_at(L, doc, index, mark, depth);
    } else if (!strcmp(kind, "function")) {
        lua_getfield(L, index, "index");
        node = config_new_scalar(doc, mark, "(function)", strlen("(function)"));
        node->function_index = (int)luaL_checkinteger(L, -1);
        lua_pop(L, 1);
    } else {
        lua_getfield(L, index, "text");
        size_t len;
        const char *text = luaL_checklstring(L, -1, &len);
        if (memchr(text, '\0', len)) {
            luaL_error(L, "a text of a pipeline may not hold a NUL character");
        }
        node = config_new_scalar(doc, mark, text, len);
        node->quoted = true;
        lua_pop(L, 1);
    }
    lua_pop(L, 2);
    return node;
}

/* (building) -> functions */
static int finish_protected(lua_State *L)
{
    struct building *building = lua_touserdata(L, 1);
    push_engine_fn(L, "finish");
    lua_call(L, 0, 2);
    building->fn_count = (uint32_t)luaL_len(L, -1);
    if (building->doc) {
        building->tree = node_at(L, building->doc, lua_gettop(L) - 1, 1);
    }
    return 1;
}

static int refused_protected(lua_State *L)
{
    struct building *building = lua_touserdata(L, 1);
    push_engine_fn(L, "refused");
    lua_call(L, 0, 4); /* kind, what, at, help */
    int at = lua_gettop(L) - 1;
    if (building->doc && lua_isstring(L, at - 2)) {
        building->refused = true;
        building->refused_step = !strcmp(lua_tostring(L, at - 2), "step");
        building->refused_what = config_strdup(building->doc, luaL_checkstring(L, at - 1));
        building->refused_help =
            lua_isstring(L, at + 1) ? config_strdup(building->doc, lua_tostring(L, at + 1)) : NULL;
        building->refused_mark = mark_field(L, building->doc, at);
    }
    return 0;
}

static int call_protected(struct script *script, lua_CFunction fn, struct building *building,
                          int result_count, struct srt_err *err)
{
    lua_State *L = script_state(script);
    lua_pushcfunction(L, fn);
    lua_pushlightuserdata(L, building);
    return script_call(script, 1, result_count, err);
}

/* Run the file; on success its functions are on the stack in a table. */
static int run(struct script *script, struct building *building, struct srt_err *err)
{
    lua_State *L = script_state(script);
    int result_count = 0;
    int rc = call_protected(script, begin_protected, building, 0, err);
    if (!rc) {
        rc = script_run_file(script, building->path, &result_count, err);
    }
    if (!rc) {
        lua_pop(L, result_count);
        rc = call_protected(script, finish_protected, building, 1, err);
    }
    if (rc) {
        struct srt_err second = {0};
        (void)call_protected(script, refused_protected, building, 0,
                             &second); /* the first one is told */
    }
    return rc;
}

/* --- for compiling --- */

static void report_failure(struct compile *c, const struct building *building,
                           const struct config_mark *from, const struct srt_err *err)
{
    if (building->refused_step) {
        const struct config_entry step = {.key = building->refused_what,
                                          .key_mark = building->refused_mark};
        config_report_unknown(c->doc, DIAG_E012, &step, operator_names(), "a stream");
        c->ok = false;
        return;
    }
    if (building->refused) {
        struct diag *diag =
            compile_error(c, DIAG_E090, &building->refused_mark, "%s not available in this version",
                          building->refused_what);
        if (building->refused_help) {
            diag_help(diag, "%s", building->refused_help);
        }
        return;
    }
    struct config_mark mark = {.file = building->path, .width = 1};
    const char *text = compile_error_place(c->doc, err->msg, &mark);
    if (err->code != SRT_EPARSE && err->code != SRT_ESCRIPT && err->code != SRT_EBUDGET) {
        struct diag *diag = compile_error(c, DIAG_E001, from ? from : &mark, "%s", err->msg);
        if (from && err->code == SRT_ENOENT) {
            diag_help(diag, "paths are relative to the file that names them");
        }
        return;
    }
    compile_lua_hint(
        c, compile_error(c, err->code == SRT_EPARSE ? DIAG_L001 : DIAG_L002, &mark, "%s", text),
        &mark);
}

/* `name` is the one option of s.pipeline that YAML has as a key. */
static void take_name(struct compile *c, struct building *building)
{
    for (size_t i = 0; i < building->tree->entry_count; i++) {
        struct config_entry *entry = &building->tree->entries[i];
        if (strcmp(entry->key, "name") != 0) {
            continue;
        }
        building->name = entry->value->text;
        building->name_mark = entry->value->mark;
        if (entry->value->kind != CONFIG_SCALAR || entry->value->function_index) {
            compile_error(c, DIAG_E011, &entry->value->mark, "'name' %s; it takes a text",
                          config_describe(c->doc, entry->value));
            building->name = NULL;
        }
        entry->key = "x-name";
    }
}

struct config_node *builder_read(struct compile *c, struct script *script, const char *path,
                                 const struct config_mark *from, const char **ret_name,
                                 struct config_mark *ret_name_mark, uint32_t *ret_fn_count)
{
    struct building building = {.doc = c->doc, .path = path};
    building.text = config_file_text(c->doc, path, &building.text_len);
    struct srt_err err = {0};
    if (run(script, &building, &err)) {
        report_failure(c, &building, from, &err);
        return NULL;
    }
    lua_pop(script_state(script), 1);
    take_name(c, &building);
    *ret_name = building.name;
    *ret_name_mark = building.name_mark;
    *ret_fn_count = building.fn_count;
    return building.tree;
}

/* --- for workers --- */

int builder_load(struct script *script, const char *path, uint32_t fn_count,
                 struct script_fn *ret_fns, struct srt_err *err)
{
    lua_State *L = script_state(script);
    struct building building = {.path = path};
    int rc = run(script, &building, err);
    if (rc) {
        return rc;
    }
    if (building.fn_count != fn_count) {
        lua_pop(L, 1);
        return srt_fail(
            err, SRT_ESCRIPT,
            "%s: the file is not deterministic: it made %u functions when it was checked, now %u",
            path, fn_count, building.fn_count);
    }
    for (uint32_t i = 0; i < fn_count && !rc; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        rc = script_fn_take(script, &ret_fns[i]);
        if (rc) {
            srt_fail(err, rc, "%s: no memory left for its functions", path);
        }
    }
    lua_pop(L, 1);
    return rc;
}
