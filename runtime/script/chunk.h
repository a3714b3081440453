/* chunk.h - Lua text to functions: whole files, and the three short forms of a configuration.
 *
 * Owner:   the state.
 * Thread:  the state's.
 * Memory:  the state's; a file's text while it is compiled.
 * Fails:   SRT_EPARSE with file:line; SRT_ENOENT and other file errors; SRT_EBUDGET. */
#ifndef SRT_SCRIPT_CHUNK_H
#define SRT_SCRIPT_CHUNK_H

#include <lua.h>
#include <stddef.h>

#include "base/err.h"

/* Push the file's text, compiled. Raises nothing; on failure nothing is pushed. */
int chunk_load_file(lua_State *L, const char *path, struct srt_err *err);

/* The same from memory; `name` is for messages. Returns a lua_load status; the function or the
 * message is on top. Raises nothing. */
int chunk_load_text(lua_State *L, const char *text, size_t len, const char *name);

#endif
