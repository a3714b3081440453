/* library.h - `s`: what streamrt gives to scripts. The functions in C; the rest is
 * lualib/streamrt/.
 *
 * Owner:   the state.
 * Thread:  the state's.
 * Memory:  the state's.
 * Fails:   misuse raises; what may fail in ordinary use returns nil and an error value. */
#ifndef SRT_SCRIPT_LIBRARY_H
#define SRT_SCRIPT_LIBRARY_H

#include <lauxlib.h>
#include <lua.h>

/* Provides the module streamrt.native, loads the module streamrt and provides it as the global `s`.
 * Runs protected. */
void library_open(lua_State *L);

/* The functions of streamrt.native; lualib/_meta/native.d.lua describes each, a test compares the
 * two. */
extern const luaL_Reg library_functions[];

#endif
