#include "script/value.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "record/header.h"
#include "script/lazy.h"
#include "script/script_impl.h"
#include "script/json_writer.h"

/* --- pushing --- */

struct push_job {
    const char *text;
    size_t size;
};

static int push_json_protected(lua_State *L)
{
    const struct push_job *job = lua_touserdata(L, 1);
    lazy_push_any(L, job->text, job->size);
    return 1;
}

static int push_string_protected(lua_State *L)
{
    const struct push_job *job = lua_touserdata(L, 1);
    lua_pushlstring(L, job->text, job->size);
    return 1;
}

/* Run fn where it may fail; most pushes are known not to (see budget_has). */
static int push_protected(struct script *script, lua_CFunction fn, const void *data, size_t size,
                          struct srt_err *err)
{
    struct push_job job = {.text = data, .size = size};
    lua_pushcfunction(script->L, fn);
    lua_pushlightuserdata(script->L, &job);
    return script_protect(script, 1, 1, err);
}

static bool is_container(const char *text, size_t size)
{
    size_t at = 0;
    while (at < size && text[at] <= ' ' && text[at] && strchr(" \t\r\n", text[at])) {
        at++;
    }
    return at < size && (text[at] == '{' || text[at] == '[');
}

static int push_json(struct script *script, const char *text, size_t size, struct srt_err *err)
{
    lua_State *L = script->L;
    if (is_container(text, size)) {
        if (budget_has(&script->budget, lazy_push_bytes(L, size))) {
            lazy_push(L, text, size);
            return SRT_OK;
        }
    } else {
        size_t error_at = 0;
        int rc = json_validate(text, size, &error_at);
        if (rc) {
            return srt_fail(err, SRT_EPARSE, "the value is not JSON: unexpected at byte %zu",
                            error_at);
        }
    }
    return push_protected(script, push_json_protected, text, size, err);
}

static int push_string(struct script *script, const char *text, size_t size, struct srt_err *err)
{
    enum { STRING_HEADER_BYTES = 64 };
    if (budget_has(&script->budget, size + STRING_HEADER_BYTES)) {
        lua_pushlstring(script->L, text, size);
        return SRT_OK;
    }
    return push_protected(script, push_string_protected, text, size, err);
}

int value_push(struct script *script, enum codec codec, const uint8_t *data, int32_t size,
               struct srt_err *err)
{
    if (size == RECORD_ABSENT) {
        lua_pushnil(script->L);
        return SRT_OK;
    }
    srt_assert(size >= 0);
    if (codec == CODEC_JSON) {
        return push_json(script, (const char *)data, (size_t)size, err);
    }
    return push_string(script, (const char *)data, (size_t)size, err);
}

int value_push_reused(struct script *script, enum codec codec, const uint8_t *data, int32_t size,
                      struct srt_err *err)
{
    if (codec == CODEC_JSON && size > 0 && is_container((const char *)data, (size_t)size) &&
        lazy_push_reused(script->L, (const char *)data, (size_t)size)) {
        return SRT_OK;
    }
    return value_push(script, codec, data, size, err);
}

void value_release(struct script *script)
{
    lazy_release(script->L);
}

void value_adopt_index(struct script *script, const struct json_index *index)
{
    lazy_adopt_index(script->L, lua_gettop(script->L), index);
}

int value_push_bytes(struct script *script, const uint8_t *data, int32_t size, struct srt_err *err)
{
    return value_push(script, CODEC_BYTES, data, size, err);
}

/* --- r --- */

static void set_bytes(lua_State *L, const char *name, const uint8_t *data, int32_t size)
{
    if (size != RECORD_ABSENT) {
        lua_pushlstring(L, (const char *)data, (size_t)size);
        lua_setfield(L, -2, name);
    }
}

/* Names to values; of a name that comes twice the last. A header without a value is "". */
static void push_headers(lua_State *L, const struct record *rec)
{
    lua_createtable(L, 0, rec->header_count);
    uint32_t at = 0;
    struct header header;
    while (rec->headers_len &&
           header_next(rec->headers, rec->headers_len, &at, &header) == SRT_OK) {
        lua_pushlstring(L, (const char *)header.name, (size_t)header.name_len);
        size_t len = header.value_len == RECORD_ABSENT ? 0 : (size_t)header.value_len;
        lua_pushlstring(L, (const char *)header.value, len);
        lua_rawset(L, -3);
    }
}

static int push_meta_protected(lua_State *L)
{
    const struct value_meta *meta = lua_touserdata(L, 1);
    const struct record *rec = meta->rec;
    lua_createtable(L, 0, 6);
    set_bytes(L, "key", rec->key, rec->key_len);
    push_headers(L, rec);
    lua_setfield(L, -2, "headers");
    lua_pushinteger(L, rec->timestamp_ms);
    lua_setfield(L, -2, "timestamp");
    lua_pushstring(L, meta->topic);
    lua_setfield(L, -2, "topic");
    lua_pushinteger(L, meta->partition);
    lua_setfield(L, -2, "partition");
    lua_pushinteger(L, rec->offset);
    lua_setfield(L, -2, "offset");
    return 1;
}

int value_push_meta(struct script *script, const struct value_meta *meta, struct srt_err *err)
{
    lua_pushcfunction(script->L, push_meta_protected);
    lua_pushlightuserdata(script->L, (void *)meta);
    return script_protect(script, 1, 1, err);
}

/* --- encoding --- */

int value_encode(struct script *script, int index, enum codec codec, struct srt_buf *to,
                 struct srt_err *err)
{
    lua_State *L = script->L;
    int type = lua_type(L, index);
    if (type == LUA_TNIL || type == LUA_TNONE) {
        return srt_fail(err, SRT_EINVAL, "there is no value (nil); s.null is JSON's null");
    }
    if (type == LUA_TSTRING) {
        size_t len;
        const char *text = lua_tolstring(L, index, &len);
        if (codec == CODEC_JSON) {
            json_put_string(to, text, len);
        } else {
            srt_buf_put(to, text, len);
        }
        return srt_buf_failed(to)
                   ? srt_fail(err, SRT_ENOMEM, "no memory for a value of %zu bytes", len)
                   : SRT_OK;
    }
    return json_writer_encode(script, index, to, err);
}

int value_encode_key(struct script *script, int index, struct srt_buf *to, struct srt_err *err)
{
    lua_State *L = script->L;
    int type = lua_type(L, index);
    if (type == LUA_TNIL || type == LUA_TNONE) {
        return srt_fail(err, SRT_EINVAL, "the key is nil");
    }
    if (type == LUA_TNUMBER && !lua_isinteger(L, index)) {
        int is_integral = 0;
        lua_Integer integer = lua_tointegerx(L, index, &is_integral);
        if (is_integral) {
            json_put_integer(to, integer);
            return SRT_OK;
        }
    }
    return value_encode(script, index, CODEC_BYTES, to, err);
}

void value_take_stats(struct script *script, struct value_stats *ret)
{
    *ret = script->stats;
    script->stats = (struct value_stats){0};
}
