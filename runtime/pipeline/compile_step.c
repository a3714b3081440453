/* Steps to stages.
 *
 *     steps:                          stages and arms
 *       - filter: a                     0 from ──> 1 filter ──> 2 branch ─arm 0─> 3 to paid
 *       - branch:                                                  └─────arm 1─> 4 to unpaid
 *           - { when: b, to: paid }
 *           - { to: unpaid }
 *
 * A list of steps is attached to a "tail", the arm of a stage that was made before: so stages come
 * out in topological order by themselves. A branch has one tail for each arm. What can never see a
 * record (a step behind a branch, an arm behind one that takes all) and what goes nowhere (a list
 * that ends in no target) are errors, because both are mistakes that would lose records in silence.
 */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "pipeline/compile_impl.h"

/* --- names --- */

static bool stage_name_valid(const char *name)
{
    size_t n = strlen(name);
    return n > 0 && n <= 100 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == n;
}

static void name_stage(struct compile *c, struct stage *stage, const struct config_entry *as)
{
    if (!as) {
        return;
    }
    if (as->value->kind != CONFIG_SCALAR || !stage_name_valid(as->value->text)) {
        diag_help(compile_error(c, DIAG_E021, &as->value->mark, "'as' %s; it takes a name",
                                config_describe(c->doc, as->value)),
                  "1 to 100 of a-z A-Z 0-9 . _ -");
        return;
    }
    stage->name = as->value->text;
    stage->named = true;
}

/* --- stages --- */

struct stage *compile_add_stage(struct compile *c, enum stage_kind kind,
                                const struct config_mark *mark, uint32_t arm_count)
{
    struct graph *graph = c->graph;
    if (graph->stage_count == COMPILE_STAGES_MAX) {
        if (c->ok) {
            compile_error(c, DIAG_E011, mark, "more than %d steps in one pipeline",
                          COMPILE_STAGES_MAX);
        }
        return NULL;
    }
    if (!(graph->stage_count &
          (graph->stage_count - 1))) { /* 0 or a power of two: room for as many again */
        size_t room = graph->stage_count ? 2 * (size_t)graph->stage_count : 1;
        struct stage *bigger = config_alloc(c->doc, room * sizeof(*bigger));
        if (graph->stage_count) {
            memcpy(bigger, graph->stages, graph->stage_count * sizeof(*bigger));
        }
        graph->stages = bigger;
    }
    struct stage *stage = &graph->stages[graph->stage_count];
    char name[32];
    snprintf(name, sizeof(name), "%s-%u", stage_kind_name(kind), ++c->kind_counts[kind]);
    *stage = (struct stage){
        .index = graph->stage_count++,
        .kind = kind,
        .name = config_strdup(c->doc, name),
        .mark = *mark,
        .arms = config_alloc(c->doc, arm_count * sizeof(*stage->arms)),
        .arm_count = arm_count,
        .on_error = &graph->on_error,
        .exchange = stage_kind_keyed(kind),
        .sample = 1,
    };
    return stage;
}

static void attach(struct compile *c, struct compile_tail tail, uint32_t to)
{
    struct graph_arm *arm = &c->graph->stages[tail.stage].arms[tail.arm];
    uint32_t *next = config_alloc(c->doc, (arm->next_count + 1) * sizeof(*next));
    if (arm->next_count) {
        memcpy(next, arm->next, arm->next_count * sizeof(*next));
    }
    next[arm->next_count++] = to;
    arm->next = next;
}

/* --- branch --- */

static const char *const arm_keys[] = {"name", "when", "to", "to_file", "to_stdout", "steps", NULL};

static bool check_arm_keys(struct compile *c, const struct config_node *arm)
{
    bool ok = true;
    for (size_t i = 0; i < arm->entry_count; i++) {
        const struct config_entry *entry = &arm->entries[i];
        bool known = !strncmp(entry->key, "x-", 2);
        for (size_t j = 0; arm_keys[j]; j++) {
            known |= !strcmp(arm_keys[j], entry->key);
        }
        if (operator_planned(entry->key)) {
            compile_error(c, DIAG_E090, &entry->key_mark, "'%s' is not available in this version",
                          entry->key);
            ok = false;
        } else if (!known) {
            config_report_unknown(c->doc, DIAG_E010, entry, arm_keys, "an arm of 'branch'");
            c->ok = ok = false;
        }
    }
    return ok;
}

/* `{ when: ..., to: x }` is short for `{ when: ..., steps: [ { to: x } ] }`. */
static void compile_arm_target(struct compile *c, const struct config_node *arm,
                               struct compile_tail tail, const struct on_error *on_error)
{
    const struct config_entry *target = NULL;
    int count = 0;
    for (size_t i = 0; i < arm->entry_count; i++) {
        const struct config_entry *entry = &arm->entries[i];
        if (!strcmp(entry->key, "to") || !strcmp(entry->key, "to_file") ||
            !strcmp(entry->key, "to_stdout") || !strcmp(entry->key, "steps")) {
            target = entry;
            count++;
        }
    }
    if (count == 0) {
        diag_help(compile_error(c, DIAG_E040, &arm->mark, "this arm of 'branch' goes nowhere"),
                  "give it a to, to_file, to_stdout or steps");
        return;
    }
    if (count > 1) {
        diag_help(compile_error(c, DIAG_E015, &target->key_mark,
                                "an arm of 'branch' has one of to, to_file, to_stdout and steps"),
                  "use steps for several");
        return;
    }
    if (!strcmp(target->key, "steps")) {
        compile_steps(c, target->value, tail, on_error, "this arm of 'branch'");
        return;
    }
    struct config_node *step = config_new_map(c->doc, target->key_mark);
    config_map_add(c->doc, step, target->key, target->key_mark, target->value);
    struct config_node *list = config_new_list(c->doc, target->key_mark);
    config_list_add(c->doc, list, step);
    compile_steps(c, list, tail, on_error, "this arm of 'branch'");
}

static void compile_arm(struct compile *c, const struct config_node *arm, struct compile_tail tail,
                        bool *takes_all, const struct on_error *on_error)
{
    if (arm->kind != CONFIG_MAP) {
        diag_help(compile_error(c, DIAG_E011, &arm->mark, "an arm of 'branch' %s; it takes a map",
                                config_describe(c->doc, arm)),
                  "as in { when: v.paid, to: paid }");
        return;
    }
    if (!check_arm_keys(c, arm)) {
        return;
    }
    if (*takes_all) {
        diag_help(compile_error(c, DIAG_E040, &arm->mark, "this arm can never see a record"),
                  "the one before has no 'when' and takes them all");
    }
    struct graph_arm *to = &c->graph->stages[tail.stage].arms[tail.arm];
    const struct config_entry *name = config_find_entry(arm, "name");
    const struct config_entry *when = config_find_entry(arm, "when");
    if (name && (name->value->kind != CONFIG_SCALAR || !stage_name_valid(name->value->text))) {
        compile_error(c, DIAG_E021, &name->value->mark, "'name' %s; it takes a name",
                      config_describe(c->doc, name->value));
    } else if (name) {
        to->name = name->value->text;
    }
    if (when) {
        compile_fn(c, "when", when->value, &to->when);
    } else {
        *takes_all = true;
    }
    compile_arm_target(c, arm, tail, on_error);
}

static void compile_branch(struct compile *c, const struct config_entry *entry,
                           uint32_t stage_index, const struct on_error *on_error)
{
    bool takes_all = false;
    for (uint32_t i = 0; i < entry->value->item_count; i++) {
        compile_arm(c, entry->value->items[i], (struct compile_tail){stage_index, i}, &takes_all,
                    on_error);
    }
}

/* --- one step --- */

static bool is_modifier(const char *key)
{
    return !strcmp(key, "as") || !strcmp(key, "on_error") || !strncmp(key, "x-", 2);
}

static void report_unknown_step(struct compile *c, const struct config_entry *entry)
{
    static const char *const modifiers[] = {"as", "on_error", NULL};
    if (operator_planned(entry->key)) {
        compile_error(c, DIAG_E090, &entry->key_mark, "'%s' is not available in this version",
                      entry->key);
        return;
    }
    const char *near = diag_nearest(entry->key, modifiers);
    if (near && !diag_nearest(entry->key, operator_names()) && strlen(entry->key) > 3) {
        config_report_unknown(c->doc, DIAG_E010, entry, modifiers, "a step");
    } else {
        config_report_unknown(c->doc, DIAG_E012, entry, operator_names(), "a step");
    }
    c->ok = false;
}

/* The one operator of a step; NULL when an error was reported. */
static const struct config_entry *operator_entry(struct compile *c, const struct config_node *step)
{
    const struct config_entry *found = NULL;
    bool unknown = false;
    for (size_t i = 0; i < step->entry_count; i++) {
        const struct config_entry *entry = &step->entries[i];
        if (is_modifier(entry->key)) {
            continue;
        }
        if (!operator_find(entry->key) && strcmp(entry->key, COMPILE_FORK_KEY) != 0) {
            report_unknown_step(c, entry);
            unknown = true;
        } else if (found && !unknown) {
            diag_help(compile_error(c, DIAG_E013, &entry->key_mark,
                                    "a step has one operator, this one has '%s' and '%s'",
                                    found->key, entry->key),
                      "begin a step of its own: - %s", entry->key);
            unknown = true;
        } else {
            found = entry;
        }
    }
    if (!found && !unknown) {
        struct diag *diag = compile_error(c, DIAG_E013, &step->mark, "a step without an operator");
        diag_help(diag, "as in { filter: v.total > 0 }");
    }
    return unknown ? NULL : found;
}

static const struct on_error *on_error_of(struct compile *c, const struct config_node *step,
                                          const struct on_error *inherited)
{
    const struct config_entry *entry = config_find_entry(step, "on_error");
    if (!entry) {
        return inherited;
    }
    struct on_error *own = config_alloc(c->doc, sizeof(*own));
    *own = *inherited;
    if (!graph_read_on_error(c->doc, entry, own)) {
        c->ok = false;
    }
    return own;
}

static void compile_fork(struct compile *c, const struct config_node *lists,
                         struct compile_tail tail, const struct on_error *on_error)
{
    for (size_t i = 0; i < lists->item_count; i++) {
        compile_steps(c, lists->items[i], tail, on_error, "this stream");
    }
}

/* Whether nothing waits for a step that makes something of groups. */
static bool check_group_used(struct compile *c, const struct compile_group *group)
{
    const struct config_entry *waits = group->window ? group->window : group->by;
    if (waits) {
        diag_help(compile_error(c, DIAG_E014, &waits->key_mark, "nothing is made of this '%s'",
                                waits->key),
                  "an aggregate, reduce or count must follow at once");
    }
    return !waits;
}

/* Returns the operator, NULL when nothing more can be said about the list. */
static const struct operator* compile_step(struct compile *c, const struct config_node *step,
                                           struct compile_tail *tail, struct compile_group *group,
                                           const struct on_error *inherited, bool *ret_forked)
{
    if (step->kind != CONFIG_MAP) {
        diag_help(compile_error(c, DIAG_E011, &step->mark,
                                "a step %s; it takes a map with one operator",
                                config_describe(c->doc, step)),
                  "as in - filter: v.total > 0");
        return NULL;
    }
    const struct config_entry *entry = operator_entry(c, step);
    if (!entry) {
        return NULL;
    }
    const struct on_error *on_error = on_error_of(c, step, inherited);
    if (!strcmp(entry->key, COMPILE_FORK_KEY)) {
        compile_fork(c, entry->value, *tail, on_error);
        *ret_forked = true;
        return NULL;
    }
    const struct operator* op = operator_find(entry->key);
    if (op->groups) {
        return compile_group_step(c, op, step, entry, group) ? op : NULL;
    }
    if (!op->keeps && !check_group_used(c, group)) {
        return NULL;
    }
    if (op->takes == OPERATOR_ARMS &&
        (entry->value->kind != CONFIG_LIST || !entry->value->item_count)) {
        diag_help(compile_error(c, DIAG_E011, &entry->value->mark,
                                "'%s' %s; it takes a list of arms", op->key,
                                entry->value->kind == CONFIG_LIST
                                    ? "is empty"
                                    : config_describe(c->doc, entry->value)),
                  "as in %s", op->yaml);
        return NULL;
    }
    uint32_t arms = op->takes == OPERATOR_ARMS ? (uint32_t)entry->value->item_count : 1;
    enum stage_kind kind = op->kind == STAGE_COUNT ? STAGE_AGGREGATE : op->kind;
    struct stage *stage = compile_add_stage(c, kind, &entry->key_mark, arms);
    if (!stage) {
        return NULL;
    }
    uint32_t index = stage->index; /* later stages may move it */
    stage->on_error = on_error;
    name_stage(c, stage, config_find_entry(step, "as"));
    attach(c, *tail, index);
    if (op->keeps) {
        compile_grouped(c, entry, stage, group);
        *group = (struct compile_group){.by = NULL};
    } else if (op->takes == OPERATOR_FUNCTION) {
        compile_fn(c, op->key, entry->value, &stage->fn);
    } else if (op->takes == OPERATOR_ARMS) {
        compile_branch(c, entry, index, inherited);
    } else {
        compile_operator(c, op, entry, stage);
    }
    *tail = (struct compile_tail){index, 0};
    return op;
}

void compile_steps(struct compile *c, const struct config_node *list, struct compile_tail tail,
                   const struct on_error *on_error, const char *what)
{
    if (list->kind != CONFIG_LIST) {
        diag_help(compile_error(c, DIAG_E011, &list->mark, "'steps' %s; it takes a list",
                                config_describe(c->doc, list)),
                  "begin each step with a dash");
        return;
    }
    const struct operator* last = NULL;
    struct compile_group group = {.by = NULL};
    bool forked = false;
    bool understood = true;
    for (size_t i = 0; i < list->item_count; i++) {
        if (last && last->stops) {
            diag_help(compile_error(c, DIAG_E040, &list->items[i]->mark,
                                    "this step can never see a record"),
                      "nothing comes out of '%s'", last->key);
            return;
        }
        last = compile_step(c, list->items[i], &tail, &group, on_error, &forked);
        understood &= last || forked;
    }
    if (understood && !check_group_used(c, &group)) {
        return;
    }
    if (!understood || forked || (last && last->ends)) {
        return;
    }
    if (!last) {
        compile_error(c, DIAG_E040, &list->mark, "%s has no steps, so its records go nowhere",
                      what);
        return;
    }
    const struct stage *stage = &c->graph->stages[tail.stage];
    diag_help(
        compile_error(c, DIAG_E040, &stage->mark, "what comes out of '%s' goes nowhere", last->key),
        "end with a to, to_file, to_stdout, branch or split");
}
