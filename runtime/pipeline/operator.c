#include "pipeline/operator.h"

#include "base/assert.h"
#include "pipeline/compile_impl.h"
#include "pipeline/step_options.h"

#include <assert.h>
#include <string.h>

static const char *const codec_names[] = {"json", "text", "bytes", NULL};

static const struct srt_option throttle_options[] = {
    {.name = "rate",
     .type = SRT_OPTION_STRING,
     .offset = offsetof(struct step_options, rate),
     .doc = "How many records of one key pass, as in 100/s, 5/m or 1/10s. Required."},
    {.name = "by",
     .type = SRT_OPTION_SECTION,
     .doc = "What to count by: a function. Without it, the record's key."},
    SRT_OPTION_END,
};

static const struct srt_option sample_options[] = {
    {.name = "ratio",
     .type = SRT_OPTION_DOUBLE,
     .offset = offsetof(struct step_options, ratio),
     .min = 0,
     .max = 1,
     .doc = "The part that passes, from 0 to 1. Required."},
    SRT_OPTION_END,
};

static const struct srt_option print_options[] = {
    {.name = "label",
     .type = SRT_OPTION_STRING,
     .offset = offsetof(struct step_options, label),
     .doc = "What stands before each line."},
    SRT_OPTION_END,
};

static const struct srt_option count_options[] = {
    {.name = "name",
     .type = SRT_OPTION_STRING,
     .offset = offsetof(struct step_options, name),
     .doc = "The result's field; count without it."},
    SRT_OPTION_END,
};

#define CODEC_OPTION(what)                                                                         \
    {                                                                                              \
        .name = "codec", .type = SRT_OPTION_ENUM, .offset = offsetof(struct step_options, codec),  \
        .names = codec_names, .doc = what                                                          \
    }

static const struct srt_option to_options[] = {
    {.name = "topic",
     .type = SRT_OPTION_STRING,
     .offset = offsetof(struct step_options, topic),
     .doc = "A fixed topic; it is created when there is none."},
    {.name = "fn",
     .type = SRT_OPTION_SECTION,
     .doc = "Instead of `topic`: a function that returns the topic's name for each record."},
    {.name = "use", .type = SRT_OPTION_SECTION, .doc = "The same, from a module."},
    CODEC_OPTION("How values are written; the source's codec without it."),
    SRT_OPTION_END,
};

static const struct srt_option to_file_options[] = {
    {.name = "path",
     .type = SRT_OPTION_STRING,
     .offset = offsetof(struct step_options, path),
     .doc = "The file, relative to the configuration. Required."},
    CODEC_OPTION("How values are written; the source's codec without it."),
    SRT_OPTION_END,
};

static const struct srt_option to_stdout_options[] = {
    CODEC_OPTION("How values are written; the source's codec without it."),
    SRT_OPTION_END,
};

static const char order_kept[] = "kept";
static const char no_state[] = "none";
static const char no_function[] = "takes no function";
static const char per_key[] = "kept per key; results by (time, key)";
static const char per_window[] = "a row per key and window, in the pipeline's changelog";

static const struct operator operators[] = {
    {.kind = STAGE_FILTER,
     .key = "filter",
     .takes = OPERATOR_FUNCTION,
     .what = "Lets a record pass when the function returns anything but false and nil.",
     .yaml = "filter: v.total > 0",
     .lua = ":filter \"v.total > 0\"",
     .nil = "the record is dropped",
     .order = order_kept,
     .state = no_state},
    {.kind = STAGE_REJECT,
     .key = "reject",
     .takes = OPERATOR_FUNCTION,
     .what = "The opposite of filter: drops a record when the function returns anything but false "
             "and nil.",
     .yaml = "reject: v.agent:find('bot')",
     .lua = ":reject \"v.agent:find('bot')\"",
     .nil = "the record passes",
     .order = order_kept,
     .state = no_state},
    {.kind = STAGE_MAP,
     .key = "map",
     .takes = OPERATOR_FUNCTION,
     .what = "Replaces the value by what the function returns.",
     .yaml = "map: { use: orders.summary }",
     .lua = ":map(function(v, r) return { id = v.id } end)",
     .nil = "an error: a function that may drop records is a filter or a flat_map",
     .order = order_kept,
     .state = no_state},
    {.kind = STAGE_UPDATE,
     .key = "update",
     .takes = OPERATOR_FUNCTION,
     .what = "Changes the value in place; what the function returns does not matter.",
     .yaml = "update: v.seen = r.timestamp",
     .lua = ":update \"v.seen = r.timestamp\"",
     .nil = "the usual: the value was changed in place",
     .order = order_kept,
     .state = no_state},
    {.kind = STAGE_FLAT_MAP,
     .key = "flat_map",
     .takes = OPERATOR_FUNCTION,
     .what = "Replaces a record by one for each item of the list that the function returns.",
     .yaml = "flat_map: v.items",
     .lua = ":flat_map \"v.items\"",
     .nil = "an error: return {} to drop the record",
     .order = "kept; the items in the list's order",
     .state = no_state},
    {.kind = STAGE_PEEK,
     .key = "peek",
     .takes = OPERATOR_FUNCTION,
     .what = "Calls the function and passes the record on unchanged.",
     .yaml = "peek: print(v.id)",
     .lua = ":peek(function(v) print(v.id) end)",
     .nil = "the usual",
     .order = order_kept,
     .state = no_state},
    {.kind = STAGE_KEY_BY,
     .key = "key_by",
     .takes = OPERATOR_FUNCTION,
     .what = "Gives the record a new key: what the function returns.",
     .yaml = "key_by: v.customer_id",
     .lua = ":key_by \"v.customer_id\"",
     .nil = "an error",
     .order = "kept; targets order records by the new key",
     .state = no_state},
    {.kind = STAGE_BRANCH,
     .key = "branch",
     .takes = OPERATOR_ARMS,
     .ends = true,
     .stops = true,
     .what = "Sends a record into the first arm whose `when` holds; an arm without `when` takes "
             "all. Each arm "
             "has a `to`, `to_file`, `to_stdout` or `steps` of its own.",
     .yaml = "branch: [ { when: v.paid, to: paid }, { to: unpaid } ]",
     .lua =
         ":branch { { \"paid\", \"v.paid\" }, { \"unpaid\" } }, which returns the streams by name",
     .nil = "the arm does not take the record; a record that no arm takes is dropped",
     .order = order_kept,
     .state = no_state},
    {.kind = STAGE_SPLIT,
     .key = "split",
     .takes = OPERATOR_FUNCTION,
     .ends = true,
     .stops = true,
     .what = "Writes the record to the topic that the function returns.",
     .yaml = "split: \"'events.' .. v.kind\"",
     .lua = ":split \"'events.' .. v.kind\"",
     .nil = "the record is dropped",
     .order = "kept per key in each topic",
     .state = no_state},
    {.kind = STAGE_THROTTLE,
     .key = "throttle",
     .takes = OPERATOR_OPTIONS,
     .scalar = "rate",
     .options = throttle_options,
     .what = "Lets so many records of a key pass in a time, measured on the records' own "
             "timestamps, and drops "
             "the rest.",
     .yaml = "throttle: { by: v.user, rate: 100/s }",
     .lua = ":throttle { by = \"v.user\", rate = \"100/s\" }",
     .nil = "an error",
     .order = "kept per key",
     .state = "counters per key, in memory: a restart begins with full ones"},
    {.kind = STAGE_SAMPLE,
     .key = "sample",
     .takes = OPERATOR_OPTIONS,
     .scalar = "ratio",
     .options = sample_options,
     .what = "Lets a part of the records pass, chosen as if at random by where each came from, so "
             "that a "
             "replay takes the same ones.",
     .yaml = "sample: 0.1",
     .lua = ":sample(0.1)",
     .nil = no_function,
     .order = order_kept,
     .state = no_state},
    {.kind = STAGE_AGGREGATE,
     .key = "aggregate",
     .takes = OPERATOR_FIELDS,
     .suggested_name = "totals",
     .what = "Makes one record of all records of a key and window: a field for each aggregator. "
             "Behind `group_by` and `window`; without `group_by` the record's key is the key, "
             "without `window` each record gives the result so far. A value that is nil is left "
             "out. The result of a window also has `window_start` and `window_end`, and the time "
             "`window_end` - 1.",
     .yaml = "{ as: hourly, aggregate: { orders: count(), total: sum(v.total) } }",
     .lua = ":aggregate { orders = s.count(), total = s.sum \"v.total\" }:as \"hourly\"",
     .nil = "the aggregator does not see the record",
     .order = per_key,
     .state = per_window},
    {.kind = STAGE_AGGREGATE,
     .key = "group_by",
     .takes = OPERATOR_GROUP,
     .what = "By which key the stage behind it works: an aggregate, a reduce or a count, perhaps "
             "with a window between. A list makes a key of several parts.",
     .yaml = "group_by: v.user",
     .lua = ":group_by \"v.user\"",
     .nil = "an error",
     .order = order_kept,
     .state = "that of the stage behind it"},
    {.kind = STAGE_AGGREGATE,
     .key = "window",
     .takes = OPERATOR_WINDOW,
     .options = compile_window_options,
     .what = "For which spans of event time the stage behind it makes results.",
     .yaml = "window: { tumbling: 1h, grace: 10s }",
     .lua = ":window(s.tumbling(\"1h\", { grace = \"10s\" })); s.hopping(size, every, o), "
            "s.sliding(size, o), s.session(gap, o), s.tumbling_count(n)",
     .nil = no_function,
     .order = order_kept,
     .state = "that of the stage behind it"},
    {.kind = STAGE_REDUCE,
     .key = "reduce",
     .takes = OPERATOR_REDUCE,
     .suggested_name = "reduced",
     .what = "Makes one value of all values of a key and window: the first is the first acc, and "
             "`function(acc, v)` returns the next. Behind `group_by` and `window`, as aggregate.",
     .yaml = "{ as: best, reduce: \"function(acc, v) return v.n > acc.n and v or acc end\" }",
     .lua = ":reduce(function(acc, v) return v.n > acc.n and v or acc end):as \"best\"",
     .nil = "an error",
     .order = per_key,
     .state = per_window},
    {.kind = STAGE_AGGREGATE,
     .key = "count",
     .takes = OPERATOR_OPTIONS,
     .scalar = "name",
     .options = count_options,
     .suggested_name = "counts",
     .what = "Short for an aggregate with one field, which counts.",
     .yaml = "{ as: per_page, count: {} }",
     .lua = ":count():as \"per_page\"",
     .nil = no_function,
     .order = per_key,
     .state = per_window},
    {.kind = STAGE_DEDUPE,
     .key = "dedupe",
     .takes = OPERATOR_OPTIONS,
     .options = compile_dedupe_options,
     .what =
         "Lets the first record of each kind pass and drops the others that come within a time. "
         "Its state is found by its name where it has one, else by its place among the "
         "dedupes.",
     .yaml = "dedupe: { by: v.id, within: 10m }",
     .lua = ":dedupe { by = \"v.id\", within = \"10m\" }",
     .nil = "an error",
     .order = "kept per key",
     .state = "what was seen and when, in the pipeline's changelog"},
    {.kind = STAGE_PROCESS,
     .key = "process",
     .takes = OPERATOR_OPTIONS,
     .options = compile_process_options,
     .suggested_name = "profile",
     .what =
         "Calls a function with the record and what it remembers of the key, a plain table that "
         "it may change; `ctx:emit(v)` gives a record, `ctx:timer(name, after)` calls "
         "`on_timer` later, `ctx:cancel(name)` does not.",
     .yaml = "{ as: card, process: { use: fraud.score, ttl: 30d } }",
     .lua = ":process { on_record = function(v, state, ctx) ctx:emit(v) end, ttl = \"30d\" }"
            ":as \"card\"",
     .nil = "the usual: what it returns does not matter",
     .order = "kept per key; timers where their time is among the records",
     .state = "a table and timers per key, in the pipeline's changelog"},
    {.kind = STAGE_JOIN,
     .key = "join",
     .takes = OPERATOR_JOIN,
     .options = compile_join_options,
     .suggested_name = "joined",
     .what = "Puts records of two sides together: with a table, what it has for the key; with a "
             "stream, each pair that is close enough in time.",
     .yaml = "{ as: named, join: { table: customers, by: v.customer_id, how: left } }",
     .lua = ":join(s.table \"customers\", { by = \"v.customer_id\", how = \"left\" })"
            ":as \"named\"; s.global, s.topic or any stream",
     .nil = "from by: an error; from with: an error",
     .order = per_key,
     .state = "the table, or the records of both sides for as long as partners may come"},
    {.kind = STAGE_PRINT,
     .key = "print",
     .takes = OPERATOR_OPTIONS,
     .scalar = "label",
     .options = print_options,
     .ends = true,
     .what = "Writes the record to standard output, one line each, and passes it on.",
     .yaml = "print: orders",
     .lua = ":print \"orders\"",
     .nil = no_function,
     .order = order_kept,
     .state = no_state},
    {.kind = STAGE_TO,
     .key = "to",
     .takes = OPERATOR_OPTIONS,
     .scalar = "topic",
     .options = to_options,
     .ends = true,
     .what = "Writes the record to a topic, fixed or computed, and passes it on. A scalar that "
             "begins with "
             "`function` is computed; write `{ fn: ... }` for a computed expression.",
     .yaml = "to: orders.paid",
     .lua = ":to \"orders.paid\"; computed: :to(function(v) return ... end)",
     .nil = "an error: use split to drop records",
     .order = "kept per key in each topic",
     .state = no_state},
    {.kind = STAGE_TO_FILE,
     .key = "to_file",
     .takes = OPERATOR_OPTIONS,
     .scalar = "path",
     .options = to_file_options,
     .ends = true,
     .what = "Appends the value as one line to a file, exactly once, and passes the record on.",
     .yaml = "to_file: out.jsonl",
     .lua = ":to_file \"out.jsonl\"",
     .nil = no_function,
     .order = "kept per source partition",
     .state = "the file's committed length"},
    {.kind = STAGE_TO_STDOUT,
     .key = "to_stdout",
     .takes = OPERATOR_OPTIONS,
     .options = to_stdout_options,
     .ends = true,
     .what = "Writes the value as one line to standard output when its commit is durable, and "
             "passes the "
             "record on.",
     .yaml = "to_stdout: {}",
     .lua = ":to_stdout()",
     .nil = no_function,
     .order = "kept per source partition",
     .state = no_state},
};

enum { OPERATOR_COUNT = sizeof(operators) / sizeof(operators[0]) };

/* In the design, and refused by name until they are built. */
static const char *const planned[] = {"to_queue", "to_http", NULL};

const struct operator* operator_find(const char *key)
{
    for (int i = 0; i < OPERATOR_COUNT; i++) {
        if (!strcmp(operators[i].key, key)) {
            return &operators[i];
        }
    }
    return NULL;
}

const struct operator* operator_of(enum stage_kind kind)
{
    for (int i = 0; i < OPERATOR_COUNT; i++) {
        if (operators[i].kind == kind) {
            return &operators[i];
        }
    }
    srt_unreachable("a stage kind without an operator");
}

bool operator_planned(const char *key)
{
    for (int i = 0; planned[i]; i++) {
        if (!strcmp(planned[i], key)) {
            return true;
        }
    }
    return false;
}

const char *const *operator_names(void)
{
    static const char *const names[] = {
        "filter", "reject",   "map",    "update",    "flat_map", "peek",    "key_by",    "branch",
        "split",  "throttle", "sample", "aggregate", "group_by", "window",  "reduce",    "count",
        "dedupe", "process",  "join",   "print",     "to",       "to_file", "to_stdout", NULL};
    static_assert(sizeof(names) / sizeof(names[0]) == OPERATOR_COUNT + 1,
                  "a name for each operator");
    return names;
}

/* --- the reference --- */

static void document_one(const struct operator* op, struct srt_buf *to)
{
    srt_buf_printf(to, "\n## %s\n\n%s\n\n", op->key, op->what);
    srt_buf_put_str(to, "| | |\n|---|---|\n");
    srt_buf_printf(to, "| YAML | `%s` |\n", op->yaml);
    srt_buf_printf(to, "| Lua | `%s` |\n", op->lua);
    srt_buf_printf(to, "| nil returned | %s |\n", op->nil);
    srt_buf_printf(to, "| Order | %s |\n", op->order);
    srt_buf_printf(to, "| State | %s |\n", op->state);
    if (op->suggested_name) {
        srt_buf_put_str(to, "| Name | `as:` is demanded: its state is found by it |\n");
    }
    srt_buf_printf(to, "| May end the steps | %s |\n",
                   op->stops  ? "yes, and nothing may follow"
                   : op->ends ? "yes"
                              : "no");
    if (op->takes == OPERATOR_FIELDS) {
        compile_aggregate_document(to);
    }
    if (!op->options) {
        return;
    }
    srt_buf_put_str(to, "\n| Option | What it does |\n|---|---|\n");
    for (const struct srt_option *option = op->options; option->name; option++) {
        bool alone = op->scalar && !strcmp(op->scalar, option->name);
        srt_buf_printf(to, "| `%s` | %s%s |\n", option->name, option->doc,
                       alone ? " A single value means this one." : "");
    }
}

void operator_document(struct srt_buf *to)
{
    srt_buf_put_str(
        to,
        "# Steps\n\n"
        "Generated from the table in runtime/pipeline/operator.c; a test holds both together.\n\n"
        "A step is a map with one of these keys, and optionally `as:` (its name) and `on_error:` "
        "(what to "
        "do when it fails). Where a function is expected, a text is one of three things, told "
        "apart without "
        "running anything: it begins with `function`; or it is an expression over `v` (value), `k` "
        "(key), "
        "`r` (record metadata); or else it is the body of a function that sees those names. "
        "`{ use: module.fn }` takes a function from `lua.path`.\n");
    for (int i = 0; i < OPERATOR_COUNT; i++) {
        document_one(&operators[i], to);
    }
    srt_buf_put_str(
        to, "\n## Not in this version\n\nThe design has them; they are refused with E090: ");
    for (int i = 0; planned[i]; i++) {
        srt_buf_printf(to, "%s`%s`", i ? ", " : "", planned[i]);
    }
    srt_buf_put_str(to, ".\n");
}
