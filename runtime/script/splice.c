/* A value that came from JSON still has its text, and its table says which members to look at. The text is
 * copied from `from` onwards in runs that are as long as possible:
 *
 *     text     { "id": 7, "n": 1e2, "tags": ["a"], "old": 0 }
 *     script   v.n = 5; v.old = nil; v.tags[2] = "b"; v.z = true
 *     output   { "id": 7, "n": 5, "tags": ["a","b"],"z":true }
 *              ^^^^^^^^^^^^^^^-  ^^^^^^^^^^^^^^^----^--------^^
 *              run            new  run         new run new  run
 *
 * So numbers keep their spelling, and objects their order and white space, wherever nothing changed. An
 * inner container that is still where it was shares the run (its text is part of the same text); one that
 * was moved, or comes from another record, is written by itself. Fields that are new stand at the end,
 * sorted by their bytes: the same input gives the same output, always.
 *
 * A plain table is an array when it has a field 1, and then must have exactly 1..n; else it is an object. */
#include "script/splice.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "script/lazy.h"
#include "script/script_impl.h"

/* Where in the value the writer is: a chain of stack frames, read only to explain a failure. */
struct place {
    const struct place *up; /* NULL: the value itself */
    const char *key;        /* NULL: an element */
    size_t key_len;
    lua_Integer element;
    int depth;
};

struct job {
    lua_State *L;
    struct script *script;
    struct srt_buf *to;
    struct srt_err *err;
    bool copied; /* the value came from JSON and ... */
    bool changed; /* ... something in it is different */
};

/* --- failing --- */

static void put_place(struct srt_buf *to, const struct place *place)
{
    if (!place->up) {
        srt_buf_put_str(to, "v");
        return;
    }
    put_place(to, place->up);
    if (!place->key) {
        srt_buf_printf(to, "[%lld]", (long long)place->element);
        return;
    }
    bool is_name = place->key_len > 0 && (place->key[0] < '0' || place->key[0] > '9');
    for (size_t i = 0; i < place->key_len; i++) {
        char c = place->key[i];
        is_name &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '_';
    }
    if (is_name) {
        srt_buf_put_str(to, ".");
        srt_buf_put(to, place->key, place->key_len);
    } else {
        srt_buf_put_str(to, "[");
        json_put_string(to, place->key, place->key_len);
        srt_buf_put_str(to, "]");
    }
}

static int fail(struct job *job, const struct place *place, int code, const char *why)
{
    struct srt_buf text = {0};
    put_place(&text, place);
    srt_fail(job->err, code, "%s %s", srt_buf_cstr(&text), why);
    srt_buf_fini(&text);
    lua_pushliteral(job->L, "cannot be written as JSON");
    return lua_error(job->L);
}

static int fail_type(struct job *job, const struct place *place, int index)
{
    char why[96];
    snprintf(why, sizeof why, "is a %s, which JSON cannot hold", luaL_typename(job->L, index));
    return fail(job, place, SRT_EINVAL, why);
}

/* --- scalars --- */

static void put_value(struct job *job, const struct place *place, int index);

static void put_number(struct job *job, const struct place *place, int index)
{
    lua_State *L = job->L;
    if (lua_isinteger(L, index)) {
        json_put_integer(job->to, lua_tointeger(L, index));
        return;
    }
    lua_Number number = lua_tonumber(L, index);
    if (json_put_double(job->to, number)) {
        char why[64];
        snprintf(why, sizeof why, "is not a number that JSON can hold (%s)",
                 isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
        fail(job, place, SRT_EINVAL, why);
    }
}

static void put_string(struct job *job, int index)
{
    size_t len;
    const char *text = lua_tolstring(job->L, index, &len);
    json_put_string(job->to, text, len);
}

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
        return type == LUA_TBOOLEAN && lua_toboolean(L, index) == (json_slot_type(slot) == JSON_TRUE);
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

/* --- keys of objects --- */

/* A field to be written: its key's bytes are Lua's own while the table holds them. */
struct field {
    const char *key;
    size_t len;
    lua_Integer integer; /* for integer keys, whose text is in digits */
    bool is_integer;
    char digits[24];
};

static int compare_fields(const void *a, const void *b)
{
    const struct field *x = a;
    const struct field *y = b;
    const char *x_key = x->is_integer ? x->digits : x->key;
    const char *y_key = y->is_integer ? y->digits : y->key;
    int order = memcmp(x_key, y_key, x->len < y->len ? x->len : y->len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

static void take_field(struct job *job, const struct place *place, int key, struct field *ret)
{
    lua_State *L = job->L;
    *ret = (struct field){0};
    if (lua_type(L, key) == LUA_TSTRING) {
        ret->key = lua_tolstring(L, key, &ret->len);
    } else if (lua_isinteger(L, key)) {
        ret->is_integer = true;
        ret->integer = lua_tointeger(L, key);
        ret->len = (size_t)snprintf(ret->digits, sizeof ret->digits, "%lld",
                                    (long long)ret->integer);
    } else {
        char why[96];
        snprintf(why, sizeof why, "has a %s as a key, which JSON cannot hold",
                 luaL_typename(L, key));
        fail(job, place, SRT_EINVAL, why);
    }
}

static bool is_known(lua_State *L, int key, const struct json_doc *doc)
{
    if (!doc || lua_type(L, key) != LUA_TSTRING) {
        return false;
    }
    size_t len;
    const char *text = lua_tolstring(L, key, &len);
    return json_doc_find(doc, text, len) != NULL;
}

/* The fields to be written of one table: few stand on the C stack, many in a userdata on the Lua stack. */
enum { FIELDS_FEW = 8 };
struct fields {
    struct field *list;
    size_t count;
    struct field few[FIELDS_FEW];
};

static size_t count_fields(lua_State *L, int table, const struct json_doc *doc)
{
    size_t count = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        count += !lazy_is_hidden(L, -2) && !is_known(L, -2, doc);
        lua_pop(L, 1);
    }
    return count;
}

/* Those that are no members of `doc` (which may be NULL), sorted. Pushes one value. */
static void push_fields(struct job *job, const struct place *place, int table,
                        const struct json_doc *doc, struct fields *ret)
{
    lua_State *L = job->L;
    size_t cap = FIELDS_FEW;
    ret->list = ret->few;
    ret->count = 0;
    lua_pushnil(L); /* where the userdata comes, if there is one */
    int room = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        if (lazy_is_hidden(L, -1) || is_known(L, -1, doc)) {
            continue;
        }
        if (ret->count == cap) {
            cap = count_fields(L, table, doc);
            ret->list = lua_newuserdatauv(L, cap * sizeof *ret->list, 0);
            memcpy(ret->list, ret->few, sizeof ret->few);
            lua_replace(L, room);
        }
        take_field(job, place, -1, &ret->list[ret->count++]);
    }
    if (ret->count > 1) {
        qsort(ret->list, ret->count, sizeof *ret->list, compare_fields);
    }
}

/* Write `"key":value` for the fields; `any` says whether a member stands before them. */
static void put_fields(struct job *job, const struct place *place, int table,
                       const struct fields *fields, bool any)
{
    lua_State *L = job->L;
    for (size_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->list[i];
        const char *key = field->is_integer ? field->digits : field->key;
        struct place at = {
            .up = place, .key = key, .key_len = field->len, .depth = place->depth + 1};
        if (i && compare_fields(field, field - 1) == 0) {
            fail(job, &at, SRT_EINVAL, "is there twice, as a number and as a string");
        }
        if (any) {
            srt_buf_put_u8(job->to, ',');
        }
        any = true;
        json_put_string(job->to, key, field->len);
        srt_buf_put_u8(job->to, ':');
        if (field->is_integer) {
            lua_rawgeti(L, table, field->integer);
        } else {
            lua_pushlstring(L, field->key, field->len);
            lua_rawget(L, table);
        }
        put_value(job, &at, lua_gettop(L));
        lua_pop(L, 1);
    }
}

/* --- arrays --- */

/* How many elements: fails when there is anything but 1..n. */
static lua_Integer check_elements(struct job *job, const struct place *place, int table)
{
    lua_State *L = job->L;
    lua_Integer count = 0;
    lua_Integer last = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        if (lazy_is_hidden(L, -1)) {
            continue;
        }
        if (!lua_isinteger(L, -1)) {
            const char *key = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
            char text[120];
            snprintf(text, sizeof text, "is an array and has the field '%.60s' too", key);
            fail(job, place, SRT_EINVAL, text);
        }
        lua_Integer index = lua_tointeger(L, -1);
        count++;
        last = index > last ? index : last;
        if (index < 1) {
            struct place at = {.up = place, .element = index};
            fail(job, &at, SRT_EINVAL, "is no element of an array: they begin at 1");
        }
    }
    for (lua_Integer i = 1; last != count && i <= last; i++) {
        bool missing = lua_rawgeti(L, table, i) == LUA_TNIL;
        lua_pop(L, 1);
        if (missing) {
            struct place at = {.up = place, .element = i};
            fail(job, &at, SRT_EINVAL, "is missing: an array has no holes (s.null is JSON's null)");
        }
    }
    return count;
}

static void put_element(struct job *job, const struct place *place, int table, lua_Integer i)
{
    struct place at = {.up = place, .element = i, .depth = place->depth + 1};
    lua_rawgeti(job->L, table, i);
    put_value(job, &at, lua_gettop(job->L));
    lua_pop(job->L, 1);
}

static void put_array(struct job *job, const struct place *place, int table)
{
    lua_Integer count = check_elements(job, place, table);
    srt_buf_put_u8(job->to, '[');
    for (lua_Integer i = 1; i <= count; i++) {
        if (i > 1) {
            srt_buf_put_u8(job->to, ',');
        }
        put_element(job, place, table, i);
    }
    srt_buf_put_u8(job->to, ']');
}

static bool has_first(lua_State *L, int table)
{
    bool has = lua_rawgeti(L, table, 1) != LUA_TNIL;
    lua_pop(L, 1);
    return has;
}

static void put_plain(struct job *job, const struct place *place, int table, bool is_array)
{
    if (is_array || has_first(job->L, table)) {
        put_array(job, place, table);
        return;
    }
    struct fields fields;
    push_fields(job, place, table, NULL, &fields);
    srt_buf_put_u8(job->to, '{');
    put_fields(job, place, table, &fields, false);
    srt_buf_put_u8(job->to, '}');
    lua_pop(job->L, 1);
}

/* --- splicing --- */

/* The run that is not yet copied: from here on, of one text. */
struct run {
    const char *from;
};

static void copy_until(struct job *job, struct run *run, const char *end)
{
    srt_buf_put(job->to, run->from, (size_t)(end - run->from));
    run->from = end;
    job->changed = true;
}

static void walk(struct job *job, const struct place *place, struct run *run, int table,
                 const struct json_doc *doc);

/* Copy up to the member's value, write the one on top of the stack, go on behind it. */
static void replace_member(struct job *job, const struct place *at, struct run *run,
                           const struct json_doc *doc, const struct json_slot *slot)
{
    const char *value = doc->text + slot->value_at;
    copy_until(job, run, value);
    put_value(job, at, lua_gettop(job->L));
    run->from = value + slot->value_len;
}

/* The value on top of the stack now stands where the slot's was. */
static void walk_member(struct job *job, const struct place *at, struct run *run,
                        const struct json_doc *doc, const struct json_slot *slot)
{
    lua_State *L = job->L;
    if (!json_slot_is_container(slot)) {
        if (!is_same_scalar(L, -1, doc, slot)) {
            replace_member(job, at, run, doc, slot);
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
        walk(job, at, run, lua_gettop(L), source.doc);
        return;
    }
    replace_member(job, at, run, doc, slot);
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
static void cut_member(struct job *job, struct run *run, const struct json_doc *doc, uint32_t i,
                       bool any)
{
    const struct json_slot *slot = &doc->slots[i];
    const char *before = any ? member_end(doc, slot - 1) : member_start(doc, slot);
    if (run->from < before) {
        copy_until(job, run, before);
    }
    job->changed = true;
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

static void walk_object(struct job *job, const struct place *place, struct run *run, int table,
                        struct json_doc *doc)
{
    lua_State *L = job->L;
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
                struct place at = {.up = place,
                                   .key = doc->text + slot->key_at,
                                   .key_len = slot->key_len,
                                   .depth = place->depth + 1};
                walk_member(job, &at, run, doc, slot);
            }
            lua_pop(L, 1);
        }
        if (removed) {
            cut_member(job, run, doc, i, any);
        }
        any |= !removed;
    }
    struct fields fields;
    push_fields(job, place, table, doc, &fields);
    if (fields.count) {
        const char *end = doc->count ? member_end(doc, &doc->slots[doc->count - 1])
                                     : doc->text + doc->body_at + 1;
        if (run->from < end) {
            copy_until(job, run, end);
        }
        job->changed = true;
        put_fields(job, place, table, &fields, any);
    }
    lua_pop(L, 1);
}

static void walk_array(struct job *job, const struct place *place, struct run *run, int table,
                       const struct json_doc *doc)
{
    lua_State *L = job->L;
    lua_Integer count = check_elements(job, place, table);
    uint32_t common = (uint64_t)count < doc->count ? (uint32_t)count : doc->count;
    for (uint32_t i = 0; i < common; i++) {
        struct place at = {
            .up = place, .element = (lua_Integer)i + 1, .depth = place->depth + 1};
        lua_rawgeti(L, table, (lua_Integer)i + 1);
        walk_member(job, &at, run, doc, &doc->slots[i]);
        lua_pop(L, 1);
    }
    if (count == (lua_Integer)doc->count) {
        return;
    }
    const char *end =
        common ? member_end(doc, &doc->slots[common - 1]) : doc->text + doc->body_at + 1;
    if (run->from < end) {
        copy_until(job, run, end);
    }
    job->changed = true;
    for (lua_Integer i = (lua_Integer)common + 1; i <= count; i++) {
        if (i > 1) {
            srt_buf_put_u8(job->to, ',');
        }
        put_element(job, place, table, i);
    }
    if (doc->count) {
        run->from = member_end(doc, &doc->slots[doc->count - 1]);
    }
}

/* Bring the run up to date with the table; what is behind the last change stays in the run. */
static void walk(struct job *job, const struct place *place, struct run *run, int table,
                 const struct json_doc *doc)
{
    if (!doc->is_dirty) {
        return;
    }
    luaL_checkstack(job->L, 8, "nested value");
    if (doc->type == JSON_ARRAY) {
        walk_array(job, place, run, table, doc);
    } else if (has_first(job->L, table)) {
        /* It has become an array. */
        const char *body = doc->text + doc->body_at;
        copy_until(job, run, body);
        put_array(job, place, table);
        run->from = body + doc->body_len;
    } else {
        walk_object(job, place, run, table, (struct json_doc *)doc);
    }
}

/* --- values --- */

/* How deep the containers of a valid text nest. */
static int text_depth(const char *text, size_t size)
{
    int depth = 0;
    int deepest = 0;
    bool in_string = false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (in_string) {
            i += c == '\\';
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            deepest = ++depth > deepest ? depth : deepest;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return deepest;
}

static int fail_depth(struct job *job, const struct place *place)
{
    const struct place *top = place;
    while (top->depth > 3 && top->up) {
        top = top->up; /* the first steps of the path tell more than all of them */
    }
    char why[64];
    snprintf(why, sizeof why, "nests deeper than %d; is there a circle?", SRT_JSON_DEPTH_MAX);
    return fail(job, top, SRT_ETOOBIG, why);
}

/* JSON text that nobody changed, at a new place. */
static void put_text(struct job *job, const struct place *place, const char *text, size_t size)
{
    if (place->depth && place->depth + text_depth(text, size) > SRT_JSON_DEPTH_MAX) {
        fail_depth(job, place);
    }
    srt_buf_put(job->to, text, size);
}

static void put_untouched(struct job *job, const struct place *place,
                          const struct lazy_source *source)
{
    const char *text = source->text;
    size_t size = source->size;
    if (source->is_root && place->depth) {
        /* Inside something else it has to be valid, which nobody has checked yet. */
        size_t error_at;
        if (json_validate(source->text, source->size, &error_at)) {
            char why[80];
            snprintf(why, sizeof why, "is not JSON: unexpected at byte %zu", error_at);
            fail(job, place, SRT_EINVAL, why);
        }
        while (size && strchr(" \t\r\n", *text)) {
            text++;
            size--;
        }
        while (size && strchr(" \t\r\n", text[size - 1])) {
            size--;
        }
    }
    put_text(job, place, text, size);
}

static void put_indexed(struct job *job, const struct place *place, int table,
                        const struct json_doc *doc)
{
    bool is_whole = doc->is_root && place->depth == 0;
    const char *start = is_whole ? doc->text : doc->text + doc->body_at;
    const char *end = start + (is_whole ? doc->size : doc->body_len);
    if (!doc->is_dirty) {
        put_text(job, place, start, (size_t)(end - start));
        return;
    }
    struct run run = {.from = start};
    bool changed_before = job->changed;
    job->changed = false;
    walk(job, place, &run, table, doc);
    srt_buf_put(job->to, run.from, (size_t)(end - run.from));
    job->changed |= changed_before;
}

static void put_table(struct job *job, const struct place *place, int table)
{
    if (place->depth >= SRT_JSON_DEPTH_MAX) {
        fail_depth(job, place);
    }
    luaL_checkstack(job->L, 8, "nested value");
    struct lazy_source source;
    lazy_source(job->L, table, &source);
    job->copied |= place->depth == 0 && source.origin >= LAZY_UNTOUCHED;
    switch (source.origin) {
    case LAZY_PLAIN:
    case LAZY_MARKED:
        put_plain(job, place, table, source.origin == LAZY_MARKED);
        return;
    case LAZY_UNTOUCHED:
        put_untouched(job, place, &source);
        return;
    case LAZY_INDEXED:
        put_indexed(job, place, table, source.doc);
        return;
    }
}

static void put_value(struct job *job, const struct place *place, int index)
{
    lua_State *L = job->L;
    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        srt_buf_put_str(job->to, lua_toboolean(L, index) ? "true" : "false");
        return;
    case LUA_TNUMBER:
        put_number(job, place, index);
        return;
    case LUA_TSTRING:
        put_string(job, index);
        return;
    case LUA_TTABLE:
        put_table(job, place, index);
        return;
    case LUA_TLIGHTUSERDATA:
        if (lazy_is_null(L, index)) {
            srt_buf_put_str(job->to, "null");
            return;
        }
        break;
    default:
        break;
    }
    fail_type(job, place, index);
}

static int encode_protected(lua_State *L)
{
    struct job *job = lua_touserdata(L, 1);
    const struct place top = {0};
    job->L = L;
    put_value(job, &top, 2);
    return 0;
}

/* A table whose bytes can be copied without looking at it any closer. */
static bool put_if_unchanged(struct script *script, int index, struct srt_buf *to)
{
    struct lazy_source source;
    lazy_source(script->L, index, &source);
    if (source.origin == LAZY_UNTOUCHED) {
        srt_buf_put(to, source.text, source.size);
        return true;
    }
    if (source.origin == LAZY_INDEXED && !source.doc->is_dirty) {
        srt_buf_put(to, source.doc->text, source.doc->size);
        return true;
    }
    return false;
}

int splice_encode(struct script *script, int index, struct srt_buf *to, struct srt_err *err)
{
    lua_State *L = script->L;
    index = lua_absindex(L, index);
    size_t len = to->len;
    if (lua_type(L, index) == LUA_TTABLE && put_if_unchanged(script, index, to)) {
        script->stats.forwarded++;
    } else {
        struct job job = {.script = script, .to = to, .err = err};
        int code = err->code;
        err->code = SRT_OK;
        lua_pushcfunction(L, encode_protected);
        lua_pushlightuserdata(L, &job);
        lua_pushvalue(L, index);
        struct srt_err raised;
        int rc = script_protect(script, 2, 0, &raised);
        if (rc) {
            to->len = len;
            if (err->code == SRT_OK) {
                *err = raised; /* memory; else fail() has said it better */
            }
            return err->code;
        }
        err->code = code;
        script->stats.forwarded += job.copied && !job.changed;
        script->stats.spliced += job.copied && job.changed;
    }
    if (srt_buf_failed(to)) {
        to->len = len;
        return srt_fail(err, SRT_ENOMEM, "no memory for a value of %zu bytes", to->len);
    }
    return SRT_OK;
}

void splice_push_json(lua_State *L, int index)
{
    struct script *script = script_of(L);
    lua_State *main = script->L;
    struct srt_buf *to = &script->json;
    struct srt_err err = {0};
    srt_buf_clear(to);
    luaL_checkstack(main, 4, "JSON");
    lua_pushvalue(L, index);
    lua_xmove(L, main, 1); /* the state's own stack; nothing happens when it is the same */
    int rc = splice_encode(script, -1, to, &err);
    lua_pop(main, 1);
    if (rc) {
        luaL_error(L, "%s", err.msg);
    }
    lua_pushlstring(L, (const char *)to->data, to->len);
}
