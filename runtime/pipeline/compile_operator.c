/* What stands behind the key of one step: the name of a topic, options. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "pipeline/compile_impl.h"
#include "pipeline/step_options.h"
#include "record/topic_id.h"

/* --- names --- */

bool compile_topic_name(struct compile *c, const char *topic, const struct config_mark *mark)
{
    if (!topic_name_valid(topic)) {
        diag_help(
            compile_error(c, DIAG_E021, mark, "'%.60s' is not a valid name of a topic", topic),
            "1 to 249 of a-z A-Z 0-9 . _ -");
        return false;
    }
    if (topic_name_reserved(topic)) {
        diag_help(compile_error(c, DIAG_E021, mark, "'%s' is reserved", topic),
                  "names that begin with __streamrt are streamrt's own");
        return false;
    }
    return true;
}

/* --- options of steps --- */

static bool parse_rate(const char *text, int64_t *ret_count, int64_t *ret_per_ms)
{
    const char *slash = strchr(text, '/');
    if (!slash ||
        srt_parse_count((struct srt_str){text, (size_t)(slash - text)}, ret_count) != SRT_OK ||
        *ret_count < 1) {
        return false;
    }
    char per[32];
    bool digit = slash[1] >= '0' && slash[1] <= '9';
    int n = snprintf(per, sizeof(per), "%s%s", digit ? "" : "1", slash + 1);
    return n > 0 && (size_t)n < sizeof(per) &&
           srt_parse_duration_ms(srt_str_of(per), ret_per_ms) == SRT_OK && *ret_per_ms >= 1;
}

static void fill_throttle(struct compile *c, struct stage *stage, const struct step_options *o,
                          const struct config_entry *entry)
{
    const struct config_entry *rate = config_find_entry(entry->value, "rate");
    const struct config_entry *by = config_find_entry(entry->value, "by");
    if (!o->rate) {
        diag_help(compile_error(c, DIAG_E014, &entry->key_mark, "'throttle' has no rate"),
                  "write throttle: { by: v.user, rate: 100/s }");
    } else if (!parse_rate(o->rate, &stage->throttle_count, &stage->throttle_per_ms)) {
        diag_help(compile_error(c, DIAG_E011, rate ? &rate->value->mark : &entry->value->mark,
                                "'rate' is '%.40s'; it takes a count per time", o->rate),
                  "as in 100/s, 5/m or 1/10s");
    }
    if (by) {
        compile_fn(c, "by", by->value, &stage->fn);
    }
}

/* `to: v.kind` is a valid name of a topic, and rarely meant as one. */
static void warn_of_expression(struct compile *c, const char *topic, const struct config_mark *mark)
{
    if ((topic[0] == 'v' || topic[0] == 'r' || topic[0] == 'k') && topic[1] == '.') {
        diag_help(diag_report(c->doc, DIAG_WARNING, DIAG_E021, mark,
                              "'%s' is the name of a topic here, not an expression", topic),
                  "for a computed one write to: { fn: %s }", topic);
    }
}

static bool begins_function(const char *text)
{
    text += strspn(text, " \t\r\n");
    size_t n = strlen("function");
    return !strncmp(text, "function", n) && (text[n] == ' ' || text[n] == '(' || text[n] == '\0');
}

static void fill_to(struct compile *c, struct stage *stage, const struct step_options *o,
                    const struct config_entry *entry)
{
    const struct config_node *value = entry->value;
    const struct config_entry *fn = config_find_entry(value, "fn");
    const struct config_entry *use = config_find_entry(value, "use");
    const struct config_entry *topic = config_find_entry(value, "topic");
    int ways = !!fn + !!use + (value->kind == CONFIG_MAP ? !!topic : 1);
    if (ways != 1) {
        diag_help(compile_error(c, ways ? DIAG_E015 : DIAG_E014, &entry->key_mark,
                                ways ? "'to' takes one of topic, fn and use, not several"
                                     : "'to' does not say where"),
                  "write to: TOPIC, or to: { fn: ... } for a computed one");
        return;
    }
    if (value->function_index ||
        (o->topic && value->kind == CONFIG_SCALAR && begins_function(o->topic))) {
        compile_fn(c, "to", value, &stage->fn);
    } else if (fn) {
        compile_fn(c, "fn", fn->value, &stage->fn);
    } else if (use) {
        compile_use(c, use, &stage->fn);
    } else if (o->topic) {
        const struct config_mark *mark = topic ? &topic->value->mark : &value->mark;
        stage->topic = o->topic;
        stage->mark = *mark;
        if (!topic_name_valid(o->topic)) {
            diag_help(compile_error(c, DIAG_E021, mark, "'%.60s' is not a valid name of a topic",
                                    o->topic),
                      "for a computed topic write to: { fn: ... }");
        } else if (compile_topic_name(c, o->topic, mark)) {
            warn_of_expression(c, o->topic, mark);
        }
    }
}

static void fill_stage(struct compile *c, struct stage *stage, const struct step_options *o,
                       const struct config_entry *entry)
{
    stage->has_codec = o->codec >= 0;
    stage->codec = o->codec >= 0 ? (enum codec)o->codec : CODEC_JSON;
    stage->label = o->label;
    if (stage->kind == STAGE_AGGREGATE) {
        compile_count(c, entry, o->name, stage);
    } else if (stage->kind == STAGE_DEDUPE) {
        compile_dedupe(c, entry, o, stage);
    } else if (stage->kind == STAGE_PROCESS) {
        compile_process(c, entry, o, stage);
    } else if (stage->kind == STAGE_JOIN) {
        compile_join(c, entry, o, stage);
    } else if (stage->kind == STAGE_THROTTLE) {
        fill_throttle(c, stage, o, entry);
    } else if (stage->kind == STAGE_TO) {
        fill_to(c, stage, o, entry);
    } else if (stage->kind == STAGE_SAMPLE && o->ratio < 0) {
        diag_help(compile_error(c, DIAG_E014, &entry->key_mark, "'sample' has no ratio"),
                  "write sample: 0.1 for one record of ten");
    } else if (stage->kind == STAGE_SAMPLE) {
        stage->sample = o->ratio;
    } else if (stage->kind == STAGE_TO_FILE && (!o->path || !*o->path)) {
        diag_help(compile_error(c, DIAG_E014, &entry->key_mark, "'to_file' has no path"),
                  "write to_file: out.jsonl");
    } else if (stage->kind == STAGE_TO_FILE) {
        stage->path = config_resolve_path(c->doc, &entry->value->mark, o->path);
    }
}

static const struct srt_option *option_of(const struct operator* op, const char *name)
{
    const struct srt_option *option = op->options;
    while (strcmp(option->name, name) != 0) {
        option++;
    }
    return option;
}

bool compile_refuse_value(struct compile *c, const struct config_node *map, const char *key,
                          const char *const *values)
{
    const struct config_node *node = config_find(map, key);
    for (size_t i = 0; node && node->kind == CONFIG_SCALAR && values[i]; i++) {
        if (!strcmp(node->text, values[i])) {
            struct diag *diag =
                compile_error(c, DIAG_E090, &node->mark, "%s '%s' is not available in this version",
                              key, values[i]);
            if (!strcmp(key, "codec")) {
                diag_help(diag, "json, text and bytes are");
            } else {
                diag_help(diag, "exactly_once is");
            }
            return true;
        }
    }
    return false;
}

void compile_operator(struct compile *c, const struct operator* op,
                      const struct config_entry *entry, struct stage *stage)
{
    static const char *const later_codecs[] = {"csv", "msgpack", "avro", "protobuf", NULL};
    const struct config_node *value = entry->value;
    struct step_options o = {.ratio = -1, .codec = -1};
    char what[64];
    snprintf(what, sizeof(what), "'%s'", op->key);
    bool nothing = value->kind == CONFIG_SCALAR && value->is_null;
    if (nothing && op->kind != STAGE_PRINT && op->kind != STAGE_TO_STDOUT &&
        op->kind != STAGE_AGGREGATE) {
        diag_help(compile_error(c, DIAG_E014, &entry->key_mark, "'%s' has no value", op->key),
                  "as in %s", op->yaml);
        return;
    }
    if (value->kind == CONFIG_SCALAR && !nothing && op->scalar && !value->function_index) {
        struct config_entry alone = {
            .key = op->scalar, .key_mark = entry->key_mark, .value = entry->value};
        if (!config_read_option(c->doc, &alone, option_of(op, op->scalar), &o)) {
            c->ok = false;
            return;
        }
    } else if (value->kind == CONFIG_SCALAR && !nothing &&
               !(value->function_index && op->kind == STAGE_TO)) {
        diag_help(compile_error(c, DIAG_E011, &value->mark, "'%s' %s; it takes a map of options",
                                op->key, config_describe(c->doc, value)),
                  "as in %s", op->yaml);
        return;
    } else if (value->kind == CONFIG_LIST || value->kind == CONFIG_MAP) {
        if (compile_refuse_value(c, value, "codec", later_codecs)) {
            return;
        }
        if (!config_read_options(c->doc, value, op->options, NULL, &o, what)) {
            c->ok = false;
            return;
        }
    }
    fill_stage(c, stage, &o, entry);
}
