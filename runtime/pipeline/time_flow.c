/* Stages are in topological order, so one walk over them brings a source's news to the last one:
 *
 *     source ---said---> filter ---said---> [lowest of all tasks] window ---said - hold---> to
 *                                            rows that are due now come first
 *
 * A stage tells its successors where it is only when everything that was due there has been done:
 * what it emitted by then is in front of the news, on every edge. */
#include "pipeline/time_flow.h"

#include "base/atomic.h"

static struct job *shared(const struct executor *ex)
{
    return (struct job *)(uintptr_t)ex->job; /* its atomic cells */
}

/* Whether what the stage emits or sends would go to an edge that has no room. */
static bool is_held(const struct executor *ex, const struct stage *stage, int32_t spilled)
{
    return spilled >= 0 && stage->exchange &&
           (int32_t)exchange_edge_into(ex->job->exchange, stage->index) < spilled;
}

static int tell_others(struct executor *ex, uint32_t stage, struct srt_err *err)
{
    struct exchange *exchange = ex->job->exchange;
    if (!exchange || !ex->job->graph->stages[stage].exchange) {
        return SRT_OK;
    }
    int code = exchange_send_watermark(exchange, exchange_edge_into(exchange, stage), ex->task,
                                       ex->watermarks.local[stage]);
    return code == SRT_OK ? code : srt_fail(err, code, "no memory to tell how far time has come");
}

static bool begin_due(struct executor *ex, uint32_t stage)
{
    struct state_table *table = ex->state.tables[stage];
    struct state_row row;
    if (!table || !state_table_due(table, ex->watermarks.reached[stage], &row)) {
        return false;
    }
    srt_raise_relaxed(&shared(ex)->reached_ms,
          ex->watermarks.reached[stage] < WATERMARK_IDLE ? ex->watermarks.reached[stage]
                                                         : row.due_ms);
    executor_begin_due(ex, stage, &row);
    return true;
}

int time_flow_step(struct executor *ex, struct intake *in, bool final, int32_t spilled,
                   bool *ret_begun, struct srt_err *err)
{
    struct watermarks *w = &ex->watermarks;
    const struct graph *graph = ex->job->graph;
    *ret_begun = false;
    intake_publish_time(in);
    for (uint32_t i = 0; i < graph->stage_count; i++) {
        const struct stage *stage = &graph->stages[i];
        if (stage->kind == STAGE_SOURCE) {
            /* A table never holds time back. */
            w->said[i] = stage->source->table
                             ? WATERMARK_END
                             : intake_watermark(in, i, final && !ex->job->keep_open);
            continue;
        }
        if (is_held(ex, stage, spilled)) {
            continue;
        }
        int code = watermarks_update_local(w, i) ? tell_others(ex, i, err) : SRT_OK;
        if (code != SRT_OK) {
            return code;
        }
        watermarks_update_reached(w, i);
        if (begin_due(ex, i)) {
            *ret_begun = true;
            return SRT_OK;
        }
        watermarks_say(w, i, watermark_hold_ms(stage));
        if (ex->state.tables[i] && w->reached[i] < WATERMARK_IDLE) {
            srt_raise_relaxed(&shared(ex)->reached_ms, w->reached[i]);
        }
    }
    return SRT_OK;
}

bool time_flow_ended(const struct executor *ex)
{
    for (uint32_t i = 0; i < ex->job->graph->stage_count; i++) {
        if (ex->watermarks.said[i] != WATERMARK_END) {
            return false;
        }
    }
    return true;
}

int64_t time_flow_due_ns(const struct executor *ex, const struct intake *in)
{
    for (uint32_t i = 0; i < ex->job->graph->stage_count; i++) {
        struct state_table *table = ex->state.tables[i];
        struct state_row row;
        if (table && state_table_due(table, WATERMARK_IDLE - 1, &row)) {
            return intake_time_due_ns(in);
        }
    }
    return 0;
}
