/* library_string.h - the functions of Lua's string library that a deadline has to end.
 *
 * Owner:   the state.
 * Thread:  the state's.
 * Memory:  the state's.
 * Fails:   as Lua's own, in the same words; a used-up budget is raised from inside. */
#ifndef SRT_SCRIPT_LIBRARY_STRING_H
#define SRT_SCRIPT_LIBRARY_STRING_H

#include <lua.h>

/* Put find, gmatch, gsub, lower, match, rep, reverse and upper in the table on top of the stack. */
void library_string_open(lua_State *L);

#endif
