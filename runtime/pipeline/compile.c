/* One entry of `pipelines:` to a graph, in three steps: read the options, turn source and steps
 * into stages (compile_source.c, compile_step.c), and load every function in a Lua state of its
 * own, so that nothing that can be known before a start is found out after it.
 *
 * A pipeline with `script:` first runs its Lua file (builder.c), which gives the same tree that
 * YAML would have given; what the YAML entry says beside `script:` comes over what the file says.
 */
#include "pipeline/compile.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"
#include "pipeline/compile_impl.h"
#include "pipeline/source_options.h"
#include "record/topic_id.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pipeline_options {
    char *description;
    char *cluster;
    int64_t parallelism;
    char *guarantee;
    char *dlq;
    int64_t commit_interval_ms;
    uint64_t commit_bytes;
    uint64_t state_bytes;
    char *script;
};

struct lua_options {
    uint64_t memory_bytes;
    int64_t deadline_ms;
};

struct error_options {
    int64_t retry;
    struct srt_option_range backoff;
    int give_up;
};

static const char *const give_up_names[] = {"dlq", "skip", "stop", NULL};
static const char *const auto_word[] = {"auto", NULL};

static const struct srt_option pipeline_option_table[] = {
    {.name = "description",
     .type = SRT_OPTION_STRING,
     .offset = offsetof(struct pipeline_options, description),
     .doc = "What it is for, in a sentence."},
    {.name = "cluster",
     .type = SRT_OPTION_STRING,
     .offset = offsetof(struct pipeline_options, cluster),
     .fallback = "local",
     .doc = "Where its topics are: local, which is this process."},
    {.name = "parallelism",
     .type = SRT_OPTION_INT,
     .offset = offsetof(struct pipeline_options, parallelism),
     .fallback = "auto",
     .min = 1,
     .max = SRT_WORKERS_MAX,
     .names = auto_word,
     .doc = "How many tasks run it; auto is one for each worker. More than its source has "
            "partitions is of no "
            "use."},
    {.name = "guarantee",
     .type = SRT_OPTION_STRING,
     .offset = offsetof(struct pipeline_options, guarantee),
     .fallback = "exactly_once",
     .doc = "Outputs and positions are committed in one step."},
    {.name = "dlq",
     .type = SRT_OPTION_STRING,
     .offset = offsetof(struct pipeline_options, dlq),
     .doc = "The topic for records that failed; PIPELINE.dlq without it."},
    {.name = "commit_interval",
     .type = SRT_OPTION_DURATION,
     .offset = offsetof(struct pipeline_options, commit_interval_ms),
     .fallback = "100ms",
     .min = 1,
     .max = 3600000,
     .doc = "How long output waits for company at most; "
            "where the input ends it is committed at once."},
    {.name = "state_memory",
     .type = SRT_OPTION_SIZE,
     .offset = offsetof(struct pipeline_options, state_bytes),
     .fallback = "1GiB",
     .min = 1 << 20,
     .max = INT64_MAX,
     .doc = "How much memory the state of all stages may take, shared out among the workers. A "
            "pipeline that needs more stops, and goes on from its last commit with a larger one."},
    {.name = "commit_bytes",
     .type = SRT_OPTION_SIZE,
     .offset = offsetof(struct pipeline_options, commit_bytes),
     .fallback = "32MiB",
     .min = 64 << 10,
     .max = 1 << 30,
     .doc = "So much output that is not committed yet forces a commit."},
    {.name = "script",
     .type = SRT_OPTION_STRING,
     .offset = offsetof(struct pipeline_options, script),
     .doc = "A pipeline wholly in Lua: the file that builds it, instead of from and steps."},
    {.name = "params",
     .type = SRT_OPTION_SECTION,
     .doc = "Names and values for this pipeline: ${name} in its texts, s.param(name, default) in "
            "Lua."},
    {.name = "lua",
     .type = SRT_OPTION_SECTION,
     .doc = "memory and deadline, as in the section lua."},
    {.name = "on_error", .type = SRT_OPTION_SECTION, .doc = "What to do when a step fails."},
    {.name = "from",
     .type = SRT_OPTION_SECTION,
     .doc = "The source. Required, unless there is a script."},
    {.name = "steps",
     .type = SRT_OPTION_SECTION,
     .doc = "The list of steps. Required, unless there is a script."},
    {.name = "renamed_from",
     .type = SRT_OPTION_STRING,
     .doc = "An earlier name.",
     .since = "later"},
    {.name = "max_drift", .type = SRT_OPTION_STRING, .doc = "For event time.", .since = "later"},
    {.name = "trust_partitioning", .type = SRT_OPTION_STRING, .doc = "For keys.", .since = "later"},
    SRT_OPTION_END,
};

static const struct srt_option lua_option_table[] = {
    {.name = "memory",
     .type = SRT_OPTION_SIZE,
     .offset = offsetof(struct lua_options, memory_bytes),
     .fallback = "64MiB",
     .min = 1 << 20,
     .max = 16LL << 30,
     .doc = "The most that one Lua state may use; each worker of a pipeline has one."},
    {.name = "deadline",
     .type = SRT_OPTION_DURATION,
     .offset = offsetof(struct lua_options, deadline_ms),
     .fallback = "100ms",
     .min = 1,
     .max = 3600000,
     .doc = "The processor time that one call of a function may take; a script cannot catch it."},
    SRT_OPTION_END,
};

static const struct srt_option error_option_table[] = {
    {.name = "retry",
     .type = SRT_OPTION_INT,
     .offset = offsetof(struct error_options, retry),
     .min = 0,
     .max = 1000000,
     .doc = "Tries after the first. Without it a Lua error is not retried, one raised with "
            "s.retriable(msg) "
            "3 times."},
    {.name = "backoff",
     .type = SRT_OPTION_RANGE,
     .offset = offsetof(struct error_options, backoff),
     .fallback = "100ms..10s",
     .min = 0,
     .max = 86400000,
     .doc = "The first wait and the longest; it doubles, with jitter."},
    {.name = "give_up",
     .type = SRT_OPTION_ENUM,
     .offset = offsetof(struct error_options, give_up),
     .fallback = "dlq",
     .names = give_up_names,
     .doc = "After the last try: dlq (write it to the dead letter topic), skip (drop it, counted) "
            "or stop (end "
            "the pipeline). `on_error: skip` is short for `on_error: { give_up: skip }`."},
    SRT_OPTION_END,
};

const struct graph_option_table graph_option_tables[] = {
    {"pipelines.NAME", pipeline_option_table, "One pipeline."},
    {"pipelines.NAME.from", source_option_table,
     "Its source: one of topic, merge, file, stdin and generate."},
    {"pipelines.NAME.on_error", error_option_table,
     "What to do when a step fails; a step may have its own, and defaults.on_error is for all "
     "pipelines."},
    {"pipelines.NAME.lua", lua_option_table,
     "Limits of its Lua states, instead of the section lua's."},
    {NULL, NULL, NULL},
};

/* --- on_error --- */

bool graph_read_on_error(struct config_doc *doc, const struct config_entry *entry,
                         struct on_error *inout)
{
    struct error_options o = {
        .retry = inout->retry,
        .backoff = {inout->backoff_from_ms, inout->backoff_to_ms},
        .give_up = (int)inout->give_up,
    };
    bool ok;
    if (entry->value->kind == CONFIG_SCALAR && !entry->value->is_null) {
        const struct srt_option give_up = {.name = "on_error",
                                           .type = SRT_OPTION_ENUM,
                                           .offset = offsetof(struct error_options, give_up),
                                           .names = give_up_names};
        ok = config_read_option(doc, entry, &give_up, &o);
    } else {
        ok = config_override_options(doc, entry->value, error_option_table, NULL, &o, "'on_error'");
    }
    if (ok) {
        *inout =
            (struct on_error){o.retry, o.backoff.from_ms, o.backoff.to_ms, (enum give_up)o.give_up};
    }
    return ok;
}

void pipeline_defaults_init(struct pipeline_defaults *defaults)
{
    static const char *const paths[] = {"pipelines", NULL};
    *defaults = (struct pipeline_defaults){
        .on_error = {.retry = -1,
                     .backoff_from_ms = 100,
                     .backoff_to_ms = 10000,
                     .give_up = GIVE_UP_DLQ},
        .lua_memory_bytes = 64 << 20,
        .lua_deadline_ms = 100,
        .lua_paths = paths,
    };
}

/* --- options --- */

static void read_dlq(struct compile *c, const struct config_node *map,
                     const struct pipeline_options *o)
{
    const struct config_entry *entry = config_find_entry(map, "dlq");
    if (o->dlq) {
        compile_topic_name(c, o->dlq, entry ? &entry->value->mark : &c->graph->mark);
        c->graph->dlq = o->dlq;
    }
}

static void read_params(struct compile *c, const struct config_node *params)
{
    if (!params || (params->kind == CONFIG_SCALAR && params->is_null)) {
        return;
    }
    if (params->kind != CONFIG_MAP) {
        compile_error(c, DIAG_E011, &params->mark,
                      "'params' %s; it takes a map of names and values",
                      config_describe(c->doc, params));
        return;
    }
    struct script_param *list = config_alloc(c->doc, (params->entry_count + 1) * sizeof(*list));
    size_t count = 0;
    for (size_t i = 0; i < params->entry_count; i++) {
        const struct config_entry *entry = &params->entries[i];
        if (!strncmp(entry->key, "x-", 2)) {
            continue;
        }
        if (entry->value->kind != CONFIG_SCALAR) {
            compile_error(c, DIAG_E011, &entry->value->mark, "a param %s; it takes a single value",
                          config_describe(c->doc, entry->value));
        }
        list[count++] = (struct script_param){entry->key, entry->value->text};
    }
    c->graph->params = list;
    c->graph->param_count = count;
}

static void read_lua(struct compile *c, const struct config_node *map)
{
    struct lua_options lua = {c->graph->lua_memory_bytes, c->graph->lua_deadline_ms};
    if (!config_override_options(c->doc, config_find(map, "lua"), lua_option_table, NULL, &lua,
                                 "'lua'")) {
        c->ok = false;
    }
    c->graph->lua_memory_bytes = lua.memory_bytes;
    c->graph->lua_deadline_ms = lua.deadline_ms;
}

static void check_fixed_values(struct compile *c, const struct config_node *map)
{
    static const char *const later[] = {"at_least_once", "at_most_once", NULL};
    const struct config_node *cluster = config_find(map, "cluster");
    const struct config_node *guarantee = config_find(map, "guarantee");
    if (cluster && cluster->kind == CONFIG_SCALAR && strcmp(cluster->text, "local") != 0) {
        diag_help(compile_error(c, DIAG_E090, &cluster->mark,
                                "cluster '%s' is not available in this version", cluster->text),
                  "only local is");
    }
    if (!compile_refuse_value(c, map, "guarantee", later) && guarantee &&
        guarantee->kind == CONFIG_SCALAR && strcmp(guarantee->text, "exactly_once") != 0) {
        compile_error(c, DIAG_E011, &guarantee->mark, "'guarantee' %s; it takes exactly_once",
                      config_describe(c->doc, guarantee));
    }
}

/* What a map says over what the options and the graph hold. */
static void read_map(struct compile *c, const struct config_node *map, struct pipeline_options *o)
{
    char what[300];
    snprintf(what, sizeof(what), "pipeline '%.249s'", c->graph->name);
    if (!config_override_options(c->doc, map, pipeline_option_table, NULL, o, what)) {
        c->ok = false;
    }
    struct graph *graph = c->graph;
    check_fixed_values(c, map);
    read_dlq(c, map, o);
    read_params(c, config_find(map, "params"));
    read_lua(c, map);
    const struct config_entry *on_error = config_find_entry(map, "on_error");
    if (on_error && !graph_read_on_error(c->doc, on_error, &graph->on_error)) {
        c->ok = false;
    }
    graph->description = o->description;
    graph->parallelism = o->parallelism;
    graph->commit_interval_ms = o->commit_interval_ms;
    graph->commit_bytes = o->commit_bytes;
    graph->state_bytes = o->state_bytes;
}

/* --- names --- */

static void check_name(struct compile *c, const char *name, const struct config_mark *mark)
{
    enum { NAME_MAX_BYTES = 200 }; /* group, dead letter topic and log lines carry it */
    if (!topic_name_valid(name) || strlen(name) > NAME_MAX_BYTES) {
        diag_help(
            compile_error(c, DIAG_E021, mark, "'%.60s' is not a valid name of a pipeline", name),
            "1 to %d of a-z A-Z 0-9 . _ -", NAME_MAX_BYTES);
    } else if (topic_name_reserved(name)) {
        diag_help(compile_error(c, DIAG_E021, mark, "'%s' is reserved", name),
                  "names that begin with __streamrt are streamrt's own");
    }
}

static void check_stage_names(struct compile *c)
{
    const struct graph *graph = c->graph;
    for (uint32_t i = 0; i < graph->stage_count; i++) {
        for (uint32_t j = 0; j < graph->stage_count; j++) {
            const struct stage *stage = &graph->stages[i];
            const struct stage *other = &graph->stages[j];
            bool first = other->named ? j < i : j != i; /* a given name yields to none */
            if (stage->named && first && !strcmp(stage->name, other->name)) {
                struct diag *diag = compile_error(c, DIAG_E005, &stage->mark,
                                                  "two steps are named '%s'", stage->name);
                diag_note(diag, "the other at %s:%d:%d", other->mark.file, other->mark.line,
                          other->mark.column);
                break;
            }
        }
    }
}

struct loop_check {
    struct compile *c;
    const char *target;
    const struct config_mark *mark;
};

static void compare_source(void *arg, const char *topic, const struct config_mark *mark)
{
    struct loop_check *check = arg;
    if (!strcmp(topic, check->target)) {
        struct diag *diag = compile_error(check->c, DIAG_E022, check->mark,
                                          "the pipeline writes '%s', which it reads", topic);
        diag_help(diag, "it would never end");
        diag_note(diag, "read at %s:%d:%d", mark->file, mark->line, mark->column);
    }
}

static void check_target(void *arg, const char *topic, const struct config_mark *mark)
{
    struct loop_check check = {arg, topic, mark};
    graph_each_source_topic(check.c->graph, compare_source, &check);
}

/* --- graphs --- */

/* lua.path, and behind it the folder of the file that has the pipeline. */
static void set_paths(struct compile *c, const struct config_mark *mark)
{
    size_t count = 0;
    while (c->defaults->lua_paths && c->defaults->lua_paths[count]) {
        count++;
    }
    const char **paths = config_alloc(c->doc, (count + 2) * sizeof(*paths));
    for (size_t i = 0; i < count; i++) {
        paths[i] = c->defaults->lua_paths[i];
    }
    char *own = config_resolve_path(c->doc, mark, ".");
    size_t n = strlen(own);
    if (n > 2 && !strcmp(own + n - 2, "/.")) {
        own[n - 2] = '\0';
    }
    paths[count] = own;
    c->graph->lua_paths = paths;
}

static void begin_graph(struct compile *c, const char *name, const struct config_mark *mark)
{
    struct graph *graph = config_alloc(c->doc, sizeof(*graph));
    graph->name = name;
    graph->mark = *mark;
    graph->on_error = c->defaults->on_error;
    graph->lua_memory_bytes = c->defaults->lua_memory_bytes;
    graph->lua_deadline_ms = c->defaults->lua_deadline_ms;
    c->graph = graph;
    set_paths(c, mark);
}

static void set_default_dlq(struct compile *c)
{
    if (!c->graph->dlq) {
        size_t size = strlen(c->graph->name) + sizeof(".dlq");
        char *dlq = config_alloc(c->doc, size);
        snprintf(dlq, size, "%s.dlq", c->graph->name);
        c->graph->dlq = dlq;
    }
}

static void compile_stages(struct compile *c, const struct config_node *map,
                           const struct config_mark *mark)
{
    const struct config_entry *from = config_find_entry(map, "from");
    const struct config_entry *steps = config_find_entry(map, "steps");
    char what[300];
    snprintf(what, sizeof(what), "pipeline '%.249s'", c->graph->name);
    if (!from) {
        struct diag *diag = compile_error(c, DIAG_E014, mark, "%s has no source", what);
        if (c->graph->script) {
            diag_help(diag, "the file calls none of s.topic, s.file, s.stdin, s.generate, s.merge");
        } else {
            diag_help(diag, "give it a from:, as in from: orders");
        }
    }
    if (!steps && (from || !c->graph->script)) {
        diag_help(compile_error(c, DIAG_E014, mark, "%s has no steps", what),
                  "the last one is a to: TOPIC");
    }
    const struct config_node *others = config_find(map, COMPILE_OTHERS_KEY);
    const struct config_node *marks = config_find(map, COMPILE_MARKS_KEY);
    if (others && marks) {
        compile_others(c, others, marks->item_count);
    }
    bool source = from && compile_source(c, from);
    if (!source) { /* read the steps all the same: their mistakes are worth showing */
        compile_add_stage(c, STAGE_SOURCE, mark, 1);
    }
    if (steps) {
        compile_steps(c, steps->value, (struct compile_tail){0, 0}, &c->graph->on_error, what);
    }
}

static struct graph *finish(struct compile *c)
{
    set_default_dlq(c);
    check_stage_names(c);
    if (c->graph->stages[0].source) {
        graph_each_target_topic(c->graph, check_target, c);
    }
    compile_load(c);
    return c->ok ? c->graph : NULL;
}

/* Run the Lua file and read what s.pipeline says; the tree, or NULL. */
static struct config_node *read_script(struct compile *c, const char *path,
                                       const struct config_mark *from, struct pipeline_options *o,
                                       const char **ret_name, struct config_mark *ret_name_mark)
{
    struct script *script = compile_open_script(c);
    if (!script) {
        return NULL;
    }
    struct config_node *tree =
        builder_read(c, script, path, from, ret_name, ret_name_mark, &c->graph->builder_fn_count);
    script_destroy(script);
    if (!tree) {
        return NULL;
    }
    c->graph->script = path;
    static const char *const outside[] = {"script", "params", NULL};
    for (size_t i = 0; outside[i]; i++) {
        const struct config_entry *entry = config_find_entry(tree, outside[i]);
        if (entry) {
            compile_error(c, DIAG_E015, &entry->key_mark, "'%s' has no meaning in s.pipeline",
                          outside[i]);
        }
    }
    read_map(c, tree, o);
    return tree;
}

static void refuse_beside_script(struct compile *c, const struct config_node *map)
{
    static const char *const keys[] = {"from", "steps", NULL};
    for (size_t i = 0; keys[i]; i++) {
        const struct config_entry *entry = config_find_entry(map, keys[i]);
        if (entry) {
            diag_help(compile_error(c, DIAG_E015, &entry->key_mark,
                                    "a pipeline has '%s' or 'script', not both", keys[i]),
                      "the file builds all of it");
        }
    }
}

struct graph *graph_compile(struct config_doc *doc, const struct config_entry *entry,
                            const struct pipeline_defaults *defaults, const struct srt_clock *clock)
{
    struct compile c = {.doc = doc, .clock = clock, .defaults = defaults, .ok = true};
    const struct config_node *map = entry->value;
    begin_graph(&c, entry->key, &entry->key_mark);
    check_name(&c, entry->key, &entry->key_mark);
    if (map->kind != CONFIG_MAP) {
        diag_help(compile_error(&c, DIAG_E011, &map->mark, "pipeline '%s' %s; it takes a map",
                                entry->key, config_describe(doc, map)),
                  "with from: and steps:");
        return NULL;
    }
    struct pipeline_options o = {0};
    config_read_options(doc, NULL, pipeline_option_table, NULL, &o, "");
    struct pipeline_options defaults_of_lua = o;
    read_map(&c, map, &o);
    if (o.script && *o.script) {
        const struct config_node *script = config_find(map, "script");
        char *path = config_resolve_path(doc, &script->mark, o.script);
        const char *name = NULL; /* the key in the configuration is the name */
        struct config_mark name_mark = c.graph->mark;
        struct config_node *tree =
            read_script(&c, path, &script->mark, &defaults_of_lua, &name, &name_mark);
        refuse_beside_script(&c, map);
        if (!tree) {
            return NULL;
        }
        o = defaults_of_lua;
        size_t errors = diag_error_count(doc);
        if (c.ok) {
            read_map(&c, map, &o);
            srt_assert(diag_error_count(doc) == errors); /* it was read without one before */
        }
        compile_stages(&c, tree, &c.graph->mark);
    } else {
        compile_stages(&c, map, &entry->key_mark);
    }
    return finish(&c);
}

static const char *name_of_file(struct config_doc *doc, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    return config_strndup(doc, base, dot && dot > base ? (size_t)(dot - base) : strlen(base));
}

struct graph *graph_compile_lua(struct config_doc *doc, const char *path,
                                const struct pipeline_defaults *defaults,
                                const struct srt_clock *clock)
{
    struct compile c = {.doc = doc, .clock = clock, .defaults = defaults, .ok = true};
    struct config_mark mark = {.file = config_strdup(doc, path), .width = 1};
    begin_graph(&c, name_of_file(doc, path), &mark);
    struct pipeline_options o = {0};
    config_read_options(doc, NULL, pipeline_option_table, NULL, &o, "");
    const char *name = NULL;
    struct config_mark name_mark = mark;
    struct config_node *tree = read_script(&c, mark.file, &mark, &o, &name, &name_mark);
    if (!tree) {
        return NULL;
    }
    if (name) {
        c.graph->name = name;
        c.graph->mark = name_mark;
    }
    check_name(&c, c.graph->name, name ? &name_mark : &mark);
    compile_stages(&c, tree, &c.graph->mark);
    return finish(&c);
}
