/* `join`: two sides that come together in one stage.
 *
 *     0 from ──> 1 filter ─side 0─> 3 join ──> ...        - filter: ...
 *                2 join.from ─side 1──┘                   - join: { table: customers, ... }
 *
 * The other side is made before the join, so that stages stay in topological order: in YAML a
 * source alone; from Lua a source with steps of its own, which are compiled when the first join
 * needs them. There, a "mark" among the steps is where a join takes what comes out:
 *
 *     others: [ { from, steps }, ... ]      of all sources; number 0 is the pipeline's own
 *     join: { topic: { \1source: 1, \1mark: 2 } }
 *     steps: [ map, \1mark: 2, to ]
 *
 * A topic is read once in a pipeline. Who names it again shares the source. */
#include "base/str.h"
#include "pipeline/compile_impl.h"
#include "pipeline/step_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const how_names[] = {"inner", "left", "outer", NULL};

const struct srt_option compile_join_options[] = {
    {.name = "table",
     .type = SRT_OPTION_SECTION,
     .doc = "The other side: the latest value per key of a topic, as it is when the record comes. "
            "A name, or a map as in `from`."},
    {.name = "global",
     .type = SRT_OPTION_SECTION,
     .doc = "The same, with all of it at every worker: records need not move to their key's "
            "worker."},
    {.name = "topic",
     .type = SRT_OPTION_SECTION,
     .doc = "The other side: a stream of records, joined with those that are no further away than "
            "`within`. A name, or a map as in `from`."},
    {.name = "how",
     .type = SRT_OPTION_ENUM,
     .offset = offsetof(struct step_options, how),
     .fallback = "inner",
     .names = how_names,
     .doc = "inner: only pairs. left: a record without a partner, too, once it is sure that none "
            "can come. outer: those of both sides."},
    {.name = "by",
     .type = SRT_OPTION_SECTION,
     .doc = "By what they belong together: a function. Without it, the record's key."},
    {.name = "other_by",
     .type = SRT_OPTION_SECTION,
     .doc = "The same for the other stream, where it is another."},
    {.name = "within",
     .type = SRT_OPTION_DURATION,
     .offset = offsetof(struct step_options, within_ms),
     .min = 1,
     .max = STEP_LONGEST_MS,
     .doc = "Streams: how far the event times of a pair are apart at most, both ways. Required."},
    {.name = "grace",
     .type = SRT_OPTION_DURATION,
     .offset = offsetof(struct step_options, grace_ms),
     .fallback = "0s",
     .min = 0,
     .max = STEP_LONGEST_MS,
     .doc = "Streams: how much longer it waits for records that come late."},
    {.name = "with",
     .type = SRT_OPTION_SECTION,
     .doc = "`function(left, right)`: the value of the pair; one of both is nil where there is no "
            "partner. Without it, the left value with the right one's fields put in."},
    {.name = "use", .type = SRT_OPTION_SECTION, .doc = "The same, from a module."},
    SRT_OPTION_END,
};

/* --- the other side --- */

static const struct {
    const char *key;
    enum join_with kind;
} sides[] = {{"table", JOIN_TABLE}, {"global", JOIN_GLOBAL}, {"topic", JOIN_STREAM}};

static const struct config_entry *side_entry(struct compile *c, const struct config_entry *join,
                                             enum join_with *ret_kind)
{
    const struct config_entry *found = NULL;
    for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
        const struct config_entry *entry = config_find_entry(join->value, sides[i].key);
        if (entry && found) {
            compile_error(c, DIAG_E015, &entry->key_mark,
                          "a join has one other side, this one has '%s' and '%s'", found->key,
                          entry->key);
            return NULL;
        }
        if (entry) {
            found = entry;
            *ret_kind = sides[i].kind;
        }
    }
    if (!found) {
        struct diag *diag =
            compile_error(c, DIAG_E014, &join->key_mark, "'join' does not say with what");
        diag_help(diag, "as in { table: customers, by: v.customer_id }");
        diag_note(diag, "the other side: table, global, topic");
    }
    return found;
}

static bool is_table(const struct source_spec *source, enum join_with kind)
{
    return kind == JOIN_STREAM ? !source->table
                               : source->table && source->global == (kind == JOIN_GLOBAL);
}

static const struct stage *stage_reading(const struct compile *c, const char *topic)
{
    for (uint32_t i = 0; i < c->graph->stage_count; i++) {
        const struct source_spec *source = c->graph->stages[i].source;
        for (uint32_t j = 0; source && j < source->topic_count; j++) {
            if (!strcmp(source->topics[j], topic)) {
                return &c->graph->stages[i];
            }
        }
    }
    return NULL;
}

/* False when an error was reported; *ret_stage NULL when nobody reads the topic yet. */
static bool find_shared(struct compile *c, const struct config_entry *from, enum join_with kind,
                        const struct stage **ret_stage)
{
    const struct config_node *topic =
        from->value->kind == CONFIG_MAP ? config_find(from->value, "topic") : from->value;
    bool named = topic && topic->kind == CONFIG_SCALAR && !topic->is_null;
    const struct stage *stage = named ? stage_reading(c, topic->text) : NULL;
    *ret_stage = stage;
    if (!stage) {
        return true;
    }
    struct diag *diag = NULL;
    if (stage->source->topic_count > 1 || !is_table(stage->source, kind)) {
        diag = compile_error(c, DIAG_E090, &topic->mark,
                             "reading '%s' in two ways in one pipeline is not available in this "
                             "version",
                             topic->text);
    } else if (from->value->kind == CONFIG_MAP && from->value->entry_count > 1) {
        diag = compile_error(c, DIAG_E015, &from->value->mark,
                             "'%s' is read already, and has its options there", topic->text);
        diag_help(diag, "name it alone here");
    }
    if (diag) {
        diag_note(diag, "read at %s:%d:%d", stage->mark.file, stage->mark.line, stage->mark.column);
    }
    return !diag;
}

static bool check_side_options(struct compile *c, const struct config_entry *from,
                               enum join_with kind)
{
    static const char *const topic_only[] = {
        "topic", "codec", "time", "out_of_order", "idle", "max_ahead", "tie", "start", NULL};
    bool ok = from->value->kind != CONFIG_MAP || config_find(from->value, "topic");
    if (!ok) {
        diag_help(
            compile_error(c, DIAG_E014, &from->key_mark, "the other side of a join names no topic"),
            "as in %s: { topic: payments, time: v.paid_at }", from->key);
    }
    for (size_t i = 0; from->value->kind == CONFIG_MAP && i < from->value->entry_count; i++) {
        const struct config_entry *entry = &from->value->entries[i];
        bool known = !strncmp(entry->key, "x-", 2);
        for (size_t j = 0; topic_only[j]; j++) {
            known |= !strcmp(entry->key, topic_only[j]);
        }
        if (!known) {
            config_report_unknown(c->doc, DIAG_E010, entry, topic_only, "the other side of a join");
            c->ok = ok = false;
        } else if (kind != JOIN_STREAM && !strcmp(entry->key, "start")) {
            diag_help(
                compile_error(c, DIAG_E015, &entry->key_mark, "'start' has no meaning for a table"),
                "it is read from its beginning");
            ok = false;
        }
    }
    return ok;
}

/* "with_customer.from" */
static void name_source(struct compile *c, struct stage *source, const char *join_name)
{
    size_t size = strlen(join_name) + sizeof(".from");
    char *name = config_alloc(c->doc, size);
    snprintf(name, size, "%s.from", join_name);
    source->name = name;
}

static bool add_source(struct compile *c, const struct config_entry *from, enum join_with kind,
                       const char *join_name, struct compile_tail *ret)
{
    const struct stage *shared;
    if (!find_shared(c, from, kind, &shared)) {
        return false;
    }
    if (shared) {
        *ret = (struct compile_tail){shared->index, 0};
        return true;
    }
    struct stage *stage = compile_source(c, from);
    if (!stage) {
        return false;
    }
    stage->source->table = kind != JOIN_STREAM;
    stage->source->global = kind == JOIN_GLOBAL;
    name_source(c, stage, join_name);
    *ret = (struct compile_tail){stage->index, 0};
    return true;
}

/* --- from Lua --- */

static bool number_of(const struct config_node *map, const char *key, size_t limit, size_t *ret)
{
    const struct config_node *node = config_find(map, key);
    int64_t number;
    if (!node || node->kind != CONFIG_SCALAR ||
        srt_parse_int((struct srt_str){node->text, node->text_len}, &number) != SRT_OK ||
        number < 0 || (uint64_t)number >= limit) {
        return false;
    }
    *ret = (size_t)number;
    return true;
}

void compile_others(struct compile *c, const struct config_node *others, size_t mark_count)
{
    size_t count = others->item_count;
    c->others = others;
    c->other_begun = config_alloc(c->doc, (count + 1) * sizeof(*c->other_begun));
    c->other_begun[0] = true; /* the pipeline's own */
    c->mark_count = mark_count;
    c->marks = config_alloc(c->doc, (mark_count + 1) * sizeof(*c->marks));
    c->marked = config_alloc(c->doc, (mark_count + 1) * sizeof(*c->marked));
}

void compile_mark(struct compile *c, const struct config_entry *entry, struct compile_tail tail)
{
    struct config_node *map = config_new_map(c->doc, entry->key_mark);
    size_t mark;
    config_map_add(c->doc, map, COMPILE_MARK_KEY, entry->key_mark, entry->value);
    if (number_of(map, COMPILE_MARK_KEY, c->mark_count, &mark)) {
        c->marks[mark] = tail;
        c->marked[mark] = true;
    }
}

/* All that the file says about another source, when the first join needs it. */
static bool build_source(struct compile *c, size_t number, enum join_with kind,
                         const char *join_name, const struct on_error *on_error)
{
    const struct config_node *other = c->others->items[number];
    const struct config_entry *from = config_find_entry(other, "from");
    const struct config_node *steps = config_find(other, "steps");
    struct compile_tail tail;
    c->other_begun[number] = true;
    if (!from || !steps || !add_source(c, from, kind, join_name, &tail)) {
        return false;
    }
    compile_steps(c, steps, tail, on_error, "this stream");
    return true;
}

static bool find_mark(struct compile *c, const struct config_entry *side, enum join_with kind,
                      const char *join_name, const struct on_error *on_error,
                      struct compile_tail *ret)
{
    size_t number;
    size_t mark;
    size_t other_count = c->others ? c->others->item_count : 0;
    if (!number_of(side->value, COMPILE_SOURCE_KEY, other_count, &number) ||
        !number_of(side->value, COMPILE_MARK_KEY, c->mark_count, &mark)) {
        compile_error(c, DIAG_E011, &side->key_mark, "a join without another side");
        return false; /* a file that changed the builder */
    }
    if (!c->other_begun[number] && !build_source(c, number, kind, join_name, on_error)) {
        return false;
    }
    if (!c->marked[mark] && c->ok) {
        diag_help(compile_error(c, DIAG_E090, &side->key_mark,
                                "joining a stream with one that comes of it, or after it, is not "
                                "available in this version"),
                  "build the other stream first");
    }
    *ret = c->marks[mark];
    return c->marked[mark];
}

bool compile_join_other(struct compile *c, const struct config_entry *entry, const char *join_name,
                        const struct on_error *on_error, struct compile_tail *ret)
{
    enum join_with kind = JOIN_STREAM;
    if (entry->value->kind != CONFIG_MAP) {
        diag_help(compile_error(c, DIAG_E011, &entry->value->mark,
                                "'join' %s; it takes a map of options",
                                config_describe(c->doc, entry->value)),
                  "as in { table: customers, by: v.customer_id }");
        return false;
    }
    const struct config_entry *side = side_entry(c, entry, &kind);
    if (!side) {
        return false;
    }
    if (config_find(side->value, COMPILE_SOURCE_KEY)) {
        return find_mark(c, side, kind, join_name, on_error, ret);
    }
    return check_side_options(c, side, kind) && add_source(c, side, kind, join_name, ret);
}

/* --- the stage --- */

static void refuse_for_tables(struct compile *c, const struct config_node *map)
{
    static const struct {
        const char *key;
        const char *why;
    } refused[] = {
        {"within", "it has the value of the record's time"},
        {"grace", "it has the value of the record's time"},
        {"other_by", "its key is that of its topic"},
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        const struct config_entry *entry = config_find_entry(map, refused[i].key);
        if (entry) {
            diag_help(compile_error(c, DIAG_E015, &entry->key_mark,
                                    "'%s' has no meaning for a table", entry->key),
                      "%s", refused[i].why);
        }
    }
    const struct config_node *how = config_find(map, "how");
    if (how && how->kind == CONFIG_SCALAR && !strcmp(how->text, "outer")) {
        diag_help(compile_error(c, DIAG_E015, &how->mark, "'outer' has no meaning for a table"),
                  "inner or left: a value of the table alone is no record");
    }
}

static void fill_with(struct compile *c, const struct config_node *map, struct join_spec *spec)
{
    const struct config_entry *with = config_find_entry(map, "with");
    const struct config_entry *use = config_find_entry(map, "use");
    if (with && use) {
        compile_error(c, DIAG_E015, &use->key_mark, "'join' takes one of with and use");
    } else if (use) {
        compile_use(c, use, &spec->with);
    } else if (with) {
        compile_whole_fn(c, "with", "function(left, right) return ... end", with->value,
                         &spec->with);
    }
}

void compile_join(struct compile *c, const struct config_entry *entry, const struct step_options *o,
                  struct stage *stage)
{
    const struct config_node *map = entry->value;
    struct join_spec *spec = config_alloc(c->doc, sizeof(*spec));
    stage->join = spec;
    size_t side_count = 0;
    for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
        if (config_find(map, sides[i].key)) {
            spec->with_kind = sides[i].kind;
            side_count++;
        }
    }
    stage->exchange = spec->with_kind != JOIN_GLOBAL; /* every task has all of such a table */
    spec->how = (enum join_how)o->how;
    spec->within_ms = o->within_ms;
    spec->grace_ms = o->grace_ms;
    if (side_count == 1 && spec->with_kind != JOIN_STREAM) {
        refuse_for_tables(c, map);
    } else if (side_count == 1 && !config_find(map, "within")) {
        diag_help(
            compile_error(c, DIAG_E014, &entry->key_mark, "a join with a stream has no 'within'"),
            "add within: 15m, which is how far a pair may be apart");
    }
    const struct config_entry *by = config_find_entry(map, "by");
    const struct config_entry *other_by = config_find_entry(map, "other_by");
    if (by) {
        compile_fn(c, "by", by->value, &stage->fn);
    }
    if (other_by) {
        compile_fn(c, "other_by", other_by->value, &spec->other_by);
    }
    fill_with(c, map, spec);
}

void compile_join_attach(struct compile *c, uint32_t index, struct compile_tail other)
{
    const struct source_spec *source = c->graph->stages[other.stage].source;
    compile_attach(c, other, index, 1);
    c->graph->stages[index].join->topic =
        source && source->topic_count == 1 ? source->topics[0] : NULL;
}
