/* Depth first, without recursion. A record begins as one frame at its source; a frame whose stage
 * has one successor becomes the successor's; with several, or with a list of elements, it stays
 * below and puts a frame for one after the other on top:
 *
 *     source -> flat_map -> branch -> to a          frames    [flat_map: element 2 of 3]
 *                                 `-> to b                    [to b]            <- top
 *
 * Successors stand behind their stage in the graph's order, so there are never more frames than
 * stages. Values live on the Lua stack between `base` of their frame and the next; a frame that
 * ends cuts the stack back to its base. Because nothing is held in C's own stack, a record that
 * waits for its next try just stays as it is, and the worker serves other tasks meanwhile.
 *
 * One invocation of a stage is atomic: what it emits is emitted after it returned. To try it again,
 * the value must be what it was before: bytes that did not become a Lua value yet are kept anyway;
 * otherwise the value is encoded before the call, but only at stages that can be tried again (retry
 * was given, or the function speaks of s.retriable, or has raised it before). */
#include "pipeline/executor.h"

#include <inttypes.h>
#include <lauxlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/hash.h"
#include "pipeline/event_clock.h"
#include "pipeline/executor_impl.h"
#include "pipeline/stage_lua.h"
#include "pipeline/stage_process.h"
#include "pipeline/stage_state.h"
#include "pipeline/stage_time.h"

/* --- life --- */

static int load_script(struct executor *ex, struct srt_err *err)
{
    const struct graph *graph = ex->job->graph;
    struct script_options options;
    script_options_default(&options);
    options.memory_bytes = graph->lua_memory_bytes;
    options.deadline_ms = graph->lua_deadline_ms;
    options.paths = graph->lua_paths;
    options.params = graph->params;
    options.param_count = graph->param_count;
    options.random_seed = ex->job->seed + ex->task;
    options.clock = ex->job->clock;
    options.name = graph->name;
    int code = script_create(&options, &ex->script, err);
    if (code != SRT_OK) {
        return code;
    }
    const struct graph_fn *failed;
    int line;
    code = graph_bind(graph, ex->script, &ex->bindings, &failed, &line, err);
    ex->bound = code == SRT_OK;
    ex->generation = script_generation(ex->script);
    return code;
}

static void prepare_stage(struct executor *ex, const struct stage *stage)
{
    uint32_t i = stage->index;
    bool retries = stage->on_error->retry > 0;
    if (stage->on_error->retry < 0) {
        retries = stage_lua_may_retry(ex->script, &ex->bindings.stage_fns[i]);
        for (uint32_t arm = 0; ex->bindings.arm_fns[i] && arm < stage->arm_count; arm++) {
            retries = retries || stage_lua_may_retry(ex->script, &ex->bindings.arm_fns[i][arm]);
        }
    }
    ex->snapshots[i] = retries;
    throttle_init(&ex->throttles[i], stage->throttle_count, stage->throttle_per_ms);
}

/* Whether nothing leads to a record's value once the record is done: no function keeps it, and this
 * layer has it only on the Lua stack. */
static bool values_are_forgotten(const struct executor *ex)
{
    const struct graph *graph = ex->job->graph;
    for (uint32_t i = 0; i < graph->stage_count; i++) {
        const struct stage *stage = &graph->stages[i];
        const struct script_fn *fn = &ex->bindings.stage_fns[i];
        if (stage->kind != STAGE_SOURCE && fn->ref != LUA_NOREF && !fn->forgets_value) {
            return false;
        }
        const struct script_fn *own = ex->bindings.own_fns[i];
        for (uint32_t n = 0; own && graph_own_fn(stage, n); n++) {
            if (own[n].ref != LUA_NOREF && !own[n].forgets_value) {
                return false;
            }
        }
        const struct script_fn *arms = ex->bindings.arm_fns[i];
        for (uint32_t arm = 0; arms && arm < stage->arm_count; arm++) {
            if (arms[arm].ref != LUA_NOREF && !arms[arm].forgets_value) {
                return false;
            }
        }
    }
    return true;
}

int executor_open(struct executor *ex, const struct job *job, uint32_t task, struct srt_err *err)
{
    uint32_t stage_count = job->graph->stage_count;
    *ex = (struct executor){.job = job, .task = task};
    srt_arena_init(&ex->arena);
    native_doc_init(&ex->native);
    srt_rng_init(&ex->rng, job->seed ^ (0x9e3779b97f4a7c15u * (task + 1)));
    target_set_init(&ex->target_set, job->engine, srt_rng_next(&ex->rng));
    ex->frames = srt_xcalloc(executor_depth_max(job->graph), sizeof *ex->frames);
    ex->throttles = srt_xcalloc(stage_count, sizeof *ex->throttles);
    ex->snapshots = srt_xcalloc(stage_count, sizeof *ex->snapshots);
    ex->targets = srt_xcalloc(stage_count, sizeof *ex->targets);
    ex->sinks = srt_xcalloc(job->sink_count, sizeof *ex->sinks);
    ex->timed = job->timed;
    watermarks_init(&ex->watermarks, job->graph, task, job->task_count);
    int code = load_script(ex, err);
    if (code == SRT_OK) {
        code = keyed_state_open(&ex->state, job, task, &ex->target_set, err);
    }
    for (uint32_t i = 0; code == SRT_OK && i < stage_count; i++) {
        prepare_stage(ex, &job->graph->stages[i]);
    }
    ex->reuses_values = code == SRT_OK && values_are_forgotten(ex);
    return code;
}

void executor_close(struct executor *ex)
{
    if (!ex->job) {
        return;
    }
    for (uint32_t i = 0; i < ex->job->graph->stage_count; i++) {
        throttle_fini(&ex->throttles[i]);
    }
    for (uint32_t i = 0; i < ex->job->sink_count; i++) {
        srt_buf_fini(&ex->sinks[i]);
    }
    if (ex->bound) {
        lua_settop(script_state(ex->script), 0);
        graph_unbind(ex->job->graph, ex->script, &ex->bindings);
    }
    script_destroy(ex->script);
    keyed_state_close(&ex->state);
    watermarks_fini(&ex->watermarks);
    target_set_fini(&ex->target_set);
    srt_arena_fini(&ex->arena);
    native_doc_fini(&ex->native);
    srt_buf_fini(&ex->scratch);
    srt_buf_fini(&ex->headers);
    srt_free(ex->frames);
    srt_free(ex->throttles);
    srt_free(ex->snapshots);
    srt_free(ex->targets);
    srt_free(ex->sinks);
    *ex = (struct executor){0};
}

/* --- frames --- */

/* The frame goes on at another stage, with the value it has. */
static void enter(struct executor *ex, struct frame *f, uint32_t stage)
{
    f->stage = stage;
    f->phase = stage_kind_keyed(executor_stage_of(ex, f)->kind) ? FRAME_ROUTE : FRAME_INVOKE;
    f->attempts = 0;
    f->has_restore = false;
    f->group_key = NULL;
    f->group_key_len = RECORD_ABSENT;
}

/* The stage is done with the record: to the successors of an arm, of which there is mostly one. */
static void pass(struct executor *ex, struct frame *f, uint32_t index)
{
    const struct graph_arm *arm = &executor_stage_of(ex, f)->arms[index];
    if (arm->next_count == 0) {
        executor_pop(ex);
    } else if (arm->next_count == 1) {
        enter(ex, f, arm->next[0]);
        f->side = arm->next_side ? arm->next_side[0] : 0;
    } else {
        f->arm = index;
        f->phase = FRAME_EMIT;
    }
}

static void begin(struct executor *ex, const struct item_origin *origin)
{
    srt_assert(ex->depth == 0);
    native_doc_clear(&ex->native);
    if (origin != &ex->origin) {
        ex->origin = *origin;
    }
    ex->record_from_bytes = executor_buffered_bytes(ex);
    ex->record_sent_bytes = 0;
}

static struct frame *begin_at_source(struct executor *ex, const struct item_origin *origin)
{
    begin(ex, origin);
    ex->counters.in++;
    struct frame *f = executor_push(ex);
    f->stage = origin->source_stage;
    f->rec = origin->rec;
    f->value_codec = origin->codec;
    return f;
}

/* The event happened at rec.timestamp_ms. */
static void see_time(struct executor *ex, struct frame *f)
{
    struct event_clock *clock = ex->origin.clock;
    event_clock_see(clock, f->rec.timestamp_ms);
    f->watermark_ms = event_clock_watermark(clock);
}

void executor_begin(struct executor *ex, const struct item_origin *origin)
{
    struct frame *f = begin_at_source(ex, origin);
    const struct source_spec *source = executor_stage_of(ex, f)->source;
    if (source->time.kind != GRAPH_FN_NONE || source->tie.kind != GRAPH_FN_NONE) {
        f->phase = FRAME_TIME;
        return;
    }
    if (ex->timed) {
        see_time(ex, f);
    }
    pass(ex, f, 0);
}

void executor_begin_item(struct executor *ex, const struct item *item, uint32_t stage)
{
    begin(ex, &item->origin);
    struct frame *f = executor_push(ex);
    f->rec = item->rec;
    f->value_codec = item->value_codec;
    enter(ex, f, stage);
    f->phase = FRAME_INVOKE;
    f->group_key = item->group_key;
    f->group_key_len = item->group_key_len;
    f->watermark_ms = item->watermark_ms;
    f->tie = item->tie;
    f->has_tie = item->has_tie;
    f->side = item->side;
}

/* A frame for a row that is due. */
static void push_due(struct executor *ex, uint32_t stage, const struct state_row *row)
{
    struct frame *f = executor_push(ex);
    f->rec = (struct record){.key_len = RECORD_ABSENT,
                             .value_len = RECORD_ABSENT,
                             .timestamp_ms = row->due_ms};
    f->value_codec = CODEC_JSON;
    enter(ex, f, stage);
    f->phase = FRAME_DUE;
    f->watermark_ms = ex->watermarks.said[stage];
    f->rec.key = f->group_key = srt_arena_copy(&ex->arena, row->key, row->key_len);
    f->rec.key_len = f->group_key_len = (int32_t)row->key_len;
    f->due_subkey = srt_arena_copy(&ex->arena, row->subkey, row->subkey_len);
    f->due_subkey_len = row->subkey_len;
    if (!f->group_key || !f->due_subkey) {
        srt_out_of_memory(row->key_len);
    }
}

/* What becomes of it has no record to come from: it comes from the stage. */
void executor_begin_due(struct executor *ex, uint32_t stage, const struct state_row *row)
{
    const struct item_origin origin = {
        .rec = {.key_len = RECORD_ABSENT,
                .value_len = RECORD_ABSENT,
                .timestamp_ms = row->due_ms,
                .offset = (int64_t)srt_hash(row->key, row->key_len, (uint64_t)row->due_ms)},
        .topic = keyed_state_origin(&ex->state, stage),
        .source_stage = stage,
        .codec = CODEC_JSON,
    };
    begin(ex, &origin);
    push_due(ex, stage, row);
}

void executor_begin_bad(struct executor *ex, const struct item_origin *origin,
                        const struct srt_err *why)
{
    struct frame *f = begin_at_source(ex, origin);
    ex->failure = *why;
    ex->traceback[0] = '\0';
    f->attempts = 1;
    f->phase = FRAME_GIVE_UP;
}

/* --- values as bytes --- */

static int32_t buffer_len(const struct srt_buf *buf)
{
    return (int32_t)buf->len;
}

/* Whether bytes that read as `from` are already what `to` would write for them. */
static bool codec_writes_same(enum codec from, enum codec to, const uint8_t *data, int32_t len)
{
    if (from == to || (from != CODEC_JSON && to != CODEC_JSON)) {
        return true;
    }
    return from == CODEC_JSON && len > 0 && (data[0] == '{' || data[0] == '[');
}

static int push_and_encode(struct executor *ex, const struct frame *f, enum codec codec,
                           struct srt_err *err)
{
    lua_State *L = script_state(ex->script);
    int before = lua_gettop(L);
    int index = f->value_index;
    int code = SRT_OK;
    if (index == 0) {
        if (!lua_checkstack(L, 4)) {
            return srt_fail(err, SRT_EBUDGET, "no room on the Lua stack");
        }
        code = value_push(ex->script, f->value_codec, f->rec.value, f->rec.value_len, err);
        index = before + 1;
    }
    srt_buf_clear(&ex->scratch);
    if (code == SRT_OK) {
        code = value_encode(ex->script, index, codec, &ex->scratch, err);
    }
    lua_settop(L, before);
    if (code == SRT_OK && srt_buf_failed(&ex->scratch)) {
        code = srt_fail(err, SRT_ENOMEM, "no memory for a record's value");
    }
    if (code == SRT_OK && ex->scratch.len > INT32_MAX) {
        code = srt_fail(err, SRT_ETOOBIG, "the value takes more than 2 GiB");
    }
    return code;
}

int executor_encode(struct executor *ex, const struct frame *f, enum codec codec,
                    const uint8_t **ret_data, int32_t *ret_len, struct srt_err *err)
{
    bool is_bytes = f->value_index == 0;
    if (is_bytes && (f->rec.value_len == RECORD_ABSENT ||
                     codec_writes_same(f->value_codec, codec, f->rec.value, f->rec.value_len))) {
        *ret_data = f->rec.value;
        *ret_len = f->rec.value_len;
        return SRT_OK;
    }
    if (!is_bytes && lua_isnil(script_state(ex->script), f->value_index)) {
        *ret_data = NULL;
        *ret_len = RECORD_ABSENT; /* a stage cannot make nil: it came as a tombstone */
        return SRT_OK;
    }
    int code = push_and_encode(ex, f, codec, err);
    if (code == SRT_OK) {
        *ret_data = ex->scratch.len > 0 ? ex->scratch.data : (const uint8_t *)"";
        *ret_len = buffer_len(&ex->scratch);
    }
    return code;
}

int executor_copy_value(struct executor *ex, const struct frame *f, const uint8_t **ret_data,
                        int32_t *ret_len, enum codec *ret_codec, struct srt_err *err)
{
    if (f->value_index == 0) {
        *ret_data = f->rec.value;
        *ret_len = f->rec.value_len;
        *ret_codec = f->value_codec;
        return SRT_OK;
    }
    /* A Lua string of a text source stays text; everything else is JSON. */
    bool is_text = lua_type(script_state(ex->script), f->value_index) == LUA_TSTRING &&
                   ex->origin.codec != CODEC_JSON;
    enum codec codec = is_text ? ex->origin.codec : CODEC_JSON;
    const uint8_t *data;
    int32_t len;
    int code = executor_encode(ex, f, codec, &data, &len, err);
    if (code == SRT_OK && len > 0) {
        data = srt_arena_copy(&ex->arena, data, (size_t)len);
        code = data ? SRT_OK : srt_fail(err, SRT_ENOMEM, "no memory for a copy of a record");
    }
    if (code == SRT_OK) {
        *ret_data = data;
        *ret_len = len;
        *ret_codec = codec;
    }
    return code;
}

/* --- going on --- */

/* Several successors: each but the last gets a copy, so that none sees what another does to it. */
static int emit(struct executor *ex, struct frame *f, struct srt_err *err)
{
    uint32_t count = executor_stage_of(ex, f)->arms[f->arm].next_count;
    if (count > 1 && f->value_index != 0) {
        const uint8_t *data;
        int32_t len;
        enum codec codec;
        int code = executor_copy_value(ex, f, &data, &len, &codec, err);
        if (code != SRT_OK) {
            return code;
        }
        lua_settop(script_state(ex->script), f->value_index - 1);
        f->value_index = 0;
        f->rec.value = data;
        f->rec.value_len = len;
        f->value_codec = codec;
    }
    f->phase = FRAME_DELIVER;
    f->next = 0;
    return SRT_OK;
}

static void deliver(struct executor *ex, struct frame *f)
{
    const struct graph_arm *arm = &executor_stage_of(ex, f)->arms[f->arm];
    if (f->next == arm->next_count) {
        executor_pop(ex);
        return;
    }
    uint32_t side = arm->next_side ? arm->next_side[f->next] : 0;
    uint32_t stage = arm->next[f->next++];
    if (f->next == arm->next_count) {
        enter(ex, f, stage);
        f->side = side;
        return;
    }
    struct frame *child = executor_push(ex);
    child->rec = f->rec;
    child->value_codec = f->value_codec;
    child->watermark_ms = f->watermark_ms;
    child->tie = f->tie;
    child->has_tie = f->has_tie;
    enter(ex, child, stage);
    child->side = side;
}

static int check_output(const struct executor *ex, struct srt_err *err)
{
    size_t emitted = executor_buffered_bytes(ex) - ex->record_from_bytes + ex->record_sent_bytes;
    if (emitted > ex->job->record_bytes_max) {
        return srt_fail(err, SRT_ETOOBIG, "the output of one record takes more than %zu bytes",
                        ex->job->record_bytes_max);
    }
    return SRT_OK;
}

int executor_emit(struct executor *ex, const struct record *rec, enum codec codec,
                  struct srt_err *err)
{
    struct emission *emission = srt_arena_alloc(&ex->arena, sizeof *emission);
    if (!emission) {
        return srt_fail(err, SRT_ENOMEM, "no memory for what a stage emits");
    }
    *emission = (struct emission){.rec = *rec, .codec = codec};
    *ex->emissions_end = emission;
    ex->emissions_end = &emission->next;
    return SRT_OK;
}

/* The next one becomes a frame of its own. */
static int deliver_emission(struct executor *ex, struct frame *f, struct srt_err *err)
{
    const struct emission *emission = f->emissions;
    if (!emission) {
        executor_pop(ex);
        return SRT_OK;
    }
    int code = check_output(ex, err);
    if (code != SRT_OK) {
        return code;
    }
    f->emissions = emission->next;
    struct frame *child = executor_push(ex);
    child->stage = f->stage;
    child->rec = emission->rec;
    child->value_codec = emission->codec;
    child->watermark_ms = f->watermark_ms;
    pass(ex, child, 0);
    return SRT_OK;
}

/* The next element becomes the value of a frame of its own, which delivers it as the stage's
 * output. */
static int deliver_element(struct executor *ex, struct frame *f, struct srt_err *err)
{
    if (f->element == f->element_count) {
        executor_pop(ex);
        return SRT_OK;
    }
    lua_State *L = script_state(ex->script);
    if (!lua_checkstack(L, 4)) {
        return srt_fail(err, SRT_EBUDGET, "no room on the Lua stack");
    }
    int code = check_output(ex, err);
    if (code != SRT_OK) {
        return srt_err_wrap(err, "element %" PRId64 " of %" PRId64, f->element + 1,
                            f->element_count);
    }
    struct frame *child = executor_push(ex);
    child->stage = f->stage;
    child->rec = f->rec;
    child->watermark_ms = f->watermark_ms;
    f->element++;
    lua_rawgeti(L, f->value_index, f->element);
    child->value_index = lua_gettop(L);
    child->phase = FRAME_EMIT;
    return SRT_OK;
}

static int route(struct executor *ex, struct frame *f, struct srt_err *err)
{
    int code = stage_lua_group_key(ex, f, err);
    if (code != SRT_OK) {
        return code;
    }
    const struct job *job = ex->job;
    if (!executor_stage_of(ex, f)->exchange || !job->exchange) {
        f->phase = FRAME_INVOKE;
        return SRT_OK;
    }
    uint32_t to =
        item_task_of_group(item_key_group(f->group_key, f->group_key_len), job->task_count);
    if (to == ex->task) {
        f->phase = FRAME_INVOKE;
        return SRT_OK;
    }
    struct item item = {.rec = f->rec,
                        .group_key = f->group_key,
                        .group_key_len = f->group_key_len,
                        .watermark_ms = f->watermark_ms,
                        .tie = f->tie,
                        .has_tie = f->has_tie,
                        .side = f->side,
                        .origin = ex->origin};
    code = executor_copy_value(ex, f, &item.rec.value, &item.rec.value_len, &item.value_codec, err);
    if (code != SRT_OK) {
        return code;
    }
    code = exchange_send(job->exchange, exchange_edge_into(job->exchange, f->stage), ex->task, to,
                         &item);
    if (code != SRT_OK) {
        return srt_fail(err, code, "no memory for the exchange before stage '%s'",
                        executor_stage_of(ex, f)->name);
    }
    ex->record_sent_bytes += item.rec.value_len > 0 ? (size_t)item.rec.value_len : 0;
    executor_pop(ex);
    return SRT_OK;
}

/* Keep what is needed to try again. */
static void keep_restore(struct executor *ex, struct frame *f)
{
    if (f->has_restore) {
        return;
    }
    if (f->value_index == 0) {
        f->has_restore = true;
        f->restore = f->rec.value;
        f->restore_len = f->rec.value_len;
        f->restore_codec = f->value_codec;
        return;
    }
    if (!ex->snapshots[f->stage]) {
        return;
    }
    struct srt_err ignored; /* a value that cannot be encoded is tried again as it is */
    f->has_restore = executor_copy_value(ex, f, &f->restore, &f->restore_len, &f->restore_codec,
                                         &ignored) == SRT_OK;
}

static void begin_emitting(struct executor *ex)
{
    ex->emissions = NULL;
    ex->emissions_end = &ex->emissions;
}

static void take_emissions(struct executor *ex, struct frame *f)
{
    f->emissions = ex->emissions;
    if (f->emissions) {
        f->phase = FRAME_EMISSIONS;
    } else {
        executor_pop(ex);
    }
}

static int run_due(struct executor *ex, struct frame *f, struct srt_err *err)
{
    begin_emitting(ex);
    int code = stage_state_run_due(ex, f, err);
    if (code == SRT_OK) {
        f->due_subkey = NULL; /* done: nothing that goes wrong from here on is the row's */
        take_emissions(ex, f);
    }
    return code;
}

static int find_time(struct executor *ex, struct frame *f, struct srt_err *err)
{
    int code = stage_time_find(ex, f, &f->rec.timestamp_ms, err);
    if (code == SRT_OK) {
        see_time(ex, f);
        pass(ex, f, 0);
    }
    return code;
}

static int invoke(struct executor *ex, struct frame *f, struct srt_err *err)
{
    struct stage_result result;
    struct state_row due;
    keep_restore(ex, f);
    if (executor_stage_of(ex, f)->kind == STAGE_PROCESS && stage_process_due_before(ex, f, &due)) {
        push_due(ex, f->stage, &due); /* the record waits below it */
        return SRT_OK;
    }
    begin_emitting(ex);
    int code = stage_lua_invoke(ex, f, &result, err);
    if (code != SRT_OK) {
        return code;
    }
    switch (result.outcome) {
    case STAGE_EMITTED:
        take_emissions(ex, f);
        return SRT_OK;
    case STAGE_DROP:
        ex->counters.dropped++;
        executor_pop(ex);
        return SRT_OK;
    case STAGE_PASS:
        pass(ex, f, result.arm);
        return SRT_OK;
    case STAGE_ELEMENTS:
        f->phase = FRAME_ELEMENTS;
        f->element = 0;
        f->element_count = result.element_count;
        return SRT_OK;
    }
    srt_unreachable("a stage outcome");
}

enum executor_result executor_run(struct executor *ex)
{
    /* the task's generator may have lost it */
    if (executor_error_lost_state(ex) && executor_error_reload(ex, &ex->failure) != SRT_OK) {
        return EXECUTOR_STOP;
    }
    while (ex->depth > 0) {
        struct frame *f = executor_top(ex);
        int code = SRT_OK;
        switch (f->phase) {
        case FRAME_DELIVER:
            deliver(ex, f);
            continue;
        case FRAME_GIVE_UP: {
            enum executor_result result = executor_error_give_up(ex, f);
            if (result != EXECUTOR_DONE) {
                return result;
            }
            continue;
        }
        case FRAME_ROUTE:
            keep_restore(ex, f);
            code = route(ex, f, &ex->failure);
            break;
        case FRAME_EMIT:
            code = emit(ex, f, &ex->failure);
            break;
        case FRAME_INVOKE:
            code = invoke(ex, f, &ex->failure);
            break;
        case FRAME_ELEMENTS:
            code = deliver_element(ex, f, &ex->failure);
            break;
        case FRAME_EMISSIONS:
            code = deliver_emission(ex, f, &ex->failure);
            break;
        case FRAME_TIME:
            keep_restore(ex, f);
            code = find_time(ex, f, &ex->failure);
            break;
        case FRAME_DUE:
            code = run_due(ex, f, &ex->failure);
            break;
        }
        if (code == SRT_OK) {
            ex->pause_ms = 0;
            continue;
        }
        enum executor_result result =
            executor_error_lost_state(ex) ? executor_error_abandon(ex)
                                          : executor_error_handle(ex, executor_top(ex));
        if (result != EXECUTOR_DONE) {
            return result;
        }
    }
    return EXECUTOR_DONE;
}

/* --- epochs --- */

size_t executor_buffered_bytes(const struct executor *ex)
{
    size_t bytes = ex->target_set.size_bytes;
    for (uint32_t i = 0; i < ex->job->sink_count; i++) {
        bytes += ex->sinks[i].len;
    }
    return bytes;
}

void executor_take_epoch(struct executor *ex, struct epoch_part *part)
{
    srt_assert(ex->depth == 0);
    target_set_take(&ex->target_set, part);
    for (uint32_t i = 0; i < ex->job->sink_count; i++) {
        part->sinks[i] = ex->sinks[i];
        ex->sinks[i] = (struct srt_buf){0};
    }
    part->counters = ex->counters;
    ex->counters = (struct runner_counters){0};
}

void executor_reuse(struct executor *ex, struct epoch_part *part)
{
    target_set_reuse(&ex->target_set, part);
    for (uint32_t i = 0; i < part->sink_count; i++) {
        if (!ex->sinks[i].data) {
            ex->sinks[i] = part->sinks[i];
            part->sinks[i] = (struct srt_buf){0};
            srt_buf_clear(&ex->sinks[i]);
        }
    }
}
