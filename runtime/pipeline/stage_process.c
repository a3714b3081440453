/* One invocation, of on_record or on_timer:
 *
 *     state bytes --push--> st      fn(v, st, ctx)      st --encode--> bytes --> row "s"
 *                                      ctx:emit    --> emissions     (taken when it returned)
 *                                      ctx:timer   --> a list        --> rows "t" NAME
 *
 * What the function did is put into effect when it returned, and is nothing when it raised: the
 * state is read from its row anew for each call, timers wait in a list, and emissions are dropped
 * by who called us. The rows of a key are its state and then its timers by name. */
#include "pipeline/stage_process.h"

#include <lauxlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/str.h"
#include "pipeline/stage_codec.h"
#include "pipeline/stage_state.h"
#include "pipeline/window.h"
#include "script/value.h"

/* A timer that the call set or cancelled. */
struct timer_change {
    struct timer_change *next;
    int64_t due_ms; /* STATE_NEVER_DUE: cancelled */
    size_t len;
    uint8_t subkey[1 + STAGE_TIMER_NAME_MAX];
};

/* What `ctx` shows and collects during one call. */
struct stage_call {
    struct executor *ex;
    struct frame *f;
    int64_t now_ms;
    struct timer_change *timers;
    struct timer_change **timers_end;
};

static const struct stage *stage_of(const struct executor *ex, const struct frame *f)
{
    return &ex->job->graph->stages[f->stage];
}

/* --- ctx, inside of the call --- */

static struct stage_call *call_of(lua_State *L)
{
    struct stage_call **box = luaL_checkudata(L, 1, "streamrt.ctx");
    if (!*box) {
        luaL_error(L, "ctx is of use only during the call that it was given to");
    }
    return *box;
}

/* Values are encoded on the state's own stack, whichever coroutine calls. */
static const uint8_t *encode_here(lua_State *L, struct stage_call *call, int index, bool key,
                                  size_t *ret_len)
{
    struct executor *ex = call->ex;
    lua_State *main = script_state(ex->script);
    struct srt_err err = {0};
    luaL_checkstack(main, 4, "ctx");
    lua_pushvalue(L, index);
    lua_xmove(L, main, 1);
    srt_buf_clear(&ex->scratch);
    int code = key ? value_encode_key(ex->script, -1, &ex->scratch, &err)
                   : value_encode(ex->script, -1, CODEC_JSON, &ex->scratch, &err);
    lua_pop(main, 1);
    const uint8_t *copy = code == SRT_OK && !srt_buf_failed(&ex->scratch)
                              ? srt_arena_copy(&ex->arena, ex->scratch.data, ex->scratch.len)
                              : NULL;
    if (!copy) {
        luaL_error(L, "emit: %s", code == SRT_OK ? "no memory" : err.msg);
    }
    *ret_len = ex->scratch.len;
    return copy;
}

/* over: { key =, timestamp = } */
static void read_over(lua_State *L, struct stage_call *call, struct record *rec)
{
    size_t len;
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, 3)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        if (strcmp(name, "key") == 0) {
            rec->key = encode_here(L, call, -1, true, &len);
            rec->key_len = (int32_t)len;
        } else if (strcmp(name, "timestamp") == 0) {
            rec->timestamp_ms = luaL_checkinteger(L, -1);
        } else {
            luaL_error(L, "emit: there is no '%s' to set: key and timestamp are", name);
        }
        lua_pop(L, 1);
    }
}

static int ctx_emit(lua_State *L)
{
    struct stage_call *call = call_of(L);
    struct record rec = call->f->rec;
    size_t len;
    rec.key = call->f->group_key;
    rec.key_len = call->f->group_key_len;
    rec.timestamp_ms = call->now_ms;
    rec.value = encode_here(L, call, 2, false, &len);
    rec.value_len = (int32_t)len;
    if (!lua_isnoneornil(L, 3)) {
        read_over(L, call, &rec);
    }
    struct srt_err err;
    if (executor_emit(call->ex, &rec, CODEC_JSON, &err) != SRT_OK) {
        luaL_error(L, "emit: %s", err.msg);
    }
    return 0;
}

static void add_timer(lua_State *L, struct stage_call *call, int64_t due_ms)
{
    size_t len;
    const char *name = luaL_checklstring(L, 2, &len);
    luaL_argcheck(L, len >= 1 && len <= STAGE_TIMER_NAME_MAX, 2, "a name has 1 to 200 bytes");
    struct timer_change *change = srt_arena_alloc(&call->ex->arena, sizeof *change);
    if (!change) {
        luaL_error(L, "no memory for a timer");
    }
    *change = (struct timer_change){.due_ms = due_ms, .len = 1 + len};
    change->subkey[0] = STAGE_SUBKEY_TIMER;
    memcpy(change->subkey + 1, name, len);
    *call->timers_end = change;
    call->timers_end = &change->next;
}

static int64_t duration_at(lua_State *L, int index)
{
    int64_t ms = -1;
    if (lua_type(L, index) == LUA_TSTRING) {
        size_t len;
        const char *text = lua_tolstring(L, index, &len);
        if (srt_parse_duration_ms((struct srt_str){text, len}, &ms) != SRT_OK) {
            ms = -1;
        }
    } else {
        ms = luaL_checkinteger(L, index);
    }
    luaL_argcheck(L, ms >= 0, index, "takes milliseconds, or a duration such as \"60s\"");
    return ms;
}

static int ctx_timer(lua_State *L)
{
    struct stage_call *call = call_of(L);
    int64_t after = duration_at(L, 3);
    if (!lua_isnoneornil(L, 4)) {
        luaL_checktype(L, 4, LUA_TTABLE);
        if (lua_getfield(L, 4, "clock") != LUA_TNIL &&
            strcmp(luaL_checkstring(L, -1), "event") != 0) {
            luaL_error(L, "timer: clock '%s' is not available in this version: event is",
                       lua_tostring(L, -1));
        }
    }
    add_timer(L, call, window_close_ms(call->now_ms, after));
    return 0;
}

static int ctx_cancel(lua_State *L)
{
    add_timer(L, call_of(L), STATE_NEVER_DUE);
    return 0;
}

static int ctx_record(lua_State *L, struct stage_call *call)
{
    const struct value_meta meta = {.rec = &call->f->rec,
                                    .topic = call->ex->origin.topic,
                                    .partition = call->ex->origin.partition};
    lua_State *main = script_state(call->ex->script);
    struct srt_err err;
    if (value_push_meta(call->ex->script, &meta, &err) != SRT_OK) {
        luaL_error(L, "%s", err.msg);
    }
    if (main != L) {
        lua_xmove(main, L, 1);
    }
    return 1;
}

static int ctx_index(lua_State *L)
{
    struct stage_call *call = call_of(L);
    const char *name = luaL_checkstring(L, 2);
    if (strcmp(name, "now") == 0) {
        lua_pushinteger(L, call->now_ms);
    } else if (strcmp(name, "key") == 0) {
        lua_pushlstring(L, (const char *)call->f->group_key, (size_t)call->f->group_key_len);
    } else if (strcmp(name, "record") == 0) {
        return ctx_record(L, call);
    } else {
        luaL_getmetatable(L, "streamrt.ctx");
        if (lua_getfield(L, -1, name) == LUA_TNIL) {
            return luaL_error(L, "ctx has no '%s'", name);
        }
    }
    return 1;
}

/* --- ctx, made once for each Lua state --- */

static int make_ctx(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"emit", ctx_emit}, {"timer", ctx_timer}, {"cancel", ctx_cancel}, {NULL, NULL}};
    struct stage_call **box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = NULL;
    if (luaL_newmetatable(L, "streamrt.ctx")) {
        luaL_setfuncs(L, methods, 0);
        lua_pushcfunction(L, ctx_index);
        lua_setfield(L, -2, "__index");
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
    }
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, (void *)make_ctx);
    return 1;
}

/* Push ctx, and let it show the call. */
static int push_ctx(struct executor *ex, struct stage_call *call, struct srt_err *err)
{
    lua_State *L = script_state(ex->script);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, (void *)make_ctx) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_pushcfunction(L, make_ctx);
        int code = script_call(ex->script, 0, 1, err);
        if (code != SRT_OK) {
            return code;
        }
    }
    *(struct stage_call **)lua_touserdata(L, -1) = call;
    return SRT_OK;
}

static void close_ctx(struct executor *ex)
{
    lua_State *L = script_state(ex->script);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, (void *)make_ctx) != LUA_TNIL) {
        *(struct stage_call **)lua_touserdata(L, -1) = NULL;
    }
    lua_pop(L, 1);
}

/* --- state --- */

static const uint8_t subkey_state[1] = {STAGE_SUBKEY_STATE};

static int make_table(lua_State *L)
{
    lua_newtable(L);
    return 1;
}

/* Push the key's state: what its row has, else what init makes. */
static int push_state(struct executor *ex, const struct frame *f, struct srt_err *err)
{
    lua_State *L = script_state(ex->script);
    struct state_row row;
    const struct stage_blob *blob = NULL;
    if (stage_state_get(ex, f, subkey_state, sizeof subkey_state, &row)) {
        blob = ((struct stage_bytes *)row.cell)->blob;
    }
    if (blob) {
        return value_push(ex->script, CODEC_JSON, blob->bytes, (int32_t)blob->len, err);
    }
    const struct script_fn *init = &ex->bindings.own_fns[f->stage][PROCESS_FN_INIT];
    if (init->ref == LUA_NOREF) {
        lua_pushcfunction(L, make_table);
    } else {
        script_push_fn(ex->script, init);
    }
    int code = script_call(ex->script, 0, 1, err);
    if (code == SRT_OK && !lua_istable(L, -1)) {
        code = srt_fail(err, SRT_ESCRIPT, "init gave %s: it must give a table",
                        luaL_typename(L, -1));
        lua_pop(L, 1);
    }
    return code;
}

static int put_state(struct executor *ex, struct frame *f, const uint8_t *bytes, size_t len,
                     int64_t now_ms, struct srt_err *err)
{
    int64_t ttl = stage_of(ex, f)->process->ttl_ms;
    struct state_row row;
    bool made;
    int code = stage_state_put(ex, f, subkey_state, sizeof subkey_state, &row, &made, err);
    if (code != SRT_OK) {
        return code;
    }
    struct stage_bytes *cell = row.cell;
    cell->last_ms = made || now_ms > cell->last_ms ? now_ms : cell->last_ms;
    bool same = cell->blob && cell->blob->len == len && memcmp(cell->blob->bytes, bytes, len) == 0;
    if (!same && stage_blob_set(&cell->blob, bytes, len) != SRT_OK) {
        (void)srt_fail(err, SRT_ENOMEM, "no memory for a key's state");
        return stage_state_broken(ex, f, err);
    }
    state_table_touch(ex->state.tables[f->stage], &row,
                      ttl < 0 ? STATE_NEVER_DUE : window_close_ms(cell->last_ms, ttl));
    return SRT_OK;
}

static int put_timers(struct executor *ex, struct frame *f, const struct stage_call *call,
                      struct srt_err *err)
{
    struct state_table *table = ex->state.tables[f->stage];
    bool at_end = ex->watermarks.reached[f->stage] == WATERMARK_END;
    for (const struct timer_change *t = call->timers; t; t = t->next) {
        struct state_row row;
        bool made;
        if (t->due_ms == STATE_NEVER_DUE) {
            if (stage_state_get(ex, f, t->subkey, t->len, &row)) {
                state_table_remove(table, &row);
            }
            continue;
        }
        int code = stage_state_put(ex, f, t->subkey, t->len, &row, &made, err);
        if (code != SRT_OK) {
            return code;
        }
        /* What is set while the end of input is worked off waits for the next run. */
        ((struct stage_bytes *)row.cell)->start_ms = t->due_ms;
        state_table_touch(table, &row, at_end ? STATE_NEVER_DUE : t->due_ms);
    }
    return SRT_OK;
}

/* --- a call --- */

/* Function and its first argument(s) are chosen by the caller: `push` puts what comes before and
 * behind (st, ctx) on the stack. */
static int call_with_state(struct executor *ex, struct frame *f, const struct script_fn *fn,
                           const char *timer, int64_t now_ms, struct srt_err *err)
{
    lua_State *L = script_state(ex->script);
    struct stage_call call = {.ex = ex, .f = f, .now_ms = now_ms};
    call.timers_end = &call.timers;
    int code = timer ? SRT_OK : stage_lua_ensure_value(ex, f, err);
    if (code == SRT_OK && !lua_checkstack(L, 16)) {
        code = srt_fail(err, SRT_EBUDGET, "no room on the Lua stack");
    }
    if (code != SRT_OK) {
        return code;
    }
    int top = lua_gettop(L);
    code = push_state(ex, f, err);
    if (code != SRT_OK) {
        lua_settop(L, top);
        return code;
    }
    script_push_fn(ex->script, fn);
    if (!timer) {
        lua_pushvalue(L, f->value_index);
    }
    lua_pushvalue(L, top + 1);
    code = push_ctx(ex, &call, err);
    if (code == SRT_OK && timer) {
        code = value_push_bytes(ex->script, (const uint8_t *)timer, (int32_t)strlen(timer), err);
    }
    uint64_t generation = script_generation(ex->script);
    if (code == SRT_OK) {
        code = script_call(ex->script, 3, 0, err);
    }
    if (generation != script_generation(ex->script)) {
        return code;
    }
    close_ctx(ex);
    if (code == SRT_OK) {
        srt_buf_clear(&ex->scratch);
        code = value_encode(ex->script, top + 1, CODEC_JSON, &ex->scratch, err);
        code = code == SRT_OK && srt_buf_failed(&ex->scratch)
                   ? srt_fail(err, SRT_ENOMEM, "no memory for a key's state")
                   : code;
    }
    lua_settop(L, top);
    if (code == SRT_OK) {
        code = put_state(ex, f, ex->scratch.data, ex->scratch.len, now_ms, err);
    }
    return code == SRT_OK ? put_timers(ex, f, &call, err) : code;
}

int stage_process_invoke(struct executor *ex, struct frame *f, struct stage_result *ret,
                         struct srt_err *err)
{
    ret->outcome = STAGE_EMITTED;
    return call_with_state(ex, f, &ex->bindings.own_fns[f->stage][PROCESS_FN_ON_RECORD], NULL,
                           f->rec.timestamp_ms, err);
}

int stage_process_run_due(struct executor *ex, struct frame *f, struct state_row *row,
                          struct srt_err *err)
{
    if (row->subkey[0] == STAGE_SUBKEY_STATE) {
        stage_state_expire(ex, f, row);
        return SRT_OK;
    }
    const struct script_fn *fn = &ex->bindings.own_fns[f->stage][PROCESS_FN_ON_TIMER];
    char name[STAGE_TIMER_NAME_MAX + 1];
    size_t len = row->subkey_len - 1;
    int64_t time_ms = ((struct stage_bytes *)row->cell)->start_ms;
    memcpy(name, row->subkey + 1, len);
    name[len] = '\0';
    int code = SRT_OK;
    if (fn->ref != LUA_NOREF) {
        f->rec.timestamp_ms = time_ms;
        code = call_with_state(ex, f, fn, name, time_ms, err);
    }
    /* Gone, unless the call has set it again. */
    struct state_row again;
    if (code == SRT_OK && stage_state_get(ex, f, f->due_subkey, f->due_subkey_len, &again) &&
        again.due_ms == time_ms) {
        state_table_remove(ex->state.tables[f->stage], &again);
    }
    return code;
}

bool stage_process_due_before(struct executor *ex, const struct frame *f, struct state_row *ret)
{
    static const uint8_t first[1] = {STAGE_SUBKEY_TIMER};
    struct state_table *table = ex->state.tables[f->stage];
    struct state_row row;
    bool found = false;
    bool more = state_table_first(table, f->group_key, (uint32_t)f->group_key_len, first,
                                  sizeof first, &row);
    while (more) {
        if (row.due_ms <= f->watermark_ms && (!found || row.due_ms < ret->due_ms)) {
            *ret = row;
            found = true;
        }
        more = state_table_next(table, &row, &row);
    }
    return found;
}

/* --- after loading --- */

struct waking {
    struct state_table *table;
    int64_t ttl_ms;
};

static void wake_row(void *arg, const struct state_row *row)
{
    const struct waking *waking = arg;
    const struct stage_bytes *cell = row->cell;
    if (row->due_ms != STATE_NEVER_DUE) {
        return;
    }
    if (row->subkey[0] == STAGE_SUBKEY_TIMER) {
        state_table_touch(waking->table, row, cell->start_ms);
    } else if (waking->ttl_ms >= 0) {
        state_table_touch(waking->table, row, window_close_ms(cell->last_ms, waking->ttl_ms));
    }
}

void stage_process_wake(struct state_table *table, const struct stage *stage)
{
    struct waking waking = {table, stage->process->ttl_ms};
    state_table_each(table, wake_row, &waking);
}
