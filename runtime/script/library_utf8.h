/* library_utf8.h - the functions of Lua's utf8 library that a deadline has to end.
 *
 * Owner:   the state.
 * Thread:  the state's.
 * Memory:  the state's.
 * Fails:   as Lua's own, in the same words; a used-up budget is raised from inside. */
#ifndef SRT_SCRIPT_LIBRARY_UTF8_H
#define SRT_SCRIPT_LIBRARY_UTF8_H

#include <lua.h>

/* Put codepoint, len and offset in the table on top of the stack. */
void library_utf8_open(lua_State *L);

#endif
