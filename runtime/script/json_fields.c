/* A table has its fields in an order that depends on everything; JSON has them sorted, so that the
 * same value gives the same text. Tables of one pipeline mostly have the same fields as the one
 * before and in the same order, so the order that was right last time is tried first: then each
 * field is compared to its neighbour once. */
#include "script/json_fields.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/varint.h"
#include "record/json.h"
#include "script/lazy.h"
#include "script/script_impl.h"

/* --- scalars --- */

bool json_fields_take_scalar(lua_State *L, int index, struct json_scalar *ret)
{
    ret->type = lua_type(L, index);
    switch (ret->type) {
    case LUA_TSTRING:
        ret->is.text = lua_tolstring(L, index, &ret->len);
        return true;
    case LUA_TNUMBER:
        ret->is_integer = lua_isinteger(L, index);
        if (ret->is_integer) {
            ret->is.integer = lua_tointeger(L, index);
            return true;
        }
        ret->is.number = lua_tonumber(L, index);
        return isfinite(ret->is.number);
    case LUA_TBOOLEAN:
        ret->boolean = lua_toboolean(L, index);
        return true;
    case LUA_TLIGHTUSERDATA:
        return lazy_is_null(L, index);
    default:
        return false;
    }
}

void json_fields_put_scalar(struct srt_buf *to, const struct json_scalar *scalar)
{
    if (scalar->type == LUA_TSTRING) {
        json_put_string(to, scalar->is.text, scalar->len);
    } else if (scalar->type == LUA_TBOOLEAN) {
        srt_buf_put_str(to, scalar->boolean ? "true" : "false");
    } else if (scalar->type == LUA_TLIGHTUSERDATA) {
        srt_buf_put_str(to, "null");
    } else if (scalar->is_integer) {
        json_put_integer(to, scalar->is.integer);
    } else {
        (void)json_put_double(to, scalar->is.number); /* it is finite */
    }
}

/* --- gathering --- */

void json_fields_init(struct json_fields *fields)
{
    fields->list = fields->few;
    fields->sorted = fields->few_sorted;
    fields->count = 0;
    fields->cap = JSON_FIELDS_FEW;
}

/* The first eight bytes as a number that compares as they do; zeros behind a shorter key. */
static uint64_t key_begins(const char *key, size_t len)
{
    const uint8_t *at = (const uint8_t *)key;
    if (len >= 8) {
        return srt_get_be64(at);
    }
    if (len >= 4) { /* the second half ends where the key does */
        uint64_t last = srt_get_be32(at + len - 4);
        return (uint64_t)srt_get_be32(at) << 32 | (uint32_t)(last << 8 * (8 - len));
    }
    uint64_t begins = 0;
    for (size_t i = 0; i < len; i++) {
        begins |= (uint64_t)at[i] << (56 - 8 * i);
    }
    return begins;
}

/* Whether the field with the key at -2 is none to be gathered. */
static bool is_known(lua_State *L, int key_type, const struct json_doc *doc)
{
    if (key_type == LUA_TLIGHTUSERDATA) {
        return lazy_is_hidden(L, -2);
    }
    if (!doc || key_type != LUA_TSTRING) {
        return false;
    }
    size_t len;
    const char *text = lua_tolstring(L, -2, &len);
    return json_doc_find(doc, text, len) != NULL;
}

/* The field with key and value on top of the stack; false for a key that JSON cannot hold. */
static bool take_field(lua_State *L, int key_type, struct json_fields *fields)
{
    struct json_field *field = &fields->list[fields->count];
    field->is_integer = false;
    if (key_type == LUA_TSTRING) {
        field->key = lua_tolstring(L, -2, &field->len);
    } else if (lua_isinteger(L, -2)) {
        field->is_integer = true;
        field->integer = lua_tointeger(L, -2);
        field->key = field->digits;
        field->len = (size_t)snprintf(field->digits, sizeof field->digits, "%lld",
                                      (long long)field->integer);
        fields->has_integers = true;
    } else {
        return false;
    }
    field->begins = key_begins(field->key, field->len);
    field->value.len = 0;
    field->is_scalar = json_fields_take_scalar(L, -1, &field->value);
    fields->all_scalars &= field->is_scalar;
    fields->bytes += field->len + field->value.len;
    fields->count++;
    return true;
}

enum json_fields_result json_fields_take(lua_State *L, int table, const struct json_doc *doc,
                                         struct json_fields *fields)
{
    fields->count = 0;
    fields->has_integers = false;
    fields->all_scalars = true;
    fields->bytes = 0;
    lua_pushnil(L);
    for (; lua_next(L, table); lua_pop(L, 1)) {
        int key_type = lua_type(L, -2);
        if (is_known(L, key_type, doc)) {
            continue;
        }
        if (fields->count == fields->cap) {
            lua_pop(L, 2);
            return JSON_FIELDS_MORE;
        }
        if (!take_field(L, key_type, fields)) {
            lua_pop(L, 1);
            return JSON_FIELDS_BAD_KEY;
        }
    }
    return JSON_FIELDS_TAKEN;
}

uint32_t json_fields_count(lua_State *L, int table, const struct json_doc *doc)
{
    uint32_t count = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        count += !is_known(L, lua_type(L, -2), doc);
        lua_pop(L, 1);
    }
    return count;
}

/* --- sorting --- */

static int compare(const struct json_field *a, const struct json_field *b)
{
    if (a->begins != b->begins) {
        return a->begins < b->begins ? -1 : 1;
    }
    int order = memcmp(a->key, b->key, a->len < b->len ? a->len : b->len);
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

static int compare_pointers(const void *a, const void *b)
{
    return compare(*(const struct json_field *const *)a, *(const struct json_field *const *)b);
}

bool json_fields_same_key(const struct json_field *a, const struct json_field *b)
{
    return compare(a, b) == 0;
}

void json_fields_sort(lua_State *L, struct json_fields *fields)
{
    struct field_order *last = &script_of(L)->field_order;
    uint32_t count = fields->count;
    struct json_field **sorted = fields->sorted;
    bool tries = count == last->count;
    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = &fields->list[tries ? last->at[i] : i];
    }
    if (count > JSON_FIELDS_FEW) {
        qsort(sorted, count, sizeof *sorted, compare_pointers);
        return;
    }
    bool moved = false;
    for (uint32_t i = 1; i < count; i++) {
        struct json_field *field = sorted[i];
        uint32_t at = i;
        for (; at > 0 && compare(field, sorted[at - 1]) < 0; at--) {
            sorted[at] = sorted[at - 1];
        }
        moved |= at != i;
        sorted[at] = field;
    }
    if (moved || !tries) {
        last->count = count;
        for (uint32_t i = 0; i < count; i++) {
            last->at[i] = (uint8_t)(sorted[i] - fields->list);
        }
    }
}
