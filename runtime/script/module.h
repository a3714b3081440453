/* module.h - require and use: Lua modules from the configured folders, or from the binary itself.
 *
 * Owner:   the state keeps what was loaded.
 * Thread:  the state's.
 * Memory:  the state's.
 * Fails:   raises Lua errors that name the places looked at. */
#ifndef SRT_SCRIPT_MODULE_H
#define SRT_SCRIPT_MODULE_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* Provides `require`. Runs protected. */
void module_open(lua_State *L);

/* Push the module's value, loading it when it is not yet. Raises. */
void module_require(lua_State *L, const char *name);

/* Make the value on top of the stack (popped) the module of that name. */
void module_provide(lua_State *L, const char *name);

/* The library that is part of the binary, made from lualib/ when it is built. */
struct module_embedded {
    const char *name; /* "streamrt.parse" */
    const char *file; /* "streamrt/parse.lua", for messages */
    const char *text;
    size_t len;
};
extern const struct module_embedded module_embedded[];
extern const size_t module_embedded_count;

#endif
