/* The text is copied to where zeros may follow it: the fast index wants them (json_index_padded).
 * An inner container is indexed when it is first looked into, and its index kept while there is
 * room, so that `v.user.age > 17 and v.user.country == "de"` walks over `user` once. */
#include "script/native_doc.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"

enum {
    TEXT_CAP_MIN = 1024,
    SLOTS_KEPT_MAX = 4096, /* a larger index is given back with its record */
};

void native_doc_init(struct native_doc *doc)
{
    *doc = (struct native_doc){.source = NULL};
}

void native_doc_fini(struct native_doc *doc)
{
    srt_free(doc->text);
    json_index_fini(&doc->index);
    for (int i = 0; i < NATIVE_INNER_MAX; i++) {
        json_index_fini(&doc->inner[i].index);
    }
    native_doc_init(doc);
}

static void shrink(struct json_index *index)
{
    if (index->cap > SLOTS_KEPT_MAX) {
        json_index_fini(index);
    }
}

static void forget_indexes(struct native_doc *doc)
{
    doc->state = NATIVE_DOC_UNTOUCHED;
    shrink(&doc->index);
    for (uint32_t i = 0; i < NATIVE_INNER_MAX && doc->inner_next; i++) {
        doc->inner[i].at = 0;
        shrink(&doc->inner[i].index);
    }
    doc->inner_next = 0;
}

void native_doc_clear(struct native_doc *doc)
{
    doc->source = NULL;
    if (doc->state != NATIVE_DOC_UNTOUCHED) {
        forget_indexes(doc);
    }
}

static bool begins_container(const char *text, size_t size)
{
    size_t at = 0;
    while (at < size &&
           (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n')) {
        at++;
    }
    return at < size && (text[at] == '{' || text[at] == '[');
}

void native_doc_set(struct native_doc *doc, const char *text, size_t size)
{
    if (doc->source == text && doc->size == size) {
        return;
    }
    native_doc_clear(doc);
    doc->source = text;
    doc->size = size;
    if (!begins_container(text, size)) {
        doc->state = NATIVE_DOC_REFUSED;
    }
}

const struct json_index *native_doc_index_of(const struct native_doc *doc, const char *text,
                                             size_t size)
{
    bool is_same = doc->source == text && doc->size == size;
    return is_same && doc->state == NATIVE_DOC_INDEXED ? &doc->index : NULL;
}

/* --- touching --- */

static bool text_reserve(struct native_doc *doc)
{
    size_t need = doc->size + JSON_PAD_BYTES;
    if (need <= doc->text_cap) {
        return true;
    }
    size_t cap = need > TEXT_CAP_MIN / 2 ? 2 * need : TEXT_CAP_MIN;
    char *text = srt_realloc(doc->text, cap);
    if (!text) {
        return false;
    }
    doc->text = text;
    doc->text_cap = cap;
    return true;
}

static bool touch(struct native_doc *doc)
{
    doc->state = NATIVE_DOC_REFUSED;
    if (!doc->source || doc->size > NATIVE_TEXT_BYTES_MAX || !text_reserve(doc)) {
        return false;
    }
    memcpy(doc->text, doc->source, doc->size);
    memset(doc->text + doc->size, 0, JSON_PAD_BYTES);
    size_t error_at;
    if (json_index_padded(&doc->index, doc->text, doc->size, &error_at) != SRT_OK) {
        return false;
    }
    doc->state = NATIVE_DOC_INDEXED;
    return true;
}

bool native_doc_root(struct native_doc *doc, struct native_value *ret)
{
    if (doc->state != NATIVE_DOC_INDEXED &&
        (doc->state == NATIVE_DOC_REFUSED || !touch(doc))) {
        return false;
    }
    *ret = (struct native_value){.kind = NATIVE_JSON,
                                 .text = doc->text + doc->index.root.value_at,
                                 .len = doc->index.root.value_len};
    return true;
}

/* --- members --- */

/* The index of a container, and the text that its positions count from. */
static const struct json_index *index_of(struct native_doc *doc, const struct native_value *of,
                                         const char **ret_text)
{
    srt_assert_slow(doc->state == NATIVE_DOC_INDEXED);
    uint32_t at = (uint32_t)(of->text - doc->text);
    if (at == doc->index.root.value_at) {
        *ret_text = doc->text;
        return &doc->index;
    }
    *ret_text = of->text;
    for (uint32_t i = 0; i < NATIVE_INNER_MAX; i++) {
        if (doc->inner[i].at == at) {
            return &doc->inner[i].index;
        }
    }
    struct native_inner *inner = &doc->inner[doc->inner_next++ % NATIVE_INNER_MAX];
    inner->at = 0;
    if (json_index_trusted(&inner->index, of->text, of->len) != SRT_OK) {
        return NULL;
    }
    inner->at = at;
    return &inner->index;
}

static void read_slot(const struct json_slot *slot, const char *text, struct native_value *ret)
{
    const char *from = text + slot->value_at;
    switch ((enum json_type)slot->type) {
    case JSON_NULL:
        ret->kind = NATIVE_NULL;
        return;
    case JSON_FALSE:
        ret->kind = NATIVE_FALSE;
        return;
    case JSON_TRUE:
        ret->kind = NATIVE_TRUE;
        return;
    case JSON_NUMBER: {
        int64_t integer = 0;
        double number = 0;
        if (json_number(from, slot->value_len, &integer, &number)) {
            ret->kind = NATIVE_INTEGER;
            ret->integer = integer;
        } else {
            ret->kind = NATIVE_FLOAT;
            ret->number = number;
        }
        return;
    }
    case JSON_STRING:
        ret->kind = slot->value_escaped ? NATIVE_ESCAPED : NATIVE_TEXT;
        ret->text = from + 1;
        ret->len = slot->value_len - 2;
        return;
    case JSON_ARRAY:
    case JSON_OBJECT:
        ret->kind = NATIVE_JSON;
        ret->text = from;
        ret->len = slot->value_len;
        return;
    }
    srt_unreachable("a type of JSON");
}

bool native_doc_member(struct native_doc *doc, const struct native_value *of, const char *key,
                       size_t key_len, struct native_value *ret)
{
    if (of->kind != NATIVE_JSON) {
        return false;
    }
    const char *text;
    const struct json_index *index = index_of(doc, of, &text);
    if (!index) {
        return false;
    }
    const struct json_slot *slot = json_find(index, text, key, key_len);
    ret->kind = NATIVE_NIL;
    if (slot) {
        read_slot(slot, text, ret);
    }
    return true;
}

bool native_doc_element(struct native_doc *doc, const struct native_value *of, int64_t number,
                        struct native_value *ret)
{
    if (of->kind != NATIVE_JSON) {
        return false;
    }
    const char *text;
    const struct json_index *index = index_of(doc, of, &text);
    if (!index) {
        return false;
    }
    ret->kind = NATIVE_NIL;
    if (index->type == JSON_ARRAY && number >= 1 && number <= (int64_t)index->count) {
        read_slot(&index->slots[number - 1], text, ret);
    }
    return true;
}

bool native_doc_length(struct native_doc *doc, const struct native_value *of, int64_t *ret)
{
    if (of->kind == NATIVE_TEXT) {
        *ret = of->len;
        return true;
    }
    if (of->kind != NATIVE_JSON) {
        return false;
    }
    const char *text;
    const struct json_index *index = index_of(doc, of, &text);
    if (!index || index->type != JSON_ARRAY) {
        return false; /* what Lua makes of the length of an object is its own business */
    }
    *ret = index->count;
    return true;
}
