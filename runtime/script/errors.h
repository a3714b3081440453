/* errors.h - what a script raised, as an srt_err and as text for the log.
 *
 * Owner:   the state; the last failure's texts stay until the next call.
 * Thread:  the state's.
 * Memory:  two buffers per state, kept.
 * Fails:   errors_fill returns the code it filled in: SRT_ESCRIPT, SRT_EBUDGET, or SRT_EPARSE for
 *          what lua_load said. */
#ifndef SRT_SCRIPT_ERRORS_H
#define SRT_SCRIPT_ERRORS_H

#include <lua.h>
#include <stdbool.h>

#include "base/err.h"
#include "script/budget.h"

/* Creates the metatable of error values. Runs protected. */
void errors_open(lua_State *L);

/* lua_pcall's message handler: turns any error value into a string and keeps the traceback. */
int errors_handler(lua_State *L);

/* Pop the message that a failed lua_pcall or lua_load left, into err. */
int errors_fill(lua_State *L, int status, enum budget_breach breach, struct srt_err *err);

/* Push a table {code, message, retriable} that prints as its message: for functions that return
 * nil, err. */
void errors_push(lua_State *L, const char *code, const char *message, bool retriable);

/* s.retriable(message): raise an error that is worth another try. */
int errors_retriable(lua_State *L);

#endif
