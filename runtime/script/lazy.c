/* A JSON object or array is given to a script as a table that is empty but for one hidden field,
 * which holds its text. A metatable, shared by all and invisible to scripts, fills in the rest:
 *
 *     table T ---metatable---> lazy {__index, __newindex, __len}
 *       [doc_key]  = userdata json_doc {text, slots}    an outermost value, or a touched one
 *                    integer, position and length       an inner one that nobody touched
 *       [home_key] = the outermost value's userdata     of inner ones: keeps the text alive
 *       a          = 17                                 written by the script
 *       items      = table                              an inner one, made when asked for
 *
 * The first touch validates and indexes the text. A scalar is decoded each time it is read, which
 * costs less than keeping it. An inner container is made once and kept, so that v.a == v.a. From
 * then on, as after a write, the table's own field is the truth and the slot is marked
 * SLOT_IN_TABLE; so a field that is set to nil stays away.
 *
 * pairs and next walk over an object's members in the order of the text, then over the fields that
 * the script has added. What sees a table as a whole (setmetatable, rawlen, any index of an array)
 * flattens it: all members are decoded into the table, inner containers staying lazy, and the
 * metatable is taken off. It is a plain table then, with hidden fields that our `next` skips and
 * that splice.c finds its text by.
 *
 * Because the text is copied into the state, a script may keep a value as long as it likes. */
#include "script/lazy.h"

#include <lauxlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"
#include "script/script_impl.h"

static const char doc_key;
static const char home_key;
static const char null_key;

enum {
    SCRATCH_SLOTS_MAX = 1 << 14, /* a larger index is given back after use */
    REUSED_TEXT_MIN = 512,
    REUSED_TEXT_MAX = 64 << 10, /* longer values take most of their time elsewhere */
    REUSED_FIELDS_MAX = 32,     /* with more of its own, a new table costs less than clearing it */
};

/* --- null --- */

void lazy_push_null(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&null_key);
}

bool lazy_is_null(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TLIGHTUSERDATA &&
           lua_touserdata(L, index) == (void *)&null_key;
}

static int null_tostring(lua_State *L)
{
    lua_pushstring(L, lazy_is_null(L, 1) ? "null" : "userdata");
    return 1;
}

static void open_null(lua_State *L)
{
    lazy_push_null(L);
    lua_createtable(L, 0, 3);
    lua_pushcfunction(L, null_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}

bool lazy_is_hidden(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TLIGHTUSERDATA) {
        return false;
    }
    const void *key = lua_touserdata(L, index);
    return key == &doc_key || key == &home_key;
}

/* --- making --- */

static void set_lazy_metatable(lua_State *L)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, script_of(L)->refs.lazy_mt);
    lua_setmetatable(L, -2);
}

size_t lazy_push_bytes(lua_State *L, size_t size)
{
    enum { TABLES_AND_HEADERS = 1024 };
    return sizeof(struct json_doc) + script_of(L)->slots_guess * sizeof(struct json_slot) + size +
           JSON_PAD_BYTES + TABLES_AND_HEADERS;
}

/* With the zeros that json_index_padded() wants. */
static void copy_text(char *to, const char *text, size_t size)
{
    memcpy(to, text, size);
    memset(to + size, 0, JSON_PAD_BYTES);
}

void lazy_push(lua_State *L, const char *text, size_t size)
{
    struct script *script = script_of(L);
    uint32_t slot_cap = script->slots_guess;
    srt_assert(size <= INT32_MAX);
    lua_createtable(L, 0, 2);
    size_t room = slot_cap * sizeof(struct json_slot);
    struct json_doc *doc = lua_newuserdatauv(L, sizeof *doc + room + size + JSON_PAD_BYTES, 0);
    char *copy = (char *)(doc + 1) + room;
    copy_text(copy, text, size);
    *doc = (struct json_doc){
        .text = copy, .size = (uint32_t)size, .slot_cap = slot_cap, .is_root = true};
    lua_rawsetp(L, -2, &doc_key);
    set_lazy_metatable(L);
    script->stats.pushed++;
}

/* --- one table for many values --- */

static void set_reused_text(struct json_doc *doc, const char *text, size_t size)
{
    char *room = (char *)(doc + 1) + JSON_DOC_FEW * sizeof(struct json_slot);
    copy_text(room, text, size);
    *doc = (struct json_doc){
        .text = room, .size = (uint32_t)size, .slot_cap = JSON_DOC_FEW, .is_root = true};
}

static void forget_reused(lua_State *L)
{
    struct script *script = script_of(L);
    script->reused_doc = NULL;
    script->reused_table = NULL;
    lua_pushboolean(L, false);
    lua_rawseti(L, LUA_REGISTRYINDEX, script->refs.reused);
}

/* Push a new table with room for texts like this one; it takes the old one's place. */
static bool push_reusable(lua_State *L, const char *text, size_t size)
{
    enum { TABLES_AND_HEADERS = 1024 };
    struct script *script = script_of(L);
    size_t cap = 2 * size > REUSED_TEXT_MIN ? 2 * size : REUSED_TEXT_MIN;
    size_t bytes =
        sizeof(struct json_doc) + JSON_DOC_FEW * sizeof(struct json_slot) + cap + JSON_PAD_BYTES;
    if (!budget_has(&script->budget, bytes + TABLES_AND_HEADERS)) {
        return false;
    }
    lua_createtable(L, 0, 2);
    struct json_doc *doc = lua_newuserdatauv(L, bytes, 0);
    set_reused_text(doc, text, size);
    lua_rawsetp(L, -2, &doc_key);
    set_lazy_metatable(L);
    lua_pushvalue(L, -1);
    lua_rawseti(L, LUA_REGISTRYINDEX, script->refs.reused);
    script->reused_doc = doc;
    script->reused_table = lua_topointer(L, -1);
    script->reused_text_cap = (uint32_t)cap;
    return true;
}

bool lazy_push_reused(lua_State *L, const char *text, size_t size)
{
    struct script *script = script_of(L);
    if (script->reused_is_out || size > REUSED_TEXT_MAX) {
        return false;
    }
    if (script->reused_doc && size <= script->reused_text_cap) {
        set_reused_text(script->reused_doc, text, size);
        script->budget.watched = NULL; /* a walk over the one before is no walk over this one */
        lua_rawgeti(L, LUA_REGISTRYINDEX, script->refs.reused);
        script->stats.reused++;
    } else if (!push_reusable(L, text, size)) {
        return false;
    }
    script->reused_is_out = true;
    script->stats.pushed++;
    return true;
}

/* Take the fields that a script wrote off the table on top of the stack. */
static bool clear_fields(lua_State *L)
{
    int table = lua_gettop(L);
    int count = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        if (lazy_is_hidden(L, -1)) {
            continue;
        }
        if (++count > REUSED_FIELDS_MAX) {
            lua_pop(L, 1);
            return false;
        }
        lua_pushvalue(L, -1);
        lua_pushnil(L);
        lua_rawset(L, table); /* a field that is there: allocates nothing */
    }
    return true;
}

void lazy_release(lua_State *L)
{
    struct script *script = script_of(L);
    struct json_doc *doc = script->reused_doc;
    if (!script->reused_is_out) {
        return;
    }
    script->reused_is_out = false;
    if (doc->is_kept || !lua_checkstack(L, 6)) {
        forget_reused(L);
        return;
    }
    if (doc->is_dirty) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, script->refs.reused);
        bool cleared = clear_fields(L);
        lua_pop(L, 1);
        if (!cleared) {
            forget_reused(L);
        }
    }
}

/* Push an untouched table for a container inside the document of the table at `table`. */
static void push_inner(lua_State *L, int table, struct json_doc *doc, const struct json_slot *slot)
{
    doc->is_kept = true;
    lua_createtable(L, 0, 2);
    lua_rawgetp(L, table, doc->is_root ? &doc_key : &home_key);
    const struct json_doc *root = lua_touserdata(L, -1);
    uint64_t at = (uint64_t)(doc->text + slot->value_at - root->text);
    lua_rawsetp(L, -2, &home_key);
    lua_pushinteger(L, (lua_Integer)(at << 32 | slot->value_len));
    lua_rawsetp(L, -2, &doc_key);
    set_lazy_metatable(L);
}

/* --- reading members --- */

/* Push a member of the document of the table at `table`. */
static void push_member(lua_State *L, int table, struct json_doc *doc,
                        const struct json_slot *slot)
{
    if (json_slot_is_container(slot)) {
        push_inner(L, table, doc, slot);
    } else {
        lazy_push_scalar(L, doc, slot);
    }
}

void lazy_push_kept(lua_State *L, int table, struct json_doc *doc, struct json_slot *slot)
{
    push_inner(L, table, doc, slot);
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, table);
    slot->type |= SLOT_IN_TABLE;
    doc->is_dirty = true;
}

void lazy_push_any(lua_State *L, const char *text, size_t size)
{
    size_t at = strspn(text, " \t\r\n");
    if (at < size && (text[at] == '{' || text[at] == '[')) {
        lazy_push(L, text, size);
        return;
    }
    struct json_index *index = &script_of(L)->scratch_index;
    size_t error_at;
    if (json_index(index, text, size, &error_at)) {
        luaL_error(L, "not JSON at byte %d", (int)error_at);
    }
    struct json_doc doc = {.text = text};
    lazy_push_scalar(L, &doc, &index->root);
}

/* --- touching --- */

static void shrink_scratch(struct json_index *index)
{
    if (index->cap > SCRATCH_SLOTS_MAX) {
        json_index_fini(index);
        json_index_init(index);
    }
}

static int fail_index(lua_State *L, int rc, size_t error_at)
{
    shrink_scratch(&script_of(L)->scratch_index);
    if (rc == SRT_EPARSE) {
        return luaL_error(L, "the value is not JSON: unexpected at byte %d", (int)error_at);
    }
    if (rc == SRT_ETOOBIG) {
        return luaL_error(L, "the value is JSON nested deeper than %d", SRT_JSON_DEPTH_MAX);
    }
    return luaL_error(L, "not enough memory");
}

/* Room for slots and hash that do not fit behind the header: a userdata, pushed. */
static struct json_slot *push_room(lua_State *L, const struct json_index *index, uint32_t hash_size,
                                   size_t header, uint32_t **ret_hash)
{
    size_t slots = index->count * sizeof(struct json_slot);
    char *block = lua_newuserdatauv(L, header + slots + hash_size * sizeof(uint32_t), 0);
    *ret_hash = (uint32_t *)(void *)(block + header + slots);
    return (struct json_slot *)(void *)(block + header);
}

static void index_root(lua_State *L, int table, struct json_doc *doc)
{
    struct script *script = script_of(L);
    struct json_index *index = &script->scratch_index;
    size_t error_at = 0;
    int rc = json_index_padded(index, doc->text, doc->size, &error_at);
    if (rc) {
        fail_index(L, rc, error_at);
    }
    uint32_t hash_size = index->type == JSON_OBJECT ? json_doc_hash_size(index->count) : 0;
    struct json_slot *slots = (struct json_slot *)(doc + 1);
    uint32_t *hash = NULL;
    if (index->count > doc->slot_cap || hash_size) {
        slots = push_room(L, index, hash_size, 0, &hash);
        doc->is_kept = true;
        lua_rawsetp(L, table, &home_key);
    }
    json_doc_set_members(doc, index, slots, hash, hash_size);
    script->slots_guess = doc->count <= JSON_DOC_FEW ? doc->count : 0;
    shrink_scratch(index);
    script->stats.indexed++;
}

/* Give an inner container its own document: in place of position and length. */
static struct json_doc *index_inner(lua_State *L, int table, lua_Integer span)
{
    struct script *script = script_of(L);
    struct json_index *index = &script->scratch_index;
    lua_rawgetp(L, table, &home_key);
    const struct json_doc *root = lua_touserdata(L, -1);
    lua_pop(L, 1);
    const char *text = root->text + ((uint64_t)span >> 32);
    uint32_t size = (uint32_t)span;
    int rc = json_index_trusted(index, text, size);
    if (rc) {
        fail_index(L, rc, 0);
    }
    uint32_t hash_size = index->type == JSON_OBJECT ? json_doc_hash_size(index->count) : 0;
    uint32_t *hash = NULL;
    struct json_slot *slots = push_room(L, index, hash_size, sizeof(struct json_doc), &hash);
    struct json_doc *doc = lua_touserdata(L, -1);
    *doc = (struct json_doc){.text = text, .size = size};
    json_doc_set_members(doc, index, slots, hash, hash_size);
    shrink_scratch(index);
    lua_rawsetp(L, table, &doc_key);
    return doc;
}

struct json_doc *lazy_touch(lua_State *L, int table)
{
    struct script *script = script_of(L);
    if (script->reused_doc && lua_topointer(L, table) == script->reused_table) {
        if (!script->reused_doc->indexed) {
            index_root(L, table, script->reused_doc);
        }
        return script->reused_doc;
    }
    if (lua_rawgetp(L, table, &doc_key) == LUA_TUSERDATA) {
        struct json_doc *doc = lua_touserdata(L, -1);
        lua_pop(L, 1);
        if (!doc->indexed) {
            index_root(L, table, doc);
        }
        return doc;
    }
    lua_Integer span = lua_tointeger(L, -1);
    lua_pop(L, 1);
    return index_inner(L, table, span);
}

void lazy_adopt_index(lua_State *L, int table, const struct json_index *index)
{
    lua_rawgetp(L, table, &doc_key);
    struct json_doc *doc = lua_touserdata(L, -1);
    lua_pop(L, 1);
    srt_assert(doc && doc->is_root && !doc->indexed);
    if (index->count <= doc->slot_cap && json_doc_hash_size(index->count) == 0) {
        json_doc_set_members(doc, index, (struct json_slot *)(doc + 1), NULL, 0);
    }
}

bool lazy_is(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index)) {
        return false;
    }
    bool lazy = lua_topointer(L, -1) == script_of(L)->lazy_mt;
    lua_pop(L, 1);
    return lazy;
}

static void flatten(lua_State *L, int table, struct json_doc *doc)
{
    luaL_checkstack(L, 8, "flatten");
    doc->is_kept = true;
    json_doc_find_shadows(doc);
    for (uint32_t i = 0; i < doc->count; i++) {
        struct json_slot *slot = &doc->slots[i];
        if (slot->type & (SLOT_IN_TABLE | SLOT_SHADOWED)) {
            continue;
        }
        if (doc->type == JSON_ARRAY) {
            push_member(L, table, doc, slot);
            lua_rawseti(L, table, (lua_Integer)i + 1);
        } else {
            lazy_push_key(L, doc, slot);
            push_member(L, table, doc, slot);
            lua_rawset(L, table);
        }
        slot->type |= SLOT_IN_TABLE;
    }
    doc->is_dirty = true;
    lua_pushnil(L);
    lua_setmetatable(L, table);
    script_of(L)->budget.watched = NULL;
    script_of(L)->stats.materialised++;
}

void lazy_flatten(lua_State *L, int index)
{
    if (lazy_is(L, index)) {
        index = lua_absindex(L, index);
        luaL_checkstack(L, 8, "flatten");
        flatten(L, index, lazy_touch(L, index));
    }
}

/* --- metamethods: (table, key), (table, key, value), (table) --- */

static int meta_index(lua_State *L)
{
    struct json_doc *doc = lazy_touch(L, 1);
    if (doc->type == JSON_ARRAY) {
        flatten(L, 1, doc);
        lua_pushvalue(L, 2);
        lua_rawget(L, 1);
        return 1;
    }
    if (lua_type(L, 2) != LUA_TSTRING) {
        return 0;
    }
    size_t len;
    const char *key = lua_tolstring(L, 2, &len);
    struct json_slot *slot = json_doc_find(doc, key, len);
    if (!slot || slot->type & SLOT_IN_TABLE) {
        return 0;
    }
    if (!json_slot_is_container(slot)) {
        lazy_push_scalar(L, doc, slot);
        return 1;
    }
    lua_pushvalue(L, 2);
    lazy_push_kept(L, 1, doc, slot);
    return 1;
}

static int meta_newindex(lua_State *L)
{
    struct json_doc *doc = lazy_touch(L, 1);
    lua_settop(L, 3);
    if (doc->type == JSON_ARRAY) {
        flatten(L, 1, doc);
        lua_rawset(L, 1);
        return 0;
    }
    struct json_slot *slot = NULL;
    if (lua_type(L, 2) == LUA_TSTRING) {
        size_t len;
        const char *key = lua_tolstring(L, 2, &len);
        slot = json_doc_find(doc, key, len);
    }
    lua_rawset(L, 1); /* raises for nil and NaN, before anything is marked */
    if (slot) {
        slot->type |= SLOT_IN_TABLE;
    }
    doc->is_dirty = true;
    return 0;
}

static int meta_len(lua_State *L)
{
    const struct json_doc *doc = lazy_touch(L, 1);
    lua_pushinteger(L, doc->type == JSON_ARRAY ? (lua_Integer)doc->count
                                               : (lua_Integer)lua_rawlen(L, 1));
    return 1;
}

void lazy_open(lua_State *L)
{
    open_null(L);
    static const luaL_Reg methods[] = {
        {"__index", meta_index}, {"__newindex", meta_newindex}, {"__len", meta_len}, {NULL, NULL}};
    luaL_newlib(L, methods);
    script_of(L)->lazy_mt = lua_topointer(L, -1);
    script_of(L)->refs.lazy_mt = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushboolean(L, false); /* the slot is there from now on: setting it allocates nothing */
    script_of(L)->refs.reused = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* --- whole tables --- */

void lazy_mark_array(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    if (lazy_is(L, index)) {
        struct json_doc *doc = lazy_touch(L, index);
        if (doc->type == JSON_ARRAY) {
            return;
        }
        flatten(L, index, doc);
    }
    struct lazy_source source;
    lazy_source(L, index, &source);
    if (source.origin == LAZY_INDEXED && source.doc->type == JSON_ARRAY) {
        return;
    }
    lua_pushboolean(L, true);
    lua_rawsetp(L, index, &doc_key);
}

bool lazy_has_first(lua_State *L, int table)
{
    bool has = lua_rawgeti(L, table, 1) != LUA_TNIL;
    lua_pop(L, 1);
    return has;
}

bool lazy_is_array(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    if (lua_type(L, index) != LUA_TTABLE) {
        return false;
    }
    if (lazy_is(L, index)) {
        struct json_doc *doc = lazy_touch(L, index);
        if (doc->type == JSON_ARRAY) {
            return true;
        }
    }
    struct lazy_source source;
    lazy_source(L, index, &source);
    return lazy_has_first(L, index) || source.origin == LAZY_MARKED ||
           (source.origin == LAZY_INDEXED && source.doc->type == JSON_ARRAY);
}

void lazy_source(lua_State *L, int index, struct lazy_source *ret)
{
    *ret = (struct lazy_source){.origin = LAZY_PLAIN};
    index = lua_absindex(L, index);
    int type = lua_rawgetp(L, index, &doc_key);
    if (type == LUA_TUSERDATA) {
        struct json_doc *doc = lua_touserdata(L, -1);
        if (doc->indexed) {
            *ret = (struct lazy_source){.origin = LAZY_INDEXED, .doc = doc};
        } else {
            *ret = (struct lazy_source){.origin = LAZY_UNTOUCHED,
                                        .is_root = true,
                                        .text = doc->text,
                                        .size = doc->size};
        }
    } else if (type == LUA_TNUMBER) {
        uint64_t span = (uint64_t)lua_tointeger(L, -1);
        lua_rawgetp(L, index, &home_key);
        const struct json_doc *root = lua_touserdata(L, -1);
        lua_pop(L, 1);
        *ret = (struct lazy_source){
            .origin = LAZY_UNTOUCHED, .text = root->text + (span >> 32), .size = (uint32_t)span};
    } else if (type == LUA_TBOOLEAN) {
        ret->origin = LAZY_MARKED;
    }
    lua_pop(L, 1);
}
