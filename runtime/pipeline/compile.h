/* compile.h - from configuration to graph: the pipelines of a document, checked.
 *
 * Owner:   graphs live in the document.
 * Thread:  one at a time.
 * Memory:  control plane.
 * Fails:   diagnostics in the document. */
#ifndef SRT_PIPELINE_COMPILE_H
#define SRT_PIPELINE_COMPILE_H

#include "config/doc.h"
#include "pipeline/graph.h"

struct pipeline_defaults {
    struct on_error on_error;
    size_t lua_memory_bytes;
    int64_t lua_deadline_ms;
    const char *const
        *lua_paths; /* NULL-terminated, resolved; the pipeline's own directory comes behind */
};
void pipeline_defaults_init(struct pipeline_defaults *defaults); /* as without any configuration */

/* `on_error:` of defaults, a pipeline or a step, read over what `inout` holds: a map, or dlq, skip
 * or stop alone. False when an error was reported. */
bool graph_read_on_error(struct config_doc *doc, const struct config_entry *entry,
                         struct on_error *inout);

/* The tables of pipelines, for the reference and the commented configuration. */
struct graph_option_table {
    const char *path; /* "pipelines.NAME", "pipelines.NAME.from", ... */
    const struct srt_option *options;
    const char *doc;
};
extern const struct graph_option_table graph_option_tables[]; /* path NULL at the end */

/* One entry of `pipelines:`. Runs the Lua file of a `script:` pipeline to learn its graph. Compiles
 * every Lua text and resolves every `use:`, so that a graph that was returned will not fail to
 * load. NULL when an error was reported. */
struct graph *graph_compile(struct config_doc *doc, const struct config_entry *entry,
                            const struct pipeline_defaults *defaults,
                            const struct srt_clock *clock);

/* A .lua file named on the command line, instead of an entry. The pipeline's name is
 * s.pipeline{name=...}. */
struct graph *graph_compile_lua(struct config_doc *doc, const char *path,
                                const struct pipeline_defaults *defaults,
                                const struct srt_clock *clock);

/* Load the functions of a graph into a worker's state: fns[stage index], and for branch one per arm
 * behind it. A pipeline wholly in Lua runs its file once more. On failure *ret_failed is the
 * function that does not load, or NULL when it was the file, and *ret_line its line when known; err
 * says all of it. */
struct graph_bindings {
    struct script_fn *stage_fns; /* stage_count of them; ref LUA_NOREF where there is none; that of
                                  * a SOURCE is its `generate` */
    struct script_fn **arm_fns;  /* per stage, arm_count of them, for BRANCH; else NULL */
    struct script_fn **own_fns;  /* per stage: graph_own_fn(stage, n) at n; NULL when it has none */
    struct script_fn *builder_fns; /* the graph's own, which the others may share */
};
/* The functions of a stage beside its `fn` and its arms, by number; NULL behind the last. */
enum { SOURCE_FN_TIME, SOURCE_FN_TIE };
enum { REDUCE_FN_REDUCE };
enum { PROCESS_FN_ON_RECORD, PROCESS_FN_ON_TIMER, PROCESS_FN_INIT };
enum { JOIN_FN_OTHER_BY, JOIN_FN_WITH };
/* of each aggregate, one behind the other */
enum {
    AGGREGATE_FN_VALUE,
    AGGREGATE_FN_BY,
    AGGREGATE_FN_INIT,
    AGGREGATE_FN_ADD,
    AGGREGATE_FN_MERGE,
    AGGREGATE_FN_RESULT,
    AGGREGATE_FN_COUNT
};
const struct graph_fn *graph_own_fn(const struct stage *stage, uint32_t n);
int graph_bind(const struct graph *graph, struct script *script, struct graph_bindings *ret,
               const struct graph_fn **ret_failed, int *ret_line, struct srt_err *err);
void graph_unbind(const struct graph *graph, struct script *script,
                  struct graph_bindings *bindings);
/* The script's state is a new one (script_generation): load all functions again, into the same
 * places. When that fails there are none. */
int graph_rebind(const struct graph *graph, struct script *script, struct graph_bindings *bindings,
                 struct srt_err *err);

#endif
