#include "pipeline/stage_value.h"

#include <lua.h>

#include "pipeline/stage_lua.h"
#include "script/value.h"

static int copy_text(struct executor *ex, const char *data, size_t len, struct state_value *ret,
                     struct srt_err *err)
{
    ret->is.text.data = srt_arena_copy(&ex->arena, data, len);
    ret->is.text.len = len;
    return ret->is.text.data ? SRT_OK : srt_fail(err, SRT_ENOMEM, "no memory for a value");
}

int stage_value_take(struct executor *ex, int index, struct state_value *ret, struct srt_err *err)
{
    lua_State *L = script_state(ex->script);
    size_t len;
    const char *text;
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        ret->kind = STATE_VALUE_NIL;
        return SRT_OK;
    case LUA_TBOOLEAN:
        ret->kind = lua_toboolean(L, index) ? STATE_VALUE_TRUE : STATE_VALUE_FALSE;
        return SRT_OK;
    case LUA_TNUMBER:
        if (lua_isinteger(L, index)) {
            ret->kind = STATE_VALUE_INTEGER;
            ret->is.integer = lua_tointeger(L, index);
        } else {
            ret->kind = STATE_VALUE_FLOAT;
            ret->is.number = lua_tonumber(L, index);
        }
        return SRT_OK;
    case LUA_TSTRING:
        ret->kind = STATE_VALUE_TEXT;
        text = lua_tolstring(L, index, &len);
        return copy_text(ex, text, len, ret, err);
    default:
        break;
    }
    srt_buf_clear(&ex->scratch);
    int code = value_encode(ex->script, index, CODEC_JSON, &ex->scratch, err);
    if (code != SRT_OK) {
        return code;
    }
    if (srt_buf_failed(&ex->scratch)) {
        return srt_fail(err, SRT_ENOMEM, "no memory for a value");
    }
    if (ex->scratch.len == 4 && ex->scratch.data[0] == 'n') {
        ret->kind = STATE_VALUE_NULL;
        return SRT_OK;
    }
    ret->kind = STATE_VALUE_JSON;
    return copy_text(ex, (const char *)ex->scratch.data, ex->scratch.len, ret, err);
}

/* What was answered without Lua; false when it is of a kind that Lua has to read. */
static bool take_native(const struct native_value *value, struct state_value *ret)
{
    switch (value->kind) {
    case NATIVE_NIL:
        ret->kind = STATE_VALUE_NIL;
        return true;
    case NATIVE_NULL:
        ret->kind = STATE_VALUE_NULL;
        return true;
    case NATIVE_FALSE:
        ret->kind = STATE_VALUE_FALSE;
        return true;
    case NATIVE_TRUE:
        ret->kind = STATE_VALUE_TRUE;
        return true;
    case NATIVE_INTEGER:
        ret->kind = STATE_VALUE_INTEGER;
        ret->is.integer = value->integer;
        return true;
    case NATIVE_FLOAT:
        ret->kind = STATE_VALUE_FLOAT;
        ret->is.number = value->number;
        return true;
    case NATIVE_TEXT:
    case NATIVE_JSON:
        ret->kind = value->kind == NATIVE_TEXT ? STATE_VALUE_TEXT : STATE_VALUE_JSON;
        ret->is.text.data = value->text;
        ret->is.text.len = value->len;
        return true;
    case NATIVE_ESCAPED:
        break;
    }
    return false;
}

int stage_value_call(struct executor *ex, struct frame *f, const struct script_fn *fn,
                     struct state_value *ret, struct srt_err *err)
{
    struct native_value native;
    if (stage_lua_native(ex, f, fn, &native) && take_native(&native, ret)) {
        return SRT_OK;
    }
    int code = stage_lua_call(ex, f, fn, 1, err);
    if (code == SRT_OK) {
        code = stage_value_take(ex, -1, ret, err);
        lua_pop(script_state(ex->script), 1);
    }
    return code;
}
