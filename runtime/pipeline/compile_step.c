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
#include "base/assert.h"
#include "pipeline/compile_impl.h"

#include <stdio.h>
#include <string.h>

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

void compile_attach(struct compile *c, struct compile_tail tail, uint32_t to, uint8_t side)
{
    struct graph_arm *arm = &c->graph->stages[tail.stage].arms[tail.arm];
    uint32_t *next = config_alloc(c->doc, (arm->next_count + 1) * sizeof(*next));
    uint8_t *next_side = config_alloc(c->doc, (arm->next_count + 1) * sizeof(*next_side));
    if (arm->next_count) {
        memcpy(next, arm->next, arm->next_count * sizeof(*next));
        memcpy(next_side, arm->next_side, arm->next_count * sizeof(*next_side));
    }
    next[arm->next_count] = to;
    next_side[arm->next_count++] = side;
    arm->next = next;
    arm->next_side = next_side;
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
        if (!operator_find(entry->key) && strcmp(entry->key, COMPILE_FORK_KEY) != 0 &&
            strcmp(entry->key, COMPILE_MARK_KEY) != 0) {
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

/* --- lists of steps --- */

/* Where a list of steps has got to. */
struct progress {
    const struct on_error *on_error;
    struct compile_tail tail;
    struct compile_group group;  /* what waits for the stage that keeps its state */
    const struct operator* last; /* NULL: none yet, or nothing more can be said */
    bool forked;
    bool marked; /* the last step: a join takes what comes out */
};

static void read_steps(struct compile *c, const struct config_node *list, struct progress *at,
                       const char *what);

/* Each list goes on from here, also from what waits. */
static void compile_fork(struct compile *c, const struct config_node *lists,
                         const struct progress *at)
{
    for (size_t i = 0; i < lists->item_count; i++) {
        struct progress branch = {
            .on_error = at->on_error, .tail = at->tail, .group = at->group, .last = at->last};
        read_steps(c, lists->items[i], &branch, "this stream");
    }
}

static bool check_arms(struct compile *c, const struct operator* op,
                       const struct config_node *value)
{
    if (value->kind == CONFIG_LIST && value->item_count) {
        return true;
    }
    diag_help(
        compile_error(c, DIAG_E011, &value->mark, "'%s' %s; it takes a list of arms", op->key,
                      value->kind == CONFIG_LIST ? "is empty" : config_describe(c->doc, value)),
        "as in %s", op->yaml);
    return false;
}

/* What stands behind the operator's key, into its stage, which has all else. */
static void fill_stage(struct compile *c, const struct operator* op,
                       const struct config_entry *entry, uint32_t index,
                       const struct on_error *inherited)
{
    struct stage *stage = &c->graph->stages[index]; /* branch moves it */
    switch (op->takes) {
    case OPERATOR_FUNCTION:
        compile_fn(c, op->key, entry->value, &stage->fn);
        return;
    case OPERATOR_ARMS:
        compile_branch(c, entry, index, inherited);
        return;
    case OPERATOR_FIELDS:
        compile_aggregate(c, entry, stage);
        return;
    case OPERATOR_REDUCE:
        compile_reduce(c, entry, stage);
        return;
    case OPERATOR_JOIN:
        if (entry->value->kind != CONFIG_MAP) {
            return; /* said by compile_join_other() */
        }
        compile_operator(c, op, entry, stage);
        return;
    case OPERATOR_OPTIONS:
        compile_operator(c, op, entry, stage);
        return;
    case OPERATOR_GROUP:
    case OPERATOR_WINDOW:
        break;
    }
    srt_unreachable("a step without a stage of its own");
}

static bool takes_group(const struct operator* op)
{
    return op->kind == STAGE_AGGREGATE || op->kind == STAGE_REDUCE;
}

/* The name that the next stage of a kind will have. */
static void next_name(struct compile *c, const struct config_entry *as, enum stage_kind kind,
                      char *to, size_t size)
{
    if (as && as->value->kind == CONFIG_SCALAR && stage_name_valid(as->value->text)) {
        snprintf(to, size, "%s", as->value->text);
    } else {
        snprintf(to, size, "%s-%u", stage_kind_name(kind), c->kind_counts[kind] + 1);
    }
}

/* A step with a stage of its own. */
static bool compile_stage(struct compile *c, const struct operator* op,
                          const struct config_node *step, const struct config_entry *entry,
                          struct progress *at)
{
    if (op->takes == OPERATOR_ARMS && !check_arms(c, op, entry->value)) {
        return false;
    }
    struct compile_tail other = {0, 0};
    bool has_other = false;
    const struct on_error *on_error = on_error_of(c, step, at->on_error);
    if (op->takes == OPERATOR_JOIN) {
        char name[128];
        next_name(c, config_find_entry(step, "as"), op->kind, name, sizeof(name));
        has_other = compile_join_other(c, entry, name, at->on_error, &other);
    }
    uint32_t arms = op->takes == OPERATOR_ARMS ? (uint32_t)entry->value->item_count : 1;
    struct stage *stage = compile_add_stage(c, op->kind, &entry->key_mark, arms);
    if (!stage) {
        return false;
    }
    uint32_t index = stage->index; /* later stages may move it */
    stage->on_error = on_error;
    name_stage(c, stage, config_find_entry(step, "as"));
    if (!config_find_entry(step, "as")) {
        compile_require_name(c, op, stage, &at->group);
    }
    if (takes_group(op)) {
        compile_group_apply(c, stage, &at->group);
    }
    compile_attach(c, at->tail, index, 0);
    fill_stage(c, op, entry, index, at->on_error);
    if (has_other && c->graph->stages[index].join) {
        compile_join_attach(c, index, other);
    }
    at->tail = (struct compile_tail){index, 0};
    return true;
}

static bool has_group(const struct compile_group *group)
{
    return group->group_by || group->window;
}

/* False when the step was not understood. */
static bool compile_step(struct compile *c, const struct config_node *step, struct progress *at)
{
    const struct operator* before = at->last;
    at->last = NULL;
    at->marked = false;
    if (step->kind != CONFIG_MAP) {
        diag_help(compile_error(c, DIAG_E011, &step->mark,
                                "a step %s; it takes a map with one operator",
                                config_describe(c->doc, step)),
                  "as in - filter: v.total > 0");
        return false;
    }
    const struct config_entry *entry = operator_entry(c, step);
    if (!entry) {
        at->group.broken = true; /* it may have been the stage that was waited for */
        return false;
    }
    if (!strcmp(entry->key, COMPILE_FORK_KEY)) {
        at->forked = true;
        compile_fork(c, entry->value, at);
        at->group = (struct compile_group){.group_by = NULL};
        return true;
    }
    if (!strcmp(entry->key, COMPILE_MARK_KEY)) {
        compile_mark(c, entry, at->tail);
        at->marked = !has_group(&at->group);
        at->last = before;
        return true;
    }
    const struct operator* op = operator_find(entry->key);
    at->last = op;
    if (op->takes == OPERATOR_GROUP) {
        compile_group_by(c, step, entry, &at->group);
        return true;
    }
    if (op->takes == OPERATOR_WINDOW) {
        compile_window(c, step, entry, &at->group);
        return true;
    }
    if (has_group(&at->group) && !takes_group(op)) {
        compile_group_unused(c, &at->group, op->key);
    }
    bool understood = compile_stage(c, op, step, entry, at);
    at->last = understood ? op : NULL;
    return understood;
}

static void report_open_end(struct compile *c, const struct config_node *list, struct progress *at,
                            const char *what)
{
    if (has_group(&at->group)) {
        compile_group_unused(c, &at->group, NULL);
        return;
    }
    if (!at->last) {
        compile_error(c, DIAG_E040, &list->mark, "%s has no steps, so its records go nowhere",
                      what);
        return;
    }
    const struct stage *stage = &c->graph->stages[at->tail.stage];
    diag_help(compile_error(c, DIAG_E040, &stage->mark, "what comes out of '%s' goes nowhere",
                            at->last->key),
              "end with a to, to_file, to_stdout, branch or split");
}

static void read_steps(struct compile *c, const struct config_node *list, struct progress *at,
                       const char *what)
{
    bool understood = true;
    for (size_t i = 0; i < list->item_count; i++) {
        if (at->last && at->last->stops) {
            diag_help(compile_error(c, DIAG_E040, &list->items[i]->mark,
                                    "this step can never see a record"),
                      "nothing comes out of '%s'", at->last->key);
            return;
        }
        understood &= compile_step(c, list->items[i], at);
    }
    if (understood && !at->forked && !at->marked && !(at->last && at->last->ends)) {
        report_open_end(c, list, at, what);
    }
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
    struct progress at = {.on_error = on_error, .tail = tail};
    read_steps(c, list, &at, what);
}
