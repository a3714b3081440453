#include "script/json_doc.h"

#include <string.h>

#include "base/buf.h"

uint32_t json_doc_hash_size(uint32_t count)
{
    if (count <= JSON_DOC_FEW) {
        return 0;
    }
    uint32_t size = 4 * JSON_DOC_FEW;
    while (size < 2 * (uint64_t)count) {
        size *= 2;
    }
    return size;
}

bool json_doc_text_is(const char *raw, size_t raw_len, const char *text, size_t len)
{
    if (len > raw_len) {
        return false; /* an escape is never shorter than what it stands for */
    }
    struct srt_buf plain = {0};
    json_unescape(raw, raw_len, &plain);
    bool equal = !srt_buf_failed(&plain) && plain.len == len && memcmp(plain.data, text, len) == 0;
    srt_buf_fini(&plain);
    return equal;
}

bool json_doc_key_is(const struct json_doc *doc, const struct json_slot *slot, const char *key,
                     size_t key_len)
{
    const char *raw = doc->text + slot->key_at;
    if (!slot->key_escaped) {
        return slot->key_len == key_len && memcmp(raw, key, key_len) == 0;
    }
    return json_doc_text_is(raw, slot->key_len, key, key_len);
}

/* FNV-1a over the key's bytes. */
static uint32_t hash_bytes(const char *key, size_t len)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (uint8_t)key[i]) * 16777619u;
    }
    return hash ^ (hash >> 15);
}

/* Call with the key as it is without escapes. */
static void hash_put(struct json_doc *doc, uint32_t number, const char *key, size_t len)
{
    uint32_t at = hash_bytes(key, len) & doc->hash_mask;
    for (; doc->hash[at]; at = (at + 1) & doc->hash_mask) {
        struct json_slot *earlier = &doc->slots[doc->hash[at] - 1];
        if (json_doc_key_is(doc, earlier, key, len)) {
            earlier->type |= SLOT_SHADOWED;
            break;
        }
    }
    doc->hash[at] = number + 1;
}

static void fill_hash(struct json_doc *doc)
{
    struct srt_buf plain = {0};
    for (uint32_t i = 0; i < doc->count; i++) {
        const struct json_slot *slot = &doc->slots[i];
        const char *key = doc->text + slot->key_at;
        size_t len = slot->key_len;
        if (slot->key_escaped) {
            srt_buf_clear(&plain);
            json_unescape(key, len, &plain);
            key = srt_buf_cstr(&plain);
            len = plain.len;
        }
        hash_put(doc, i, key, len);
    }
    srt_buf_fini(&plain);
}

void json_doc_set_members(struct json_doc *doc, const struct json_index *index,
                          struct json_slot *slots, uint32_t *hash, uint32_t hash_size)
{
    doc->type = (uint8_t)index->type;
    doc->body_at = index->root.value_at;
    doc->body_len = index->root.value_len;
    doc->count = index->count;
    doc->slots = slots;
    if (index->count) {
        memcpy(slots, index->slots, index->count * sizeof *slots);
    }
    doc->indexed = true;
    doc->may_have_escapes = index->may_have_escapes;
    if (index->type == JSON_OBJECT && hash_size) {
        doc->hash = hash;
        doc->hash_mask = hash_size - 1;
        memset(hash, 0, hash_size * sizeof *hash);
        fill_hash(doc);
        doc->shadows_known = true;
    }
}

struct json_slot *json_doc_find(const struct json_doc *doc, const char *key, size_t key_len)
{
    if (doc->hash) {
        uint32_t at = hash_bytes(key, key_len) & doc->hash_mask;
        for (; doc->hash[at]; at = (at + 1) & doc->hash_mask) {
            struct json_slot *slot = &doc->slots[doc->hash[at] - 1];
            if (json_doc_key_is(doc, slot, key, key_len)) {
                return slot;
            }
        }
        return NULL;
    }
    struct json_slot *slot = doc->slots + doc->count;
    if (doc->may_have_escapes) {
        while (slot-- > doc->slots) {
            if (json_doc_key_is(doc, slot, key, key_len)) {
                return slot;
            }
        }
        return NULL;
    }
    while (slot-- > doc->slots) {
        const char *name = doc->text + slot->key_at;
        /* Of keys as long, most differ in the first byte. */
        if (slot->key_len == key_len &&
            (key_len == 0 || (*name == *key && memcmp(name, key, key_len) == 0))) {
            return slot;
        }
    }
    return NULL;
}

static bool same_key(const struct json_doc *doc, const struct json_slot *a,
                     const struct json_slot *b)
{
    if (!a->key_escaped) {
        return json_doc_key_is(doc, b, doc->text + a->key_at, a->key_len);
    }
    struct srt_buf plain = {0};
    json_unescape(doc->text + a->key_at, a->key_len, &plain);
    const char *key = srt_buf_cstr(&plain);
    bool same = json_doc_key_is(doc, b, key, plain.len);
    srt_buf_fini(&plain);
    return same;
}

/* Mark the slot if its key comes again behind it. */
static void mark_if_shadowed(struct json_doc *doc, uint32_t i)
{
    struct json_slot *slot = &doc->slots[i];
    for (uint32_t j = i + 1; j < doc->count; j++) {
        const struct json_slot *later = &doc->slots[j];
        bool may_be = slot->key_len == later->key_len || slot->key_escaped || later->key_escaped;
        if (may_be && same_key(doc, slot, later)) {
            slot->type |= SLOT_SHADOWED;
            return;
        }
    }
}

/* Keys mostly differ in length, first or last byte: one look at each shows that none is twice. */
static bool keys_surely_differ(const struct json_doc *doc)
{
    uint64_t seen[4] = {0};
    for (uint32_t i = 0; i < doc->count; i++) {
        const struct json_slot *slot = &doc->slots[i];
        if (slot->key_escaped || slot->key_len == 0) {
            return false;
        }
        const uint8_t *key = (const uint8_t *)doc->text + slot->key_at;
        uint32_t mark = slot->key_len * 37 + key[0] * 11u + key[slot->key_len - 1] * 3u;
        uint64_t bit = UINT64_C(1) << (mark & 63);
        if (seen[mark >> 6 & 3] & bit) {
            return false;
        }
        seen[mark >> 6 & 3] |= bit;
    }
    return true;
}

void json_doc_find_shadows(struct json_doc *doc)
{
    if (doc->shadows_known || doc->type != JSON_OBJECT) {
        return;
    }
    doc->shadows_known = true;
    if (keys_surely_differ(doc)) {
        return;
    }
    for (uint32_t i = 0; i < doc->count; i++) {
        mark_if_shadowed(doc, i);
    }
}
