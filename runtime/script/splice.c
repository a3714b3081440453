/* A value that came from JSON still has its text, and its table says which members to look at. The
 * text is copied from `from` onwards in runs that are as long as possible:
 *
 *     text     { "id": 7, "n": 1e2, "tags": ["a"], "old": 0 }
 *     script   v.n = 5; v.old = nil; v.tags[2] = "b"; v.z = true
 *     output   { "id": 7, "n": 5, "tags": ["a","b"],"z":true }
 *              ^^^^^^^^^^^^^^^-  ^^^^^^^^^^^^^^^----^--------^^
 *              run            new  run         new run new  run
 *
 * So numbers keep their spelling, and objects their order and white space, wherever nothing
 * changed. An inner container that is still where it was shares the run (its text is part of the
 * same text); one that was moved, or comes from another record, is written by itself
 * (json_writer.c). Fields that are new stand at the end, sorted. */
#include "script/splice.h"

#include <lauxlib.h>
#include <string.h>

#include "script/lazy.h"

/* Whether a scalar member is what it was: then its bytes are copied. 1 and 1.0 differ. */
static bool is_same_scalar(lua_State *L, int index, const struct json_doc *doc,
                           const struct json_slot *slot)
{
    const char *text = doc->text + slot->value_at;
    int type = lua_type(L, index);
    switch (json_slot_type(slot)) {
    case JSON_NULL:
        return lazy_is_null(L, index);
    case JSON_FALSE:
    case JSON_TRUE:
        return type == LUA_TBOOLEAN &&
               lua_toboolean(L, index) == (json_slot_type(slot) == JSON_TRUE);
    case JSON_NUMBER: {
        int64_t integer;
        double number;
        if (type != LUA_TNUMBER) {
            return false;
        }
        if (json_number(text, slot->value_len, &integer, &number)) {
            return lua_isinteger(L, index) && lua_tointeger(L, index) == integer;
        }
        lua_Number is = lua_tonumber(L, index);
        return !lua_isinteger(L, index) && memcmp(&is, &number, sizeof is) == 0;
    }
    case JSON_STRING: {
        if (type != LUA_TSTRING) {
            return false;
        }
        size_t len;
        const char *is = lua_tolstring(L, index, &len);
        if (slot->value_escaped) {
            return json_doc_text_is(text + 1, slot->value_len - 2, is, len);
        }
        return len == slot->value_len - 2 && memcmp(is, text + 1, len) == 0;
    }
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return false;
}

/* The run that is not yet copied: from here on, of one text. */
struct run {
    const char *from;
};

static void copy_until(struct json_writer *writer, struct run *run, const char *end)
{
    srt_buf_put(writer->to, run->from, (size_t)(end - run->from));
    run->from = end;
    writer->changed = true;
}

static void walk(struct json_writer *writer, const struct json_place *place, struct run *run,
                 int table, const struct json_doc *doc);

/* Copy up to the member's value, write the one on top of the stack, go on behind it. */
static void replace_member(struct json_writer *writer, const struct json_place *at, struct run *run,
                           const struct json_doc *doc, const struct json_slot *slot)
{
    const char *value = doc->text + slot->value_at;
    copy_until(writer, run, value);
    json_writer_put(writer, at, lua_gettop(writer->L));
    run->from = value + slot->value_len;
}

/* The value on top of the stack now stands where the slot's was. */
static void walk_member(struct json_writer *writer, const struct json_place *at, struct run *run,
                        const struct json_doc *doc, const struct json_slot *slot)
{
    lua_State *L = writer->L;
    if (!json_slot_is_container(slot)) {
        if (!is_same_scalar(L, -1, doc, slot)) {
            replace_member(writer, at, run, doc, slot);
        }
        return;
    }
    struct lazy_source source = {.origin = LAZY_PLAIN};
    if (lua_type(L, -1) == LUA_TTABLE) {
        lazy_source(L, -1, &source);
    }
    const char *here = doc->text + slot->value_at;
    if (source.origin == LAZY_UNTOUCHED && source.text == here) {
        return;
    }
    if (source.origin == LAZY_INDEXED && !source.doc->is_root && source.doc->text == here) {
        walk(writer, at, run, lua_gettop(L), source.doc);
        return;
    }
    replace_member(writer, at, run, doc, slot);
}

/* Where a member begins: at its key's quote, or at the value. */
static const char *member_start(const struct json_doc *doc, const struct json_slot *slot)
{
    return doc->text + (doc->type == JSON_OBJECT ? slot->key_at - 1 : slot->value_at);
}

static const char *member_end(const struct json_doc *doc, const struct json_slot *slot)
{
    return doc->text + slot->value_at + slot->value_len;
}

/* Leave out member number i; `any` says whether one before it stays. */
static void cut_member(struct json_writer *writer, struct run *run, const struct json_doc *doc,
                       uint32_t i, bool any)
{
    const struct json_slot *slot = &doc->slots[i];
    const char *before = any ? member_end(doc, slot - 1) : member_start(doc, slot);
    if (run->from < before) {
        copy_until(writer, run, before);
    }
    writer->changed = true;
    run->from = any || i + 1 == doc->count ? member_end(doc, slot) : member_start(doc, slot + 1);
}

/* Push what a member is now: nil when it was removed. */
static void push_current(lua_State *L, int table, const struct json_doc *doc,
                         const struct json_slot *slot)
{
    lazy_push_key(L, doc, slot);
    lua_rawget(L, table);
}

/* A key that comes twice was removed if its last member was. */
static bool is_removed_shadow(lua_State *L, int table, const struct json_doc *doc,
                              const struct json_slot *slot)
{
    lazy_push_key(L, doc, slot);
    size_t len;
    const char *key = lua_tolstring(L, -1, &len);
    const struct json_slot *last = json_doc_find(doc, key, len);
    bool removed = false;
    if (last && last->type & SLOT_IN_TABLE) {
        removed = lua_rawget(L, table) == LUA_TNIL;
    }
    lua_pop(L, 1);
    return removed;
}

static void walk_object(struct json_writer *writer, const struct json_place *place, struct run *run,
                        int table, struct json_doc *doc)
{
    lua_State *L = writer->L;
    json_doc_find_shadows(doc);
    bool any = false;
    for (uint32_t i = 0; i < doc->count; i++) {
        const struct json_slot *slot = &doc->slots[i];
        bool removed = false;
        if (slot->type & SLOT_SHADOWED) {
            removed = is_removed_shadow(L, table, doc, slot);
        } else if (slot->type & SLOT_IN_TABLE) {
            push_current(L, table, doc, slot);
            removed = lua_isnil(L, -1);
            if (!removed) {
                struct json_place at = {.up = place,
                                   .key = doc->text + slot->key_at,
                                   .key_len = slot->key_len,
                                   .depth = place->depth + 1};
                walk_member(writer, &at, run, doc, slot);
            }
            lua_pop(L, 1);
        }
        if (removed) {
            cut_member(writer, run, doc, i, any);
        }
        any |= !removed;
    }
    struct json_fields fields;
    json_writer_push_fields(writer, place, table, doc, &fields);
    if (fields.count) {
        const char *end = doc->count ? member_end(doc, &doc->slots[doc->count - 1])
                                     : doc->text + doc->body_at + 1;
        if (run->from < end) {
            copy_until(writer, run, end);
        }
        writer->changed = true;
        json_writer_put_fields(writer, place, table, &fields, any);
    }
    lua_pop(L, 1);
}

static void walk_array(struct json_writer *writer, const struct json_place *place, struct run *run,
                       int table, const struct json_doc *doc)
{
    lua_State *L = writer->L;
    lua_Integer count = json_writer_count_elements(writer, place, table);
    uint32_t common = (uint64_t)count < doc->count ? (uint32_t)count : doc->count;
    for (uint32_t i = 0; i < common; i++) {
        struct json_place at = {
            .up = place, .element = (lua_Integer)i + 1, .depth = place->depth + 1};
        lua_rawgeti(L, table, (lua_Integer)i + 1);
        walk_member(writer, &at, run, doc, &doc->slots[i]);
        lua_pop(L, 1);
    }
    if (count == (lua_Integer)doc->count) {
        return;
    }
    const char *end =
        common ? member_end(doc, &doc->slots[common - 1]) : doc->text + doc->body_at + 1;
    if (run->from < end) {
        copy_until(writer, run, end);
    }
    writer->changed = true;
    for (lua_Integer i = (lua_Integer)common + 1; i <= count; i++) {
        if (i > 1) {
            srt_buf_put_u8(writer->to, ',');
        }
        json_writer_put_element(writer, place, table, i);
    }
    if (doc->count) {
        run->from = member_end(doc, &doc->slots[doc->count - 1]);
    }
}

/* Bring the run up to date with the table; what is behind the last change stays in the run. */
static void walk(struct json_writer *writer, const struct json_place *place, struct run *run,
                 int table, const struct json_doc *doc)
{
    if (!doc->is_dirty) {
        return;
    }
    luaL_checkstack(writer->L, 8, "nested value");
    if (doc->type == JSON_ARRAY) {
        walk_array(writer, place, run, table, doc);
    } else if (lazy_has_first(writer->L, table)) {
        /* It has become an array. Members that are only in the text are in its way as well. */
        lazy_flatten(writer->L, table);
        const char *body = doc->text + doc->body_at;
        copy_until(writer, run, body);
        json_writer_put_array(writer, place, table);
        run->from = body + doc->body_len;
    } else {
        walk_object(writer, place, run, table, (struct json_doc *)doc);
    }
}

void splice_put(struct json_writer *writer, const struct json_place *place, int table,
                        const struct json_doc *doc)
{
    bool is_whole = doc->is_root && place->depth == 0;
    const char *start = is_whole ? doc->text : doc->text + doc->body_at;
    const char *end = start + (is_whole ? doc->size : doc->body_len);
    if (!doc->is_dirty) {
        json_writer_put_text(writer, place, start, (size_t)(end - start));
        return;
    }
    struct run run = {.from = start};
    bool changed_before = writer->changed;
    writer->changed = false;
    walk(writer, place, &run, table, doc);
    srt_buf_put(writer->to, run.from, (size_t)(end - run.from));
    writer->changed |= changed_before;
}


/* --- the common case --- */

enum { SIMPLE_FIELDS_MAX = 8 };

/* A field that was set. */
struct simple_field {
    const struct json_slot *slot; /* the member it replaces; NULL: it is new */
    const char *key;
    size_t key_len;
    struct json_scalar value;
};

/* Members in the order of the text, behind them new fields by their keys. */
static bool comes_before(const struct simple_field *a, const struct simple_field *b)
{
    if (a->slot || b->slot) {
        return a->slot && (!b->slot || a->slot < b->slot);
    }
    int order = memcmp(a->key, b->key, a->key_len < b->key_len ? a->key_len : b->key_len);
    return order ? order < 0 : a->key_len < b->key_len;
}

/* Put the field with key and value on top of the stack into the list, unless it is what the text
 * says. */
static bool take_field(lua_State *L, const struct json_doc *doc, struct simple_field *list,
                       size_t *count, uint32_t *set)
{
    if (lazy_is_hidden(L, -2)) {
        return true;
    }
    struct simple_field field = {0};
    if (*count == SIMPLE_FIELDS_MAX || lua_type(L, -2) != LUA_TSTRING ||
        !json_fields_take_scalar(L, -1, &field.value)) {
        return false;
    }
    field.key = lua_tolstring(L, -2, &field.key_len);
    field.slot = json_doc_find(doc, field.key, field.key_len);
    if (field.slot) {
        ++*set;
        if (json_slot_is_container(field.slot)) {
            return false;
        }
        if (is_same_scalar(L, -1, doc, field.slot)) {
            return true;
        }
    }
    size_t at = (*count)++;
    for (; at > 0 && comes_before(&field, &list[at - 1]); at--) {
        list[at] = list[at - 1];
    }
    list[at] = field;
    return true;
}

static bool take_fields(lua_State *L, int table, const struct json_doc *doc,
                        struct simple_field *list, size_t *count)
{
    uint32_t set = 0;
    int top = lua_gettop(L);
    *count = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        if (!take_field(L, doc, list, count, &set)) {
            lua_settop(L, top);
            return false;
        }
        lua_pop(L, 1);
    }
    for (uint32_t i = 0; i < doc->count; i++) {
        set -= doc->slots[i].type & SLOT_IN_TABLE ? 1 : 0;
    }
    return set == 0; /* else a member was removed */
}

bool splice_put_simple(lua_State *L, int table, struct json_doc *doc, struct srt_buf *to,
                       bool *ret_changed)
{
    struct simple_field list[SIMPLE_FIELDS_MAX];
    size_t count;
    if (!doc->is_root || doc->type != JSON_OBJECT || !lua_checkstack(L, 4) ||
        !take_fields(L, table, doc, list, &count)) {
        return false;
    }
    const char *from = doc->text;
    size_t i = 0;
    for (; i < count && list[i].slot; i++) {
        const char *value = doc->text + list[i].slot->value_at;
        srt_buf_put(to, from, (size_t)(value - from));
        json_fields_put_scalar(to, &list[i].value);
        from = value + list[i].slot->value_len;
    }
    if (i < count) {
        const char *end = doc->count ? member_end(doc, &doc->slots[doc->count - 1])
                                     : doc->text + doc->body_at + 1;
        srt_buf_put(to, from, (size_t)(end - from));
        from = end;
    }
    for (bool any = doc->count > 0; i < count; i++, any = true) {
        if (any) {
            srt_buf_put_u8(to, ',');
        }
        json_put_string(to, list[i].key, list[i].key_len);
        srt_buf_put_u8(to, ':');
        json_fields_put_scalar(to, &list[i].value);
    }
    srt_buf_put(to, from, (size_t)(doc->text + doc->size - from));
    *ret_changed = count > 0;
    return true;
}
