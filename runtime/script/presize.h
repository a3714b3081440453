/* presize.h - room from the start for the tables that a function fills in a loop.
 *
 * Owner:   none.
 * Thread:  the state's.
 * Memory:  a copy of the function's code for a moment.
 * Fails:   raises when memory is short. A function that is not understood stays as it is. */
#ifndef SRT_SCRIPT_PRESIZE_H
#define SRT_SCRIPT_PRESIZE_H

#include <lua.h>

/* Replace the function on top of the stack, whose only upvalue is an _ENV with the globals, if it
 * copies fields in a loop. Lines and names of its errors stay. */
void presize_function(lua_State *L);

#endif
