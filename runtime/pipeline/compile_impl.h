/* compile_impl.h - what the files that turn configuration into graphs share; nobody else includes
 * it.
 *
 * Owner:   compile.c: one struct compile per pipeline that is being read.
 * Thread:  one at a time.
 * Memory:  the document's.
 * Fails:   diagnostics in the document; `ok` becomes false. */
#ifndef SRT_PIPELINE_COMPILE_IMPL_H
#define SRT_PIPELINE_COMPILE_IMPL_H

#include "pipeline/compile.h"
#include "pipeline/operator.h"

/* A step that only the Lua builder makes: a list of lists of steps that all go on from the same
 * place. No YAML file can spell it, because YAML forbids control characters. */
#define COMPILE_FORK_KEY "\1fork"

enum { COMPILE_STAGES_MAX = 1000, COMPILE_HOPS_MAX = 1000 };

/* The longest time that anything waits or looks back: 10 years. */
#define COMPILE_SPAN_MS_MAX (INT64_C(3650) * 24 * 3600 * 1000)

/* `group_by` and `window`, until the step that makes something of the groups. */
struct compile_group {
    const struct config_entry *by; /* NULL: by the record's key */
    const struct config_entry *window;
    struct graph_fn fn;
    struct window_spec spec;
};

struct compile {
    struct config_doc *doc;
    const struct srt_clock *clock;
    const struct pipeline_defaults *defaults;
    struct graph *graph;
    uint32_t kind_counts[STAGE_KIND_COUNT];
    bool ok;
};

/* Where the next stage is attached. */
struct compile_tail {
    uint32_t stage;
    uint32_t arm;
};

/* Report an error at a mark. */
#define compile_error(c, code, mark, ...)                                                          \
    ((c)->ok = false, diag_report((c)->doc, DIAG_ERROR, (code), (mark), __VA_ARGS__))

/* compile_step.c */
struct stage *compile_add_stage(struct compile *c, enum stage_kind kind,
                                const struct config_mark *mark, uint32_t arm_count);
void compile_steps(struct compile *c, const struct config_node *list, struct compile_tail tail,
                   const struct on_error *on_error, const char *what);

/* compile_operator.c: the options of a step, into its stage. */
void compile_operator(struct compile *c, const struct operator* op,
                      const struct config_entry *entry, struct stage *stage);
/* A function place. False when an error was reported. */
bool compile_fn(struct compile *c, const char *key, const struct config_node *node,
                struct graph_fn *ret);
/* A fixed topic's name. False when an error was reported. */
bool compile_topic_name(struct compile *c, const char *topic, const struct config_mark *mark);
/* Values that the design has and this version does not: E090. True when one was reported. */
bool compile_refuse_value(struct compile *c, const struct config_node *map, const char *key,
                          const char *const *values);

/* compile_group.c: steps that keep state by key */
bool compile_group_step(struct compile *c, const struct operator* op,
                        const struct config_node *step, const struct config_entry *entry,
                        struct compile_group *group);
void compile_grouped(struct compile *c, const struct config_entry *entry, struct stage *stage,
                     const struct compile_group *group);
/* A stage that keeps state is found again by its name. */
void compile_check_named(struct compile *c, const struct stage *stage, const char *key);

/* compile_aggregate.c: the fields of an aggregate */
void compile_aggregates(struct compile *c, const struct config_node *map, struct stage *stage);

/* compile_source.c */
bool compile_source(struct compile *c, const struct config_entry *from);

/* bind.c */
int bind_fn(struct script *script, const struct graph_fn *fn, const struct script_fn *builder_fns,
            struct script_fn *ret, int *ret_line, struct srt_err *err);
const struct graph_fn *bind_stage_fn(const struct stage *stage);

/* compile_load.c: a state as the graph's workers will have it; NULL when an error was reported. */
struct script *compile_open_script(struct compile *c);

/* Load every function of the graph, and report those that do not load. */
void compile_load(struct compile *c);

/* A Lua error's message begins with FILE:LINE: split it. Returns the text behind; the mark stays as
 * it is when there is no place. */
const char *compile_error_place(struct config_doc *doc, const char *msg, struct config_mark *mark);

/* A way out for what users of other languages write, when the line has it. */
void compile_lua_hint(struct compile *c, struct diag *diag, const struct config_mark *mark);

/* builder.c: run a Lua file; its pipeline as the map that YAML would give, with the number of
 * functions it handed over. NULL when an error was reported. *ret_name is NULL when it has none. */
struct config_node *builder_read(struct compile *c, struct script *script, const char *path,
                                 const struct config_mark *from, const char **ret_name,
                                 struct config_mark *ret_name_mark, uint32_t *ret_fn_count);
/* Run it again in a worker: the functions, in the same order. */
int builder_load(struct script *script, const char *path, uint32_t fn_count,
                 struct script_fn *ret_fns, struct srt_err *err);

#endif
