/* The last step of compiling: every function of a graph is loaded in a Lua state of its own, as a
 * worker will do it, so that what cannot be loaded is said by `check` and not at a start. Each is
 * tried alone, so that all that fail are shown; and what Lua says is given a place in the
 * configuration, and a way out where the slip is a usual one. */
#include "base/buf.h"
#include "pipeline/compile_impl.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

const char *compile_error_place(struct config_doc *doc, const char *msg, struct config_mark *mark)
{
    for (const char *colon = strchr(msg, ':'); colon; colon = strchr(colon + 1, ':')) {
        char *end;
        long line = strtol(colon + 1, &end, 10);
        if (end > colon + 1 && colon[1] != ' ' && end[0] == ':' && end[1] == ' ' && colon > msg &&
            line > 0) {
            mark->file = config_strndup(doc, msg, (size_t)(colon - msg));
            mark->line = (int)line;
            mark->column = 0;
            return end + 2;
        }
    }
    return msg;
}

static const struct {
    const char *text;
    const char *help;
} lua_hints[] = {
    {"&&", "Lua writes 'and' for &&"},
    {"||", "Lua writes 'or' for ||"},
    {"!=", "Lua writes ~= for !="},
    {"+=", "Lua has no +=: write x = x + 1"},
    {"-=", "Lua has no -=: write x = x - 1"},
    {"++", "Lua has no ++: write x = x + 1"},
    {"=>", "Lua writes function(v) return ... end"},
    {"io.", "scripts have no files: sources and sinks are the pipeline's"},
    {"os.getenv", "use params: and s.param(name)"},
    {"os.execute", "scripts cannot start programs"},
};

void compile_lua_hint(struct compile *c, struct diag *diag, const struct config_mark *mark)
{
    size_t len;
    const char *line = config_file_line(c->doc, mark->file, mark->line, &len);
    for (size_t i = 0; i < sizeof(lua_hints) / sizeof(lua_hints[0]); i++) {
        if (memmem(line, len, lua_hints[i].text, strlen(lua_hints[i].text))) {
            diag_help(diag, "%s", lua_hints[i].help);
            return;
        }
    }
}

static void note_paths(struct compile *c, struct diag *diag)
{
    struct srt_buf list;
    srt_buf_init(&list);
    for (size_t i = 0; c->graph->lua_paths[i]; i++) {
        srt_buf_printf(&list, "%s, ", c->graph->lua_paths[i]);
    }
    diag_note(diag, "modules are looked for in %sand the built-in library", srt_buf_cstr(&list));
    srt_buf_fini(&list);
}

static void report_fn(struct compile *c, const struct graph_fn *fn, int line,
                      const struct srt_err *err)
{
    struct config_mark mark = fn->mark;
    const char *text = compile_error_place(c->doc, err->msg, &mark);
    if (line > 0 && fn->kind == GRAPH_FN_TEXT) {
        bool first = line == fn->mark.line && !strcmp(fn->text.file, fn->mark.file);
        mark = first ? fn->mark : (struct config_mark){fn->text.file, line, 0, 0};
    }
    if (err->code == SRT_ENOENT) {
        note_paths(c, compile_error(c, DIAG_E030, &fn->mark, "%s", err->msg));
        return;
    }
    struct diag *diag =
        compile_error(c, err->code == SRT_EPARSE ? DIAG_L001 : DIAG_L002, &mark, "%s", text);
    compile_lua_hint(c, diag, &mark);
    if (fn->kind == GRAPH_FN_USE) {
        diag_note(diag, "loaded for 'use: %s' at %s:%d:%d", fn->use, fn->mark.file, fn->mark.line,
                  fn->mark.column);
    }
}

static bool has_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) {
        bool begins = at == text || !(isalnum((unsigned char)at[-1]) || at[-1] == '_');
        if (begins && !(isalnum((unsigned char)at[n]) || at[n] == '_')) {
            return true;
        }
    }
    return false;
}

/* `filter: v.paid = true` compiles, as a body that returns nothing, and would drop every record. */
static void check_returns(struct compile *c, struct script *script, const struct graph_fn *fn,
                          const char *what)
{
    if (fn->kind != GRAPH_FN_TEXT || has_word(fn->text.text, "return") ||
        has_word(fn->text.text, "error")) {
        return;
    }
    struct script_text text = fn->text;
    struct script_fn bound;
    struct srt_err ignored = {0};
    int line;
    text.form = SCRIPT_EXPRESSION;
    if (script_compile(script, &text, &bound, &line, &ignored) == SRT_OK) {
        script_fn_release(script, &bound);
        return;
    }
    diag_help(compile_error(c, DIAG_L001, &fn->mark,
                            "this is a body that returns nothing, and '%s' needs a value", what),
              strchr(fn->text.text, '=') ? "to compare write ==, to give a value write return"
                                         : "write return before the value");
}

/* `what` needs a value from it; NULL when nothing is expected. */
static void try_fn(struct compile *c, struct script *script, const struct graph_fn *fn,
                   const char *what)
{
    if (fn->kind == GRAPH_FN_NONE || fn->kind == GRAPH_FN_BUILDER) {
        return;
    }
    struct script_fn bound;
    struct srt_err err = {0};
    int line = 0;
    if (bind_fn(script, fn, NULL, &bound, &line, &err)) {
        report_fn(c, fn, line, &err);
        return;
    }
    script_fn_release(script, &bound);
    if (what) {
        check_returns(c, script, fn, what);
    }
}

struct script *compile_open_script(struct compile *c)
{
    const struct graph *graph = c->graph;
    struct script_options options;
    script_options_default(&options);
    options.memory_bytes = graph->lua_memory_bytes;
    options.deadline_ms = graph->lua_deadline_ms;
    options.paths = graph->lua_paths;
    options.params = graph->params;
    options.param_count = graph->param_count;
    options.clock = c->clock;
    options.name = graph->name;
    struct script *script = NULL;
    struct srt_err err = {0};
    if (script_create(&options, &script, &err)) {
        compile_error(c, DIAG_E011, &graph->mark, "no Lua state for pipeline '%s': %s", graph->name,
                      err.msg);
        return NULL;
    }
    return script;
}

/* What needs the value of a stage's own function; NULL: nothing does. */
static const char *value_wanted(const struct stage *stage)
{
    enum stage_kind kind = stage->kind;
    if (kind == STAGE_UPDATE || kind == STAGE_PEEK) {
        return NULL;
    }
    if (kind == STAGE_AGGREGATE || kind == STAGE_REDUCE) {
        return "group_by";
    }
    bool by = kind == STAGE_THROTTLE || kind == STAGE_DEDUPE || kind == STAGE_JOIN;
    return by ? "by" : stage_kind_name(kind);
}

/* The same for its other functions. */
static const char *own_value_wanted(const struct stage *stage, uint32_t n)
{
    static const char *const of_source[] = {"time", "tie"};
    static const char *const of_process[] = {NULL, NULL, "init"};
    static const char *const of_join[] = {"other_by", "with"};
    static const char *const of_aggregate[] = {NULL, NULL, "init", "add", "merge", "result"};
    if (stage->kind == STAGE_AGGREGATE) {
        const struct aggregate_spec *spec = &stage->aggregates[n / AGGREGATE_FN_COUNT];
        return spec->is_script ? of_aggregate[n % AGGREGATE_FN_COUNT]
                               : aggregate_kind_name(spec->def.kind);
    }
    return stage->kind == STAGE_SOURCE    ? of_source[n]
           : stage->kind == STAGE_PROCESS ? of_process[n]
           : stage->kind == STAGE_JOIN    ? of_join[n]
                                          : stage_kind_name(stage->kind);
}

void compile_load(struct compile *c)
{
    const struct graph *graph = c->graph;
    struct script *script = compile_open_script(c);
    if (!script) {
        return;
    }
    for (uint32_t i = 0; i < graph->stage_count; i++) {
        const struct stage *stage = &graph->stages[i];
        try_fn(c, script, bind_stage_fn(stage), value_wanted(stage));
        for (uint32_t j = 0; graph_own_fn(stage, j); j++) {
            try_fn(c, script, graph_own_fn(stage, j), own_value_wanted(stage, j));
        }
        for (uint32_t j = 0; j < stage->arm_count; j++) {
            try_fn(c, script, &stage->arms[j].when, "when");
        }
    }
    if (graph->script && c->ok) { /* as a worker will do it: the file again, in a fresh state */
        struct script_fn *fns = config_alloc(c->doc, (graph->builder_fn_count + 1) * sizeof(*fns));
        struct srt_err err = {0};
        if (builder_load(script, graph->script, graph->builder_fn_count, fns, &err)) {
            struct config_mark mark = {.file = graph->script, .width = 1};
            const char *text = compile_error_place(c->doc, err.msg, &mark);
            compile_error(c, DIAG_L002, &mark, "%s", text);
        }
    }
    script_destroy(script);
}
