#include "base/clock.h"
#include "base/str.h"
#include "pipeline/compile_impl.h"
#include "pipeline/source_options.h"
#include "pipeline/step_options.h"

#include <stdio.h>
#include <string.h>

static const char *const codec_names[] = {"json", "text", "bytes", NULL};
static const char *const no_limit_word[] = {"none", NULL};

const struct srt_option source_option_table[] = {
    {.name = "topic",
     .type = SRT_OPTION_STRING,
     .offset = offsetof(struct source_options, topic),
     .doc = "Read a topic. `from: orders` is short for `from: { topic: orders }`."},
    {.name = "merge",
     .type = SRT_OPTION_STRINGS,
     .offset = offsetof(struct source_options, merge),
     .doc = "Read several topics as one source."},
    {.name = "file",
     .type = SRT_OPTION_STRING,
     .offset = offsetof(struct source_options, file),
     .doc = "Read a file, a record a line; the path is relative to the configuration."},
    {.name = "stdin",
     .type = SRT_OPTION_SECTION,
     .doc = "Read standard input, a record a line: `from: { stdin: {} }`."},
    {.name = "generate",
     .type = SRT_OPTION_SECTION,
     .doc = "Make records: a function called with (n, rng), n from 1, that returns the value, or "
            "nil to end."},
    {.name = "codec",
     .type = SRT_OPTION_ENUM,
     .offset = offsetof(struct source_options, codec),
     .fallback = "json",
     .names = codec_names,
     .doc = "What values are: json (decoded when touched), text (a string, as it is) or "
            "bytes."},
    {.name = "start",
     .type = SRT_OPTION_STRING,
     .offset = offsetof(struct source_options, start),
     .fallback = "earliest",
     .doc =
         "Topics: where to begin when nothing was committed yet: earliest, latest, an offset, @-1h "
         "(so long ago) or @2026-01-05T10:00:00Z."},
    {.name = "follow",
     .type = SRT_OPTION_BOOL,
     .offset = offsetof(struct source_options, follow),
     .fallback = "false",
     .doc = "Files: wait for more at the end, and follow rotations, also those that happen between "
            "two runs."},
    {.name = "max_record_bytes",
     .type = SRT_OPTION_SIZE,
     .offset = offsetof(struct source_options, max_record_bytes),
     .fallback = "1MiB",
     .min = 1,
     .max = 64 << 20,
     .doc = "Files and standard input: the longest line; longer ones are dead letters."},
    {.name = "rate",
     .type = SRT_OPTION_DOUBLE,
     .offset = offsetof(struct source_options, rate),
     .fallback = "0",
     .min = 0,
     .max = 100000000,
     .doc = "Generate: records a second; 0 for as fast as they are taken."},
    {.name = "count",
     .type = SRT_OPTION_COUNT,
     .offset = offsetof(struct source_options, count),
     .min = 0,
     .max = INT64_MAX,
     .doc = "Generate: how many records; without it there is no end."},
    {.name = "seed",
     .type = SRT_OPTION_INT,
     .offset = offsetof(struct source_options, seed),
     .fallback = "1",
     .min = 0,
     .max = INT64_MAX,
     .doc = "Generate: the seed of the random numbers that the function is given."},
    {.name = "time",
     .type = SRT_OPTION_SECTION,
     .doc = "The event time: a function that returns milliseconds since 1970. Without it, the "
            "record's own timestamp."},
    {.name = "out_of_order",
     .type = SRT_OPTION_DURATION,
     .offset = offsetof(struct source_options, out_of_order_ms),
     .fallback = "0s",
     .min = 0,
     .max = STEP_LONGEST_MS,
     .doc = "How far a record may be behind the newest of its partition and not be late: the "
            "partition's watermark stays so far behind."},
    {.name = "idle",
     .type = SRT_OPTION_DURATION,
     .offset = offsetof(struct source_options, idle_ms),
     .fallback = "30s",
     .min = 1,
     .max = STEP_LONGEST_MS,
     .doc = "A partition that is read to its end and gets nothing for so long holds no window open "
            "any more."},
    {.name = "max_ahead",
     .type = SRT_OPTION_DURATION,
     .offset = offsetof(struct source_options, max_ahead_ms),
     .fallback = "1d",
     .min = -1,
     .max = STEP_LONGEST_MS,
     .names = no_limit_word,
     .doc = "A record whose event time is further ahead of the time it was written at is a dead "
            "letter: one of them would close every window. none: no limit."},
    {.name = "tie",
     .type = SRT_OPTION_SECTION,
     .doc = "What decides between records of the same time: a function, such as v.seq. Without it, "
            "where they stand."},
    {.name = "queue", .type = SRT_OPTION_STRING, .doc = "Read a queue.", .since = "later"},
    {.name = "stage",
     .type = SRT_OPTION_STRING,
     .doc = "Read what a stage gives.",
     .since = "later"},
    {.name = "table", .type = SRT_OPTION_STRING, .doc = "Read a table.", .since = "later"},
    {.name = "http", .type = SRT_OPTION_STRING, .doc = "Take HTTP requests.", .since = "later"},
    {.name = "apply", .type = SRT_OPTION_STRING, .doc = "With `stage`.", .since = "later"},
    SRT_OPTION_END,
};

/* --- start --- */

static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

/* "2026-01-05" or "2026-01-05T10:00:00Z", UTC. */
static bool parse_time(const char *text, int64_t *ret_ms)
{
    static const int month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year;
    int month;
    int day;
    int hour = 0;
    int minute = 0;
    int second = 0;
    int n = 0;
    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &n) != 3 || n != 10) {
        return false;
    }
    if (text[10] != '\0') {
        int m = 0;
        if (sscanf(text + 10, "T%2d:%2d:%2dZ%n", &hour, &minute, &second, &m) != 3 || m != 10 ||
            text[20] != '\0') {
            return false;
        }
    }
    if (month < 1 || month > 12 || day < 1 || day > month_days[month - 1] || hour > 23 ||
        minute > 59 || second > 60 || year < 0 || hour < 0 || minute < 0 || second < 0) {
        return false;
    }
    *ret_ms =
        ((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60000 + second * 1000;
    return true;
}

static bool parse_start(const char *text, const struct srt_clock *clock, struct source_spec *spec)
{
    int64_t value;
    if (!strcmp(text, "earliest") || !strcmp(text, "latest")) {
        spec->start = text[0] == 'e' ? START_EARLIEST : START_LATEST;
        return true;
    }
    if (srt_parse_int(srt_str_of(text), &value) == SRT_OK && value >= 0) {
        spec->start = START_OFFSET;
        spec->start_value = value;
        return true;
    }
    if (text[0] != '@') {
        return false;
    }
    spec->start = START_TIME;
    if (text[1] == '-' && srt_parse_duration_ms(srt_str_of(text + 2), &value) == SRT_OK) {
        spec->start_value = srt_clock_wall_ms(clock) - value;
        return true;
    }
    return parse_time(text + 1, &spec->start_value);
}

/* --- kinds --- */

static const char *const kind_keys[] = {"topic", "merge", "file", "stdin", "generate", NULL};

/* Options that belong to one kind of source only. */
static const struct {
    const char *key;
    const char *kind;  /* of kind_keys */
    const char *other; /* of kind_keys, or NULL */
} belongs[] = {
    {"start", "topic", "merge"}, {"follow", "file", NULL},    {"max_record_bytes", "file", "stdin"},
    {"rate", "generate", NULL},  {"count", "generate", NULL}, {"seed", "generate", NULL},
};

static const struct config_entry *kind_entry(struct compile *c, const struct config_entry *from)
{
    const struct config_entry *found = NULL;
    for (size_t i = 0; kind_keys[i]; i++) {
        const struct config_entry *entry = config_find_entry(from->value, kind_keys[i]);
        if (entry && found) {
            diag_help(compile_error(c, DIAG_E015, &entry->key_mark,
                                    "a pipeline has one source, this one has '%s' and '%s'",
                                    found->key, entry->key),
                      "merge: [a, b] reads several topics");
            return NULL;
        }
        found = entry ? entry : found;
    }
    if (!found) {
        struct diag *diag =
            compile_error(c, DIAG_E014, &from->key_mark, "'%s' does not say what to read",
                          from->key);
        diag_help(diag, "write from: TOPIC, or { file: PATH }");
        diag_note(diag, "sources: topic, merge, file, stdin, generate");
    }
    return found;
}

static bool check_belongs(struct compile *c, const struct config_node *map, const char *kind)
{
    bool ok = true;
    for (size_t i = 0; i < sizeof(belongs) / sizeof(belongs[0]); i++) {
        const struct config_entry *entry = config_find_entry(map, belongs[i].key);
        const char *other = belongs[i].other;
        if (entry && strcmp(belongs[i].kind, kind) != 0 && (!other || strcmp(other, kind) != 0)) {
            diag_help(compile_error(c, DIAG_E015, &entry->key_mark, "'%s' has no meaning for '%s'",
                                    entry->key, kind),
                      "it belongs to %s%s%s", belongs[i].kind, other ? " and " : "",
                      other ? other : "");
            ok = false;
        }
    }
    return ok;
}

static bool fill_topics(struct compile *c, const struct config_entry *kind, char *const *topics,
                        size_t count, struct source_spec *spec)
{
    const struct config_node *value = kind->value;
    if (count == 0) {
        compile_error(c, DIAG_E014, &value->mark, "'%s' names no topic", kind->key);
        return false;
    }
    spec->kind = SOURCE_TOPIC;
    spec->topic_count = (uint32_t)count;
    spec->topics = config_alloc(c->doc, count * sizeof(*spec->topics));
    struct config_mark *marks = config_alloc(c->doc, count * sizeof(*marks));
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        spec->topics[i] = topics[i];
        marks[i] = value->kind == CONFIG_LIST ? value->items[i]->mark : value->mark;
        ok &= compile_topic_name(c, topics[i], &marks[i]);
        for (size_t j = 0; j < i; j++) {
            if (!strcmp(topics[i], topics[j])) {
                compile_error(c, DIAG_E005, &marks[i], "'%s' is merged twice", topics[i]);
                ok = false;
            }
        }
    }
    spec->topic_marks = marks;
    return ok;
}

static bool fill_time(struct compile *c, const struct config_node *from,
                      const struct source_options *o, struct source_spec *spec)
{
    const struct config_entry *time = config_find_entry(from, "time");
    const struct config_entry *tie = config_find_entry(from, "tie");
    spec->out_of_order_ms = o->out_of_order_ms;
    spec->idle_ms = o->idle_ms;
    spec->max_ahead_ms = o->max_ahead_ms;
    bool ok = !time || compile_fn(c, "time", time->value, &spec->time);
    return (!tie || compile_fn(c, "tie", tie->value, &spec->tie)) && ok;
}

static bool fill_spec(struct compile *c, const struct config_entry *from,
                      const struct config_entry *kind, const struct source_options *o,
                      struct source_spec *spec)
{
    spec->codec = (enum codec)o->codec;
    spec->follow = o->follow;
    spec->max_record_bytes = o->max_record_bytes;
    spec->rate = o->rate;
    spec->count = o->count;
    spec->seed = (uint64_t)o->seed;
    if (!fill_time(c, from->value, o, spec)) {
        return false;
    }
    if (!parse_start(o->start, c->clock, spec)) {
        diag_help(compile_error(c, DIAG_E011, &config_find(from->value, "start")->mark,
                                "'start' is '%.40s'; it takes a place in a topic", o->start),
                  "earliest, latest, 42, @-1h or @2026-01-05T10:00:00Z");
        return false;
    }
    if (!strcmp(kind->key, "topic")) {
        return fill_topics(c, kind, (char *const *)&o->topic, 1, spec);
    }
    if (!strcmp(kind->key, "merge")) {
        return fill_topics(c, kind, o->merge.items, o->merge.count, spec);
    }
    if (!strcmp(kind->key, "file")) {
        spec->kind = SOURCE_FILE;
        spec->path = config_resolve_path(c->doc, &kind->value->mark, o->file);
        if (!*o->file) {
            compile_error(c, DIAG_E014, &kind->value->mark, "'file' names no file");
        }
        return *o->file != '\0';
    }
    if (!strcmp(kind->key, "generate")) {
        spec->kind = SOURCE_GENERATE;
        return compile_fn(c, "generate", kind->value, &spec->generate);
    }
    spec->kind = SOURCE_STDIN;
    bool empty = (kind->value->kind == CONFIG_MAP && !kind->value->entry_count) ||
                 (kind->value->kind == CONFIG_SCALAR &&
                  (kind->value->is_null || !strcmp(kind->value->text, "true")));
    if (!empty) {
        diag_help(compile_error(c, DIAG_E011, &kind->value->mark, "'stdin' takes no options"),
                  "its options stand beside it: { stdin: {}, codec: text }");
    }
    return empty;
}

struct stage *compile_source(struct compile *c, const struct config_entry *from)
{
    static const char *const later_codecs[] = {"csv", "msgpack", "avro", "protobuf", NULL};
    struct config_entry entry = *from;
    if (from->value->kind == CONFIG_SCALAR && !from->value->is_null) {
        struct config_node *map = config_new_map(c->doc, from->value->mark);
        config_map_add(c->doc, map, "topic", from->value->mark, from->value);
        entry.value = map;
    }
    struct source_options options = {.count = -1};
    char what[32];
    snprintf(what, sizeof(what), "'%.24s'", from->key);
    if (compile_refuse_value(c, entry.value, "codec", later_codecs)) {
        return NULL;
    }
    if (!config_read_options(c->doc, entry.value, source_option_table, NULL, &options, what)) {
        c->ok = false;
        return NULL;
    }
    const struct config_entry *kind = kind_entry(c, &entry);
    if (!kind || !check_belongs(c, entry.value, kind->key)) {
        return NULL;
    }
    struct source_spec *spec = config_alloc(c->doc, sizeof(*spec));
    if (!fill_spec(c, &entry, kind, &options, spec)) {
        c->ok = false;
        return NULL;
    }
    struct stage *stage = compile_add_stage(c, STAGE_SOURCE, &kind->value->mark, 1);
    if (stage) {
        stage->source = spec;
        stage->name = "from";
    }
    return stage;
}
