/* sandbox.h - what a script can see: an allow-list of Lua's own functions, made safe.
 *
 * Owner:   the state.
 * Thread:  the state's.
 * Memory:  the state's.
 * Fails:   sandbox_open runs protected and raises out of memory. */
#ifndef SRT_SCRIPT_SANDBOX_H
#define SRT_SCRIPT_SANDBOX_H

#include <lua.h>
#include <stdbool.h>

/* Make the globals: `_G` holds what the script assigns, and behind it stand the built-ins, which
 * cannot be replaced. Leaves the stack as it was. */
void sandbox_open(lua_State *L);

/* Give the script a built-in of that name: the value on top of the stack, which is popped. */
void sandbox_provide(lua_State *L, const char *name);

/* Replace the table on top of the stack by one that reads the same and refuses to be written.
 * `name` is for the message. */
void sandbox_lock(lua_State *L, const char *name);

/* If the value at `index` is a locked table: push the table behind it and return true. */
bool sandbox_behind(lua_State *L, int index);

#endif
