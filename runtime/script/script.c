/* One state and the ways into it. script_call() is lua_pcall with a deadline before it and an
 * explanation behind it:
 *
 *     stack of the state     [1] message handler, for the state's life
 *                            ... [fn] [arg] [arg]          pushed by the stage
 *     script_call            budget_enter, lua_pcall, budget_leave
 *                            ... [result]                  or nothing, and err says why
 *
 * script_protect() is the same without the budget, for our own code that may run out of memory. */
#include "script/script.h"

#include <lauxlib.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/str.h"
#include "script/chunk.h"
#include "script/errors.h"
#include "script/keep_scan.h"
#include "script/lazy.h"
#include "script/library.h"
#include "script/module.h"
#include "script/native_expr.h"
#include "script/sandbox.h"
#include "script/script_impl.h"

enum {
    MEMORY_DEFAULT_BYTES = 64 << 20,
    DEADLINE_DEFAULT_MS = 100,
    /* Collect when the heap has grown to so many percent. What lives is small (the library, some
     * modules), so going through it seldom costs little memory; the cap bounds it. */
    GC_PAUSE_PERCENT = 400,

    FILE_DEADLINE_FACTOR = 10, /* a builder file runs once and builds everything */
    REGISTRY_SLOT_BYTES = 64,  /* at most, of a table that is just being doubled */
};

void script_options_default(struct script_options *options)
{
    *options = (struct script_options){
        .memory_bytes = MEMORY_DEFAULT_BYTES,
        .deadline_ms = DEADLINE_DEFAULT_MS,
    };
}

/* --- create, destroy --- */

static void copy_options(struct script *script, const struct script_options *from)
{
    struct script_options *to = &script->options;
    *to = *from;
    to->clock = from->clock ? from->clock : srt_clock_real();
    to->name = srt_xstrdup(from->name ? from->name : "script");
    size_t count = 0;
    while (from->paths && from->paths[count]) {
        count++;
    }
    char **paths = srt_xcalloc(count + 1, sizeof *paths);
    for (size_t i = 0; i < count; i++) {
        paths[i] = srt_xstrdup(from->paths[i]);
    }
    to->paths = (const char *const *)paths;
    struct script_param *params = srt_xcalloc(from->param_count + 1, sizeof *params);
    for (size_t i = 0; i < from->param_count; i++) {
        params[i].name = srt_xstrdup(from->params[i].name);
        params[i].value = srt_xstrdup(from->params[i].value);
    }
    to->params = params;
}

static void free_options(struct script_options *options)
{
    for (size_t i = 0; options->paths && options->paths[i]; i++) {
        srt_free((void *)options->paths[i]);
    }
    srt_free((void *)options->paths);
    for (size_t i = 0; options->params && i < options->param_count; i++) {
        srt_free((void *)options->params[i].name);
        srt_free((void *)options->params[i].value);
    }
    srt_free((void *)options->params);
    srt_free((void *)options->name);
}

static int open_all(lua_State *L)
{
    errors_open(L);
    lazy_open(L);
    sandbox_open(L);
    module_open(L);
    library_open(L);
    return 0;
}

static int on_panic(lua_State *L)
{
    (void)L;
    srt_unreachable("a Lua error outside of every protected call");
}

/* A state with nothing of the pipeline in it yet. */
static int open_state(struct script *script, struct srt_err *err)
{
    lua_State *L = lua_newstate(budget_alloc, &script->budget);
    script->L = L;
    if (!L) {
        return srt_fail(err, SRT_EBUDGET, "%zu bytes are too few for a Lua state",
                        script->options.memory_bytes);
    }
    lua_atpanic(L, on_panic);
    lua_gc(L, LUA_GCINC, GC_PAUSE_PERCENT, 0, 0);
    *(struct script **)lua_getextraspace(L) = script;
    lua_pushcfunction(L, errors_handler);
    srt_assert(lua_gettop(L) == SCRIPT_HANDLER_INDEX);
    lua_pushcfunction(L, open_all);
    return script_protect(script, 0, 0, err);
}

int script_create(const struct script_options *options, struct script **ret_script,
                  struct srt_err *err)
{
    struct script *script = srt_xcalloc(1, sizeof *script);
    script->magic = SCRIPT_MAGIC;
    copy_options(script, options);
    budget_init(&script->budget, options->memory_bytes, options->deadline_ms);
    json_index_init(&script->scratch_index);
    srt_map_init(&script->long_names);
    int rc = open_state(script, err);
    if (!rc) {
        rc = budget_attach(&script->budget, err);
    }
    if (rc) {
        script_destroy(script);
        return rc;
    }
    *ret_script = script;
    return SRT_OK;
}

static void free_natives(struct script *script)
{
    for (size_t i = 0; i < script->native_count; i++) {
        native_expr_destroy(script->natives[i]);
    }
    srt_free(script->natives);
    script->natives = NULL;
    script->native_count = 0;
}

static void free_long_names(struct srt_map *names)
{
    size_t cursor = 0;
    void *name;
    while (srt_map_next(names, &cursor, NULL, NULL, &name)) {
        srt_free(name);
    }
    srt_map_fini(names);
}

void script_destroy(struct script *script)
{
    if (!script) {
        return;
    }
    srt_assert(script->magic == SCRIPT_MAGIC);
    srt_assert(script->depth == 0);
    budget_detach(&script->budget);
    if (script->L) {
        lua_close(script->L);
        srt_assert(script->budget.used_bytes == 0);
    }
    budget_fini(&script->budget);
    free_natives(script);
    free_long_names(&script->long_names);
    json_index_fini(&script->scratch_index);
    srt_buf_fini(&script->scratch);
    srt_buf_fini(&script->json);
    srt_buf_fini(&script->traceback);
    srt_buf_fini(&script->message);
    free_options(&script->options);
    script->magic = 0;
    srt_free(script);
}

lua_State *script_state(struct script *script)
{
    return script->L;
}

/* --- functions --- */

int script_fn_take(struct script *script, struct script_fn *ret_fn)
{
    lua_State *L = script->L;
    if (!lua_isfunction(L, -1)) {
        lua_pop(L, 1);
        return SRT_EINVAL;
    }
    /* luaL_ref() may have to double the registry, and must not raise here. */
    size_t room = (size_t)lua_rawlen(L, LUA_REGISTRYINDEX) * REGISTRY_SLOT_BYTES;
    if (!budget_has(&script->budget, room)) {
        lua_gc(L, LUA_GCCOLLECT);
        if (!budget_has(&script->budget, room)) {
            lua_pop(L, 1);
            return SRT_EBUDGET;
        }
    }
    lua_Debug ar;
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">u", &ar);
    struct script_fn fn = {.has_vararg = ar.isvararg, .forgets_value = keep_scan_forgets(L, false)};
    fn.param_count = ar.isvararg ? UINT8_MAX : ar.nparams;
    fn.ref = luaL_ref(L, LUA_REGISTRYINDEX);
    *ret_fn = fn;
    return SRT_OK;
}

void script_fn_release(struct script *script, struct script_fn *fn)
{
    luaL_unref(script->L, LUA_REGISTRYINDEX, fn->ref);
    for (size_t i = 0; fn->native && i < script->native_count; i++) {
        if (script->natives[i] == fn->native) {
            native_expr_destroy(script->natives[i]);
            script->natives[i] = script->natives[--script->native_count];
            break;
        }
    }
    *fn = (struct script_fn){.ref = LUA_NOREF};
}

void script_push_fn(struct script *script, const struct script_fn *fn)
{
    srt_assert(fn->ref != LUA_NOREF && fn->ref != LUA_REFNIL);
    lua_rawgeti(script->L, LUA_REGISTRYINDEX, fn->ref);
}

/* --- calling --- */

static int failed(struct script *script, int status, enum budget_breach breach,
                  struct srt_err *err)
{
    int rc = errors_fill(script->L, status, breach, err);
    if (rc == SRT_EBUDGET) {
        /* What the call held is garbage now; the next one shall have room. */
        lua_gc(script->L, LUA_GCCOLLECT);
    }
    return rc;
}

/* The call was left in the middle of a step of Lua. Everything that the state was is gone; there is
 * a new one in its place. */
static int begin_anew(struct script *script, struct srt_err *err)
{
    budget_abandon(&script->budget);
    free_natives(script);
    script->depth = 0;
    script->error_retriable = false;
    script->reused_doc = NULL;
    script->reused_table = NULL;
    script->reused_is_out = false;
    script->generation++;
    struct srt_err why;
    if (open_state(script, &why)) {
        srt_out_of_memory(script->options.memory_bytes); /* it was there for the first one */
    }
    char limit[SRT_DURATION_TEXT_MAX];
    srt_format_duration(limit, srt_load_relaxed(&script->budget.deadline_ms));
    return srt_fail(err, SRT_EBUDGET,
                    "ran longer than %s in a single step of Lua; the state was given up and made "
                    "anew",
                    limit);
}

static int call_outermost(struct script *script, int arg_count, int result_count,
                          struct srt_err *err)
{
    lua_State *L = script->L;
    srt_buf_clear(&script->traceback);
    if (__builtin_expect(sigsetjmp(script->budget.way_out, 0) != 0, 0)) {
        return begin_anew(script, err);
    }
    budget_enter(&script->budget, L);
    int status = lua_pcall(L, arg_count, result_count, SCRIPT_HANDLER_INDEX);
    enum budget_breach breach = budget_leave(&script->budget, L, status != LUA_OK);
    return status == LUA_OK && breach == BUDGET_KEPT ? SRT_OK
                                                     : failed(script, status, breach, err);
}

int script_call(struct script *script, int arg_count, int result_count, struct srt_err *err)
{
    if (script->depth > 0) {
        int status = lua_pcall(script->L, arg_count, result_count, SCRIPT_HANDLER_INDEX);
        return status == LUA_OK
                   ? SRT_OK
                   : failed(script, status, (enum budget_breach)script->budget.breach, err);
    }
    script->depth = 1;
    int rc = call_outermost(script, arg_count, result_count, err);
    script->depth = 0;
    return rc;
}

uint64_t script_generation(const struct script *script)
{
    return script->generation;
}

int script_protect(struct script *script, int arg_count, int result_count, struct srt_err *err)
{
    lua_State *L = script->L;
    struct budget *budget = &script->budget;
    int status = lua_pcall(L, arg_count, result_count, SCRIPT_HANDLER_INDEX);
    if (status == LUA_OK) {
        return SRT_OK;
    }
    enum budget_breach breach = budget_is_over(budget) ? BUDGET_MEMORY : BUDGET_KEPT;
    if (script->depth == 0) {
        budget->breach = BUDGET_KEPT;
        budget->refused_bytes = 0;
        budget->where[0] = '\0';
    }
    return failed(script, status, breach, err);
}

const char *script_traceback(const struct script *script)
{
    /* The buffer ends with a NUL from the moment it is written (errors.c). */
    return script->traceback.len ? (const char *)script->traceback.data : "";
}

bool script_error_retriable(const struct script *script)
{
    return script->error_retriable;
}

int script_run_file(struct script *script, const char *path, int *ret_count, struct srt_err *err)
{
    lua_State *L = script->L;
    int rc = chunk_load_file(L, path, err);
    if (rc) {
        return rc;
    }
    int base = lua_gettop(L) - 1;
    int64_t deadline_ms = srt_load_relaxed(&script->budget.deadline_ms);
    srt_store_relaxed(&script->budget.deadline_ms, deadline_ms * FILE_DEADLINE_FACTOR);
    rc = script_call(script, 0, LUA_MULTRET, err);
    srt_store_relaxed(&script->budget.deadline_ms, deadline_ms);
    if (!rc) {
        *ret_count = lua_gettop(L) - base;
    }
    return rc;
}

/* --- memory --- */

size_t script_memory_bytes(const struct script *script)
{
    return script->budget.used_bytes;
}

size_t script_memory_peak_bytes(const struct script *script)
{
    return script->budget.peak_bytes;
}

void script_collect(struct script *script)
{
    lua_gc(script->L, LUA_GCCOLLECT);
}
