#include "pipeline/watermark.h"

#include "base/alloc.h"

int64_t watermark_minus(int64_t watermark, int64_t hold_ms)
{
    if (watermark >= WATERMARK_IDLE || watermark == WATERMARK_UNKNOWN) {
        return watermark;
    }
    return watermark < INT64_MIN + hold_ms ? WATERMARK_UNKNOWN : watermark - hold_ms;
}

int64_t watermark_hold_ms(const struct stage *stage)
{
    const struct window_spec *window = &stage->window;
    if (stage->kind == STAGE_AGGREGATE || stage->kind == STAGE_REDUCE) {
        return window->grace_ms + (window->kind == WINDOW_SESSION ? window->size_ms : 0);
    }
    if (stage->kind == STAGE_JOIN && stage->join->with_kind == JOIN_STREAM) {
        return stage->join->within_ms + stage->join->grace_ms;
    }
    return 0;
}

/* --- life --- */

static void find_preds(struct watermarks *w)
{
    const struct graph *graph = w->graph;
    for (uint32_t from = 0; from < graph->stage_count; from++) {
        const struct stage *stage = &graph->stages[from];
        for (uint32_t a = 0; a < stage->arm_count; a++) {
            for (uint32_t n = 0; n < stage->arms[a].next_count; n++) {
                uint32_t to = stage->arms[a].next[n];
                w->preds[to] =
                    srt_xrealloc(w->preds[to], (w->pred_count[to] + 1) * sizeof(uint32_t));
                w->preds[to][w->pred_count[to]++] = from;
            }
        }
    }
}

void watermarks_init(struct watermarks *w, const struct graph *graph, uint32_t task,
                     uint32_t task_count)
{
    uint32_t count = graph->stage_count;
    *w = (struct watermarks){.graph = graph, .task = task, .task_count = task_count};
    w->preds = srt_xcalloc(count, sizeof *w->preds);
    w->pred_count = srt_xcalloc(count, sizeof *w->pred_count);
    w->said = srt_xcalloc(count, sizeof *w->said);
    w->reached = srt_xcalloc(count, sizeof *w->reached);
    w->local = srt_xcalloc(count, sizeof *w->local);
    w->sent = srt_xcalloc(count, sizeof *w->sent);
    w->heard = srt_xcalloc((size_t)count * task_count, sizeof *w->heard);
    for (uint32_t i = 0; i < count; i++) {
        w->said[i] = w->reached[i] = w->local[i] = w->sent[i] = WATERMARK_UNKNOWN;
        for (uint32_t t = 0; t < task_count; t++) {
            w->heard[i * task_count + t] = WATERMARK_UNKNOWN;
        }
    }
    find_preds(w);
}

void watermarks_fini(struct watermarks *w)
{
    for (uint32_t i = 0; w->graph && i < w->graph->stage_count; i++) {
        srt_free(w->preds[i]);
    }
    srt_free(w->preds);
    srt_free(w->pred_count);
    srt_free(w->said);
    srt_free(w->reached);
    srt_free(w->local);
    srt_free(w->sent);
    srt_free(w->heard);
    *w = (struct watermarks){0};
}

/* --- values --- */

void watermarks_hear(struct watermarks *w, uint32_t stage, uint32_t from, int64_t value)
{
    w->heard[stage * w->task_count + from] = value;
}

static int64_t lower(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

bool watermarks_update_local(struct watermarks *w, uint32_t stage)
{
    int64_t lowest = w->pred_count[stage] > 0 ? WATERMARK_END : w->said[stage];
    for (uint32_t i = 0; i < w->pred_count[stage]; i++) {
        lowest = lower(lowest, w->said[w->preds[stage][i]]);
    }
    w->local[stage] = lowest;
    bool news = lowest != w->sent[stage];
    w->sent[stage] = lowest;
    return news;
}

static int64_t lowest_heard(const struct watermarks *w, uint32_t stage)
{
    if (!w->graph->stages[stage].exchange || w->task_count == 1) {
        return w->local[stage];
    }
    int64_t lowest = w->local[stage];
    for (uint32_t t = 0; t < w->task_count; t++) {
        if (t != w->task) {
            lowest = lower(lowest, w->heard[stage * w->task_count + t]);
        }
    }
    return lowest;
}

void watermarks_update_reached(struct watermarks *w, uint32_t stage)
{
    int64_t lowest = lowest_heard(w, stage);
    if (lowest != WATERMARK_IDLE && lowest > w->reached[stage]) {
        w->reached[stage] = lowest;
    }
}

void watermarks_say(struct watermarks *w, uint32_t stage, int64_t hold_ms)
{
    bool idle = lowest_heard(w, stage) == WATERMARK_IDLE;
    w->said[stage] = idle ? WATERMARK_IDLE : watermark_minus(w->reached[stage], hold_ms);
}
