/* native_doc.h - a record's JSON, read without Lua: checked as a whole when it is first touched,
 * then member by member, as often as a record's expressions ask.
 *
 * Owner:   the caller; used for record after record.
 * Thread:  any, one at a time.
 * Memory:  a copy of the text, which may have NATIVE_TEXT_BYTES_MAX, and its indexes. Values borrow
 *          from the copy, until the next set or clear.
 * Fails:   by `false`: undecided. The text is no JSON, is not an object or array, is long, or has
 *          no such place; or memory is short. Whoever asks goes to Lua, which knows what to say. */
#ifndef SRT_SCRIPT_NATIVE_DOC_H
#define SRT_SCRIPT_NATIVE_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/json.h"

enum {
    NATIVE_TEXT_BYTES_MAX = 64 << 10, /* longer ones take most of their time elsewhere */
    NATIVE_INNER_MAX = 4,             /* inner containers whose index is kept */
};

enum native_kind {
    NATIVE_NIL,
    NATIVE_NULL, /* s.null */
    NATIVE_FALSE,
    NATIVE_TRUE,
    NATIVE_INTEGER,
    NATIVE_FLOAT,
    NATIVE_TEXT,    /* a string's bytes */
    NATIVE_ESCAPED, /* a string's raw bytes, with escapes: json_unescape() */
    NATIVE_JSON,    /* an object's or array's bytes */
};

struct native_value {
    enum native_kind kind;
    uint32_t len; /* TEXT, ESCAPED, JSON */
    union {
        int64_t integer;
        double number;
        const char *text;
    };
};

/* What a script takes for true. */
static inline bool native_value_is_true(const struct native_value *value)
{
    return value->kind != NATIVE_NIL && value->kind != NATIVE_FALSE;
}

struct native_inner {
    uint32_t at; /* of its bracket in the text; 0: none */
    struct json_index index;
};

struct native_doc {
    const char *source; /* NULL: no record */
    size_t size;
    enum native_doc_state { NATIVE_DOC_UNTOUCHED, NATIVE_DOC_INDEXED, NATIVE_DOC_REFUSED } state;
    char *text; /* the copy, behind which zeros follow */
    size_t text_cap;
    struct json_index index;
    struct native_inner inner[NATIVE_INNER_MAX];
    uint32_t inner_next; /* the one to be given up */
};

void native_doc_init(struct native_doc *doc);
void native_doc_fini(struct native_doc *doc);

/* Look at this text from now on; at the place and of the size of the one before, it is the same one
 * and nothing is read again. It stays where it is until clear. */
void native_doc_set(struct native_doc *doc, const char *text, size_t size);
/* The text is gone. */
void native_doc_clear(struct native_doc *doc);

/* The index of this text if it was made: for who needs it once more. */
const struct json_index *native_doc_index_of(const struct native_doc *doc, const char *text,
                                             size_t size);

/* Nothing can be decided about this text: its reading failed, or it is no object or array. (What is
 * neither is read when it is given to Lua, also for a function that does not look at it.) */
static inline bool native_doc_is_refused(const struct native_doc *doc)
{
    return doc->state == NATIVE_DOC_REFUSED;
}

/* The outermost value; touches the text. */
bool native_doc_root(struct native_doc *doc, struct native_value *ret);

/* v.key, v["key"], v[number], #v, of a value of this document. A member that is not there is nil,
 * and so is any key of an array. Other than containers (but for #) have no members: undecided. */
bool native_doc_member(struct native_doc *doc, const struct native_value *of, const char *key,
                       size_t key_len, struct native_value *ret);
bool native_doc_element(struct native_doc *doc, const struct native_value *of, int64_t number,
                        struct native_value *ret);
bool native_doc_length(struct native_doc *doc, const struct native_value *of, int64_t *ret);

#endif
