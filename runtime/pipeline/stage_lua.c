/* Every touch of Lua goes through script_call or through functions of value.h that never raise;
 * what is used besides (lua_settop, lua_pushvalue, lua_type, lua_toboolean, lua_rawgeti on our own
 * plain tables, lua_replace) cannot raise once there is room on the stack. */
#include "pipeline/stage_lua.h"

#include <lauxlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/limits.h"
#include "pipeline/stage_join.h"
#include "pipeline/stage_output.h"
#include "pipeline/stage_state.h"
#include "script/lazy.h"
#include "script/lazy_walk.h"
#include "script/native_expr.h"
#include "script/value.h"

enum { ARGUMENTS_MAX = 3, STACK_SLOTS = 16 };

/* --- calling --- */

int stage_lua_ensure_value(struct executor *ex, struct frame *f, struct srt_err *err)
{
    if (f->value_index != 0) {
        return SRT_OK;
    }
    lua_State *L = script_state(ex->script);
    if (!lua_checkstack(L, STACK_SLOTS)) {
        return srt_fail(err, SRT_EBUDGET, "no room on the Lua stack");
    }
    int code = (ex->reuses_values ? value_push_reused : value_push)(
        ex->script, f->value_codec, f->rec.value, f->rec.value_len, err);
    if (code != SRT_OK) {
        return code;
    }
    f->value_index = lua_gettop(L);
    const struct json_index *index =
        f->value_codec == CODEC_JSON && f->rec.value_len > 0
            ? native_doc_index_of(&ex->native, (const char *)f->rec.value, (size_t)f->rec.value_len)
            : NULL;
    if (index) {
        value_adopt_index(ex->script, index);
    }
    return SRT_OK;
}

bool stage_lua_native(struct executor *ex, const struct frame *f, const struct script_fn *fn,
                      struct native_value *ret)
{
    if (!fn->native || f->value_index != 0 || f->value_codec != CODEC_JSON ||
        f->rec.value_len <= 0) {
        return false;
    }
    native_doc_set(&ex->native, (const char *)f->rec.value, (size_t)f->rec.value_len);
    return native_expr_eval(fn->native, &ex->native, ret);
}

int stage_lua_call(struct executor *ex, struct frame *f, const struct script_fn *fn,
                   int result_count, struct srt_err *err)
{
    int code = stage_lua_ensure_value(ex, f, err);
    if (code != SRT_OK) {
        return code;
    }
    lua_State *L = script_state(ex->script);
    if (!lua_checkstack(L, STACK_SLOTS)) {
        return srt_fail(err, SRT_EBUDGET, "no room on the Lua stack");
    }
    int top = lua_gettop(L);
    int count = fn->has_vararg || fn->param_count > ARGUMENTS_MAX ? ARGUMENTS_MAX : fn->param_count;
    script_push_fn(ex->script, fn);
    if (count > 0) {
        lua_pushvalue(L, f->value_index);
    }
    if (count > 1) {
        struct value_meta meta = {
            .rec = &f->rec, .topic = ex->origin.topic, .partition = ex->origin.partition};
        code = value_push_meta(ex->script, &meta, err);
    }
    if (count > 2 && code == SRT_OK) {
        code = value_push_bytes(ex->script, f->rec.key, f->rec.key_len, err);
    }
    if (code != SRT_OK) {
        lua_settop(L, top);
        return code;
    }
    return script_call(ex->script, count, result_count, err);
}

static const struct script_fn *stage_fn(const struct executor *ex, const struct frame *f)
{
    return &ex->bindings.stage_fns[f->stage];
}

static int call_for_truth(struct executor *ex, struct frame *f, const struct script_fn *fn,
                          bool *ret, struct srt_err *err)
{
    struct native_value value;
    if (stage_lua_native(ex, f, fn, &value)) {
        *ret = native_value_is_true(&value);
        return SRT_OK;
    }
    int code = stage_lua_call(ex, f, fn, 1, err);
    if (code == SRT_OK) {
        lua_State *L = script_state(ex->script);
        *ret = lua_toboolean(L, -1);
        lua_pop(L, 1);
    }
    return code;
}

/* --- map, flat_map --- */

static int invoke_map(struct executor *ex, struct frame *f, struct srt_err *err)
{
    int code = stage_lua_call(ex, f, stage_fn(ex, f), 1, err);
    if (code != SRT_OK) {
        return code;
    }
    lua_State *L = script_state(ex->script);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return srt_fail(err, SRT_ESCRIPT,
                        "map returned nil: use filter to drop a record, or s.null for JSON null");
    }
    lua_replace(L, f->value_index);
    return SRT_OK;
}

/* Runs inside script_call: list -> plain table of its elements, readable without raising. */
static int expand_list(lua_State *L)
{
    if (!lua_istable(L, 1)) {
        return luaL_error(L, "flat_map returned %s: it must return a list ({} for nothing)",
                          luaL_typename(L, 1));
    }
    if (!lazy_is_array(L, 1)) {
        lua_pushnil(L);
        if (lazy_walk_next(L, 1)) {
            return luaL_error(L, "flat_map returned a table with keys: it must return a list");
        }
    }
    lua_Integer count = luaL_len(L, 1);
    if (count > SRT_STAGE_FANOUT_MAX) {
        return luaL_error(L, "flat_map returned %I elements: the limit is %d", count,
                          SRT_STAGE_FANOUT_MAX);
    }
    lua_createtable(L, (int)count, 0);
    int list = lua_gettop(L);
    for (lua_Integer i = 1; i <= count; i++) {
        if (lua_geti(L, 1, i) == LUA_TNIL) {
            return luaL_error(
                L, "flat_map returned a list with a hole at %I: use s.null for JSON null", i);
        }
        lua_rawseti(L, list, i);
    }
    return 1;
}

static int invoke_flat_map(struct executor *ex, struct frame *f, struct stage_result *ret,
                           struct srt_err *err)
{
    int code = stage_lua_call(ex, f, stage_fn(ex, f), 1, err);
    if (code != SRT_OK) {
        return code;
    }
    lua_State *L = script_state(ex->script);
    lua_pushcfunction(L, expand_list);
    lua_insert(L, -2);
    code = script_call(ex->script, 1, 1, err);
    if (code != SRT_OK) {
        return code;
    }
    ret->element_count = (int64_t)lua_rawlen(L, -1);
    ret->outcome = ret->element_count > 0 ? STAGE_ELEMENTS : STAGE_DROP;
    lua_replace(L, f->value_index);
    return SRT_OK;
}

/* --- keys --- */

/* What most keys are: a string or an integer out of the record. */
static bool put_native_key(struct executor *ex, const struct frame *f, const struct script_fn *fn)
{
    struct native_value value;
    if (!stage_lua_native(ex, f, fn, &value)) {
        return false;
    }
    if (value.kind == NATIVE_TEXT) {
        srt_buf_put(&ex->scratch, value.text, value.len);
    } else if (value.kind == NATIVE_INTEGER) {
        json_put_integer(&ex->scratch, value.integer);
    } else {
        return false;
    }
    return true;
}

static int put_lua_key(struct executor *ex, struct frame *f, const struct script_fn *fn,
                       struct srt_err *err)
{
    int code = stage_lua_call(ex, f, fn, 1, err);
    if (code == SRT_OK) {
        code = value_encode_key(ex->script, -1, &ex->scratch, err);
        lua_pop(script_state(ex->script), 1);
    }
    return code;
}

static int call_for_key(struct executor *ex, struct frame *f, const struct script_fn *fn,
                        const uint8_t **ret_key, int32_t *ret_len, struct srt_err *err)
{
    srt_buf_clear(&ex->scratch);
    int code = put_native_key(ex, f, fn) ? SRT_OK : put_lua_key(ex, f, fn, err);
    if (code != SRT_OK) {
        return code;
    }
    const uint8_t *key = srt_arena_copy(&ex->arena, ex->scratch.data, ex->scratch.len);
    if (srt_buf_failed(&ex->scratch) || !key) {
        return srt_fail(err, SRT_ENOMEM, "no memory for a key");
    }
    *ret_key = key;
    *ret_len = (int32_t)ex->scratch.len;
    return SRT_OK;
}

int stage_lua_group_key(struct executor *ex, struct frame *f, struct srt_err *err)
{
    bool joins = ex->job->graph->stages[f->stage].kind == STAGE_JOIN;
    const struct script_fn *fn = joins ? stage_join_key_fn(ex, f) : stage_fn(ex, f);
    if (!fn || fn->ref == LUA_NOREF) {
        f->group_key = f->rec.key;
        f->group_key_len = f->rec.key_len;
        return SRT_OK;
    }
    return call_for_key(ex, f, fn, &f->group_key, &f->group_key_len, err);
}

/* --- branch, split, to --- */

static int invoke_branch(struct executor *ex, struct frame *f, struct stage_result *ret,
                         struct srt_err *err)
{
    const struct stage *stage = &ex->job->graph->stages[f->stage];
    for (uint32_t arm = 0; arm < stage->arm_count; arm++) {
        bool taken = stage->arms[arm].when.kind == GRAPH_FN_NONE;
        if (!taken) {
            int code = call_for_truth(ex, f, &ex->bindings.arm_fns[f->stage][arm], &taken, err);
            if (code != SRT_OK) {
                return code;
            }
        }
        if (taken) {
            ret->outcome = STAGE_PASS;
            ret->arm = arm;
            return SRT_OK;
        }
    }
    ret->outcome = STAGE_DROP;
    return SRT_OK;
}

/* The function names the topic; split may also say nil: none. */
static int invoke_computed_target(struct executor *ex, struct frame *f, bool nil_drops,
                                  struct stage_result *ret, struct srt_err *err)
{
    int code = stage_lua_call(ex, f, stage_fn(ex, f), 1, err);
    if (code != SRT_OK) {
        return code;
    }
    lua_State *L = script_state(ex->script);
    if (lua_isnil(L, -1) && nil_drops) {
        lua_pop(L, 1);
        ret->outcome = STAGE_DROP;
        return SRT_OK;
    }
    size_t len = 0;
    const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
    if (!name) {
        code = srt_fail(err, SRT_ESCRIPT, "%s returned %s: it must return the name of a topic%s",
                        nil_drops ? "split" : "to", luaL_typename(L, -1),
                        nil_drops ? ", or nil to drop the record" : "");
    } else if (strlen(name) != len) {
        code = srt_fail(err, SRT_EINVAL,
                        "'%s...' cannot be the name of a topic: it has a zero byte", name);
    } else {
        code = stage_output_topic(ex, f, name, err);
    }
    lua_pop(L, 1);
    return code;
}

static int invoke_to(struct executor *ex, struct frame *f, struct stage_result *ret,
                     struct srt_err *err)
{
    if (ex->job->graph->stages[f->stage].topic) {
        return stage_output_topic(ex, f, NULL, err);
    }
    return invoke_computed_target(ex, f, false, ret, err);
}

/* --- sample --- */

/* By where the record came from, so that a replay takes the same ones. */
static bool sampled(const struct executor *ex, const struct stage *stage)
{
    const struct item_origin *origin = &ex->origin;
    uint64_t seed = srt_hash(origin->topic, strlen(origin->topic), ex->job->seed + stage->index);
    uint64_t place[2] = {(uint64_t)origin->partition, (uint64_t)origin->rec.offset};
    uint64_t hash = srt_hash(place, sizeof place, seed);
    return (double)(hash >> 11) * 0x1p-53 < stage->sample;
}

/* --- all of them --- */

int stage_lua_invoke(struct executor *ex, struct frame *f, struct stage_result *ret,
                     struct srt_err *err)
{
    const struct stage *stage = &ex->job->graph->stages[f->stage];
    bool yes = false;
    int code = SRT_OK;
    *ret = (struct stage_result){.outcome = STAGE_PASS};
    switch (stage->kind) {
    case STAGE_FILTER:
    case STAGE_REJECT:
        code = call_for_truth(ex, f, stage_fn(ex, f), &yes, err);
        ret->outcome = yes == (stage->kind == STAGE_FILTER) ? STAGE_PASS : STAGE_DROP;
        return code;
    case STAGE_MAP:
        return invoke_map(ex, f, err);
    case STAGE_UPDATE:
    case STAGE_PEEK:
        return stage_lua_call(ex, f, stage_fn(ex, f), 0, err);
    case STAGE_FLAT_MAP:
        return invoke_flat_map(ex, f, ret, err);
    case STAGE_KEY_BY:
        return call_for_key(ex, f, stage_fn(ex, f), &f->rec.key, &f->rec.key_len, err);
    case STAGE_BRANCH:
        return invoke_branch(ex, f, ret, err);
    case STAGE_SPLIT:
        return invoke_computed_target(ex, f, true, ret, err);
    case STAGE_THROTTLE:
        yes = throttle_take(&ex->throttles[f->stage], f->group_key, f->group_key_len,
                            f->rec.timestamp_ms);
        ret->outcome = yes ? STAGE_PASS : STAGE_DROP;
        return SRT_OK;
    case STAGE_SAMPLE:
        ret->outcome = sampled(ex, stage) ? STAGE_PASS : STAGE_DROP;
        return SRT_OK;
    case STAGE_TO:
        return invoke_to(ex, f, ret, err);
    case STAGE_PRINT:
    case STAGE_TO_FILE:
    case STAGE_TO_STDOUT:
        return stage_output_line(ex, f, err);
    case STAGE_AGGREGATE:
    case STAGE_REDUCE:
    case STAGE_DEDUPE:
    case STAGE_PROCESS:
    case STAGE_JOIN:
        return stage_state_invoke(ex, f, ret, err);
    case STAGE_GROUP_BY:
    case STAGE_WINDOW:
    case STAGE_COUNT:
    case STAGE_SOURCE:
    case STAGE_KIND_COUNT:
        break;
    }
    srt_unreachable("a stage that is not invoked");
}

/* --- retriable functions --- */

static int search_dump(lua_State *L, const void *data, size_t size, void *arg)
{
    (void)L;
    srt_buf_put(arg, data, size);
    return 0;
}

bool stage_lua_may_retry(struct script *script, const struct script_fn *fn)
{
    static const char name[] = "retriable";
    if (fn->ref == LUA_NOREF) {
        return false;
    }
    lua_State *L = script_state(script);
    struct srt_buf code = {0};
    script_push_fn(script, fn);
    bool found = lua_dump(L, search_dump, &code, 1) != 0 || srt_buf_failed(&code) ||
                 memmem(code.data, code.len, name, sizeof name - 1) != NULL;
    lua_pop(L, 1);
    srt_buf_fini(&code);
    return found;
}
