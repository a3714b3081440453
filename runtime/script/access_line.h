/* access_line.h - a line of a web server's log, taken apart: the common form only.
 *
 * Owner:   the state.
 * Thread:  the state's.
 * Memory:  the state's.
 * Fails:   returns nothing for a line that is not of the common form: parse.lua looks closer. */
#ifndef SRT_SCRIPT_ACCESS_LINE_H
#define SRT_SCRIPT_ACCESS_LINE_H

#include <lua.h>

/* native.access_line(line, whole): see lualib/_meta/native.d.lua. */
int access_line_split(lua_State *L);

#endif
