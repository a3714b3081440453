/* graph_dump.h - a graph as text, without the places it came from: so that two spellings can be
 * compared.
 *
 * Owner:   the caller frees what it is given.
 * Thread:  any.
 * Memory:  the heap.
 * Fails:   never. */
#ifndef SRT_UNIT_GRAPH_DUMP_H
#define SRT_UNIT_GRAPH_DUMP_H

#include "base/buf.h"
#include "pipeline/graph.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A whole function is a number in Lua and a text in YAML: both are "function" here. */
static inline void dump_fn(struct srt_buf *to, const char *name, const struct graph_fn *fn)
{
    if (fn->kind == GRAPH_FN_NONE) {
        return;
    }
    bool whole = fn->kind == GRAPH_FN_BUILDER ||
                 (fn->kind == GRAPH_FN_TEXT && !strncmp(fn->text.text, "function", 8));
    srt_buf_printf(to, " %s=<%s>", name,
                   whole                      ? "function"
                   : fn->kind == GRAPH_FN_USE ? fn->use
                                              : fn->text.text);
}

static inline void dump_source(struct srt_buf *to, const struct source_spec *source)
{
    for (uint32_t i = 0; i < source->topic_count; i++) {
        srt_buf_printf(to, " topic=%s", source->topics[i]);
    }
    srt_buf_printf(to,
                   " codec=%d start=%d table=%d global=%d out_of_order=%" PRId64 " idle=%" PRId64
                   " max_ahead=%" PRId64,
                   (int)source->codec, (int)source->start, source->table, source->global,
                   source->out_of_order_ms, source->idle_ms, source->max_ahead_ms);
    dump_fn(to, "time", &source->time);
    dump_fn(to, "tie", &source->tie);
    dump_fn(to, "generate", &source->generate);
}

static inline void dump_window(struct srt_buf *to, const struct window_spec *window)
{
    srt_buf_printf(to,
                   " window=%d size=%" PRId64 " every=%" PRId64 " count=%" PRId64 " grace=%" PRId64
                   " emit=%d late=%s",
                   (int)window->kind, window->size_ms, window->every_ms, window->count,
                   window->grace_ms, (int)window->emit, window->late ? window->late : "-");
}

static inline void dump_aggregate(struct srt_buf *to, const struct aggregate_spec *spec)
{
    srt_buf_printf(to, "\n    %s: %s(%g, %" PRId64, spec->name,
                   spec->is_script ? "own" : aggregate_kind_name(spec->def.kind),
                   spec->def.parameter, spec->def.limit);
    for (uint32_t i = 0; i < spec->def.bound_count; i++) {
        srt_buf_printf(to, " %g", spec->def.bounds[i]);
    }
    srt_buf_put_str(to, ")");
    dump_fn(to, "value", &spec->value);
    dump_fn(to, "by", &spec->by);
    dump_fn(to, "init", &spec->init);
    dump_fn(to, "add", &spec->add);
    dump_fn(to, "merge", &spec->merge);
    dump_fn(to, "result", &spec->result);
}

static inline void dump_keyed(struct srt_buf *to, const struct stage *stage)
{
    if (stage->kind == STAGE_AGGREGATE || stage->kind == STAGE_REDUCE) {
        dump_window(to, &stage->window);
        dump_fn(to, "reduce", &stage->reduce);
    }
    for (uint32_t i = 0; i < stage->aggregate_count; i++) {
        dump_aggregate(to, &stage->aggregates[i]);
    }
    if (stage->dedupe) {
        srt_buf_printf(to, " within=%" PRId64, stage->dedupe->within_ms);
    }
    if (stage->process) {
        srt_buf_printf(to, " ttl=%" PRId64, stage->process->ttl_ms);
        dump_fn(to, "on_record", &stage->process->on_record);
        dump_fn(to, "on_timer", &stage->process->on_timer);
        dump_fn(to, "init", &stage->process->init);
    }
    if (stage->join) {
        const struct join_spec *join = stage->join;
        srt_buf_printf(to, " with_kind=%d how=%d other=%s within=%" PRId64 " grace=%" PRId64,
                       (int)join->with_kind, (int)join->how, join->topic ? join->topic : "-",
                       join->within_ms, join->grace_ms);
        dump_fn(to, "other_by", &join->other_by);
        dump_fn(to, "with", &join->with);
    }
}

static inline char *graph_dump(const struct graph *graph)
{
    struct srt_buf to;
    srt_buf_init(&to);
    srt_buf_printf(&to, "%s dlq=%s\n", graph->name, graph->dlq);
    for (uint32_t i = 0; i < graph->stage_count; i++) {
        const struct stage *stage = &graph->stages[i];
        srt_buf_printf(&to, "%u %s '%s'%s exchange=%d topic=%s", i, stage_kind_name(stage->kind),
                       stage->name, stage->named ? " named" : "", stage->exchange,
                       stage->topic ? stage->topic : "-");
        dump_fn(&to, "fn", &stage->fn);
        if (stage->source) {
            dump_source(&to, stage->source);
        }
        dump_keyed(&to, stage);
        for (uint32_t j = 0; j < stage->arm_count; j++) {
            const struct graph_arm *arm = &stage->arms[j];
            srt_buf_put_str(&to, " |");
            dump_fn(&to, "when", &arm->when);
            for (uint32_t k = 0; k < arm->next_count; k++) {
                srt_buf_printf(&to, " ->%u/%u", arm->next[k], arm->next_side[k]);
            }
        }
        srt_buf_put_str(&to, "\n");
    }
    char *text = strdup(srt_buf_cstr(&to));
    srt_buf_fini(&to);
    return text;
}

#endif
