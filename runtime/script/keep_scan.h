/* keep_scan.h - whether a function surely keeps nothing of its first argument beyond the call.
 *
 * Owner:   none; pure.
 * Thread:  the state's.
 * Memory:  a copy of the function's code while it looks.
 * Fails:   never; what it does not understand may keep its argument. */
#ifndef SRT_SCRIPT_KEEP_SCAN_H
#define SRT_SCRIPT_KEEP_SCAN_H

#include <lua.h>
#include <stdbool.h>

/* The function on top of the stack, which stays there. True: when a call of it is over, nothing but
 * its results and its first argument's own fields can lead to that argument. `is_text`: it is a
 * text's function, all by itself, with the globals as its _ENV. Raises nothing. */
bool keep_scan_forgets(lua_State *L, bool is_text);

#endif
