/* group_by, window and what is made of the groups are three steps and one stage:
 *
 *     - group_by: v.user            remembered
 *     - window: { tumbling: 1h }    remembered
 *     - as: hourly
 *       aggregate: { n: count() }   the stage, with both */
#include <stdio.h>
#include <string.h>

#include "pipeline/compile_impl.h"
#include "pipeline/step_options.h"

/* --- window --- */

static bool fill_window(struct compile *c, const struct config_entry *entry,
                        const struct step_options *o, struct window_spec *spec)
{
    const struct {
        const char *key;
        enum window_kind kind;
        int64_t value;
    } kinds[] = {
        {"tumbling", WINDOW_TUMBLING, o->tumbling_ms}, {"hopping", WINDOW_HOPPING, o->hopping_ms},
        {"sliding", WINDOW_SLIDING, o->sliding_ms},    {"session", WINDOW_SESSION, o->session_ms},
        {"count", WINDOW_COUNT, o->window_count},
    };
    const char *found = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct config_entry *given = config_find_entry(entry->value, kinds[i].key);
        if (given && found) {
            compile_error(c, DIAG_E015, &given->key_mark,
                          "a window is of one kind, this one is '%s' and '%s'", found, given->key);
            return false;
        }
        if (given) {
            found = given->key;
            spec->kind = kinds[i].kind;
            spec->size_ms = kinds[i].value;
        }
    }
    if (!found) {
        diag_help(compile_error(c, DIAG_E014, &entry->key_mark, "'window' does not say of what kind"),
                  "one of tumbling, hopping, sliding, session and count, as in { tumbling: 1m }");
        return false;
    }
    spec->count = o->window_count;
    spec->every_ms = spec->kind == WINDOW_TUMBLING ? spec->size_ms : o->every_ms;
    spec->grace_ms = o->grace_ms;
    spec->emit = (enum window_emit)o->emit;
    spec->late = o->late;
    return true;
}

static bool check_window(struct compile *c, const struct config_entry *entry,
                         const struct window_spec *spec)
{
    const struct config_entry *every = config_find_entry(entry->value, "every");
    const struct config_entry *grace = config_find_entry(entry->value, "grace");
    const struct config_entry *late = config_find_entry(entry->value, "late");
    if (spec->kind == WINDOW_HOPPING && !every) {
        diag_help(compile_error(c, DIAG_E014, &entry->key_mark, "a hopping window has no 'every'"),
                  "as in { hopping: 1h, every: 5m }");
        return false;
    }
    if (spec->kind != WINDOW_HOPPING && every) {
        compile_error(c, DIAG_E015, &every->key_mark, "'every' belongs to a hopping window");
        return false;
    }
    if (spec->kind == WINDOW_HOPPING && spec->size_ms / spec->every_ms > COMPILE_HOPS_MAX) {
        compile_error(c, DIAG_E011, &every->value->mark,
                      "an event would be in more than %d windows", COMPILE_HOPS_MAX);
        return false;
    }
    const struct config_entry *of_time = grace ? grace : late;
    if (spec->kind == WINDOW_COUNT && of_time) {
        compile_error(c, DIAG_E015, &of_time->key_mark,
                      "'%s' has no meaning for 'count': such a window does not go by time",
                      of_time->key);
        return false;
    }
    if (spec->kind == WINDOW_SLIDING && spec->emit == WINDOW_EMIT_UPDATES) {
        compile_error(c, DIAG_E015, &config_find_entry(entry->value, "emit")->key_mark,
                      "a sliding window has one result for each event: 'emit' is final");
        return false;
    }
    return !late || compile_topic_name(c, spec->late, &late->value->mark);
}

static bool read_window(struct compile *c, const struct operator* op,
                        const struct config_entry *entry, struct window_spec *ret)
{
    struct step_options o = {.tumbling_ms = -1,
                             .hopping_ms = -1,
                             .every_ms = -1,
                             .sliding_ms = -1,
                             .session_ms = -1,
                             .window_count = -1};
    if (entry->value->kind != CONFIG_MAP) {
        diag_help(compile_error(c, DIAG_E011, &entry->value->mark,
                                "'window' %s; it takes a map of options",
                                config_describe(c->doc, entry->value)),
                  "as in %s", op->yaml);
        return false;
    }
    if (!config_read_options(c->doc, entry->value, op->options, NULL, &o, "'window'")) {
        c->ok = false;
        return false;
    }
    *ret = (struct window_spec){.kind = WINDOW_NONE};
    return fill_window(c, entry, &o, ret) && check_window(c, entry, ret);
}

/* --- steps --- */

bool compile_group_step(struct compile *c, const struct operator* op,
                        const struct config_node *step, const struct config_entry *entry,
                        struct compile_group *group)
{
    const struct config_entry *as = config_find_entry(step, "as");
    const struct config_entry **before = op->kind == STAGE_WINDOW ? &group->window : &group->by;
    if (as) {
        diag_help(compile_error(c, DIAG_E015, &as->key_mark, "'as' does not belong to '%s'", op->key),
                  "name the aggregate, reduce or count behind it");
        return false;
    }
    if (*before) {
        compile_error(c, DIAG_E015, &entry->key_mark, "two steps '%s' before one aggregate", op->key);
        return false;
    }
    if (op->kind == STAGE_GROUP_BY && group->window) {
        diag_help(compile_error(c, DIAG_E015, &entry->key_mark, "'group_by' stands behind 'window'"),
                  "write group_by first, then window");
        return false;
    }
    *before = entry;
    if (op->kind == STAGE_WINDOW) {
        return read_window(c, op, entry, &group->spec);
    }
    return compile_fn(c, op->key, entry->value, &group->fn);
}

void compile_check_named(struct compile *c, const struct stage *stage, const char *key)
{
    if (!stage->named && c->ok) {
        diag_help(compile_error(c, DIAG_E031, &stage->mark, "'%s' keeps state but has no name", key),
                  "its state is found again by its name: add as: NAME");
    }
}

/* `count: name` is `aggregate: { name: count() }`. */
static void compile_count(struct compile *c, const struct config_entry *entry, struct stage *stage)
{
    const struct operator* op = operator_find(entry->key);
    const struct config_node *value = entry->value;
    struct step_options o = {.label = NULL};
    struct config_node *map = config_new_map(c->doc, value->mark);
    if (value->kind == CONFIG_MAP || (value->kind == CONFIG_SCALAR && value->is_null)) {
        map = value->kind == CONFIG_MAP ? (struct config_node *)(uintptr_t)value : map;
    } else {
        config_map_add(c->doc, map, "name", value->mark, (struct config_node *)(uintptr_t)value);
    }
    if (!config_read_options(c->doc, map, op->options, NULL, &o, "'count'")) {
        c->ok = false;
        return;
    }
    stage->aggregates = config_alloc(c->doc, sizeof *stage->aggregates);
    stage->aggregate_count = 1;
    stage->aggregates[0] = (struct aggregate_spec){
        .name = o.label, .mark = entry->key_mark, .def = {.kind = AGGREGATE_COUNT}};
}

void compile_grouped(struct compile *c, const struct config_entry *entry, struct stage *stage,
                     const struct compile_group *group)
{
    stage->window = group->spec;
    if (!group->window) {
        stage->window = (struct window_spec){.kind = WINDOW_NONE, .emit = WINDOW_EMIT_UPDATES};
    }
    stage->fn = group->fn;
    if (!strcmp(entry->key, "count")) {
        compile_count(c, entry, stage);
    } else {
        compile_aggregates(c, entry->value, stage);
    }
    compile_check_named(c, stage, entry->key);
}
