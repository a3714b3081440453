/* `dedupe` and `process`: state per key without windows. */
#include "pipeline/compile_impl.h"
#include "pipeline/step_options.h"

#include <string.h>

const struct srt_option compile_dedupe_options[] = {
    {.name = "by",
     .type = SRT_OPTION_SECTION,
     .doc = "What is the same: a function. Without it, the record's key."},
    {.name = "within",
     .type = SRT_OPTION_DURATION,
     .offset = offsetof(struct step_options, within_ms),
     .min = -1,
     .max = STEP_LONGEST_MS,
     .doc = "For how long after the first, in event time, or forever. Required."},
    SRT_OPTION_END,
};

const struct srt_option compile_process_options[] = {
    {.name = "on_record",
     .type = SRT_OPTION_SECTION,
     .doc = "`function(v, state, ctx)`: called with each record; what it emits goes on. Required, "
            "or `use`."},
    {.name = "use", .type = SRT_OPTION_SECTION, .doc = "The same, from a module."},
    {.name = "on_timer",
     .type = SRT_OPTION_SECTION,
     .doc = "`function(state, ctx, name)`: called when a timer that ctx:timer() set is due."},
    {.name = "init",
     .type = SRT_OPTION_SECTION,
     .doc = "The state of a key that has none: a function or an expression. An empty table without "
            "it."},
    {.name = "ttl",
     .type = SRT_OPTION_DURATION,
     .offset = offsetof(struct step_options, ttl_ms),
     .fallback = "forever",
     .min = -1,
     .max = STEP_LONGEST_MS,
     .doc = "How long after its last record, in event time, the state of a key is kept."},
    SRT_OPTION_END,
};

void compile_dedupe(struct compile *c, const struct config_entry *entry,
                    const struct step_options *o, struct stage *stage)
{
    const struct config_entry *by = config_find_entry(entry->value, "by");
    stage->dedupe = config_alloc(c->doc, sizeof(*stage->dedupe));
    stage->dedupe->within_ms = o->within_ms;
    if (!config_find(entry->value, "within")) {
        diag_help(
            compile_error(c, DIAG_E014, &entry->key_mark, "'dedupe' does not say for how long"),
            "add within: 10m, or within: forever");
    }
    if (by) {
        compile_fn(c, "by", by->value, &stage->fn);
    }
}

static void fill_on_record(struct compile *c, const struct config_entry *entry,
                           struct process_spec *spec)
{
    const struct config_entry *on_record = config_find_entry(entry->value, "on_record");
    const struct config_entry *use = config_find_entry(entry->value, "use");
    if (on_record && use) {
        compile_error(c, DIAG_E015, &use->key_mark, "'process' takes one of on_record and use");
    } else if (use) {
        compile_use(c, use, &spec->on_record);
    } else if (on_record) {
        compile_whole_fn(c, "on_record", "function(v, state, ctx) ... end", on_record->value,
                         &spec->on_record);
    } else {
        diag_help(compile_error(c, DIAG_E014, &entry->key_mark, "'process' has no on_record"),
                  "as in on_record: function(v, state, ctx) ctx:emit(v) end");
    }
}

void compile_process(struct compile *c, const struct config_entry *entry,
                     const struct step_options *o, struct stage *stage)
{
    const struct config_entry *on_timer = config_find_entry(entry->value, "on_timer");
    const struct config_entry *init = config_find_entry(entry->value, "init");
    stage->process = config_alloc(c->doc, sizeof(*stage->process));
    stage->process->ttl_ms = o->ttl_ms;
    fill_on_record(c, entry, stage->process);
    if (on_timer) {
        compile_whole_fn(c, "on_timer", "function(state, ctx, name) ... end", on_timer->value,
                         &stage->process->on_timer);
    }
    if (init) {
        compile_init_fn(c, init->value, &stage->process->init);
    }
}
