#include "pipeline/stage_state.h"

#include <inttypes.h>

#include "base/assert.h"
#include "pipeline/stage_aggregate.h"
#include "pipeline/stage_dedupe.h"
#include "pipeline/stage_join.h"
#include "pipeline/stage_output.h"
#include "pipeline/stage_process.h"
#include "pipeline/window.h"

enum { BYTES_CHECK_EVERY = 256 }; /* rows made, until the state is weighed again */

static const struct stage *stage_of(const struct executor *ex, const struct frame *f)
{
    return &ex->job->graph->stages[f->stage];
}

/* What each kind of stage with state does; run_due NULL: its rows are never due. */
struct operations {
    enum stage_kind kind;
    int (*invoke)(struct executor *ex, struct frame *f, struct stage_result *ret,
                  struct srt_err *err);
    int (*run_due)(struct executor *ex, struct frame *f, struct state_row *row,
                   struct srt_err *err);
};

static const struct operations all_operations[] = {
    {STAGE_AGGREGATE, stage_aggregate_invoke, stage_aggregate_run_due},
    {STAGE_REDUCE, stage_aggregate_invoke, stage_aggregate_run_due},
    {STAGE_DEDUPE, stage_dedupe_invoke, stage_dedupe_run_due},
    {STAGE_JOIN, stage_join_invoke, stage_join_run_due},
    {STAGE_PROCESS, stage_process_invoke, stage_process_run_due},
};

static const struct operations *operations_of(const struct stage *stage)
{
    for (size_t i = 0; i < sizeof all_operations / sizeof all_operations[0]; i++) {
        if (all_operations[i].kind == stage->kind) {
            return &all_operations[i];
        }
    }
    srt_unreachable("a stage without state");
}

static int check_key(const struct frame *f, struct srt_err *err)
{
    if (f->group_key_len == RECORD_ABSENT) {
        return srt_fail(err, SRT_EINVAL,
                        "the record has no key to keep state by: name one with group_by or key_by");
    }
    if (f->group_key_len > STATE_KEY_BYTES_MAX) {
        return srt_fail(err, SRT_ETOOBIG,
                        "a key of %" PRId32 " bytes is longer than state takes (%d)",
                        f->group_key_len, STATE_KEY_BYTES_MAX);
    }
    return SRT_OK;
}

int stage_state_invoke(struct executor *ex, struct frame *f, struct stage_result *ret,
                       struct srt_err *err)
{
    int code = check_key(f, err);
    if (code != SRT_OK) {
        return code;
    }
    return operations_of(stage_of(ex, f))->invoke(ex, f, ret, err);
}

int stage_state_run_due(struct executor *ex, struct frame *f, struct srt_err *err)
{
    struct state_row row;
    if (!stage_state_get(ex, f, f->due_subkey, f->due_subkey_len, &row)) {
        return SRT_OK;
    }
    return operations_of(stage_of(ex, f))->run_due(ex, f, &row, err);
}

void stage_state_drop_due(struct executor *ex, struct frame *f)
{
    struct state_row row;
    if (stage_state_get(ex, f, f->due_subkey, f->due_subkey_len, &row)) {
        state_table_remove(ex->state.tables[f->stage], &row);
    }
}

void stage_state_expire(struct executor *ex, const struct frame *f, const struct state_row *row)
{
    struct state_table *table = ex->state.tables[f->stage];
    if (ex->watermarks.reached[f->stage] == WATERMARK_END) {
        state_table_touch(table, row, STATE_NEVER_DUE);
    } else {
        state_table_remove(table, row);
    }
}

void stage_state_note_closed(struct executor *ex, const struct frame *f, int64_t close_ms)
{
    if (ex->watermarks.reached[f->stage] == WATERMARK_END && close_ms < STAGE_DUE_AT_END) {
        struct job *job = (struct job *)(uintptr_t)ex->job; /* its atomic cells */
        srt_raise_relaxed(&job->closed_ms, close_ms);
    }
}

int stage_state_broken(struct executor *ex, const struct frame *f, struct srt_err *err)
{
    (void)srt_err_wrap(err, "state of stage '%s'", stage_of(ex, f)->name);
    err->code = SRT_EIO; /* neither the record's fault nor to be tried again */
    return err->code;
}

/* Looked at now and then: what rows are made of is counted by their tables. */
static int check_room(struct executor *ex, const struct frame *f, struct srt_err *err)
{
    if (++ex->rows_made % BYTES_CHECK_EVERY != 0) {
        return SRT_OK;
    }
    uint64_t bytes = keyed_state_bytes(&ex->state);
    if (bytes <= ex->job->state_bytes_max) {
        return SRT_OK;
    }
    (void)srt_fail(err, SRT_EIO,
                   "%" PRIu64 " bytes are more than this worker's share of state_memory (%zu): "
                   "raise it, or keep less (shorter windows, ttl)",
                   bytes, ex->job->state_bytes_max);
    return stage_state_broken(ex, f, err);
}

int stage_state_put(struct executor *ex, const struct frame *f, const void *subkey,
                    size_t subkey_len, struct state_row *ret, bool *ret_made, struct srt_err *err)
{
    int code = state_table_put(ex->state.tables[f->stage], f->group_key, (uint32_t)f->group_key_len,
                               subkey, (uint32_t)subkey_len, ret, ret_made, err);
    if (code != SRT_OK) {
        return stage_state_broken(ex, f, err);
    }
    return *ret_made ? check_room(ex, f, err) : SRT_OK;
}

bool stage_state_get(struct executor *ex, const struct frame *f, const void *subkey,
                     size_t subkey_len, struct state_row *ret)
{
    return state_table_get(ex->state.tables[f->stage], f->group_key, (uint32_t)f->group_key_len,
                           subkey, (uint32_t)subkey_len, ret);
}

/* --- late records --- */

bool stage_state_is_late(const struct executor *ex, const struct frame *f, int64_t close_ms)
{
    /* What its own partition says is a matter of the log; the stage itself can only be further when
     * that partition was idle. */
    return close_ms <= f->watermark_ms || close_ms <= ex->watermarks.reached[f->stage];
}

int stage_state_late(struct executor *ex, struct frame *f, struct srt_err *err)
{
    const char *topic = stage_of(ex, f)->window.late;
    int code = topic ? stage_output_topic(ex, f, topic, err) : SRT_OK;
    ex->counters.late += code == SRT_OK;
    return code;
}
