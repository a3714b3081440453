/* `group_by` and `window`. Neither is a stage: they say by which key and for how long the stage
 * behind them keeps its state, and wait here for it (ADR 0006).
 *
 *     - group_by: v.user           }
 *     - window: { session: 30m }   } one stage: AGGREGATE, with fn and window
 *     - as: session                }
 *       aggregate: { n: count() }  } */
#include "base/limits.h"
#include "pipeline/compile_impl.h"
#include "pipeline/step_options.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct window_options {
    int64_t tumbling_ms;
    int64_t hopping_ms;
    int64_t sliding_ms;
    int64_t session_ms;
    int64_t count;
    int64_t every_ms;
    int64_t grace_ms;
    int emit;
    char *late;
};

static const char *const emit_names[] = {"final", "updates", NULL};

#define WINDOW_DURATION(key, field, text)                                                          \
    {                                                                                              \
        .name = (key), .type = SRT_OPTION_DURATION,                                                \
        .offset = offsetof(struct window_options, field), .min = 1, .max = STEP_LONGEST_MS,        \
        .doc = (text)                                                                              \
    }

const struct srt_option compile_window_options[] = {
    WINDOW_DURATION("tumbling", tumbling_ms, "One window behind the other, each so long."),
    WINDOW_DURATION("hopping", hopping_ms,
                    "Windows so long, of which one begins each `every`; they overlap."),
    WINDOW_DURATION("sliding", sliding_ms,
                    "For each record, what was in the time up to it: one result a record."),
    WINDOW_DURATION("session", session_ms,
                    "Records of a key that are no further apart than this gap."),
    {.name = "count",
     .type = SRT_OPTION_COUNT,
     .offset = offsetof(struct window_options, count),
     .min = 1,
     .max = 1000000000,
     .doc = "So many records of a key."},
    WINDOW_DURATION("every", every_ms,
                    "Hopping: how far their beginnings are apart; at most their length."),
    {.name = "grace",
     .type = SRT_OPTION_DURATION,
     .offset = offsetof(struct window_options, grace_ms),
     .fallback = "0s",
     .min = 0,
     .max = STEP_LONGEST_MS,
     .doc = "How much longer a window waits for records that come late."},
    {.name = "emit",
     .type = SRT_OPTION_ENUM,
     .offset = offsetof(struct window_options, emit),
     .fallback = "final",
     .names = emit_names,
     .doc = "final: one result, when the window closes. updates: one for each record instead."},
    {.name = "late",
     .type = SRT_OPTION_STRING,
     .offset = offsetof(struct window_options, late),
     .doc = "A topic for records that come after their window closed; without it they are "
            "counted and dropped."},
    SRT_OPTION_END,
};

static const char *const kind_keys[] = {"tumbling", "hopping", "sliding", "session", "count", NULL};
static const enum window_kind kinds[] = {WINDOW_TUMBLING, WINDOW_HOPPING, WINDOW_SLIDING,
                                         WINDOW_SESSION, WINDOW_COUNT};

/* --- what a window is made of --- */

static const struct config_entry *kind_entry(struct compile *c, const struct config_entry *window,
                                             enum window_kind *ret)
{
    const struct config_entry *found = NULL;
    for (size_t i = 0; kind_keys[i]; i++) {
        const struct config_entry *entry = config_find_entry(window->value, kind_keys[i]);
        if (entry && found) {
            compile_error(c, DIAG_E015, &entry->key_mark,
                          "a window is of one kind, this one has '%s' and '%s'", found->key,
                          entry->key);
            return NULL;
        }
        if (entry) {
            found = entry;
            *ret = kinds[i];
        }
    }
    if (!found) {
        struct diag *diag = compile_error(c, DIAG_E014, &window->key_mark,
                                          "'window' does not say of which kind it is");
        diag_help(diag, "as in { tumbling: 1h }");
        diag_note(diag, "windows: tumbling, hopping, sliding, session, count");
    }
    return found;
}

/* What has no meaning for a kind, and why. */
static const struct {
    const char *key;
    enum window_kind kind;
    const char *why;
} meaningless[] = {
    {"every", WINDOW_TUMBLING, "it belongs to hopping"},
    {"every", WINDOW_SLIDING, "it belongs to hopping"},
    {"every", WINDOW_SESSION, "it belongs to hopping"},
    {"every", WINDOW_COUNT, "it belongs to hopping"},
    {"grace", WINDOW_COUNT, "it counts records as they come: none is late"},
    {"late", WINDOW_COUNT, "it counts records as they come: none is late"},
    {"emit", WINDOW_COUNT, "it gives one result when it is full"},
    {"emit", WINDOW_SLIDING, "it gives one result for each record"},
};

static bool check_belongs(struct compile *c, const struct config_node *map, enum window_kind kind,
                          const char *kind_key)
{
    bool ok = true;
    for (size_t i = 0; i < sizeof(meaningless) / sizeof(meaningless[0]); i++) {
        const struct config_entry *entry = config_find_entry(map, meaningless[i].key);
        if (entry && meaningless[i].kind == kind) {
            diag_help(compile_error(c, DIAG_E015, &entry->key_mark,
                                    "'%s' has no meaning for a window of kind '%s'", entry->key,
                                    kind_key),
                      "%s", meaningless[i].why);
            ok = false;
        }
    }
    return ok;
}

static bool check_hops(struct compile *c, const struct config_entry *window,
                       const struct window_options *o)
{
    const struct config_entry *every = config_find_entry(window->value, "every");
    if (!every) {
        diag_help(compile_error(c, DIAG_E014, &window->key_mark, "a hopping window has no 'every'"),
                  "as in { hopping: 1h, every: 5m }");
        return false;
    }
    if (o->every_ms > o->hopping_ms) {
        diag_help(compile_error(c, DIAG_E011, &every->value->mark,
                                "'every' is longer than the window, so records fall between two"),
                  "at most the length of 'hopping'");
        return false;
    }
    if (o->hopping_ms / o->every_ms > SRT_WINDOW_OVERLAP_MAX) {
        diag_help(compile_error(c, DIAG_E011, &every->value->mark,
                                "each record would be in more than %d windows",
                                SRT_WINDOW_OVERLAP_MAX),
                  "a longer 'every', or a sliding window");
        return false;
    }
    return true;
}

static bool fill_window(struct compile *c, const struct config_entry *entry,
                        struct window_spec *ret)
{
    const struct config_node *map = entry->value;
    struct window_options o = {.late = NULL};
    enum window_kind kind = WINDOW_NONE;
    if (map->kind != CONFIG_MAP) {
        diag_help(compile_error(c, DIAG_E011, &map->mark,
                                "'window' %s; it takes a map that says of which kind it is",
                                config_describe(c->doc, map)),
                  "as in { tumbling: 1h }");
        return false;
    }
    if (!config_read_options(c->doc, map, compile_window_options, NULL, &o, "'window'")) {
        c->ok = false;
        return false;
    }
    const struct config_entry *kind_key = kind_entry(c, entry, &kind);
    if (!kind_key || !check_belongs(c, map, kind, kind_key->key) ||
        (kind == WINDOW_HOPPING && !check_hops(c, entry, &o))) {
        return false;
    }
    *ret = (struct window_spec){
        .kind = kind,
        .size_ms = kind == WINDOW_TUMBLING  ? o.tumbling_ms
                   : kind == WINDOW_HOPPING ? o.hopping_ms
                   : kind == WINDOW_SLIDING ? o.sliding_ms
                   : kind == WINDOW_SESSION ? o.session_ms
                                            : 0,
        .every_ms = kind == WINDOW_HOPPING    ? o.every_ms
                    : kind == WINDOW_TUMBLING ? o.tumbling_ms
                                              : 0,
        .count = kind == WINDOW_COUNT ? o.count : 0,
        .grace_ms = o.grace_ms,
        .emit = (enum window_emit)o.emit,
        .late = o.late,
        .mark = entry->key_mark,
    };
    const struct config_node *late = config_find(map, "late");
    if (late) {
        ret->late_mark = late->mark;
        return compile_topic_name(c, o.late, &late->mark);
    }
    return true;
}

/* --- the steps --- */

/* `as` and `on_error` belong to the stage. */
static bool refuse_modifiers(struct compile *c, const struct config_node *step, const char *key)
{
    static const char *const modifiers[] = {"as", "on_error", NULL};
    bool ok = true;
    for (size_t i = 0; modifiers[i]; i++) {
        const struct config_entry *entry = config_find_entry(step, modifiers[i]);
        if (entry) {
            diag_help(compile_error(c, DIAG_E015, &entry->key_mark, "'%s' has no meaning for '%s'",
                                    entry->key, key),
                      "it belongs to the aggregate, reduce or count behind it");
            ok = false;
        }
    }
    return ok;
}

static void refuse_second(struct compile *c, const struct config_entry *entry,
                          const struct config_entry *first, struct compile_group *group)
{
    if (!strcmp(entry->key, first->key)) {
        compile_error(c, DIAG_E015, &entry->key_mark, "two steps '%s' before one aggregate",
                      entry->key);
    } else {
        diag_help(compile_error(c, DIAG_E015, &entry->key_mark, "'%s' stands behind '%s'",
                                entry->key, first->key),
                  "write %s first, then %s", entry->key, first->key);
    }
    group->broken = true;
}

void compile_group_by(struct compile *c, const struct config_node *step,
                      const struct config_entry *entry, struct compile_group *group)
{
    const struct config_entry *before = group->window ? group->window : group->group_by;
    if (before) {
        refuse_second(c, entry, before, group);
        return;
    }
    group->group_by = entry;
    bool ok = refuse_modifiers(c, step, entry->key);
    bool by_key = (entry->value->kind == CONFIG_SCALAR && entry->value->is_null) ||
                  (entry->value->kind == CONFIG_MAP && !entry->value->entry_count);
    ok = (by_key || compile_fn(c, entry->key, entry->value, &group->fn)) && ok;
    group->broken |= !ok;
}

void compile_window(struct compile *c, const struct config_node *step,
                    const struct config_entry *entry, struct compile_group *group)
{
    if (group->window) {
        refuse_second(c, entry, group->window, group);
        return;
    }
    group->window = entry;
    bool ok = refuse_modifiers(c, step, entry->key);
    ok = fill_window(c, entry, &group->spec) && ok;
    group->broken |= !ok;
}

void compile_group_apply(struct compile *c, struct stage *stage, struct compile_group *group)
{
    (void)c;
    stage->fn = group->fn;
    stage->window = group->spec;
    if (!group->window) {
        stage->window = (struct window_spec){.emit = WINDOW_EMIT_UPDATES, .mark = stage->mark};
    }
    *group = (struct compile_group){.group_by = NULL};
}

void compile_group_unused(struct compile *c, struct compile_group *group, const char *behind)
{
    const struct config_entry *last = group->window ? group->window : group->group_by;
    if (last && !group->broken) {
        struct diag *diag = compile_error(
            c, DIAG_E014, &last->key_mark, "behind '%s' stands no aggregate, reduce or count%s%s%s",
            last->key, behind ? ", but '" : "", behind ? behind : "", behind ? "'" : "");
        diag_help(diag, c->graph->script ? "as in :count()" : "as in - count: {}");
    }
    *group = (struct compile_group){.group_by = NULL};
}

/* --- names --- */

/* v.user -> "by_user"; "" when it is not so simple. */
static void name_of_key(const struct graph_fn *fn, char *to, size_t size)
{
    to[0] = '\0';
    if (fn->kind != GRAPH_FN_TEXT || strncmp(fn->text.text, "v.", 2) != 0) {
        return;
    }
    const char *field = fn->text.text + 2;
    size_t n = 0;
    while (isalnum((unsigned char)field[n]) || field[n] == '_') {
        n++;
    }
    if (n && n < size - 4 && field[n] == '\0') {
        snprintf(to, size, "by_%.*s", (int)n, field);
    }
}

void compile_require_name(struct compile *c, const struct operator* op, const struct stage *stage,
                          const struct compile_group *group)
{
    if (!op->suggested_name || stage->named) {
        return;
    }
    const struct config_entry *behind = group->window ? group->window : group->group_by;
    char name[64];
    name_of_key(group->group_by ? &group->fn : &stage->fn, name, sizeof(name));
    if (group->spec.kind == WINDOW_SESSION) {
        snprintf(name, sizeof(name), "session");
    } else if (!name[0]) {
        snprintf(name, sizeof(name), "%s", op->suggested_name);
    }
    struct diag *diag =
        behind ? compile_error(c, DIAG_E031, &stage->mark,
                               "stage after '%s' keeps state but has no name", behind->key)
               : compile_error(c, DIAG_E031, &stage->mark, "'%s' keeps state but has no name",
                               op->key);
    if (c->graph->script) {
        diag_help(diag, "add :as \"%s\"", name);
    } else {
        diag_help(diag, "add as: %s", name);
    }
}
