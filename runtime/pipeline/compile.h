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
    const char *const *lua_paths;
};

/* One entry of `pipelines:`. Runs the Lua file of a `script:` pipeline to learn its graph. Compiles every Lua
 * text and resolves every `use:`, so that a graph that was returned will not fail to load. NULL when an error
 * was reported. */
struct graph *graph_compile(struct config_doc *doc, const struct config_entry *entry,
                            const struct pipeline_defaults *defaults, const struct srt_clock *clock);

/* A .lua file named on the command line, instead of an entry. The pipeline's name is s.pipeline{name=...}. */
struct graph *graph_compile_lua(struct config_doc *doc, const char *path,
                                const struct pipeline_defaults *defaults, const struct srt_clock *clock);

/* Load the functions of a graph into a worker's state: fns[stage index], and for branch one per arm behind
 * it. Used by workers and by compile itself. */
struct graph_bindings {
    struct script_fn *stage_fns;  /* stage_count of them; ref LUA_NOREF where there is none */
    struct script_fn **arm_fns;   /* per stage, arm_count of them, for BRANCH; else NULL */
};
int graph_bind(const struct graph *graph, struct script *script, struct graph_bindings *ret,
               const struct graph_fn **ret_failed, int *ret_line, struct srt_err *err);
void graph_unbind(const struct graph *graph, struct script *script, struct graph_bindings *bindings);

#endif
