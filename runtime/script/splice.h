/* splice.h - a table that came from JSON back to JSON: unchanged bytes are copied, only what a
 * script changed is written anew.
 *
 * Owner:   the writer's buffer.
 * Thread:  the state's.
 * Memory:  appends to the writer's buffer.
 * Fails:   raises, as the functions of json_writer.h do. */
#ifndef SRT_SCRIPT_SPLICE_H
#define SRT_SCRIPT_SPLICE_H

#include "script/json_writer.h"

/* Write the table at `table`, whose document is `doc`. */
void splice_put(struct json_writer *writer, const struct json_place *place, int table,
                const struct json_doc *doc);

/* The common case at once, without a protected call: an outermost object in which a few fields were
 * set to scalars and nothing else happened. False, and nothing is appended, for all that is not as
 * simple. *ret_changed: whether the text differs. Raises nothing. */
bool splice_put_simple(lua_State *L, int table, struct json_doc *doc, struct srt_buf *to,
                       bool *ret_changed);

#endif
