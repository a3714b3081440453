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
/* More of them, for joins: see compile_join.c. */
#define COMPILE_MARK_KEY   "\1mark"
#define COMPILE_SOURCE_KEY "\1source"
#define COMPILE_OTHERS_KEY "x-\1others"
#define COMPILE_MARKS_KEY  "x-\1marks"

enum { COMPILE_STAGES_MAX = 1000 };

/* Where the next stage is attached. */
struct compile_tail {
    uint32_t stage;
    uint32_t arm;
};

struct compile {
    struct config_doc *doc;
    const struct srt_clock *clock;
    const struct pipeline_defaults *defaults;
    struct graph *graph;
    uint32_t kind_counts[STAGE_KIND_COUNT];
    bool ok;
    /* of a pipeline in Lua: sources by number, and where joins take what comes out (compile_join.c)
     */
    const struct config_node *others; /* NULL: none but its own */
    bool *other_begun;
    size_t mark_count;
    struct compile_tail *marks;
    bool *marked;
};

/* Report an error at a mark. */
#define compile_error(c, code, mark, ...)                                                          \
    ((c)->ok = false, diag_report((c)->doc, DIAG_ERROR, (code), (mark), __VA_ARGS__))

/* compile_step.c */
struct stage *compile_add_stage(struct compile *c, enum stage_kind kind,
                                const struct config_mark *mark, uint32_t arm_count);
/* `to` gets what comes out of the tail, on this side. */
void compile_attach(struct compile *c, struct compile_tail tail, uint32_t to, uint8_t side);
void compile_steps(struct compile *c, const struct config_node *list, struct compile_tail tail,
                   const struct on_error *on_error, const char *what);

/* compile_window.c: `group_by` and `window`, which are no stages of their own: they become part of
 * the one that keeps their state, which follows at once. */
struct compile_group {
    const struct config_entry *group_by; /* NULL: none yet */
    const struct config_entry *window;
    struct graph_fn fn;
    struct window_spec spec;
    bool broken; /* an error was reported: say no more */
};
void compile_group_by(struct compile *c, const struct config_node *step,
                      const struct config_entry *entry, struct compile_group *group);
void compile_window(struct compile *c, const struct config_node *step,
                    const struct config_entry *entry, struct compile_group *group);
/* The stage that they were waiting for; `group` is empty behind it. */
void compile_group_apply(struct compile *c, struct stage *stage, struct compile_group *group);
/* What follows is no such stage; `behind` is its operator, NULL at the end of the steps. */
void compile_group_unused(struct compile *c, struct compile_group *group, const char *behind);
/* E031, when a stage that keeps state has no name. */
void compile_require_name(struct compile *c, const struct operator* op, const struct stage *stage,
                          const struct compile_group *group);

/* compile_aggregate.c: `aggregate`, `count` and `reduce`, behind compile_group_apply(). */
void compile_aggregate(struct compile *c, const struct config_entry *entry, struct stage *stage);
void compile_count(struct compile *c, const struct config_entry *entry, const char *name,
                   struct stage *stage);
void compile_reduce(struct compile *c, const struct config_entry *entry, struct stage *stage);
void compile_aggregate_document(struct srt_buf *to);

/* compile_state.c */
struct step_options;
void compile_dedupe(struct compile *c, const struct config_entry *entry,
                    const struct step_options *o, struct stage *stage);
void compile_process(struct compile *c, const struct config_entry *entry,
                     const struct step_options *o, struct stage *stage);

/* compile_join.c: the other side first; then the stage; then what it takes. */
bool compile_join_other(struct compile *c, const struct config_entry *entry, const char *join_name,
                        const struct on_error *on_error, struct compile_tail *ret);
void compile_join(struct compile *c, const struct config_entry *entry, const struct step_options *o,
                  struct stage *stage);
void compile_join_attach(struct compile *c, uint32_t index, struct compile_tail other);
/* Of a pipeline in Lua: all its sources, before any step is compiled; and a mark among steps. */
void compile_others(struct compile *c, const struct config_node *others, size_t mark_count);
void compile_mark(struct compile *c, const struct config_entry *entry, struct compile_tail tail);

/* compile_operator.c: the options of a step, into its stage. */
void compile_operator(struct compile *c, const struct operator* op,
                      const struct config_entry *entry, struct stage *stage);

/* compile_fn.c */
/* A function place. False when an error was reported. */
bool compile_fn(struct compile *c, const char *key, const struct config_node *node,
                struct graph_fn *ret);
/* The same for a place where v, r and k would say nothing: a text there is a whole function, as in
 * `signature`. */
bool compile_whole_fn(struct compile *c, const char *key, const char *signature,
                      const struct config_node *node, struct graph_fn *ret);
/* The first state or acc: a function, or an expression that is evaluated anew each time. */
bool compile_init_fn(struct compile *c, const struct config_node *node, struct graph_fn *ret);
/* `use: module.fn` alone. */
bool compile_use(struct compile *c, const struct config_entry *use, struct graph_fn *ret);
/* The part [at, at + len) of a text, as a node that knows its place in the file. */
struct config_node *compile_part(struct compile *c, const struct config_node *node, size_t at,
                                 size_t len);

/* compile_operator.c: a fixed topic's name. False when an error was reported. */
bool compile_topic_name(struct compile *c, const char *topic, const struct config_mark *mark);
/* Values that the design has and this version does not: E090. True when one was reported. */
bool compile_refuse_value(struct compile *c, const struct config_node *map, const char *key,
                          const char *const *values);

/* compile_source.c: its stage, named "from"; NULL when an error was reported. */
struct stage *compile_source(struct compile *c, const struct config_entry *from);

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
