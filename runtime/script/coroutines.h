/* coroutines.h - Lua's coroutine library, such that a used-up budget ends every coroutine too.
 *
 * Owner:   the state.
 * Thread:  the state's.
 * Memory:  the state's.
 * Fails:   coroutines_open raises out of memory: run it protected. */
#ifndef SRT_SCRIPT_COROUTINES_H
#define SRT_SCRIPT_COROUTINES_H

#include <lua.h>

/* Push the library's table. */
void coroutines_open(lua_State *L);

#endif
