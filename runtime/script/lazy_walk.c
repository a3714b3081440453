/* A walk over a lazy object goes from member to member of its index. Where it is, only the key says
 * that `next` is given, but nearly always it is the one that was given last: then a step costs a
 * comparison, not a search.
 *
 * That the table is still the one that was walked over is told by its address. So that no other
 * table can have that address unnoticed, the allocator looks out for it (budget.watched): once the
 * table is freed, or is no lazy object any more, no table is the one.
 *
 * Records of one topic have the same keys at the same places. The strings of the last record's are
 * upvalues of the function that walks: pushing one of those costs less than to find it again among
 * all of Lua's strings. */
#include "script/lazy_walk.h"

#include <lauxlib.h>
#include <string.h>

#include "script/lazy.h"
#include "script/script_impl.h"

void lazy_walk_push_function(lua_State *L, lua_CFunction fn)
{
    script_of(L)->walk = (struct lazy_walk){0}; /* no key is known to this function */
    luaL_checkstack(L, LAZY_WALK_KEYS, "keys");
    for (int i = 0; i < LAZY_WALK_KEYS; i++) {
        lua_pushliteral(L, "");
    }
    lua_pushcclosure(L, fn, LAZY_WALK_KEYS);
}

/* --- one step after the other --- */

/* The member's key, as lazy_push_key() would push it. */
static void push_known_key(lua_State *L, struct lazy_walk *walk, const struct json_doc *doc,
                           uint32_t i)
{
    const struct json_slot *slot = &doc->slots[i];
    const char *text = doc->text + slot->key_at;
    struct lazy_walk_key *known = &walk->keys[i % LAZY_WALK_KEYS];
    int upvalue = lua_upvalueindex((int)(i % LAZY_WALK_KEYS) + 1);
    if (known->len == slot->key_len && memcmp(known->text, text, slot->key_len) == 0) {
        lua_pushvalue(L, upvalue);
        walk->last_key = known->string;
        return;
    }
    lua_pushlstring(L, text, slot->key_len);
    walk->last_key = NULL;
    if (slot->key_len <= LAZY_WALK_KEY_MAX) {
        walk->last_key = known->string = lua_topointer(L, -1);
        known->len = (uint8_t)slot->key_len;
        memcpy(known->text, text, slot->key_len);
        lua_pushvalue(L, -1);
        lua_replace(L, upvalue);
    }
}

/* Whether the argument is the key that was given last. The upvalue keeps that string, so no other
 * can be at its address. */
static bool is_last_key(lua_State *L, const struct lazy_walk *walk, const char *text, size_t len)
{
    if (walk->last_key && lua_topointer(L, 2) == walk->last_key) {
        return true;
    }
    size_t key_len;
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tolstring(L, 2, &key_len) : NULL;
    return key && key_len == len && memcmp(key, text, len) == 0;
}

bool lazy_walk_step(lua_State *L)
{
    struct script *script = script_of(L);
    const void *table = lua_topointer(L, 1);
    struct lazy_walk *walk = &script->walk;
    if (!table || table != script->budget.watched) {
        return false;
    }
    struct json_doc *doc = walk->doc;
    if (!doc->indexed || walk->slot + 1 >= doc->count) {
        return false;
    }
    const struct json_slot *last = &doc->slots[walk->slot];
    const struct json_slot *next = last + 1;
    if (last->key_escaped || next->key_escaped || next->type >= JSON_ARRAY) {
        return false; /* a container, or marked */
    }
    if (!is_last_key(L, walk, doc->text + last->key_at, last->key_len)) {
        return false;
    }
    push_known_key(L, walk, doc, ++walk->slot);
    lazy_push_scalar(L, doc, next);
    return true;
}

/* --- any step --- */

/* The number of the member with the key at `key`; false when there is none. */
static bool find_by_key(lua_State *L, const struct json_doc *doc, int key, uint32_t *ret)
{
    if (lua_type(L, key) != LUA_TSTRING) {
        return false;
    }
    size_t len;
    const char *text = lua_tolstring(L, key, &len);
    uint32_t guess = script_of(L)->walk.slot;
    if (guess < doc->count && !(doc->slots[guess].type & SLOT_SHADOWED) &&
        json_doc_key_is(doc, &doc->slots[guess], text, len)) {
        *ret = guess;
        return true;
    }
    const struct json_slot *slot = json_doc_find(doc, text, len);
    *ret = slot ? (uint32_t)(slot - doc->slots) : 0;
    return slot;
}

/* Push key and value of a member; false, and nothing is pushed, when it is no field any more. */
static bool push_pair(lua_State *L, int table, struct json_doc *doc, uint32_t i)
{
    struct json_slot *slot = &doc->slots[i];
    if (slot->type & SLOT_SHADOWED) {
        return false;
    }
    lazy_push_key(L, doc, slot);
    if (slot->type & SLOT_IN_TABLE) {
        lua_pushvalue(L, -1);
        if (lua_rawget(L, table) == LUA_TNIL) {
            lua_pop(L, 2);
            return false;
        }
    } else if (json_slot_is_container(slot)) {
        lazy_push_kept(L, table, doc, slot);
    } else {
        lazy_push_scalar(L, doc, slot);
    }
    return true;
}

/* lazy_walk_next() for a lazy object. A key that is no member is one of the fields behind them. */
static bool next_member(lua_State *L, int table, struct json_doc *doc)
{
    struct script *script = script_of(L);
    json_doc_find_shadows(doc);
    uint32_t i = 0;
    bool begins = lua_isnil(L, -1);
    if (begins || find_by_key(L, doc, -1, &i)) {
        lua_pop(L, 1);
        for (i += !begins; i < doc->count; i++) {
            if (push_pair(L, table, doc, i)) {
                script->walk.doc = doc;
                script->walk.slot = i;
                script->walk.last_key = NULL;
                script->budget.watched = lua_topointer(L, table);
                return true;
            }
        }
        if (!doc->is_dirty) {
            return false;
        }
        lua_pushnil(L);
    }
    while (lua_next(L, table)) {
        if (!lazy_is_hidden(L, -2) && !find_by_key(L, doc, -2, &i)) {
            return true;
        }
        lua_pop(L, 1);
    }
    return false;
}

bool lazy_walk_plain(lua_State *L, int index)
{
    while (lua_next(L, index)) {
        if (!lazy_is_hidden(L, -2)) {
            return true;
        }
        lua_pop(L, 1);
    }
    return false;
}

bool lazy_walk_next(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    if (lazy_is(L, index)) {
        struct json_doc *doc = lazy_touch(L, index);
        if (doc->type == JSON_OBJECT) {
            return next_member(L, index, doc);
        }
        lazy_flatten(L, index);
    }
    return lazy_walk_plain(L, index);
}
