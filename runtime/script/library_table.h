/* library_table.h - the functions of Lua's table library that a deadline has to end.
 *
 * Owner:   the state.
 * Thread:  the state's.
 * Memory:  the state's.
 * Fails:   as Lua's own, in the same words; a used-up budget is raised from inside. */
#ifndef SRT_SCRIPT_LIBRARY_TABLE_H
#define SRT_SCRIPT_LIBRARY_TABLE_H

#include <lua.h>

/* Put concat, insert, move, remove, sort and unpack in the table on top of the stack. */
void library_table_open(lua_State *L);

#endif
