/* From a graph's functions to functions of one Lua state: done by every worker, and once by
 * compiling, so that a graph that was compiled can be bound. */
#include <lauxlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "pipeline/compile_impl.h"

int bind_fn(struct script *script, const struct graph_fn *fn, const struct script_fn *builder_fns,
            struct script_fn *ret, int *ret_line, struct srt_err *err)
{
    *ret_line = 0;
    switch (fn->kind) {
    case GRAPH_FN_NONE:
        *ret = (struct script_fn){.ref = LUA_NOREF};
        return SRT_OK;
    case GRAPH_FN_TEXT:
        return script_compile(script, &fn->text, ret, ret_line, err);
    case GRAPH_FN_USE:
        return script_use(script, fn->use, ret, err);
    case GRAPH_FN_BUILDER:
        *ret = builder_fns[fn->builder_index - 1];
        return SRT_OK;
    }
    srt_unreachable("a function of no kind");
}

const struct graph_fn *bind_stage_fn(const struct stage *stage)
{
    return stage->source ? &stage->source->generate : &stage->fn;
}

const struct graph_fn *graph_own_fn(const struct stage *stage, uint32_t n)
{
    const struct graph_fn *fns[AGGREGATE_FN_COUNT] = {NULL};
    if (stage->kind == STAGE_AGGREGATE) {
        if (n / AGGREGATE_FN_COUNT >= stage->aggregate_count) {
            return NULL;
        }
        const struct aggregate_spec *spec = &stage->aggregates[n / AGGREGATE_FN_COUNT];
        fns[AGGREGATE_FN_VALUE] = &spec->value;
        fns[AGGREGATE_FN_BY] = &spec->by;
        fns[AGGREGATE_FN_INIT] = &spec->init;
        fns[AGGREGATE_FN_ADD] = &spec->add;
        fns[AGGREGATE_FN_MERGE] = &spec->merge;
        fns[AGGREGATE_FN_RESULT] = &spec->result;
        n %= AGGREGATE_FN_COUNT;
    } else if (stage->source) {
        fns[SOURCE_FN_TIME] = &stage->source->time;
        fns[SOURCE_FN_TIE] = &stage->source->tie;
    } else if (stage->kind == STAGE_REDUCE) {
        fns[REDUCE_FN_REDUCE] = &stage->reduce;
    } else if (stage->process) {
        fns[PROCESS_FN_ON_RECORD] = &stage->process->on_record;
        fns[PROCESS_FN_ON_TIMER] = &stage->process->on_timer;
        fns[PROCESS_FN_INIT] = &stage->process->init;
    } else if (stage->join) {
        fns[JOIN_FN_OTHER_BY] = &stage->join->other_by;
        fns[JOIN_FN_WITH] = &stage->join->with;
    }
    return n < AGGREGATE_FN_COUNT ? fns[n] : NULL;
}

static uint32_t own_fn_count(const struct stage *stage)
{
    uint32_t count = 0;
    while (graph_own_fn(stage, count)) {
        count++;
    }
    return count;
}

static int bind_own(const struct stage *stage, struct script *script,
                    const struct script_fn *builder_fns, struct graph_bindings *to,
                    const struct graph_fn **ret_failed, int *ret_line, struct srt_err *err)
{
    uint32_t count = own_fn_count(stage);
    if (count == 0) {
        return SRT_OK;
    }
    struct script_fn *fns = srt_xcalloc(count, sizeof *fns);
    to->own_fns[stage->index] = fns;
    for (uint32_t i = 0; i < count; i++) {
        fns[i].ref = LUA_NOREF;
    }
    for (uint32_t i = 0; i < count; i++) {
        *ret_failed = graph_own_fn(stage, i);
        int rc = bind_fn(script, *ret_failed, builder_fns, &fns[i], ret_line, err);
        if (rc) {
            return rc;
        }
    }
    return SRT_OK;
}

static int bind_stage(const struct stage *stage, struct script *script,
                      const struct script_fn *builder_fns, struct graph_bindings *to,
                      const struct graph_fn **ret_failed, int *ret_line, struct srt_err *err)
{
    *ret_failed = bind_stage_fn(stage);
    int rc = bind_fn(script, *ret_failed, builder_fns, &to->stage_fns[stage->index], ret_line, err);
    if (!rc) {
        rc = bind_own(stage, script, builder_fns, to, ret_failed, ret_line, err);
    }
    if (rc || stage->kind != STAGE_BRANCH) {
        return rc;
    }
    struct script_fn *arms = srt_xcalloc(stage->arm_count, sizeof(*arms));
    to->arm_fns[stage->index] = arms;
    for (uint32_t i = 0; i < stage->arm_count; i++) {
        arms[i].ref = LUA_NOREF;
    }
    for (uint32_t i = 0; i < stage->arm_count && !rc; i++) {
        *ret_failed = &stage->arms[i].when;
        rc = bind_fn(script, *ret_failed, builder_fns, &arms[i], ret_line, err);
    }
    return rc;
}

int graph_bind(const struct graph *graph, struct script *script, struct graph_bindings *ret,
               const struct graph_fn **ret_failed, int *ret_line, struct srt_err *err)
{
    struct graph_bindings bindings = {
        .stage_fns = srt_xcalloc(graph->stage_count, sizeof(*bindings.stage_fns)),
        .arm_fns = srt_xcalloc(graph->stage_count, sizeof(*bindings.arm_fns)),
        .own_fns = srt_xcalloc(graph->stage_count, sizeof(*bindings.own_fns)),
        .builder_fns = srt_xcalloc(graph->builder_fn_count + 1, sizeof(*bindings.builder_fns)),
    };
    for (uint32_t i = 0; i < graph->stage_count; i++) {
        bindings.stage_fns[i].ref = LUA_NOREF;
    }
    for (uint32_t i = 0; i < graph->builder_fn_count; i++) {
        bindings.builder_fns[i].ref = LUA_NOREF;
    }
    *ret_failed = NULL;
    *ret_line = 0;
    int rc = SRT_OK;
    if (graph->script) {
        rc =
            builder_load(script, graph->script, graph->builder_fn_count, bindings.builder_fns, err);
    }
    for (uint32_t i = 0; i < graph->stage_count && !rc; i++) {
        rc = bind_stage(&graph->stages[i], script, bindings.builder_fns, &bindings, ret_failed,
                        ret_line, err);
    }
    if (rc) {
        graph_unbind(graph, script, &bindings);
        return rc;
    }
    *ret = bindings;
    return SRT_OK;
}

static void release(struct script *script, const struct graph_fn *fn, struct script_fn *bound)
{
    if (fn->kind != GRAPH_FN_BUILDER && bound->ref != LUA_NOREF) {
        script_fn_release(script, bound);
    }
}

void graph_unbind(const struct graph *graph, struct script *script, struct graph_bindings *bindings)
{
    for (uint32_t i = 0; i < graph->stage_count; i++) {
        const struct stage *stage = &graph->stages[i];
        release(script, bind_stage_fn(stage), &bindings->stage_fns[i]);
        for (uint32_t j = 0; bindings->arm_fns[i] && j < stage->arm_count; j++) {
            release(script, &stage->arms[j].when, &bindings->arm_fns[i][j]);
        }
        srt_free(bindings->arm_fns[i]);
        for (uint32_t j = 0; bindings->own_fns[i] && graph_own_fn(stage, j); j++) {
            release(script, graph_own_fn(stage, j), &bindings->own_fns[i][j]);
        }
        srt_free(bindings->own_fns[i]);
    }
    for (uint32_t i = 0; i < graph->builder_fn_count; i++) {
        if (bindings->builder_fns[i].ref != LUA_NOREF) {
            script_fn_release(script, &bindings->builder_fns[i]);
        }
    }
    srt_free(bindings->stage_fns);
    srt_free(bindings->arm_fns);
    srt_free(bindings->own_fns);
    srt_free(bindings->builder_fns);
    *bindings = (struct graph_bindings){.stage_fns = NULL};
}

static void forget(const struct graph *graph, struct graph_bindings *bindings)
{
    for (uint32_t i = 0; i < graph->stage_count; i++) {
        bindings->stage_fns[i].ref = LUA_NOREF;
        for (uint32_t j = 0; bindings->arm_fns[i] && j < graph->stages[i].arm_count; j++) {
            bindings->arm_fns[i][j].ref = LUA_NOREF;
        }
        uint32_t own = bindings->own_fns[i] ? own_fn_count(&graph->stages[i]) : 0;
        for (uint32_t j = 0; j < own; j++) {
            bindings->own_fns[i][j].ref = LUA_NOREF;
        }
    }
    for (uint32_t i = 0; i < graph->builder_fn_count; i++) {
        bindings->builder_fns[i].ref = LUA_NOREF;
    }
}

int graph_rebind(const struct graph *graph, struct script *script, struct graph_bindings *bindings,
                 struct srt_err *err)
{
    struct graph_bindings fresh;
    const struct graph_fn *failed;
    int line;
    forget(graph, bindings);
    int rc = graph_bind(graph, script, &fresh, &failed, &line, err);
    if (rc) {
        return rc;
    }
    for (uint32_t i = 0; i < graph->stage_count; i++) {
        bindings->stage_fns[i] = fresh.stage_fns[i];
        for (uint32_t j = 0; fresh.arm_fns[i] && j < graph->stages[i].arm_count; j++) {
            bindings->arm_fns[i][j] = fresh.arm_fns[i][j];
        }
        srt_free(fresh.arm_fns[i]);
        uint32_t own = fresh.own_fns[i] ? own_fn_count(&graph->stages[i]) : 0;
        for (uint32_t j = 0; j < own; j++) {
            bindings->own_fns[i][j] = fresh.own_fns[i][j];
        }
        srt_free(fresh.own_fns[i]);
    }
    for (uint32_t i = 0; i < graph->builder_fn_count; i++) {
        bindings->builder_fns[i] = fresh.builder_fns[i];
    }
    srt_free(fresh.stage_fns);
    srt_free(fresh.arm_fns);
    srt_free(fresh.own_fns);
    srt_free(fresh.builder_fns);
    return SRT_OK;
}
