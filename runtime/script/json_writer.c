/* Values to JSON, when there is no text to copy from: scalars, and tables that a script made. A
 * table that came from JSON goes to splice.c, which comes back here for what changed in it.
 *
 * A table is an array when it has a field 1, and then must have exactly 1..n; else it is an object,
 * whose fields are sorted by their bytes: the same value gives the same text, always. Fields are
 * read raw, so that no code of the script runs. */
#include "script/json_writer.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "script/lazy.h"
#include "script/script_impl.h"
#include "script/splice.h"

/* --- failing --- */

static void put_place(struct srt_buf *to, const struct json_place *place)
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

static int fail(struct json_writer *writer, const struct json_place *place, int code,
                const char *why)
{
    struct srt_buf text = {0};
    put_place(&text, place);
    srt_fail(writer->err, code, "%s %s", srt_buf_cstr(&text), why);
    srt_buf_fini(&text);
    lua_pushliteral(writer->L, "cannot be written as JSON");
    return lua_error(writer->L);
}

static int fail_type(struct json_writer *writer, const struct json_place *place, int index)
{
    char why[96];
    snprintf(why, sizeof why, "is a %s, which JSON cannot hold", luaL_typename(writer->L, index));
    return fail(writer, place, SRT_EINVAL, why);
}

/* Tables that are there several times can double the text with each level. */
static void check_size(struct json_writer *writer, const struct json_place *place)
{
    if (writer->to->len > writer->len_max) {
        fail(writer, place, SRT_ETOOBIG, "makes the JSON larger than a quarter of lua.memory");
    }
}

/* --- scalars --- */

static void put_number(struct json_writer *writer, const struct json_place *place, int index)
{
    lua_State *L = writer->L;
    if (lua_isinteger(L, index)) {
        json_put_integer(writer->to, lua_tointeger(L, index));
        return;
    }
    lua_Number number = lua_tonumber(L, index);
    if (json_put_double(writer->to, number)) {
        char why[64];
        snprintf(why, sizeof why, "is not a number that JSON can hold (%s)",
                 isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
        fail(writer, place, SRT_EINVAL, why);
    }
}

static void put_string(struct json_writer *writer, int index)
{
    size_t len;
    const char *text = lua_tolstring(writer->L, index, &len);
    json_put_string(writer->to, text, len);
}

/* --- objects --- */

/* Room for many fields is a userdata, which takes the place of the nil at `room`. */
static void make_room(lua_State *L, int room, uint32_t count, struct json_fields *ret)
{
    char *block = lua_newuserdatauv(L, count * (sizeof *ret->list + sizeof *ret->sorted), 0);
    lua_replace(L, room);
    ret->list = (struct json_field *)(void *)block;
    ret->sorted = (struct json_field **)(void *)(block + count * sizeof *ret->list);
    ret->cap = count;
}

void json_writer_push_fields(struct json_writer *writer, const struct json_place *place, int table,
                             const struct json_doc *doc, struct json_fields *ret)
{
    lua_State *L = writer->L;
    lua_pushnil(L);
    int room = lua_gettop(L);
    json_fields_init(ret);
    enum json_fields_result result = json_fields_take(L, table, doc, ret);
    if (result == JSON_FIELDS_MORE) {
        make_room(L, room, json_fields_count(L, table, doc), ret);
        result = json_fields_take(L, table, doc, ret);
    }
    if (result == JSON_FIELDS_BAD_KEY) {
        char why[96];
        snprintf(why, sizeof why, "has a %s as a key, which JSON cannot hold",
                 luaL_typename(L, -1));
        fail(writer, place, SRT_EINVAL, why);
    }
    srt_assert(result == JSON_FIELDS_TAKEN);
    json_fields_sort(L, ret);
}

static void put_key(struct srt_buf *to, const struct json_field *field, bool any)
{
    if (any) {
        srt_buf_put_u8(to, ',');
    }
    json_put_string(to, field->key, field->len);
    srt_buf_put_u8(to, ':');
}

void json_writer_put_fields(struct json_writer *writer, const struct json_place *place, int table,
                            const struct json_fields *fields, bool any)
{
    lua_State *L = writer->L;
    for (uint32_t i = 0; i < fields->count; i++, any = true) {
        const struct json_field *field = fields->sorted[i];
        struct json_place at = {
            .up = place, .key = field->key, .key_len = field->len, .depth = place->depth + 1};
        if (i && fields->has_integers && json_fields_same_key(field, fields->sorted[i - 1])) {
            fail(writer, &at, SRT_EINVAL, "is there twice, as a number and as a string");
        }
        put_key(writer->to, field, any);
        if (field->is_scalar) {
            check_size(writer, &at);
            json_fields_put_scalar(writer->to, &field->value);
            continue;
        }
        if (field->is_integer) {
            lua_rawgeti(L, table, field->integer);
        } else {
            lua_pushlstring(L, field->key, field->len);
            lua_rawget(L, table);
        }
        json_writer_put(writer, &at, lua_gettop(L));
        lua_pop(L, 1);
    }
}

/* --- arrays --- */

lua_Integer json_writer_count_elements(struct json_writer *writer, const struct json_place *place,
                                       int table)
{
    lua_State *L = writer->L;
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
            fail(writer, place, SRT_EINVAL, text);
        }
        lua_Integer index = lua_tointeger(L, -1);
        count++;
        last = index > last ? index : last;
        if (index < 1) {
            struct json_place at = {.up = place, .element = index};
            fail(writer, &at, SRT_EINVAL, "is no element of an array: they begin at 1");
        }
    }
    for (lua_Integer i = 1; last != count && i <= last; i++) {
        bool missing = lua_rawgeti(L, table, i) == LUA_TNIL;
        lua_pop(L, 1);
        if (missing) {
            struct json_place at = {.up = place, .element = i};
            fail(writer, &at, SRT_EINVAL,
                 "is missing: an array has no holes (s.null is JSON's null)");
        }
    }
    return count;
}

void json_writer_put_element(struct json_writer *writer, const struct json_place *place, int table,
                             lua_Integer i)
{
    struct json_place at = {.up = place, .element = i, .depth = place->depth + 1};
    lua_rawgeti(writer->L, table, i);
    json_writer_put(writer, &at, lua_gettop(writer->L));
    lua_pop(writer->L, 1);
}

void json_writer_put_array(struct json_writer *writer, const struct json_place *place, int table)
{
    lua_Integer count = json_writer_count_elements(writer, place, table);
    srt_buf_put_u8(writer->to, '[');
    for (lua_Integer i = 1; i <= count; i++) {
        if (i > 1) {
            srt_buf_put_u8(writer->to, ',');
        }
        json_writer_put_element(writer, place, table, i);
    }
    srt_buf_put_u8(writer->to, ']');
}

static void put_plain(struct json_writer *writer, const struct json_place *place, int table,
                      bool is_array)
{
    if (is_array || lazy_has_first(writer->L, table)) {
        json_writer_put_array(writer, place, table);
        return;
    }
    struct json_fields fields;
    json_writer_push_fields(writer, place, table, NULL, &fields);
    srt_buf_put_u8(writer->to, '{');
    json_writer_put_fields(writer, place, table, &fields, false);
    srt_buf_put_u8(writer->to, '}');
    lua_pop(writer->L, 1);
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

static int fail_depth(struct json_writer *writer, const struct json_place *place)
{
    const struct json_place *top = place;
    while (top->depth > 3 && top->up) {
        top = top->up; /* the first steps of the path tell more than all of them */
    }
    char why[64];
    snprintf(why, sizeof why, "nests deeper than %d; is there a circle?", SRT_JSON_DEPTH_MAX);
    return fail(writer, top, SRT_ETOOBIG, why);
}

void json_writer_put_text(struct json_writer *writer, const struct json_place *place,
                          const char *text, size_t size)
{
    if (place->depth && place->depth + text_depth(text, size) > SRT_JSON_DEPTH_MAX) {
        fail_depth(writer, place);
    }
    srt_buf_put(writer->to, text, size);
}

static void put_untouched(struct json_writer *writer, const struct json_place *place,
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
            fail(writer, place, SRT_EINVAL, why);
        }
        while (size && strchr(" \t\r\n", *text)) {
            text++;
            size--;
        }
        while (size && strchr(" \t\r\n", text[size - 1])) {
            size--;
        }
    }
    json_writer_put_text(writer, place, text, size);
}

static void put_table(struct json_writer *writer, const struct json_place *place, int table)
{
    if (place->depth >= SRT_JSON_DEPTH_MAX) {
        fail_depth(writer, place);
    }
    luaL_checkstack(writer->L, 8, "nested value");
    struct lazy_source source;
    lazy_source(writer->L, table, &source);
    writer->copied |= place->depth == 0 && source.origin >= LAZY_UNTOUCHED;
    switch (source.origin) {
    case LAZY_PLAIN:
    case LAZY_MARKED:
        put_plain(writer, place, table, source.origin == LAZY_MARKED);
        return;
    case LAZY_UNTOUCHED:
        put_untouched(writer, place, &source);
        return;
    case LAZY_INDEXED:
        splice_put(writer, place, table, source.doc);
        return;
    }
}

void json_writer_put(struct json_writer *writer, const struct json_place *place, int index)
{
    lua_State *L = writer->L;
    check_size(writer, place);
    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        srt_buf_put_str(writer->to, lua_toboolean(L, index) ? "true" : "false");
        return;
    case LUA_TNUMBER:
        put_number(writer, place, index);
        return;
    case LUA_TSTRING:
        put_string(writer, index);
        return;
    case LUA_TTABLE:
        put_table(writer, place, index);
        return;
    case LUA_TLIGHTUSERDATA:
        if (lazy_is_null(L, index)) {
            srt_buf_put_str(writer->to, "null");
            return;
        }
        break;
    default:
        break;
    }
    fail_type(writer, place, index);
}

static int encode_protected(lua_State *L)
{
    struct json_writer *writer = lua_touserdata(L, 1);
    const struct json_place top = {0};
    writer->L = L;
    json_writer_put(writer, &top, 2);
    return 0;
}

/* A table of the script's own with some scalars in it and nothing else. */
static bool put_plain_simple(struct script *script, int table, struct srt_buf *to)
{
    enum { PART_OF_CAP = 64 }; /* even if each byte takes six, it stays below a quarter */
    lua_State *L = script->L;
    struct json_fields fields;
    json_fields_init(&fields);
    if (!lua_checkstack(L, 4) || lazy_has_first(L, table)) {
        return false;
    }
    enum json_fields_result result = json_fields_take(L, table, NULL, &fields);
    if (result == JSON_FIELDS_BAD_KEY) {
        lua_pop(L, 1);
    }
    if (result != JSON_FIELDS_TAKEN || !fields.all_scalars || fields.has_integers ||
        fields.bytes > script->budget.cap_bytes / PART_OF_CAP) {
        return false;
    }
    json_fields_sort(L, &fields);
    srt_buf_put_u8(to, '{');
    for (uint32_t i = 0; i < fields.count; i++) {
        put_key(to, fields.sorted[i], i > 0);
        json_fields_put_scalar(to, &fields.sorted[i]->value);
    }
    srt_buf_put_u8(to, '}');
    return true;
}

/* What needs no protected call: a table whose bytes can be copied without looking at it any closer,
 * one with little new in it, or one that is simple. */
static bool put_if_simple(struct script *script, int index, struct srt_buf *to)
{
    struct lazy_source source;
    lazy_source(script->L, index, &source);
    bool changed = false;
    if (source.origin == LAZY_PLAIN) {
        return put_plain_simple(script, index, to);
    }
    if (source.origin == LAZY_UNTOUCHED) {
        srt_buf_put(to, source.text, source.size);
    } else if (source.origin == LAZY_INDEXED && !source.doc->is_dirty) {
        srt_buf_put(to, source.doc->text, source.doc->size);
    } else if (source.origin != LAZY_INDEXED ||
               !splice_put_simple(script->L, index, source.doc, to, &changed)) {
        return false;
    }
    script->stats.forwarded += !changed;
    script->stats.spliced += changed;
    return true;
}

int json_writer_encode(struct script *script, int index, struct srt_buf *to, struct srt_err *err)
{
    lua_State *L = script->L;
    index = lua_absindex(L, index);
    size_t len = to->len;
    if (lua_type(L, index) != LUA_TTABLE || !put_if_simple(script, index, to)) {
        size_t len_max = len + script->budget.cap_bytes / 4;
        struct json_writer writer = {.to = to, .err = err, .len_max = len_max};
        int code = err->code;
        err->code = SRT_OK;
        lua_pushcfunction(L, encode_protected);
        lua_pushlightuserdata(L, &writer);
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
        script->stats.forwarded += writer.copied && !writer.changed;
        script->stats.spliced += writer.copied && writer.changed;
    }
    if (srt_buf_failed(to)) {
        to->len = len;
        return srt_fail(err, SRT_ENOMEM, "no memory for a value's JSON");
    }
    return SRT_OK;
}

void json_writer_push(lua_State *L, int index)
{
    struct script *script = script_of(L);
    lua_State *main = script->L;
    struct srt_buf *to = &script->json;
    struct srt_err err = {0};
    srt_buf_clear(to);
    luaL_checkstack(main, 4, "JSON");
    lua_pushvalue(L, index);
    lua_xmove(L, main, 1); /* the state's own stack; nothing happens when it is the same */
    int rc = json_writer_encode(script, -1, to, &err);
    lua_pop(main, 1);
    if (rc) {
        luaL_error(L, "%s", err.msg);
    }
    lua_pushlstring(L, (const char *)to->data, to->len);
}
