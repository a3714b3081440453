/* `aggregate`, `count` and `reduce`: what is made of the records of a key and window.
 *
 *     p95: quantile(0.95, v.ms)            a text: taken apart by aggregate_text.c
 *     p95: { quantile: [0.95, v.ms] }      the same as a map; the Lua builder gives this one
 *     own: { init: "{}", add: ..., merge: ..., result: ... }
 *
 * The first two end as a name and a list of arguments, each a node that knows its place, so that
 * an error in `v.ms` is shown at v.ms. */
#include "base/limits.h"
#include "base/str.h"
#include "pipeline/aggregate_text.h"
#include "pipeline/compile_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* How each aggregator is called. One letter an argument: v value, w value or nothing, p quantile,
 * a weight, n count, m count or nothing, b what to order by or nothing, B one bound or more. */
static const struct signature {
    const char *args;
    const char *usage;
    const char *what;
} signatures[AGGREGATE_KIND_COUNT] = {
    [AGGREGATE_COUNT] = {"w", "count(v.status >= 500)",
                         "How many records; with an expression, those where it is neither false "
                         "nor nil."},
    [AGGREGATE_SUM] = {"v", "sum(v.bytes)", "The sum; exact, whatever the order."},
    [AGGREGATE_AVG] = {"v", "avg(v.ms)", "The mean."},
    [AGGREGATE_MIN] = {"v", "min(v.price)", "The smallest: of numbers, or of texts."},
    [AGGREGATE_MAX] = {"v", "max(v.price)", "The largest: of numbers, or of texts."},
    [AGGREGATE_FIRST] = {"v", "first(v.page)", "The first by event time."},
    [AGGREGATE_LAST] = {"v", "last(v.page)", "The last by event time."},
    [AGGREGATE_ANY] = {"v", "any(v.paid)", "Whether it held for one."},
    [AGGREGATE_ALL] = {"v", "all(v.paid)", "Whether it held for all."},
    [AGGREGATE_DISTINCT] = {"v", "distinct(v.ip)", "How many different values; exact."},
    [AGGREGATE_APPROX_DISTINCT] = {"v", "approx_distinct(v.ip)",
                                   "The same in little memory, with an error of 2 % or less."},
    [AGGREGATE_QUANTILE] = {"pv", "quantile(0.95, v.ms)",
                            "The value that this part of all is below: exact up to 10,000 values, "
                            "then within 0.5 %."},
    [AGGREGATE_HISTOGRAM] = {"vB", "histogram(v.ms, 10, 100, 1000)",
                             "How many are up to each bound, and beyond the last."},
    [AGGREGATE_STDDEV] = {"v", "stddev(v.ms)", "The standard deviation."},
    [AGGREGATE_TOP] = {"nvb", "top(3, v, v.price)",
                       "The first n values by what the third argument gives, largest first; "
                       "without it, by themselves."},
    [AGGREGATE_COLLECT] = {"vm", "collect(v.page, 20)",
                           "A list by event time, of so many at most (10,000)."},
    [AGGREGATE_EWMA] = {"va", "ewma(v.temp, 0.2)",
                        "The moving average in which the newest value has this weight."},
    [AGGREGATE_RATE] = {"w", "rate()", "Records a second of event time."},
};

static const char *const *kind_names(void)
{
    static const char *names[AGGREGATE_KIND_COUNT + 1];
    for (int i = 0; i < AGGREGATE_KIND_COUNT; i++) {
        names[i] = aggregate_kind_name((enum aggregate_kind)i);
    }
    return names;
}

/* --- arguments --- */

struct call {
    struct compile *c;
    const char *name;
    struct config_mark mark; /* of the name */
    const struct signature *signature;
    struct config_node **args;
    size_t arg_count;
    size_t next;
    struct aggregate_spec *spec;
};

static bool wrong_arg(const struct call *call, const struct config_node *arg, const char *expected)
{
    struct compile *c = call->c;
    diag_help(compile_error(c, DIAG_E011, &arg->mark, "an argument of '%s' %s; it takes %s",
                            call->name, config_describe(c->doc, arg), expected),
              "as in %s", call->signature->usage);
    return false;
}

static bool as_number(const struct config_node *arg, double *ret)
{
    return arg->kind == CONFIG_SCALAR && !arg->function_index &&
           srt_parse_double((struct srt_str){arg->text, arg->text_len}, ret) == SRT_OK;
}

static bool take_part(struct call *call, const struct config_node *arg, bool weight)
{
    double number;
    const char *expected = weight ? "a weight above 0 and up to 1" : "a number from 0 to 1";
    if (!as_number(arg, &number)) {
        return wrong_arg(call, arg, expected);
    }
    if (!(number >= 0 && number <= 1) || (weight && number <= 0)) {
        struct compile *c = call->c;
        struct diag *diag =
            compile_error(c, DIAG_E011, &arg->mark, "an argument of '%s' %s; it takes %s",
                          call->name, config_describe(c->doc, arg), expected);
        if (number > 1 && number <= 100) {
            diag_help(diag, "write %g", number / 100);
        }
        return false;
    }
    call->spec->def.parameter = number;
    return true;
}

static bool take_limit(struct call *call, const struct config_node *arg)
{
    int64_t number;
    char expected[64];
    snprintf(expected, sizeof(expected), "a whole number from 1 to %d", AGGREGATE_LIMIT_MAX);
    if (arg->kind != CONFIG_SCALAR || arg->function_index ||
        srt_parse_count((struct srt_str){arg->text, arg->text_len}, &number) != SRT_OK ||
        number < 1 || number > AGGREGATE_LIMIT_MAX) {
        return wrong_arg(call, arg, expected);
    }
    call->spec->def.limit = number;
    return true;
}

static bool take_bounds(struct call *call)
{
    struct aggregate_def *def = &call->spec->def;
    for (; call->next < call->arg_count; call->next++) {
        const struct config_node *arg = call->args[call->next];
        struct compile *c = call->c;
        double number;
        if (!as_number(arg, &number)) {
            return wrong_arg(call, arg, "numbers as bounds");
        }
        if (def->bound_count && number <= def->bounds[def->bound_count - 1]) {
            diag_help(compile_error(c, DIAG_E011, &arg->mark,
                                    "the bounds of 'histogram' do not rise: %g behind %g", number,
                                    def->bounds[def->bound_count - 1]),
                      "as in %s", call->signature->usage);
            return false;
        }
        if (def->bound_count == AGGREGATE_BOUNDS_MAX) {
            compile_error(c, DIAG_E011, &arg->mark, "'histogram' has more than %d bounds",
                          AGGREGATE_BOUNDS_MAX);
            return false;
        }
        def->bounds[def->bound_count++] = number;
    }
    return true;
}

static bool take_value(struct call *call, const struct config_node *arg, struct graph_fn *ret)
{
    return compile_fn(call->c, call->name, arg, ret);
}

static bool is_optional(char letter)
{
    return letter == 'w' || letter == 'm' || letter == 'b';
}

static bool check_count(const struct call *call)
{
    const char *letters = call->signature->args;
    size_t least = 0;
    size_t most = strlen(letters);
    for (size_t i = 0; letters[i]; i++) {
        least += !is_optional(letters[i]);
    }
    if (call->arg_count >= least && (call->arg_count <= most || letters[most - 1] == 'B')) {
        return true;
    }
    struct compile *c = call->c;
    char takes[48];
    snprintf(takes, sizeof(takes),
             letters[most - 1] == 'B' ? "%zu or more"
             : least == most          ? "%zu"
                                      : "%zu or %zu",
             least, most);
    diag_help(compile_error(c, DIAG_E011, &call->mark, "'%s' takes %s argument%s, this has %zu",
                            call->name, takes, !strcmp(takes, "1") ? "" : "s", call->arg_count),
              "as in %s", call->signature->usage);
    return false;
}

static bool fill_args(struct call *call)
{
    bool ok = check_count(call);
    struct aggregate_spec *spec = call->spec;
    for (const char *at = call->signature->args; *at && ok && call->next < call->arg_count; at++) {
        const struct config_node *arg = call->args[call->next];
        switch (*at) {
        case 'v':
        case 'w':
            ok = take_value(call, arg, &spec->value);
            break;
        case 'b':
            ok = take_value(call, arg, &spec->by);
            break;
        case 'p':
        case 'a':
            ok = take_part(call, arg, *at == 'a');
            break;
        case 'n':
        case 'm':
            ok = take_limit(call, arg);
            break;
        default:
            return take_bounds(call);
        }
        call->next++;
    }
    struct srt_err err = {0};
    if (ok && aggregate_def_check(&spec->def, &err) == SRT_EINVAL) {
        diag_help(compile_error(call->c, DIAG_E011, &call->mark, "%s", err.msg), "as in %s",
                  call->signature->usage);
        return false;
    }
    if (aggregate_takes_by(spec->def.kind) && spec->by.kind == GRAPH_FN_NONE) {
        spec->by = spec->value;
    }
    return ok;
}

static bool fill_call(struct compile *c, const char *name, const struct config_mark *mark,
                      struct config_node **args, size_t arg_count, struct aggregate_spec *spec)
{
    int kind = aggregate_kind_find(name);
    if (kind < 0) {
        struct diag *diag = compile_error(c, DIAG_E010, mark, "unknown aggregator '%.40s'", name);
        const char *near = config_suggest(name, kind_names());
        if (near) {
            diag_help(diag, "did you mean '%s'?", near);
        }
        struct srt_buf list;
        srt_buf_init(&list);
        for (int i = 0; i < AGGREGATE_KIND_COUNT; i++) {
            srt_buf_printf(&list, "%s%s", i ? ", " : "", kind_names()[i]);
        }
        diag_note(diag, "aggregators: %s", srt_buf_cstr(&list));
        srt_buf_fini(&list);
        return false;
    }
    spec->def.kind = (enum aggregate_kind)kind;
    struct call call = {.c = c,
                        .name = aggregate_kind_name(spec->def.kind),
                        .mark = *mark,
                        .signature = &signatures[kind],
                        .args = args,
                        .arg_count = arg_count,
                        .spec = spec};
    return fill_args(&call);
}

/* --- as a text --- */

static void report_text(struct compile *c, const struct config_entry *field,
                        const struct aggregate_text *text, enum aggregate_text_error error,
                        size_t at)
{
    const struct config_node *node = field->value;
    const struct config_node *place = compile_part(c, node, at, at < node->text_len);
    const char *name = config_strndup(c->doc, node->text + text->name.at, text->name.len);
    struct diag *diag;
    switch (error) {
    case AGGREGATE_TEXT_OK:
        return;
    case AGGREGATE_TEXT_NO_CALL:
        diag = compile_error(c, DIAG_E011, &node->mark, "'%s' %s; it takes an aggregator",
                             field->key, config_describe(c->doc, node));
        int kind = text->name.len == node->text_len ? aggregate_kind_find(name) : -1;
        if (kind >= 0 && signatures[kind].args[0] == 'w') {
            diag_help(diag, "write %s()", name);
        } else if (kind >= 0) {
            diag_help(diag, "write %s", signatures[kind].usage);
        } else {
            diag_help(diag, "as in count() or sum(v.total)");
        }
        return;
    case AGGREGATE_TEXT_UNCLOSED:
        compile_error(c, DIAG_E011, &place->mark, "nothing closes this '%.1s'", place->text);
        return;
    case AGGREGATE_TEXT_UNOPENED:
        compile_error(c, DIAG_E011, &place->mark, "this '%.1s' closes nothing", place->text);
        return;
    case AGGREGATE_TEXT_STRING:
        compile_error(c, DIAG_E011, &place->mark, "this string or comment has no end");
        return;
    case AGGREGATE_TEXT_EMPTY_ARG:
        compile_error(c, DIAG_E011, &place->mark, "'%s' has an empty argument before this '%.1s'",
                      name, place->text);
        return;
    case AGGREGATE_TEXT_TOO_MANY:
        compile_error(c, DIAG_E011, &place->mark, "'%s' has more than %d arguments", name,
                      AGGREGATE_TEXT_ARGS_MAX);
        return;
    case AGGREGATE_TEXT_TOO_DEEP:
        compile_error(c, DIAG_E011, &place->mark, "nested deeper than %d",
                      AGGREGATE_TEXT_DEPTH_MAX);
        return;
    case AGGREGATE_TEXT_TRAILING:
        diag_help(
            compile_error(c, DIAG_E011, &place->mark, "'%s' has more behind its call", field->key),
            "one aggregator a field; compute with them in an update behind");
        return;
    }
}

static bool fill_text(struct compile *c, const struct config_entry *field,
                      struct aggregate_spec *spec)
{
    const struct config_node *node = field->value;
    struct aggregate_text text = {.arg_count = 0};
    size_t at = 0;
    enum aggregate_text_error error = aggregate_text_parse(node->text, node->text_len, &text, &at);
    if (error) {
        report_text(c, field, &text, error, at);
        return false;
    }
    struct config_node **args = config_alloc(c->doc, (text.arg_count + 1) * sizeof(*args));
    for (uint32_t i = 0; i < text.arg_count; i++) {
        args[i] = compile_part(c, node, text.args[i].at, text.args[i].len);
    }
    const struct config_node *name = compile_part(c, node, text.name.at, text.name.len);
    return fill_call(c, name->text, &name->mark, args, text.arg_count, spec);
}

/* --- as a map --- */

static const char *const own_keys[] = {"init", "add", "merge", "result", NULL};

static bool fill_own(struct compile *c, const struct config_entry *field,
                     struct aggregate_spec *spec)
{
    const struct config_node *map = field->value;
    bool ok = true;
    for (size_t i = 0; i < map->entry_count; i++) {
        const struct config_entry *entry = &map->entries[i];
        if (!strcmp(entry->key, "init")) {
            ok = compile_init_fn(c, entry->value, &spec->init) && ok;
        } else if (!strcmp(entry->key, "add")) {
            ok = compile_whole_fn(c, "add", "function(acc, v, r) return ... end", entry->value,
                                  &spec->add) &&
                 ok;
        } else if (!strcmp(entry->key, "merge")) {
            ok = compile_whole_fn(c, "merge", "function(a, b) return ... end", entry->value,
                                  &spec->merge) &&
                 ok;
        } else if (!strcmp(entry->key, "result")) {
            ok = compile_whole_fn(c, "result", "function(acc) return ... end", entry->value,
                                  &spec->result) &&
                 ok;
        } else if (strncmp(entry->key, "x-", 2) != 0) {
            config_report_unknown(c->doc, DIAG_E010, entry, own_keys, "an own aggregator");
            c->ok = ok = false;
        }
    }
    if (!config_find(map, "add")) {
        diag_help(compile_error(c, DIAG_E014, &field->key_mark,
                                "the own aggregator '%s' has no 'add'", field->key),
                  "as in add: function(acc, v) return acc + v.n end");
        ok = false;
    }
    spec->is_script = true;
    return ok;
}

static bool is_own(const struct config_node *map)
{
    for (size_t i = 0; own_keys[i]; i++) {
        if (config_find(map, own_keys[i])) {
            return true;
        }
    }
    return false;
}

/* `{ quantile: [0.95, v.ms] }` */
static bool fill_map(struct compile *c, const struct config_entry *field,
                     struct aggregate_spec *spec)
{
    const struct config_node *map = field->value;
    if (is_own(map)) {
        return fill_own(c, field, spec);
    }
    if (map->entry_count != 1) {
        diag_help(compile_error(c, DIAG_E013, &map->mark,
                                "'%s' has %zu aggregators; a field has one", field->key,
                                map->entry_count),
                  "as in %s: sum(v.total)", field->key);
        return false;
    }
    const struct config_entry *call = &map->entries[0];
    struct config_node *value = call->value;
    bool none = (value->kind == CONFIG_SCALAR && value->is_null) ||
                (value->kind == CONFIG_MAP && !value->entry_count);
    struct config_node **args = value->kind == CONFIG_LIST ? value->items : &value;
    size_t count = value->kind == CONFIG_LIST ? value->item_count : !none;
    return fill_call(c, call->key, &call->key_mark, args, count, spec);
}

/* --- fields --- */

static bool fill_field(struct compile *c, const struct config_entry *field,
                       struct aggregate_spec *spec)
{
    const struct config_node *value = field->value;
    spec->name = field->key;
    spec->mark = field->key_mark;
    if (value->kind == CONFIG_MAP) {
        return fill_map(c, field, spec);
    }
    if (value->kind == CONFIG_SCALAR && !value->function_index && !value->is_null) {
        return fill_text(c, field, spec);
    }
    diag_help(compile_error(c, DIAG_E011, &value->mark, "'%s' %s; it takes an aggregator",
                            field->key, config_describe(c->doc, value)),
              "as in count() or sum(v.total)");
    return false;
}

static bool can_merge(const struct aggregate_def *def)
{
    struct srt_err err = {0};
    return aggregate_def_check(def, &err) == SRT_EUNAVAILABLE || aggregate_can_merge(def->kind);
}

/* Two sessions of a key become one when a record comes that is near both. */
static void check_session(struct compile *c, const struct aggregate_spec *spec)
{
    if (spec->is_script && spec->merge.kind == GRAPH_FN_NONE) {
        diag_help(compile_error(c, DIAG_E014, &spec->mark,
                                "'%s' has no 'merge', and sessions grow together", spec->name),
                  "add merge: function(a, b) return ... end");
    } else if (!spec->is_script && !can_merge(&spec->def)) {
        diag_help(compile_error(c, DIAG_E015, &spec->mark,
                                "'%s' is not for session windows: two of them cannot be made one",
                                aggregate_kind_name(spec->def.kind)),
                  "sessions grow together when a record comes between them");
    }
}

static bool name_is_taken(const struct stage *stage, const char *name)
{
    enum window_kind kind = stage->window.kind;
    return kind != WINDOW_NONE && kind != WINDOW_COUNT &&
           (!strcmp(name, "window_start") || !strcmp(name, "window_end"));
}

static void add_field(struct compile *c, const struct config_entry *field, struct stage *stage)
{
    struct aggregate_spec *spec = &stage->aggregates[stage->aggregate_count++];
    if (name_is_taken(stage, field->key)) {
        compile_error(c, DIAG_E005, &field->key_mark,
                      "the result of a window has a field '%s' already", field->key);
    }
    if (fill_field(c, field, spec) && stage->window.kind == WINDOW_SESSION) {
        check_session(c, spec);
    }
}

void compile_aggregate(struct compile *c, const struct config_entry *entry, struct stage *stage)
{
    const struct config_node *map = entry->value;
    if (map->kind != CONFIG_MAP) {
        diag_help(compile_error(c, DIAG_E011, &map->mark,
                                "'aggregate' %s; it takes a map of fields and aggregators",
                                config_describe(c->doc, map)),
                  "as in { orders: count(), total: sum(v.total) }");
        return;
    }
    stage->aggregates = config_alloc(c->doc, (map->entry_count + 1) * sizeof(*stage->aggregates));
    for (size_t i = 0; i < map->entry_count; i++) {
        if (stage->aggregate_count == SRT_AGGREGATES_MAX) {
            compile_error(c, DIAG_E011, &map->entries[i].key_mark,
                          "'aggregate' has more than %d "
                          "fields",
                          SRT_AGGREGATES_MAX);
            return;
        }
        if (strncmp(map->entries[i].key, "x-", 2) != 0) {
            add_field(c, &map->entries[i], stage);
        }
    }
    if (!stage->aggregate_count) {
        diag_help(compile_error(c, DIAG_E014, &entry->key_mark, "'aggregate' has no fields"),
                  "as in { orders: count(), total: sum(v.total) }");
    }
}

void compile_count(struct compile *c, const struct config_entry *entry, const char *name,
                   struct stage *stage)
{
    stage->aggregates = config_alloc(c->doc, sizeof(*stage->aggregates));
    stage->aggregate_count = 1;
    stage->aggregates[0] = (struct aggregate_spec){
        .name = name ? name : "count",
        .mark = entry->value->kind == CONFIG_SCALAR ? entry->value->mark : entry->key_mark,
        .def = {.kind = AGGREGATE_COUNT},
    };
    if (name_is_taken(stage, stage->aggregates[0].name)) {
        compile_error(c, DIAG_E005, &stage->aggregates[0].mark,
                      "the result of a window has a field '%s' already", stage->aggregates[0].name);
    }
}

void compile_reduce(struct compile *c, const struct config_entry *entry, struct stage *stage)
{
    compile_whole_fn(c, "reduce", "function(acc, v) return ... end", entry->value, &stage->reduce);
    if (stage->window.kind == WINDOW_SESSION) {
        diag_help(compile_error(c, DIAG_E015, &entry->key_mark,
                                "'reduce' is not for session windows: two of them cannot be made "
                                "one"),
                  "use aggregate: { NAME: { add: ..., merge: ... } }");
    }
}

/* --- the reference --- */

void compile_aggregate_document(struct srt_buf *to)
{
    srt_buf_put_str(to, "\n| Aggregator | What it gives |\n|---|---|\n");
    for (int i = 0; i < AGGREGATE_KIND_COUNT; i++) {
        srt_buf_printf(to, "| `%s` | %s |\n", signatures[i].usage, signatures[i].what);
    }
    srt_buf_put_str(
        to, "| `{ init, add, merge, result }` | An own one: `init` gives the first acc (nil "
            "without it), `function(acc, v, r)` the next one, `function(a, b)` makes one of two "
            "(demanded for sessions), `function(acc)` the result (acc itself without it). |\n");
}
