/* lazy.h - JSON objects and arrays that are Lua tables from the first moment and are read on
 * demand.
 *
 * Owner:   the Lua state.
 * Thread:  the state's.
 * Memory:  the state's, counted.
 * Fails:   functions that take a lua_State raise Lua errors: a text that is not JSON, out of
 *          memory. */
#ifndef SRT_SCRIPT_LAZY_H
#define SRT_SCRIPT_LAZY_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "script/json_doc.h"

/* Creates the metatable. Runs protected. */
void lazy_open(lua_State *L);

/* Push a table for the text of an object or array, which is copied and not looked at. */
void lazy_push(lua_State *L, const char *text, size_t size);

/* What lazy_push() takes at most from the state's memory. */
size_t lazy_push_bytes(lua_State *L, size_t size);

/* lazy_push() into the table that lazy_release() gave back, or a new one that it will get; false,
 * and nothing is pushed, when that is out, the text is long, or memory is short. Raises nothing. */
bool lazy_push_reused(lua_State *L, const char *text, size_t size);
void lazy_release(lua_State *L);

/* The same text as that of the untouched outermost table at `table` was indexed elsewhere: take
 * that over if there is room for it at hand, so that the first touch has nothing to do. Raises
 * nothing. */
void lazy_adopt_index(lua_State *L, int table, const struct json_index *index);

/* Push any JSON text that is known to be valid: a lazy table or a scalar. */
void lazy_push_any(lua_State *L, const char *text, size_t size);

/* Push a member of a document that is not a container. */
void lazy_push_scalar(lua_State *L, const struct json_doc *doc, const struct json_slot *slot);

/* JSON's null: a value that is not nil. */
void lazy_push_null(lua_State *L);
bool lazy_is_null(lua_State *L, int index);

/* Whether the value at `index` is a table that still reads from its text. */
bool lazy_is(lua_State *L, int index);

/* The document of the lazy table at `table` (absolute), indexed. */
struct json_doc *lazy_touch(lua_State *L, int table);

/* Push a member that is a container, whose key is on top, and keep it in the table. */
void lazy_push_kept(lua_State *L, int table, struct json_doc *doc, struct json_slot *slot);

/* Make it a plain table, with all its members in it. Anything else is left alone. */
void lazy_flatten(lua_State *L, int index);

/* s.array: the table at `index` is an array even when it is empty. */
void lazy_mark_array(lua_State *L, int index);
/* Whether the value at `index` would be written as a JSON array. */
bool lazy_is_array(lua_State *L, int index);

/* What a table comes from. */
enum lazy_origin {
    LAZY_PLAIN,     /* made by the script */
    LAZY_MARKED,    /* made by s.array */
    LAZY_UNTOUCHED, /* JSON that nobody looked at: `text` and `size` are set, `doc` is NULL */
    LAZY_INDEXED,   /* JSON: `doc` is set */
};
struct lazy_source {
    enum lazy_origin origin;
    bool is_root; /* UNTOUCHED: an outermost value, neither validated nor trimmed */
    const char *text;
    size_t size;
    struct json_doc *doc;
};
/* Raises nothing. */
void lazy_source(lua_State *L, int index, struct lazy_source *ret);

/* Whether the light userdata at `index` is one of the hidden keys. */
bool lazy_is_hidden(lua_State *L, int index);

/* Whether the table has a field 1 of its own: what makes it an array. Raises nothing. */
bool lazy_has_first(lua_State *L, int table);

/* Push a member's key. */
void lazy_push_key(lua_State *L, const struct json_doc *doc, const struct json_slot *slot);

#endif
