/* A record changes its rows in two steps, because nothing may be half done when a function raises:
 *
 *     1. all functions are called: the values of the native aggregators, and for each window the
 *        new accumulators of the script's own ones                        (may fail, tried again)
 *     2. all of it goes into the rows                                     (fails only for memory)
 *
 * A row's subkey is the start of its window, so that rows of a key are in the order of time. */
#include "pipeline/stage_aggregate.h"

#include <string.h>

#include <lauxlib.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/hash.h"
#include "pipeline/stage_bytes.h"
#include "pipeline/stage_lua.h"
#include "pipeline/stage_state.h"
#include "pipeline/stage_value.h"
#include "pipeline/window.h"
#include "record/json.h"
#include "script/value.h"

struct subkey {
    uint8_t bytes[STAGE_TIME_BYTES];
};

/* Sorts as the number does. */
static struct subkey subkey_of(int64_t start_ms)
{
    struct subkey subkey;
    stage_put_time(subkey.bytes, start_ms);
    return subkey;
}

static const struct stage *stage_of(const struct executor *ex, const struct frame *f)
{
    return &ex->job->graph->stages[f->stage];
}

/* --- step 1: functions --- */

/* What one record brings for each aggregator. */
struct input {
    struct state_value value;
    struct state_value by;
};

static const struct script_fn *own_fn(const struct executor *ex, const struct frame *f,
                                      uint32_t aggregate, uint32_t which)
{
    return &ex->bindings.own_fns[f->stage][aggregate * AGGREGATE_FN_COUNT + which];
}

static int find_input(struct executor *ex, struct frame *f, uint32_t i, struct input *ret,
                      struct srt_err *err)
{
    const struct aggregate_spec *spec = &stage_of(ex, f)->aggregates[i];
    ret->value.kind = STATE_VALUE_TRUE; /* without a function every record counts */
    int code = SRT_OK;
    if (spec->value.kind != GRAPH_FN_NONE) {
        code = stage_value_call(ex, f, own_fn(ex, f, i, AGGREGATE_FN_VALUE), &ret->value, err);
    }
    const struct state_value *by = NULL;
    if (code == SRT_OK && spec->by.kind != GRAPH_FN_NONE) {
        code = stage_value_call(ex, f, own_fn(ex, f, i, AGGREGATE_FN_BY), &ret->by, err);
        by = &ret->by;
    }
    if (code == SRT_OK) {
        code = aggregate_check(&spec->def, &ret->value, by, err);
        code = code == SRT_OK ? code : srt_err_wrap(err, "'%s'", spec->name);
    }
    return code;
}

static int find_inputs(struct executor *ex, struct frame *f, struct input **ret,
                       struct srt_err *err)
{
    const struct stage *stage = stage_of(ex, f);
    struct input *inputs =
        srt_arena_alloc(&ex->arena, (stage->aggregate_count + 1) * sizeof *inputs);
    if (!inputs) {
        return srt_fail(err, SRT_ENOMEM, "no memory for a record's values");
    }
    for (uint32_t i = 0; i < stage->aggregate_count; i++) {
        int code =
            stage->aggregates[i].is_script ? SRT_OK : find_input(ex, f, i, &inputs[i], err);
        if (code != SRT_OK) {
            return code;
        }
    }
    *ret = inputs;
    return SRT_OK;
}

/* --- own aggregators: accumulators are values as bytes --- */

static int call_init(struct executor *ex, const struct script_fn *fn, struct value_bytes *ret,
                     struct srt_err *err)
{
    *ret = (struct value_bytes){NULL, 0};
    if (fn->ref == LUA_NOREF) {
        return SRT_OK;
    }
    script_push_fn(ex->script, fn);
    int code = script_call(ex->script, 0, 1, err);
    return code == SRT_OK ? stage_bytes_pop(ex, ret, err) : code;
}

/* add(acc, v, r) -> acc */
static int call_add(struct executor *ex, struct frame *f, const struct script_fn *fn,
                    struct value_bytes acc, struct value_bytes *ret, struct srt_err *err)
{
    lua_State *L = script_state(ex->script);
    int code = stage_lua_ensure_value(ex, f, err);
    code = code == SRT_OK ? stage_bytes_check_stack(ex, err) : code;
    if (code != SRT_OK) {
        return code;
    }
    int top = lua_gettop(L);
    const struct value_meta meta = {
        .rec = &f->rec, .topic = ex->origin.topic, .partition = ex->origin.partition};
    script_push_fn(ex->script, fn);
    code = stage_bytes_push(ex, acc, err);
    if (code == SRT_OK) {
        lua_pushvalue(L, f->value_index);
        code = value_push_meta(ex->script, &meta, err);
    }
    if (code != SRT_OK) {
        lua_settop(L, top);
        return code;
    }
    code = script_call(ex->script, 3, 1, err);
    return code == SRT_OK ? stage_bytes_pop(ex, ret, err) : code;
}

/* The first value of a window is its accumulator as it is. */
static int call_reduce(struct executor *ex, struct frame *f, const struct stage_window *window,
                       struct value_bytes *ret, struct srt_err *err)
{
    if (window) {
        return call_add(ex, f, &ex->bindings.own_fns[f->stage][REDUCE_FN_REDUCE],
                        stage_bytes_of(window->cells[0].a.heap), ret, err);
    }
    int code = stage_bytes_take_value(ex, f, ret, err);
    if (code == SRT_OK && !ret->data) {
        return srt_fail(err, SRT_EINVAL, "there is no value (a tombstone) to reduce");
    }
    return code;
}

/* The new accumulators of a row, which may not be there yet. */
static int find_accs(struct executor *ex, struct frame *f, const struct stage_window *window,
                     struct value_bytes **ret, struct srt_err *err)
{
    const struct stage *stage = stage_of(ex, f);
    *ret = srt_arena_alloc(&ex->arena, (stage_cell_count(stage) + 1) * sizeof **ret);
    if (!*ret) {
        return srt_fail(err, SRT_ENOMEM, "no memory for accumulators");
    }
    if (stage->kind == STAGE_REDUCE) {
        return call_reduce(ex, f, window, &(*ret)[0], err);
    }
    for (uint32_t i = 0; i < stage->aggregate_count; i++) {
        if (!stage->aggregates[i].is_script) {
            continue;
        }
        struct value_bytes acc;
        int code = SRT_OK;
        if (window) {
            acc = stage_bytes_of(window->cells[i].a.heap);
        } else {
            code = call_init(ex, own_fn(ex, f, i, AGGREGATE_FN_INIT), &acc, err);
        }
        if (code == SRT_OK) {
            code = call_add(ex, f, own_fn(ex, f, i, AGGREGATE_FN_ADD), acc, &(*ret)[i], err);
        }
        if (code != SRT_OK) {
            return code;
        }
    }
    return SRT_OK;
}

/* --- step 2: rows --- */

static struct aggregate_at place_of(const struct executor *ex, const struct frame *f,
                                    struct subkey *tie)
{
    *tie = subkey_of(f->tie);
    const struct item_origin *origin = &ex->origin;
    return (struct aggregate_at){
        .time_ms = f->rec.timestamp_ms,
        .tie = f->has_tie ? (const char *)tie->bytes : NULL,
        .tie_len = f->has_tie ? sizeof tie->bytes : 0,
        .topic = (uint32_t)srt_hash(origin->topic, strlen(origin->topic), 0),
        .partition = origin->partition,
        .offset = origin->rec.offset,
    };
}

static int set_acc(struct aggregate_cell *cell, struct value_bytes acc, struct srt_err *err)
{
    if (!acc.data) {
        srt_free(cell->a.heap);
        cell->a.heap = NULL;
        return SRT_OK;
    }
    if (stage_blob_set((struct stage_blob **)&cell->a.heap, acc.data, acc.len) != SRT_OK) {
        return srt_fail(err, SRT_ENOMEM, "no memory for an accumulator");
    }
    return SRT_OK;
}

/* `accs` of find_accs(); only own aggregators' are looked at. */
static int add_to_row(struct executor *ex, struct frame *f, struct stage_window *window,
                      const struct input *inputs, const struct value_bytes *accs,
                      struct srt_err *err)
{
    const struct stage *stage = stage_of(ex, f);
    struct subkey tie;
    const struct aggregate_at at = place_of(ex, f, &tie);
    if (window->count == 0 || at.time_ms < window->start_ms) {
        window->start_ms = at.time_ms;
    }
    if (window->count == 0 || at.time_ms > window->last_ms) {
        window->last_ms = at.time_ms;
    }
    window->count++;
    if (stage->kind == STAGE_REDUCE) {
        return set_acc(&window->cells[0], accs[0], err) == SRT_OK ? SRT_OK
                                                                  : stage_state_broken(ex, f, err);
    }
    for (uint32_t i = 0; i < stage->aggregate_count; i++) {
        const struct aggregate_spec *spec = &stage->aggregates[i];
        const struct state_value *by = spec->by.kind != GRAPH_FN_NONE ? &inputs[i].by : NULL;
        int code = spec->is_script ? set_acc(&window->cells[i], accs[i], err)
                                   : aggregate_add(&spec->def, &window->cells[i], &inputs[i].value,
                                                   by, &at, err);
        if (code != SRT_OK) {
            return stage_state_broken(ex, f, err);
        }
    }
    return SRT_OK;
}

/* --- results --- */

static void put_name(struct srt_buf *to, const char *name)
{
    const struct state_value text = {.kind = STATE_VALUE_TEXT,
                                     .is.text = {.data = name, .len = strlen(name)}};
    state_value_put_json(to, &text);
    srt_buf_put_u8(to, ':');
}

/* Own aggregators' results, before the scratch buffer is used for all of it. */
static int find_results(struct executor *ex, struct frame *f, const struct stage_window *window,
                        struct value_bytes *results, struct srt_err *err)
{
    const struct stage *stage = stage_of(ex, f);
    int code = SRT_OK;
    for (uint32_t i = 0; i < stage->aggregate_count && code == SRT_OK; i++) {
        if (stage->aggregates[i].is_script) {
            code = stage_bytes_call(ex, own_fn(ex, f, i, AGGREGATE_FN_RESULT),
                                 stage_bytes_of(window->cells[i].a.heap), NULL, &results[i], err);
        }
    }
    return code;
}

static void put_window(struct srt_buf *to, bool comma, int64_t start_ms, int64_t end_ms)
{
    srt_buf_printf(to, "%s\"window_start\":%lld,\"window_end\":%lld", comma ? "," : "",
                   (long long)start_ms, (long long)end_ms);
}

/* An object gets the window's fields; any other value is as it is. */
static void put_reduced(struct srt_buf *to, struct value_bytes acc, bool windowed, int64_t start_ms,
                        int64_t end_ms)
{
    size_t len = acc.len;
    while (len > 0 && strchr(" \t\r\n", acc.data[len - 1])) {
        len--;
    }
    if (!windowed || len < 2 || acc.data[len - 1] != '}') {
        srt_buf_put(to, acc.data, acc.len);
        return;
    }
    size_t body = len - 1;
    while (body > 0 && strchr(" \t\r\n", acc.data[body - 1])) {
        body--;
    }
    srt_buf_put(to, acc.data, len - 1);
    put_window(to, acc.data[body - 1] != '{', start_ms, end_ms);
    srt_buf_put_u8(to, '}');
}

/* Emit what was put into the scratch buffer. */
static int emit_scratch(struct executor *ex, const struct frame *f, int64_t time_ms,
                        struct srt_err *err)
{
    const struct srt_buf *from = &ex->scratch;
    const uint8_t *value = srt_arena_copy(&ex->arena, from->data, from->len);
    if (srt_buf_failed(from) || !value) {
        return srt_fail(err, SRT_ENOMEM, "no memory for a result");
    }
    const struct record rec = {.key = f->group_key,
                               .key_len = f->group_key_len,
                               .value = value,
                               .value_len = (int32_t)from->len,
                               .timestamp_ms = time_ms};
    return executor_emit(ex, &rec, CODEC_JSON, err);
}

/* Emit what the window comes to; `end_ms` is exclusive, `span_ms` how long it is. */
static int emit_result(struct executor *ex, struct frame *f, const struct stage_window *window,
                       int64_t start_ms, int64_t end_ms, struct srt_err *err)
{
    const struct stage *stage = stage_of(ex, f);
    bool windowed = stage->window.kind != WINDOW_NONE;
    struct value_bytes *results =
        srt_arena_alloc(&ex->arena, (stage->aggregate_count + 1) * sizeof *results);
    if (!results) {
        return srt_fail(err, SRT_ENOMEM, "no memory for a result");
    }
    int code = find_results(ex, f, window, results, err);
    if (code != SRT_OK) {
        return code;
    }
    struct srt_buf *to = &ex->scratch;
    srt_buf_clear(to);
    if (stage->kind == STAGE_REDUCE) {
        put_reduced(to, stage_bytes_of(window->cells[0].a.heap), windowed, start_ms, end_ms);
        return emit_scratch(ex, f, windowed ? end_ms - 1 : f->rec.timestamp_ms, err);
    }
    srt_buf_put_u8(to, '{');
    for (uint32_t i = 0; i < stage->aggregate_count; i++) {
        const struct aggregate_spec *spec = &stage->aggregates[i];
        if (i > 0) {
            srt_buf_put_u8(to, ',');
        }
        put_name(to, spec->name);
        if (!spec->is_script) {
            aggregate_result(&spec->def, &window->cells[i], windowed ? end_ms - start_ms : 0, to);
        } else if (results[i].data) {
            srt_buf_put(to, results[i].data, results[i].len);
        } else {
            srt_buf_put_str(to, "null");
        }
    }
    if (windowed) {
        put_window(to, stage->aggregate_count > 0, start_ms, end_ms);
    }
    srt_buf_put_u8(to, '}');
    return emit_scratch(ex, f, windowed ? end_ms - 1 : f->rec.timestamp_ms, err);
}

static int64_t row_end_ms(const struct stage *stage, const struct stage_window *window,
                          int64_t start_ms)
{
    bool aligned = stage->window.kind == WINDOW_TUMBLING || stage->window.kind == WINDOW_HOPPING;
    return aligned ? start_ms + stage->window.size_ms : window->last_ms + 1;
}

static int64_t start_of(const struct state_row *row)
{
    return stage_get_time(row->subkey);
}

static bool emits_updates(const struct stage *stage)
{
    return stage->window.kind == WINDOW_NONE || stage->window.emit == WINDOW_EMIT_UPDATES;
}

/* --- one row: no window, count windows --- */

static int add_single(struct executor *ex, struct frame *f, const struct input *inputs,
                      struct srt_err *err)
{
    const struct stage *stage = stage_of(ex, f);
    struct state_table *table = ex->state.tables[f->stage];
    const struct subkey subkey = subkey_of(0);
    struct state_row row;
    bool made = !stage_state_get(ex, f, subkey.bytes, sizeof subkey.bytes, &row);
    struct value_bytes *accs;
    int code = find_accs(ex, f, made ? NULL : row.cell, &accs, err);
    if (code == SRT_OK) {
        code = stage_state_put(ex, f, subkey.bytes, sizeof subkey.bytes, &row, &made, err);
    }
    if (code == SRT_OK) {
        code = add_to_row(ex, f, row.cell, inputs, accs, err);
    }
    if (code != SRT_OK) {
        return code;
    }
    const struct stage_window *window = row.cell;
    bool counts = stage->window.kind == WINDOW_COUNT;
    state_table_touch(table, &row, counts ? STAGE_DUE_AT_END : STATE_NEVER_DUE);
    bool full = counts && window->count >= stage->window.count;
    if (full || emits_updates(stage)) {
        code = emit_result(ex, f, window, window->start_ms, window->last_ms + 1, err);
        code = code == SRT_OK ? code : stage_state_broken(ex, f, err);
    }
    if (code == SRT_OK && full) {
        state_table_remove(table, &row);
    }
    return code;
}

/* --- tumbling, hopping, sliding: rows at known places --- */

static int add_at(struct executor *ex, struct frame *f, int64_t start_ms, int64_t due_ms,
                  const struct input *inputs, const struct value_bytes *accs, struct srt_err *err)
{
    const struct subkey subkey = subkey_of(start_ms);
    struct state_row row;
    bool made;
    int code = stage_state_put(ex, f, subkey.bytes, sizeof subkey.bytes, &row, &made, err);
    if (code == SRT_OK) {
        code = add_to_row(ex, f, row.cell, inputs, accs, err);
    }
    if (code != SRT_OK) {
        return code;
    }
    state_table_touch(ex->state.tables[f->stage], &row, due_ms);
    if (stage_of(ex, f)->window.emit == WINDOW_EMIT_UPDATES) {
        int64_t end_ms = row_end_ms(stage_of(ex, f), row.cell, start_ms);
        code = emit_result(ex, f, row.cell, start_ms, end_ms, err);
        code = code == SRT_OK ? code : stage_state_broken(ex, f, err);
    }
    return code;
}

static bool has_own(const struct stage *stage)
{
    if (stage->kind == STAGE_REDUCE) {
        return true;
    }
    for (uint32_t i = 0; i < stage->aggregate_count; i++) {
        if (stage->aggregates[i].is_script) {
            return true;
        }
    }
    return false;
}

static int add_aligned(struct executor *ex, struct frame *f, const struct input *inputs,
                       struct srt_err *err)
{
    const struct window_spec *window = &stage_of(ex, f)->window;
    int64_t every = window->kind == WINDOW_TUMBLING ? window->size_ms : window->every_ms;
    int64_t first;
    int64_t last;
    if (!window_starts(window, f->rec.timestamp_ms, &first, &last)) {
        return SRT_OK; /* between two windows */
    }
    size_t count = (size_t)((last - first) / every) + 1;
    struct value_bytes **accs = NULL;
    if (has_own(stage_of(ex, f))) {
        accs = srt_arena_alloc(&ex->arena, count * sizeof *accs);
        if (!accs) {
            return srt_fail(err, SRT_ENOMEM, "no memory for accumulators");
        }
    }
    for (size_t i = 0; accs && i < count; i++) {
        const struct subkey subkey = subkey_of(first + (int64_t)i * every);
        struct state_row row;
        bool found = stage_state_get(ex, f, subkey.bytes, sizeof subkey.bytes, &row);
        int code = find_accs(ex, f, found ? row.cell : NULL, &accs[i], err);
        if (code != SRT_OK) {
            return code;
        }
    }
    bool taken = false;
    for (size_t i = 0; i < count; i++) {
        int64_t start = first + (int64_t)i * every;
        int64_t close = window_close_ms(start + window->size_ms, window->grace_ms);
        if (stage_state_is_late(ex, f, close)) {
            continue;
        }
        taken = true;
        int code = add_at(ex, f, start, close, inputs, accs ? accs[i] : NULL, err);
        if (code != SRT_OK) {
            return code;
        }
    }
    return taken ? SRT_OK : stage_state_late(ex, f, err);
}

/* --- sliding: a row for each time at which something happened --- */

static int add_sliding(struct executor *ex, struct frame *f, const struct input *inputs,
                       struct srt_err *err)
{
    const struct window_spec *window = &stage_of(ex, f)->window;
    int64_t time = f->rec.timestamp_ms;
    int64_t close = window_close_ms(time + 1, window->grace_ms);
    if (stage_state_is_late(ex, f, close)) {
        return stage_state_late(ex, f, err);
    }
    return add_at(ex, f, time, close, inputs, NULL, err);
}

/* Rows of the key that no later result looks at: what is in time is later than `time` - grace. */
static void remove_old(struct executor *ex, const struct frame *f, const struct state_row *row,
                       struct subkey from)
{
    struct state_table *table = ex->state.tables[f->stage];
    int64_t grace = stage_of(ex, f)->window.grace_ms;
    struct state_row at;
    while (state_table_first(table, row->key, row->key_len, NULL, 0, &at) &&
           at.due_ms == STATE_NEVER_DUE &&
           start_of(&at) < stage_get_time(from.bytes) - grace) {
        state_table_remove(table, &at);
    }
}

/* What was in (time - size, time]: all rows of the key there, together. */
static int run_due_sliding(struct executor *ex, struct frame *f, struct state_row *row,
                           struct srt_err *err)
{
    const struct stage *stage = stage_of(ex, f);
    struct state_table *table = ex->state.tables[f->stage];
    int64_t time = start_of(row);
    int64_t gone = window_close_ms(time + stage->window.size_ms, stage->window.grace_ms);
    if (row->due_ms >= gone) {
        stage_state_expire(ex, f, row); /* a later row of its key takes it away */
        return SRT_OK;
    }
    struct state_codec codec;
    (void)stage_codec(stage, &codec);
    struct stage_window *sum = srt_arena_alloc(&ex->arena, codec.cell_bytes);
    if (!sum) {
        return srt_fail(err, SRT_ENOMEM, "no memory for a window");
    }
    memset(sum, 0, codec.cell_bytes);
    const struct subkey from = subkey_of(time - stage->window.size_ms + 1);
    struct state_row at;
    remove_old(ex, f, row, from);
    bool more =
        state_table_first(table, row->key, row->key_len, from.bytes, sizeof from.bytes, &at);
    int code = SRT_OK;
    while (more && code == SRT_OK && start_of(&at) <= time) {
        const struct stage_window *window = at.cell;
        for (uint32_t i = 0; i < stage->aggregate_count && code == SRT_OK; i++) {
            code = aggregate_merge(&stage->aggregates[i].def, &sum->cells[i], &window->cells[i],
                                   err);
        }
        more = state_table_next(table, &at, &at);
    }
    if (code == SRT_OK) {
        code = emit_result(ex, f, sum, time + 1 - stage->window.size_ms, time + 1, err);
    }
    codec.fini(codec.arg, sum);
    if (code == SRT_OK) {
        state_table_touch(table, row, gone);
    }
    return code;
}

/* --- sessions --- */

/* merge(a, b) of each own aggregator, as bytes. */
static int merge_accs(struct executor *ex, struct frame *f, struct value_bytes *accs,
                      const struct stage_window *other, struct srt_err *err)
{
    const struct stage *stage = stage_of(ex, f);
    int code = SRT_OK;
    if (stage->kind == STAGE_REDUCE) {
        const struct value_bytes b = stage_bytes_of(other->cells[0].a.heap);
        return stage_bytes_call(ex, &ex->bindings.own_fns[f->stage][REDUCE_FN_REDUCE], accs[0], &b,
                             &accs[0], err);
    }
    for (uint32_t i = 0; i < stage->aggregate_count && code == SRT_OK; i++) {
        if (stage->aggregates[i].is_script) {
            const struct value_bytes b = stage_bytes_of(other->cells[i].a.heap);
            code = stage_bytes_call(ex, own_fn(ex, f, i, AGGREGATE_FN_MERGE), accs[i], &b, &accs[i],
                                 err);
        }
    }
    return code;
}

/* Everything native of `from` into `into`. */
static int merge_rows(struct executor *ex, struct frame *f, struct stage_window *into,
                      const struct stage_window *from, struct srt_err *err)
{
    const struct stage *stage = stage_of(ex, f);
    into->start_ms = into->count == 0 || from->start_ms < into->start_ms ? from->start_ms
                                                                         : into->start_ms;
    into->last_ms =
        into->count == 0 || from->last_ms > into->last_ms ? from->last_ms : into->last_ms;
    into->count += from->count;
    for (uint32_t i = 0; i < stage->aggregate_count; i++) {
        if (!stage->aggregates[i].is_script &&
            aggregate_merge(&stage->aggregates[i].def, &into->cells[i], &from->cells[i], err) !=
                SRT_OK) {
            return stage_state_broken(ex, f, err);
        }
    }
    return SRT_OK;
}

static int add_session(struct executor *ex, struct frame *f, const struct input *inputs,
                       struct srt_err *err)
{
    const struct window_spec *window = &stage_of(ex, f)->window;
    struct state_table *table = ex->state.tables[f->stage];
    int64_t time = f->rec.timestamp_ms;
    if (stage_state_is_late(ex, f, window_close_ms(time + 1, window->grace_ms))) {
        return stage_state_late(ex, f, err);
    }
    const uint8_t *key = f->group_key;
    uint32_t key_len = (uint32_t)f->group_key_len;
    const struct subkey behind = subkey_of(time + 1);
    struct state_row before;
    struct state_row after;
    bool joins_before =
        state_table_last_before(table, key, key_len, behind.bytes, sizeof behind.bytes, &before);
    joins_before =
        joins_before && time - ((struct stage_window *)before.cell)->last_ms <= window->size_ms;
    bool joins_after =
        state_table_first(table, key, key_len, behind.bytes, sizeof behind.bytes, &after);
    joins_after = joins_after && start_of(&after) - time <= window->size_ms;

    struct value_bytes *accs;
    int code = find_accs(ex, f, joins_before ? before.cell : NULL, &accs, err);
    if (code == SRT_OK && joins_after) {
        code = merge_accs(ex, f, accs, after.cell, err);
    }
    if (code != SRT_OK) {
        return code;
    }
    const struct subkey subkey = subkey_of(joins_before ? start_of(&before) : time);
    struct state_row row;
    bool made;
    code = stage_state_put(ex, f, subkey.bytes, sizeof subkey.bytes, &row, &made, err);
    if (code == SRT_OK) {
        code = add_to_row(ex, f, row.cell, inputs, accs, err);
    }
    if (code == SRT_OK && joins_after) {
        (void)state_table_first(table, key, key_len, behind.bytes, sizeof behind.bytes, &after);
        code = merge_rows(ex, f, row.cell, after.cell, err);
        if (code == SRT_OK) {
            state_table_remove(table, &after);
        }
    }
    if (code != SRT_OK) {
        return code;
    }
    const struct stage_window *session = row.cell;
    state_table_touch(table, &row,
                      window_close_ms(session->last_ms + 1, window->size_ms + window->grace_ms));
    if (window->emit == WINDOW_EMIT_UPDATES) {
        code = emit_result(ex, f, session, session->start_ms, session->last_ms + 1, err);
        code = code == SRT_OK ? code : stage_state_broken(ex, f, err);
    }
    return code;
}

/* --- all of them --- */

int stage_aggregate_invoke(struct executor *ex, struct frame *f, struct stage_result *ret,
                           struct srt_err *err)
{
    struct input *inputs;
    ret->outcome = STAGE_EMITTED;
    int code = find_inputs(ex, f, &inputs, err);
    if (code != SRT_OK) {
        return code;
    }
    switch (stage_of(ex, f)->window.kind) {
    case WINDOW_NONE:
    case WINDOW_COUNT:
        return add_single(ex, f, inputs, err);
    case WINDOW_TUMBLING:
    case WINDOW_HOPPING:
        return add_aligned(ex, f, inputs, err);
    case WINDOW_SLIDING:
        return add_sliding(ex, f, inputs, err);
    case WINDOW_SESSION:
        return add_session(ex, f, inputs, err);
    }
    srt_unreachable("a kind of window");
}

int stage_aggregate_run_due(struct executor *ex, struct frame *f, struct state_row *row,
                            struct srt_err *err)
{
    const struct stage *stage = stage_of(ex, f);
    if (stage->window.kind == WINDOW_SLIDING) {
        stage_state_note_closed(ex, f, window_close_ms(start_of(row) + 1, stage->window.grace_ms));
        return run_due_sliding(ex, f, row, err);
    }
    stage_state_note_closed(ex, f, row->due_ms);
    const struct stage_window *window = row->cell;
    bool aligned = stage->window.kind == WINDOW_TUMBLING || stage->window.kind == WINDOW_HOPPING;
    int64_t start = aligned ? start_of(row) : window->start_ms;
    int code = SRT_OK;
    if (stage->window.emit == WINDOW_EMIT_FINAL) {
        code = emit_result(ex, f, window, start, row_end_ms(stage, window, start), err);
    }
    if (code == SRT_OK) {
        state_table_remove(ex->state.tables[f->stage], row);
    }
    return code;
}
