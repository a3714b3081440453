/* json_doc.h - the text behind a lazy value, and where its members are.
 *
 * Owner:   a full userdata in the table that shows it (lazy.c); never moves, freed by Lua.
 * Thread:  the state's.
 * Memory:  one block: this header, room for some slots, the text's copy (outermost values only).
 * Fails:   never; what may fail is in lazy.c. */
#ifndef SRT_SCRIPT_JSON_DOC_H
#define SRT_SCRIPT_JSON_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/json.h"

/* Flags beside the type of a slot, in the bits that enum json_type leaves free. */
enum {
    SLOT_IN_TABLE = 0x40, /* the table's own field tells what the member is now; nil: removed */
    SLOT_SHADOWED = 0x80, /* the same key comes again later */
    SLOT_TYPE_MASK = 0x0f,
};

struct json_doc {
    const char
        *text; /* of an outermost value: as it arrived; of an inner one: from its bracket on */
    uint32_t size;
    uint32_t body_at; /* the container itself, without white space around it; once indexed */
    uint32_t body_len;
    uint32_t count;
    uint32_t slot_cap; /* of the room behind this header */
    uint32_t hash_mask;
    struct json_slot *slots;
    uint32_t *hash; /* slot number + 1 by key, 0: free; NULL for few members */
    uint8_t type;   /* enum json_type, once indexed */
    bool is_root;
    bool indexed;
    bool may_have_escapes; /* as in json_index */
    bool is_dirty;       /* some slot is SLOT_IN_TABLE, or the table has fields beyond the slots */
    bool shadows_known;
    bool is_kept; /* something beside its table leads to it, or its table is more than fields */
};

enum {
    JSON_DOC_FEW = 16, /* up to so many members are searched one by one */
};

static inline enum json_type json_slot_type(const struct json_slot *slot)
{
    return (enum json_type)(slot->type & SLOT_TYPE_MASK);
}

static inline bool json_slot_is_container(const struct json_slot *slot)
{
    return json_slot_type(slot) >= JSON_ARRAY;
}

/* How many hash cells `count` members need: 0 for few. */
uint32_t json_doc_hash_size(uint32_t count);

/* Take the members from an index; `slots` and `hash` are the room for them. */
void json_doc_set_members(struct json_doc *doc, const struct json_index *index,
                          struct json_slot *slots, uint32_t *hash, uint32_t hash_size);

/* The last member of that name, NULL when there is none. */
struct json_slot *json_doc_find(const struct json_doc *doc, const char *key, size_t key_len);

/* Set SLOT_SHADOWED where it belongs. */
void json_doc_find_shadows(struct json_doc *doc);

/* Whether a slot's raw key, which may have escapes, is `key`. */
bool json_doc_key_is(const struct json_doc *doc, const struct json_slot *slot, const char *key,
                     size_t key_len);

/* Whether the raw bytes of a string, with escapes, are the text. */
bool json_doc_text_is(const char *raw, size_t raw_len, const char *text, size_t len);

#endif
