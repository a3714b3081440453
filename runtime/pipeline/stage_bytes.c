#include "pipeline/stage_bytes.h"

#include <lauxlib.h>

#include "script/value.h"

int stage_bytes_push(struct executor *ex, struct value_bytes bytes, struct srt_err *err)
{
    if (!bytes.data) {
        lua_pushnil(script_state(ex->script));
        return SRT_OK;
    }
    return value_push(ex->script, CODEC_JSON, bytes.data, (int32_t)bytes.len, err);
}

int stage_bytes_pop(struct executor *ex, struct value_bytes *ret, struct srt_err *err)
{
    lua_State *L = script_state(ex->script);
    *ret = (struct value_bytes){NULL, 0};
    int code = SRT_OK;
    if (!lua_isnil(L, -1)) {
        srt_buf_clear(&ex->scratch);
        code = value_encode(ex->script, -1, CODEC_JSON, &ex->scratch, err);
        if (code == SRT_OK) {
            ret->data = srt_arena_copy(&ex->arena, ex->scratch.data, ex->scratch.len);
            ret->len = ex->scratch.len;
        }
        if (code == SRT_OK && (srt_buf_failed(&ex->scratch) || !ret->data)) {
            code = srt_fail(err, SRT_ENOMEM, "no memory for a value");
        }
    }
    lua_pop(L, 1);
    return code;
}

int stage_bytes_check_stack(struct executor *ex, struct srt_err *err)
{
    return lua_checkstack(script_state(ex->script), 16)
               ? SRT_OK
               : srt_fail(err, SRT_EBUDGET, "no room on the Lua stack");
}

int stage_bytes_call(struct executor *ex, const struct script_fn *fn, struct value_bytes a,
                         const struct value_bytes *b, struct value_bytes *ret, struct srt_err *err)
{
    *ret = a;
    if (fn->ref == LUA_NOREF) {
        return SRT_OK;
    }
    lua_State *L = script_state(ex->script);
    int top = lua_gettop(L);
    int code = stage_bytes_check_stack(ex, err);
    if (code != SRT_OK) {
        return code;
    }
    script_push_fn(ex->script, fn);
    code = stage_bytes_push(ex, a, err);
    if (code == SRT_OK && b) {
        code = stage_bytes_push(ex, *b, err);
    }
    if (code != SRT_OK) {
        lua_settop(L, top);
        return code;
    }
    code = script_call(ex->script, b ? 2 : 1, 1, err);
    return code == SRT_OK ? stage_bytes_pop(ex, ret, err) : code;
}

int stage_bytes_take_value(struct executor *ex, const struct frame *f, struct value_bytes *ret,
                           struct srt_err *err)
{
    const uint8_t *data;
    int32_t len;
    *ret = (struct value_bytes){NULL, 0};
    int code = executor_encode(ex, f, CODEC_JSON, &data, &len, err);
    if (code == SRT_OK && len != RECORD_ABSENT) {
        ret->len = (size_t)len;
        ret->data = srt_arena_copy(&ex->arena, data, ret->len);
        code = ret->data ? SRT_OK : srt_fail(err, SRT_ENOMEM, "no memory for a value");
    }
    return code;
}
