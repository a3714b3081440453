/* The fields of an aggregate. One is written as a call: the aggregator's name, and in brackets what it
 * takes. The expression keeps its place in the file, so that errors in it point there.
 *
 *     p95: quantile(0.95, v.ms)
 *                   ^ a constant
 *                         ^ an expression over v, k, r */
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "pipeline/compile_impl.h"

enum { ARGUMENTS_MAX = AGGREGATE_BOUNDS_MAX + 2, COUNT_MAX = 1000000 };

struct argument {
    const char *text;
    size_t len;
};

struct call {
    int kind; /* enum aggregate_kind */
    struct argument args[ARGUMENTS_MAX];
    uint32_t arg_count;
    bool too_many;
};

/* --- the text of a call --- */

static const char *skip_string(const char *at, const char *end)
{
    char quote = *at++;
    while (at < end && *at != quote) {
        at += *at == '\\' && at + 1 < end ? 2 : 1;
    }
    return at < end ? at + 1 : end;
}

static struct argument trim(const char *from, const char *to)
{
    while (from < to && strchr(" \t\r\n", *from)) {
        from++;
    }
    while (to > from && strchr(" \t\r\n", to[-1])) {
        to--;
    }
    return (struct argument){from, (size_t)(to - from)};
}

static void add_argument(struct call *call, const char *from, const char *to)
{
    if (call->arg_count == ARGUMENTS_MAX) {
        call->too_many = true;
        return;
    }
    call->args[call->arg_count++] = trim(from, to);
}

/* Split "a, f(b, c)" at its outermost commas. False when brackets do not close, or text follows. */
static bool split_arguments(const char *at, const char *end, struct call *call)
{
    int depth = 0;
    const char *from = at;
    for (; at < end; at++) {
        if (*at == '"' || *at == '\'') {
            at = skip_string(at, end) - 1;
        } else if (strchr("([{", *at)) {
            depth++;
        } else if (strchr(")]}", *at) && depth > 0) {
            depth--;
        } else if (*at == ')') {
            if (call->arg_count > 0 || trim(from, at).len > 0) {
                add_argument(call, from, at);
            }
            return trim(at + 1, end).len == 0;
        } else if (*at == ',' && depth == 0) {
            add_argument(call, from, at);
            from = at + 1;
        }
    }
    return false;
}

static void report_field(struct compile *c, const struct config_entry *entry, const char *why)
{
    diag_help(compile_error(c, DIAG_E011, &entry->value->mark, "'%s' %s", entry->key, why),
              "as in count(), sum(v.bytes), quantile(0.95, v.ms) or collect(v.page, 20)");
}

static void report_unknown(struct compile *c, const struct config_entry *entry, const char *name)
{
    const char *names[AGGREGATE_KIND_COUNT + 1];
    for (int i = 0; i < AGGREGATE_KIND_COUNT; i++) {
        names[i] = aggregate_kind_name((enum aggregate_kind)i);
    }
    names[AGGREGATE_KIND_COUNT] = NULL;
    const char *near = diag_nearest(name, names);
    struct diag *diag = compile_error(c, DIAG_E012, &entry->value->mark,
                                      "there is no aggregator '%.40s'", name);
    if (near) {
        diag_help(diag, "did you mean '%s'?", near);
    }
}

static bool parse_call(struct compile *c, const struct config_entry *entry, struct call *ret)
{
    const char *text = entry->value->text;
    size_t len = entry->value->text_len;
    const char *open = memchr(text, '(', len);
    struct argument head = trim(text, open ? open : text + len);
    char name[41];
    if (head.len == 0 || head.len >= sizeof name ||
        strspn(head.text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") <
            head.len) {
        report_field(c, entry, "is no call of an aggregator");
        return false;
    }
    memcpy(name, head.text, head.len);
    name[head.len] = '\0';
    *ret = (struct call){.kind = aggregate_kind_find(name)};
    if (ret->kind < 0) {
        report_unknown(c, entry, name);
        return false;
    }
    if (!open || !split_arguments(open + 1, text + len, ret)) {
        report_field(c, entry, open ? "has brackets that do not fit" : "has no brackets");
        return false;
    }
    if (ret->too_many) {
        report_field(c, entry, "has too many arguments");
        return false;
    }
    return true;
}

/* --- arguments --- */

static struct graph_fn fn_of(const struct config_node *node, struct argument arg)
{
    int lines = 0;
    for (const char *at = node->text; at < arg.text; at++) {
        lines += *at == '\n';
    }
    return (struct graph_fn){
        .kind = GRAPH_FN_TEXT,
        .mark = node->mark,
        .text = {.text = arg.text,
                 .len = arg.len,
                 .file = node->mark.file,
                 .first_line = node->mark.line + (node->block ? 1 : 0) + lines,
                 .form = SCRIPT_EXPRESSION},
    };
}

static bool number_of(struct argument arg, double *ret)
{
    return srt_parse_double((struct srt_str){arg.text, arg.len}, ret) == SRT_OK && isfinite(*ret);
}

static bool read_constant(struct compile *c, const struct config_entry *entry, const struct call *call,
                          uint32_t index, const char *what, double min, double max, double *ret)
{
    if (index < call->arg_count && number_of(call->args[index], ret) && *ret >= min &&
        *ret <= max) {
        return true;
    }
    diag_help(compile_error(c, DIAG_E011, &entry->value->mark, "'%s': %s takes %s", entry->key,
                            aggregate_kind_name((enum aggregate_kind)call->kind), what),
              "as a number");
    return false;
}

static bool read_count(struct compile *c, const struct config_entry *entry, const struct call *call,
                       uint32_t index, const char *what, struct aggregate_spec *spec)
{
    double number;
    if (!read_constant(c, entry, call, index, what, 1, COUNT_MAX, &number)) {
        return false;
    }
    spec->def.limit = (int64_t)number;
    return true;
}

static bool read_bounds(struct compile *c, const struct config_entry *entry,
                        const struct call *call, struct aggregate_spec *spec)
{
    for (uint32_t i = 1; i < call->arg_count; i++) {
        double low = i > 1 ? nextafter(spec->def.bounds[i - 2], INFINITY) : -INFINITY;
        if (!read_constant(c, entry, call, i, "bounds behind the value, each above the last", low,
                           INFINITY, &spec->def.bounds[i - 1])) {
            return false;
        }
        spec->def.bound_count = i;
    }
    if (call->arg_count < 2) {
        report_field(c, entry, "has no bounds: histogram(v.ms, 10, 100, 1000)");
    }
    return call->arg_count >= 2;
}

/* Where the value stands among the arguments, how many there may be, and the constants that go with
 * it. */
static bool read_arguments(struct compile *c, const struct config_entry *entry,
                           const struct call *call, struct aggregate_spec *spec,
                           uint32_t *ret_value, uint32_t *ret_taken)
{
    enum aggregate_kind kind = spec->def.kind;
    bool first_is_constant = kind == AGGREGATE_QUANTILE || kind == AGGREGATE_TOP;
    *ret_value = first_is_constant ? 1 : 0;
    *ret_taken = first_is_constant ? 2 : 1;
    if (kind == AGGREGATE_QUANTILE) {
        return read_constant(c, entry, call, 0, "a part of 1 first, as in quantile(0.95, v.ms)", 0,
                             1, &spec->def.parameter);
    }
    if (kind == AGGREGATE_TOP) {
        *ret_taken = call->arg_count > 2 ? 3 : 2;
        return read_count(c, entry, call, 0, "a count first, as in top(3, v.price)", spec);
    }
    if (kind == AGGREGATE_COLLECT && call->arg_count > 1) {
        *ret_taken = 2;
        return read_count(c, entry, call, 1, "a count last, as in collect(v.page, 20)", spec);
    }
    if (kind == AGGREGATE_EWMA) {
        *ret_taken = 2;
        return read_constant(c, entry, call, 1, "a weight last, as in ewma(v.ms, 0.2)", 1e-9, 1,
                             &spec->def.parameter);
    }
    if (kind == AGGREGATE_HISTOGRAM) {
        *ret_taken = call->arg_count;
        return read_bounds(c, entry, call, spec);
    }
    return true;
}

static void compile_call(struct compile *c, const struct config_entry *entry,
                         struct aggregate_spec *spec)
{
    struct call call;
    if (!parse_call(c, entry, &call)) {
        return;
    }
    spec->def.kind = (enum aggregate_kind)call.kind;
    bool may_lack = spec->def.kind == AGGREGATE_COUNT || spec->def.kind == AGGREGATE_RATE;
    if (call.arg_count == 0 && may_lack) {
        return;
    }
    uint32_t value;
    uint32_t taken;
    if (!read_arguments(c, entry, &call, spec, &value, &taken)) {
        return;
    }
    if (call.arg_count <= value || call.args[value].len == 0) {
        report_field(c, entry, "does not say of what");
        return;
    }
    if (call.arg_count > taken) {
        report_field(c, entry, "has too many arguments");
        return;
    }
    spec->value = fn_of(entry->value, call.args[value]);
    if (spec->def.kind == AGGREGATE_TOP && taken == 3) {
        spec->by = fn_of(entry->value, call.args[2]);
    }
}

/* --- own aggregators --- */

static void compile_own(struct compile *c, const struct config_entry *entry,
                        const struct stage *stage, struct aggregate_spec *spec)
{
    static const char *const names[] = {"init", "add", "merge", "result", NULL};
    struct graph_fn *const fns[] = {&spec->init, &spec->add, &spec->merge, &spec->result};
    spec->is_script = true;
    for (size_t i = 0; i < entry->value->entry_count; i++) {
        const struct config_entry *given = &entry->value->entries[i];
        size_t n = 0;
        while (names[n] && strcmp(names[n], given->key) != 0) {
            n++;
        }
        if (!names[n]) {
            config_report_unknown(c->doc, DIAG_E010, given, names, "an aggregator");
            c->ok = false;
        } else {
            compile_fn(c, given->key, given->value, fns[n]);
        }
    }
    if (spec->add.kind == GRAPH_FN_NONE) {
        diag_help(compile_error(c, DIAG_E014, &entry->key_mark, "'%s' has no 'add'", entry->key),
                  "add: function(acc, v) return ... end");
    }
    if (stage->window.kind == WINDOW_SESSION && spec->merge.kind == GRAPH_FN_NONE) {
        diag_help(compile_error(c, DIAG_E014, &entry->key_mark,
                                "'%s' has no 'merge', which sessions need", entry->key),
                  "two sessions become one when an event between them comes late");
    }
    if (stage->window.kind == WINDOW_SLIDING) {
        compile_error(c, DIAG_E015, &entry->key_mark,
                      "an aggregator of your own does not work with a sliding window");
    }
}

/* --- fields --- */

static bool needs_merge(const struct stage *stage)
{
    return stage->window.kind == WINDOW_SESSION || stage->window.kind == WINDOW_SLIDING;
}

static void compile_field(struct compile *c, const struct config_entry *entry,
                          const struct stage *stage, struct aggregate_spec *spec)
{
    *spec = (struct aggregate_spec){.name = entry->key, .mark = entry->key_mark};
    if (!strcmp(entry->key, "window_start") || !strcmp(entry->key, "window_end")) {
        compile_error(c, DIAG_E005, &entry->key_mark, "every result of a window has its own '%s'",
                      entry->key);
    } else if (entry->value->kind == CONFIG_MAP) {
        compile_own(c, entry, stage, spec);
    } else if (entry->value->kind == CONFIG_SCALAR && !entry->value->is_null) {
        compile_call(c, entry, spec);
        if (needs_merge(stage) && !aggregate_can_merge(spec->def.kind)) {
            compile_error(c, DIAG_E015, &entry->value->mark,
                          "'%s' goes by the order of events, which this kind of window has not",
                          aggregate_kind_name(spec->def.kind));
        }
    } else {
        report_field(c, entry, "is no call of an aggregator");
    }
}

void compile_aggregates(struct compile *c, const struct config_node *map, struct stage *stage)
{
    if (map->kind != CONFIG_MAP || map->entry_count == 0) {
        diag_help(compile_error(c, DIAG_E011, &map->mark, "'aggregate' %s; it takes named fields",
                                map->kind == CONFIG_MAP ? "is empty"
                                                        : config_describe(c->doc, map)),
                  "as in { requests: count(), bytes: sum(v.bytes) }");
        return;
    }
    stage->aggregates = config_alloc(c->doc, map->entry_count * sizeof(*stage->aggregates));
    for (size_t i = 0; i < map->entry_count; i++) {
        if (strncmp(map->entries[i].key, "x-", 2) != 0) {
            compile_field(c, &map->entries[i], stage,
                          &stage->aggregates[stage->aggregate_count++]);
        }
    }
}
