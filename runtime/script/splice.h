/* splice.h - values back to JSON: unchanged bytes are copied, only what a script changed is written anew.
 *
 * Owner:   the caller's buffer.
 * Thread:  the state's.
 * Memory:  appends to the caller's buffer; a sorted list of keys in the state.
 * Fails:   splice_encode: see value_encode() in value.h; what was appended is taken back. */
#ifndef SRT_SCRIPT_SPLICE_H
#define SRT_SCRIPT_SPLICE_H

#include <lua.h>

#include "base/buf.h"
#include "base/err.h"

struct script;

/* Append the JSON of the value at `index`. Raises nothing. */
int splice_encode(struct script *script, int index, struct srt_buf *to, struct srt_err *err);

/* Push the JSON of the value at `index` as a string. Raises. */
void splice_push_json(lua_State *L, int index);

#endif
