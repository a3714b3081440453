/* json_writer.h - values to JSON text: what splice.c and the plain cases have in common.
 *
 * Owner:   the caller's buffer; a writer lives for one value.
 * Thread:  the state's.
 * Memory:  appends to the caller's buffer; many new fields are listed in the state's memory.
 * Fails:   json_writer_encode: see value_encode() in value.h; what was appended is taken back. The
 *          functions that take a writer run protected and raise. */
#ifndef SRT_SCRIPT_JSON_WRITER_H
#define SRT_SCRIPT_JSON_WRITER_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "script/json_doc.h"
#include "script/json_fields.h"

struct script;

/* Append the JSON of the value at `index`. Raises nothing. */
int json_writer_encode(struct script *script, int index, struct srt_buf *to, struct srt_err *err);

/* Push the JSON of the value at `index` as a string. Raises. */
void json_writer_push(lua_State *L, int index);

/* --- for splice.c --- */

struct json_writer {
    lua_State *L;
    struct srt_buf *to;
    struct srt_err *err;
    size_t len_max; /* of `to` */
    bool copied;  /* the value came from JSON and ... */
    bool changed; /* ... something in it is different */
};

/* Where in the value the writer is: a chain of stack frames, read only to explain a failure. */
struct json_place {
    const struct json_place *up; /* NULL: the value itself */
    const char *key;             /* NULL: an element */
    size_t key_len;
    lua_Integer element;
    int depth;
};

void json_writer_put(struct json_writer *writer, const struct json_place *place, int index);
void json_writer_put_array(struct json_writer *writer, const struct json_place *place, int table);
void json_writer_put_element(struct json_writer *writer, const struct json_place *place, int table,
                             lua_Integer i);

/* JSON text that nobody changed, at a new place: fails when it would nest too deeply there. */
void json_writer_put_text(struct json_writer *writer, const struct json_place *place,
                          const char *text, size_t size);

/* How many elements: fails when there is anything but 1..n. */
lua_Integer json_writer_count_elements(struct json_writer *writer, const struct json_place *place,
                                       int table);

/* The fields that are no members of `doc` (which may be NULL), sorted. Pushes one value. */
void json_writer_push_fields(struct json_writer *writer, const struct json_place *place, int table,
                             const struct json_doc *doc, struct json_fields *ret);

/* Write `"key":value` for the fields; `any` says whether a member stands before them. */
void json_writer_put_fields(struct json_writer *writer, const struct json_place *place, int table,
                            const struct json_fields *fields, bool any);

#endif
