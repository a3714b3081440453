/* Typed reading by tables (base/option.h). A wrong value is reported with what was found, what is
 * expected, and a spelling that would be right; reading goes on, so that all mistakes are shown at
 * once. */
#include "base/assert.h"
#include "config/doc_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- messages --- */

static bool is_among(const char *word, const char *const *names)
{
    for (size_t i = 0; names[i]; i++) {
        if (!strcmp(names[i], word)) {
            return true;
        }
    }
    return false;
}

void config_report_unknown(struct config_doc *doc, enum diag_code code,
                           const struct config_entry *entry, const char *const *names,
                           const char *what)
{
    struct diag *diag = code == DIAG_E012 ? diag_report(doc, DIAG_ERROR, code, &entry->key_mark,
                                                        "unknown step '%s'", entry->key)
                                          : diag_report(doc, DIAG_ERROR, code, &entry->key_mark,
                                                        "unknown key '%s' in %s", entry->key, what);
    const char *near = config_suggest(entry->key, names);
    if (near) {
        diag_help(diag, "did you mean '%s'?", near);
    }
    struct srt_buf list;
    srt_buf_init(&list);
    for (size_t i = 0; names[i]; i++) {
        srt_buf_printf(&list, "%s%s", i ? ", " : "", names[i]);
    }
    diag_note(diag, "%s: %s", code == DIAG_E012 ? "steps" : "keys", srt_buf_cstr(&list));
    srt_buf_fini(&list);
}

const char *config_describe(struct config_doc *doc, const struct config_node *node)
{
    if (node->kind == CONFIG_LIST) {
        return "is a list";
    }
    if (node->kind == CONFIG_MAP) {
        return "is a map";
    }
    if (node->function_index) {
        return "is a function";
    }
    if (node->is_null) {
        return "has no value";
    }
    struct srt_buf text;
    srt_buf_init(&text);
    srt_buf_printf(&text, "is '%.40s%s'", node->text, node->text_len > 40 ? "..." : "");
    char *copy = config_strndup(doc, srt_buf_cstr(&text), text.len);
    srt_buf_fini(&text);
    return copy;
}

/* --- single values --- */

struct value {
    struct config_doc *doc;
    const struct srt_option *option;
    const struct config_node *node;
    struct srt_str text;
};

static struct diag *wrong(const struct value *v, const char *expected)
{
    return diag_report(v->doc, DIAG_ERROR, DIAG_E011, &v->node->mark, "'%s' %s; it takes %s",
                       v->option->name, config_describe(v->doc, v->node), expected);
}

static const char *number_word(struct srt_str digits)
{
    static const char *const words[] = {"zero",  "one",   "two",  "three", "four",   "five",  "six",
                                        "seven", "eight", "nine", "ten",   "eleven", "twelve"};
    int64_t n;
    if (srt_parse_int(digits, &n) == SRT_OK && n >= 0 &&
        n < (int64_t)(sizeof(words) / sizeof(words[0]))) {
        return words[n];
    }
    return NULL;
}

static bool is_number(struct srt_str text)
{
    int64_t n;
    return srt_parse_int(text, &n) == SRT_OK;
}

/* "retention: 7": seven what? */
static void report_unit(const struct value *v, const char *expected, const char *unit)
{
    struct diag *diag = wrong(v, expected);
    if (is_number(v->text)) {
        const char *word = number_word(v->text);
        diag_help(diag, "%.*s what? write %.*s%s", word ? (int)strlen(word) : (int)v->text.n,
                  word ? word : v->text.p, (int)v->text.n, v->text.p, unit);
    }
}

static void format_bound(char *to, size_t size, enum srt_option_type type, int64_t value)
{
    char text[SRT_DURATION_TEXT_MAX];
    if (type == SRT_OPTION_DURATION) {
        srt_format_duration(text, value);
    } else if (type == SRT_OPTION_SIZE) {
        srt_format_size(text, (uint64_t)value);
    } else {
        snprintf(text, sizeof(text), "%" PRId64, value);
    }
    snprintf(to, size, "%s", text);
}

static bool in_range(const struct value *v, int64_t value)
{
    const struct srt_option *option = v->option;
    int64_t min =
        option->min < 0 && (option->type == SRT_OPTION_DURATION || option->type == SRT_OPTION_SIZE)
            ? 1 /* -1 there means that there is a word for "no limit" */
            : option->min;
    if (value >= min && value <= option->max) {
        return true;
    }
    char low[64];
    char high[64];
    format_bound(low, sizeof(low), option->type, min);
    format_bound(high, sizeof(high), option->type, option->max);
    struct diag *diag = diag_report(
        v->doc, DIAG_ERROR, DIAG_E011, &v->node->mark, "'%s' %s; it is at %s %s", option->name,
        config_describe(v->doc, v->node), value < min ? "least" : "most", value < min ? low : high);
    diag_help(diag, "from %s to %s", low, high);
    return false;
}

/* Days, where the default is in days; else seconds. */
static const char *usual_unit(const struct srt_option *option)
{
    size_t n = option->fallback ? strlen(option->fallback) : 0;
    return n && option->fallback[n - 1] == 'd' ? "d" : "s";
}

static bool read_duration(const struct value *v, int64_t *ret)
{
    const char *word = v->option->names ? v->option->names[0] : "forever";
    if (v->option->min == -1 && srt_str_is(v->text, word)) {
        *ret = -1;
        return true;
    }
    int64_t ms;
    int rc = srt_parse_duration_ms(v->text, &ms);
    if (rc == SRT_ERANGE) {
        ms = INT64_MAX;
    } else if (rc != SRT_OK) {
        char expected[80];
        snprintf(expected, sizeof(expected), "a duration such as 500ms, 30s, 1h30m, 7d%s%.16s",
                 v->option->min == -1 ? ", or " : "", v->option->min == -1 ? word : "");
        report_unit(v, expected, usual_unit(v->option));
        return false;
    }
    if (!in_range(v, ms)) {
        return false;
    }
    *ret = ms;
    return true;
}

static bool read_size(const struct value *v, int64_t *ret)
{
    if (v->option->min == -1 && srt_str_is(v->text, "unlimited")) {
        *ret = -1;
        return true;
    }
    uint64_t bytes;
    int rc = srt_parse_size(v->text, &bytes);
    if (rc == SRT_ERANGE || (rc == SRT_OK && bytes > INT64_MAX)) {
        bytes = INT64_MAX;
    } else if (rc != SRT_OK) {
        report_unit(v,
                    v->option->min == -1 ? "a size such as 64KiB, 10MB, 2GiB, or unlimited"
                                         : "a size such as 64KiB, 10MB, 2GiB",
                    v->text.n > 4 ? "B" : "MiB");
        return false;
    }
    if (!in_range(v, (int64_t)bytes)) {
        return false;
    }
    *ret = (int64_t)bytes;
    return true;
}

static bool read_number(const struct value *v, int64_t *ret)
{
    bool count = v->option->type == SRT_OPTION_COUNT;
    int64_t number;
    for (int i = 0; v->option->names && v->option->names[i]; i++) {
        if (srt_str_is(v->text, v->option->names[i])) {
            *ret = i;
            return true;
        }
    }
    int rc = v->option->type == SRT_OPTION_COUNT ? srt_parse_count(v->text, &number)
                                                 : srt_parse_int(v->text, &number);
    if (rc == SRT_ERANGE) {
        number = v->text.n && v->text.p[0] == '-' ? INT64_MIN : INT64_MAX;
    } else if (rc != SRT_OK) {
        wrong(v, count              ? "a count such as 100, 10k, 2M"
                 : v->option->names ? "auto or a whole number"
                                    : "a whole number");
        return false;
    }
    if (!in_range(v, number)) {
        return false;
    }
    *ret = number;
    return true;
}

static bool read_double(const struct value *v, double *ret)
{
    double number;
    if (srt_parse_double(v->text, &number) != SRT_OK) {
        wrong(v, "a number");
        return false;
    }
    if (!(number >= (double)v->option->min && number <= (double)v->option->max)) {
        diag_help(diag_report(v->doc, DIAG_ERROR, DIAG_E011, &v->node->mark,
                              "'%s' %s, outside its range", v->option->name,
                              config_describe(v->doc, v->node)),
                  "from %" PRId64 " to %" PRId64, v->option->min, v->option->max);
        return false;
    }
    *ret = number;
    return true;
}

static bool read_bool(const struct value *v, bool *ret)
{
    if (srt_parse_bool(v->text, ret) == SRT_OK) {
        return true;
    }
    static const char *const yes[] = {"yes", "on", "True", "TRUE", "1", "y", "Yes", NULL};
    static const char *const no[] = {"no", "off", "False", "FALSE", "0", "n", "No", NULL};
    struct diag *diag = wrong(v, "true or false");
    if (is_among(v->node->text, yes) || is_among(v->node->text, no)) {
        diag_help(diag, "write %s", is_among(v->node->text, yes) ? "true" : "false");
    }
    return false;
}

static bool read_enum(const struct value *v, int *ret)
{
    struct srt_buf list;
    srt_buf_init(&list);
    for (int i = 0; v->option->names[i]; i++) {
        if (srt_str_is(v->text, v->option->names[i])) {
            *ret = i;
            srt_buf_fini(&list);
            return true;
        }
        srt_buf_printf(&list, "%s%s",
                       i == 0                    ? ""
                       : v->option->names[i + 1] ? ", "
                                                 : " or ",
                       v->option->names[i]);
    }
    struct diag *diag = wrong(v, srt_buf_cstr(&list));
    srt_buf_fini(&list);
    const char *near = diag_nearest(v->node->text, v->option->names);
    if (near) {
        diag_help(diag, "did you mean '%s'?", near);
    }
    return false;
}

static bool read_range(const struct value *v, struct srt_option_range *ret)
{
    const char *dots = memmem(v->text.p, v->text.n, "..", 2);
    struct srt_str from = {v->text.p, dots ? (size_t)(dots - v->text.p) : 0};
    struct srt_str to = {dots ? dots + 2 : v->text.p, 0};
    to.n = dots ? (size_t)(v->text.p + v->text.n - to.p) : 0;
    struct srt_option_range range;
    if (!dots || srt_parse_duration_ms(from, &range.from_ms) != SRT_OK ||
        srt_parse_duration_ms(to, &range.to_ms) != SRT_OK) {
        diag_help(wrong(v, "a range of durations"), "as in 100ms..10s");
        return false;
    }
    if (range.from_ms > range.to_ms) {
        diag_help(wrong(v, "a range that begins with the shorter one"), "write %.*s..%.*s",
                  (int)to.n, to.p, (int)from.n, from.p);
        return false;
    }
    if (!in_range(v, range.from_ms) || !in_range(v, range.to_ms)) {
        return false;
    }
    *ret = range;
    return true;
}

static bool read_strings(const struct value *v, struct srt_option_strings *ret)
{
    const struct config_node *node = v->node;
    if (node->kind == CONFIG_MAP) {
        wrong(v, "a list");
        return false;
    }
    size_t count = node->kind == CONFIG_LIST ? node->item_count : 1;
    char **items = config_alloc(v->doc, (count + 1) * sizeof(*items));
    for (size_t i = 0; i < count; i++) {
        const struct config_node *item = node->kind == CONFIG_LIST ? node->items[i] : node;
        if (item->kind != CONFIG_SCALAR || item->is_null) {
            diag_report(v->doc, DIAG_ERROR, DIAG_E011, &item->mark,
                        "'%s' is a list of texts; one of them %s", v->option->name,
                        config_describe(v->doc, item));
            return false;
        }
        items[i] = config_strndup(v->doc, item->text, item->text_len);
    }
    *ret = (struct srt_option_strings){items, count};
    return true;
}

/* The table's offsets point at fields of the right type: that is the table's promise. */
static bool read_value(const struct value *v, void *field)
{
    switch (v->option->type) {
    case SRT_OPTION_BOOL:
        return read_bool(v, field);
    case SRT_OPTION_INT:
    case SRT_OPTION_COUNT:
        return read_number(v, field);
    case SRT_OPTION_DURATION:
        return read_duration(v, field);
    case SRT_OPTION_SIZE:
        return read_size(v, field);
    case SRT_OPTION_DOUBLE:
        return read_double(v, field);
    case SRT_OPTION_STRING:
        *(char **)field = config_strndup(v->doc, v->text.p, v->text.n);
        return true;
    case SRT_OPTION_ENUM:
        return read_enum(v, field);
    case SRT_OPTION_STRINGS:
        return read_strings(v, field);
    case SRT_OPTION_RANGE:
        return read_range(v, field);
    case SRT_OPTION_SECTION:
        break;
    }
    srt_unreachable("an option without a value");
}

/* Values longer than this are no numbers, durations or names; it keeps messages and parsers short.
 */
enum { SHORT_TEXT_MAX = 4096 };

bool config_read_option(struct config_doc *doc, const struct config_entry *entry,
                        const struct srt_option *option, void *object)
{
    if (option->since) {
        diag_report(doc, DIAG_ERROR, DIAG_E090, &entry->key_mark,
                    "'%s' is not available in this version", entry->key);
        return false;
    }
    if (option->type == SRT_OPTION_SECTION) {
        return true; /* its owner reads it */
    }
    const struct config_node *node = entry->value;
    struct value v = {doc, option, node, {node->text, node->text_len}};
    if (option->type != SRT_OPTION_STRINGS &&
        (node->kind != CONFIG_SCALAR || node->function_index)) {
        wrong(&v, "a single value");
        return false;
    }
    if (node->kind == CONFIG_SCALAR && node->is_null) {
        diag_help(diag_report(doc, DIAG_ERROR, DIAG_E011, &entry->key_mark, "'%s' has no value",
                              entry->key),
                  "give one, or remove the key");
        return false;
    }
    if (option->type != SRT_OPTION_STRING && option->type != SRT_OPTION_STRINGS &&
        node->text_len > SHORT_TEXT_MAX) {
        wrong(&v, "a shorter value");
        return false;
    }
    return read_value(&v, (char *)object + option->offset);
}

/* --- tables --- */

static void set_default(struct config_doc *doc, const struct srt_option *option, void *object)
{
    if (!option->fallback || option->since || option->type == SRT_OPTION_SECTION) {
        return;
    }
    struct config_node *node = config_new_scalar(doc, (struct config_mark){.file = NULL},
                                                 option->fallback, strlen(option->fallback));
    struct config_entry entry = {.key = option->name, .value = node};
    bool ok = config_read_option(doc, &entry, option, object);
    srt_assert(ok); /* a default that its own row refuses */
}

static const struct srt_option *option_named(const struct srt_option *options, const char *name)
{
    for (const struct srt_option *option = options; option->name; option++) {
        if (!strcmp(option->name, name)) {
            return option;
        }
    }
    return NULL;
}

static const char *const *names_of(struct config_doc *doc, const struct srt_option *options,
                                   const char *const *also)
{
    size_t count = 0;
    for (const struct srt_option *option = options; option->name; option++) {
        count++;
    }
    for (size_t i = 0; also && also[i]; i++) {
        count++;
    }
    const char **names = config_alloc(doc, (count + 1) * sizeof(*names));
    size_t n = 0;
    for (size_t i = 0; also && also[i]; i++) {
        names[n++] = also[i];
    }
    for (const struct srt_option *option = options; option->name; option++) {
        if (!option->since) {
            names[n++] = option->name;
        }
    }
    return names;
}

bool config_override_options(struct config_doc *doc, const struct config_node *map,
                             const struct srt_option *options, const char *const *also,
                             void *object, const char *what)
{
    if (!map || (map->kind == CONFIG_SCALAR && map->is_null)) {
        return true;
    }
    if (map->kind != CONFIG_MAP) {
        diag_report(doc, DIAG_ERROR, DIAG_E011, &map->mark, "%s %s; it takes a map of options",
                    what, config_describe(doc, map));
        return false;
    }
    bool ok = true;
    const char *const *names = NULL;
    for (size_t i = 0; i < map->entry_count; i++) {
        const struct config_entry *entry = &map->entries[i];
        if (!strncmp(entry->key, "x-", 2) || (also && is_among(entry->key, also))) {
            continue;
        }
        const struct srt_option *option = option_named(options, entry->key);
        if (!option) {
            names = names ? names : names_of(doc, options, also);
            config_report_unknown(doc, DIAG_E010, entry, names, what);
            ok = false;
        } else {
            ok &= config_read_option(doc, entry, option, object);
        }
    }
    return ok;
}

bool config_read_options(struct config_doc *doc, const struct config_node *map,
                         const struct srt_option *options, const char *const *also, void *object,
                         const char *what)
{
    for (const struct srt_option *option = options; option->name; option++) {
        set_default(doc, option, object);
    }
    return config_override_options(doc, map, options, also, object, what);
}
