/* json_fields.h - the fields of a Lua table, gathered in one walk and put in JSON's order.
 *
 * Owner:   the caller, on its stack; bytes of keys and strings are Lua's own, and valid as long as
 *          the table holds them.
 * Thread:  the state's.
 * Memory:  room for JSON_FIELDS_FEW; the caller finds room for more.
 * Fails:   never: what is not as simple is said by the result. Raises nothing. */
#ifndef SRT_SCRIPT_JSON_FIELDS_H
#define SRT_SCRIPT_JSON_FIELDS_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "script/json_doc.h"

/* --- scalars --- */

/* A value that needs no second look to be written. */
struct json_scalar {
    int type;
    bool boolean;
    bool is_integer;
    size_t len;
    union {
        lua_Integer integer;
        lua_Number number; /* finite */
        const char *text;
    } is;
};

/* The value at `index`; false when it is none: a table, not finite, of another type. */
bool json_fields_take_scalar(lua_State *L, int index, struct json_scalar *ret);
void json_fields_put_scalar(struct srt_buf *to, const struct json_scalar *scalar);

/* --- fields --- */

enum { JSON_FIELDS_FEW = 24 };

struct json_field {
    const char *key;
    size_t len;
    uint64_t begins;     /* the key's first eight bytes, to compare them at once */
    lua_Integer integer; /* of integer keys, whose text is in digits */
    bool is_integer;
    bool is_scalar; /* else the value has to be looked up */
    struct json_scalar value;
    char digits[24];
};

struct json_fields {
    struct json_field *list; /* in the table's order */
    struct json_field **sorted;
    uint32_t count;
    uint32_t cap;
    bool has_integers; /* some key is one, and may be a string's twin */
    bool all_scalars;
    size_t bytes; /* of all keys and strings */
    struct json_field few[JSON_FIELDS_FEW];
    struct json_field *few_sorted[JSON_FIELDS_FEW];
};

enum json_fields_result {
    JSON_FIELDS_TAKEN,
    JSON_FIELDS_MORE,    /* than `cap` */
    JSON_FIELDS_BAD_KEY, /* neither string nor integer: left on top of the stack */
};

/* Begin with the room in the struct itself. */
void json_fields_init(struct json_fields *fields);

/* Gather what is no member of `doc` (which may be NULL). Needs three free slots of the stack. */
enum json_fields_result json_fields_take(lua_State *L, int table, const struct json_doc *doc,
                                         struct json_fields *fields);

/* How many json_fields_take() would take. */
uint32_t json_fields_count(lua_State *L, int table, const struct json_doc *doc);

/* Fill `sorted`: by the bytes of the keys. */
void json_fields_sort(lua_State *L, struct json_fields *fields);

/* Whether two fields have the same text as a key. */
bool json_fields_same_key(const struct json_field *a, const struct json_field *b);

#endif
