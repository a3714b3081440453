/* lazy_walk.h - `next` over tables of every kind: members of lazy values in the order of the text.
 *
 * Owner:   the Lua state.
 * Thread:  the state's.
 * Memory:  keys that came last are kept as upvalues of the function that walks.
 * Fails:   raises what `next` raises, and for a text that is not JSON. */
#ifndef SRT_SCRIPT_LAZY_WALK_H
#define SRT_SCRIPT_LAZY_WALK_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

/* lua_next for scripts: knows the members of lazy values, and skips what is hidden. The key is on
 * top; pops it, pushes key and value, or nothing at the end. Needs eight free slots. */
bool lazy_walk_next(lua_State *L, int index);

/* The same for a table that has no metatable. */
bool lazy_walk_plain(lua_State *L, int index);

/* One step of the walk that made the last one, for the C function that runs with a table and a key
 * as its arguments: pushes key and value. False, and nothing is pushed: ask lazy_walk_next(). The
 * function is one of lazy_walk_push_function(). */
bool lazy_walk_step(lua_State *L);

/* Push a function with room for keys. */
void lazy_walk_push_function(lua_State *L, lua_CFunction fn);

enum { LAZY_WALK_KEYS = 32, LAZY_WALK_KEY_MAX = 23 };

struct lazy_walk_key {
    const void *string; /* the upvalue's, as lua_topointer() has it */
    uint8_t len;
    char text[LAZY_WALK_KEY_MAX];
};

/* In the state: which table was walked over last, and how far. */
struct lazy_walk {
    struct json_doc *doc; /* of the table in budget.watched */
    uint32_t slot;        /* the member that was given last, of whatever value */
    const void *last_key; /* its key, if that is one of the upvalues; else NULL */
    struct lazy_walk_key keys[LAZY_WALK_KEYS]; /* by the number of the member; the upvalues' text */
};

#endif
