/* YAML text to nodes, by libyaml's events.
 *
 *     bytes --libyaml--> events --this--> nodes with marks (node.h)
 *
 * Events rather than libyaml's documents, because they keep where everything stood and let limits
 * act before memory is used. What a configuration may not do is refused here, with its place:
 * duplicate keys, keys that are not text, several documents, tags, aliases of something unfinished.
 * An alias becomes a copy of its anchor's tree, so that every node can be changed alone; the nodes
 * of a document are counted, copies too, which is what stops a "billion laughs" file. */
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/assert.h"
#include "base/map.h"
#include "config/doc_impl.h"

struct reading {
    struct config_doc *doc;
    const struct config_file *file;
    yaml_parser_t parser;
    struct srt_map anchors; /* name -> node, finished ones */
    bool failed;            /* reported; nothing more is read */
};

static struct config_mark mark_of(const struct reading *in, const yaml_event_t *event)
{
    const yaml_mark_t *start = &event->start_mark;
    const yaml_mark_t *end = &event->end_mark;
    size_t width =
        end->line == start->line && end->column > start->column ? end->column - start->column : 1;
    return (struct config_mark){in->file->name, (int)start->line + 1, (int)start->column + 1,
                                (int)width};
}

/* libyaml says "did not find expected key" and the like; what people do wrong most is said in
 * words. */
static void report_syntax(struct reading *in)
{
    const yaml_parser_t *parser = &in->parser;
    struct config_mark mark = {in->file->name, (int)parser->problem_mark.line + 1,
                               (int)parser->problem_mark.column + 1, 1};
    in->failed = true;
    if (parser->error == YAML_READER_ERROR) {
        mark.line = 1;
        mark.column = 0;
        for (size_t i = 0; i < parser->problem_offset && i < in->file->len; i++) {
            mark.line += in->file->text[i] == '\n';
        }
        diag_report(in->doc, DIAG_ERROR, DIAG_E002, &mark, "%s (byte %zu)",
                    parser->problem_value >= 0 && parser->problem_value < 32
                        ? "a control character is in the file"
                        : "the file is not UTF-8 text",
                    parser->problem_offset);
        return;
    }
    struct srt_str line = config_source_line(in->doc, in->file->name, mark.line);
    size_t indent = 0;
    while (indent < line.n && line.p[indent] == ' ') {
        indent++;
    }
    if (indent < line.n && line.p[indent] == '\t') {
        mark.column = (int)indent + 1;
        diag_help(
            diag_report(in->doc, DIAG_ERROR, DIAG_E002, &mark, "a tab is used for indentation"),
            "YAML is indented with spaces");
        return;
    }
    struct diag *diag = diag_report(in->doc, DIAG_ERROR, DIAG_E002, &mark, "%s",
                                    parser->problem ? parser->problem : "not YAML");
    if (parser->context) {
        diag_note(diag, "%s that begins at line %zu, column %zu", parser->context,
                  parser->context_mark.line + 1, parser->context_mark.column + 1);
    }
    if (parser->problem && strstr(parser->problem, "mapping values are not allowed")) {
        diag_help(diag, "quote a value that has ': ' in it");
    }
    if (parser->problem && strstr(parser->problem, "cannot start any token")) {
        diag_help(diag, "quote a value that begins with this character");
    }
}

static bool next_event(struct reading *in, yaml_event_t *ret)
{
    if (in->failed) {
        return false;
    }
    if (!yaml_parser_parse(&in->parser, ret)) {
        report_syntax(in);
        return false;
    }
    return true;
}

static bool count_node(struct reading *in, const struct config_mark *mark)
{
    if (in->doc->node_count < CONFIG_NODES_MAX) {
        return true;
    }
    if (!in->failed) {
        diag_report(in->doc, DIAG_ERROR, DIAG_E002, mark,
                    "the configuration has more than %d values, aliases counted", CONFIG_NODES_MAX);
    }
    in->failed = true;
    return false;
}

/* --- tags and anchors --- */

static bool tag_is_plain(const char *tag)
{
    static const char standard[] = "tag:yaml.org,2002:";
    return !tag || !strcmp(tag, "!") || !strncmp(tag, standard, sizeof(standard) - 1);
}

static void check_tag(struct reading *in, const char *tag, const struct config_mark *mark)
{
    if (tag_is_plain(tag)) {
        return;
    }
    if (!strcmp(tag, "!secret")) {
        diag_help(diag_report(in->doc, DIAG_ERROR, DIAG_E090, mark,
                              "'!secret' is not available in this version"),
                  "use ${NAME} and set it in the environment");
        return;
    }
    diag_report(in->doc, DIAG_ERROR, DIAG_E002, mark, "the tag '%s' has no meaning here", tag);
}

static void keep_anchor(struct reading *in, const yaml_char_t *anchor, struct config_node *node)
{
    if (anchor) {
        srt_map_set_str(&in->anchors, (const char *)anchor, node);
    }
}

static struct config_node *copy_of(struct reading *in, const struct config_node *node)
{
    if (!count_node(in, &node->mark)) {
        return NULL;
    }
    struct config_node *copy = config_new_node(in->doc, node->kind, node->mark);
    *copy = *node;
    copy->items = NULL;
    copy->item_count = 0;
    copy->entries = NULL;
    copy->entry_count = 0;
    for (size_t i = 0; i < node->item_count; i++) {
        struct config_node *item = copy_of(in, node->items[i]);
        if (!item) {
            return NULL;
        }
        config_list_add(in->doc, copy, item);
    }
    for (size_t i = 0; i < node->entry_count; i++) {
        struct config_node *value = copy_of(in, node->entries[i].value);
        if (!value) {
            return NULL;
        }
        config_map_add(in->doc, copy, node->entries[i].key, node->entries[i].key_mark, value);
    }
    return copy;
}

static struct config_node *read_alias(struct reading *in, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;
    struct config_mark mark = mark_of(in, event);
    const struct config_node *anchor = srt_map_find_str(&in->anchors, name);
    if (!anchor) {
        diag_help(diag_report(in->doc, DIAG_ERROR, DIAG_E002, &mark,
                              "nothing before is named '&%s'", name),
                  "an alias repeats what an anchor above it named");
        in->failed = true;
        return NULL;
    }
    return copy_of(in, anchor);
}

/* --- nodes --- */

static struct config_node *read_node(struct reading *in, yaml_event_t *event, int depth);

static struct config_node *read_scalar(struct reading *in, const yaml_event_t *event)
{
    struct config_mark mark = mark_of(in, event);
    yaml_scalar_style_t style = event->data.scalar.style;
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    check_tag(in, (const char *)event->data.scalar.tag, &mark);
    struct config_node *node = config_new_scalar(in->doc, mark, text, len);
    node->quoted =
        style == YAML_SINGLE_QUOTED_SCALAR_STYLE || style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    node->block = style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE;
    node->is_null = len == 0 && !node->quoted && !node->block;
    node->has_variables = memchr(text, '$', len) != NULL;
    if (memchr(text, '\0', len)) {
        diag_report(in->doc, DIAG_ERROR, DIAG_E002, &mark, "a value may not hold a NUL character");
        in->failed = true;
    }
    keep_anchor(in, event->data.scalar.anchor, node);
    return node;
}

static struct config_node *read_list(struct reading *in, yaml_event_t *event, int depth)
{
    struct config_mark mark = mark_of(in, event);
    check_tag(in, (const char *)event->data.sequence_start.tag, &mark);
    struct config_node *list = config_new_list(in->doc, mark);
    yaml_event_t item;
    while (next_event(in, &item)) {
        if (item.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&item);
            keep_anchor(in, event->data.sequence_start.anchor, list);
            return list;
        }
        struct config_node *node = read_node(in, &item, depth + 1);
        yaml_event_delete(&item);
        if (!node) {
            return NULL;
        }
        config_list_add(in->doc, list, node);
    }
    return NULL;
}

static void report_duplicate(struct reading *in, const char *key, const struct config_mark *mark,
                             const struct config_entry *first)
{
    struct diag *diag =
        diag_report(in->doc, DIAG_ERROR, DIAG_E005, mark, "'%s' is given twice", key);
    diag_note(diag, "first at %s:%d:%d", first->key_mark.file, first->key_mark.line,
              first->key_mark.column);
}

/* `<<: *base` or `<<: [*a, *b]`: their keys, where the map does not have them itself. */
static void merge_keys(struct reading *in, struct config_node *map, const struct config_node *from,
                       const struct config_mark *mark)
{
    if (from->kind == CONFIG_LIST) {
        for (size_t i = 0; i < from->item_count; i++) {
            merge_keys(in, map, from->items[i], mark);
        }
        return;
    }
    if (from->kind != CONFIG_MAP) {
        diag_report(in->doc, DIAG_ERROR, DIAG_E002, mark, "'<<' takes a map, or a list of maps");
        return;
    }
    for (size_t i = 0; i < from->entry_count; i++) {
        const struct config_entry *entry = &from->entries[i];
        if (!config_find_entry(map, entry->key)) {
            config_map_add(in->doc, map, entry->key, entry->key_mark, entry->value);
        }
    }
}

struct merge {
    struct config_node *from[16];
    struct config_mark marks[16];
    size_t count;
};

static bool read_entry(struct reading *in, struct config_node *map, yaml_event_t *key_event,
                       int depth, struct merge *merges)
{
    struct config_mark mark = mark_of(in, key_event);
    if (key_event->type != YAML_SCALAR_EVENT) {
        diag_report(in->doc, DIAG_ERROR, DIAG_E002, &mark, "a key must be plain text");
        in->failed = true;
        return false;
    }
    const char *key = (const char *)key_event->data.scalar.value;
    if (strlen(key) != key_event->data.scalar.length || !*key) {
        diag_report(in->doc, DIAG_ERROR, DIAG_E002, &mark, "a key is empty");
    }
    yaml_event_t event;
    if (!next_event(in, &event)) {
        return false;
    }
    struct config_node *value = read_node(in, &event, depth + 1);
    yaml_event_delete(&event);
    if (!value) {
        return false;
    }
    if (map->entry_count == CONFIG_ENTRIES_MAX) {
        diag_report(in->doc, DIAG_ERROR, DIAG_E002, &mark, "a map has more than %d keys",
                    CONFIG_ENTRIES_MAX);
        in->failed = true;
        return false;
    }
    const struct config_entry *first = config_find_entry(map, key);
    if (first) {
        report_duplicate(in, key, &mark, first);
    } else if (!strcmp(key, "<<") && merges->count < 16) {
        merges->from[merges->count] = value;
        merges->marks[merges->count++] = mark;
    } else {
        config_map_add(in->doc, map, key, mark, value);
    }
    return true;
}

static struct config_node *read_map(struct reading *in, yaml_event_t *event, int depth)
{
    struct config_mark mark = mark_of(in, event);
    check_tag(in, (const char *)event->data.mapping_start.tag, &mark);
    struct config_node *map = config_new_map(in->doc, mark);
    struct merge merges = {.count = 0};
    yaml_event_t key;
    while (next_event(in, &key)) {
        if (key.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&key);
            for (size_t i = 0; i < merges.count; i++) {
                merge_keys(in, map, merges.from[i], &merges.marks[i]);
            }
            keep_anchor(in, event->data.mapping_start.anchor, map);
            return map;
        }
        bool ok = read_entry(in, map, &key, depth, &merges);
        yaml_event_delete(&key);
        if (!ok) {
            return NULL;
        }
    }
    return NULL;
}

static struct config_node *read_node(struct reading *in, yaml_event_t *event, int depth)
{
    struct config_mark mark = mark_of(in, event);
    if (depth > CONFIG_DEPTH_MAX) {
        diag_report(in->doc, DIAG_ERROR, DIAG_E002, &mark, "nested deeper than %d levels",
                    CONFIG_DEPTH_MAX);
        in->failed = true;
        return NULL;
    }
    if (!count_node(in, &mark)) {
        return NULL;
    }
    struct config_node *node = NULL;
    if (event->type == YAML_ALIAS_EVENT) {
        node = read_alias(in, event);
    } else if (event->type == YAML_SCALAR_EVENT) {
        node = read_scalar(in, event);
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        node = read_list(in, event, depth);
    } else {
        srt_assert(event->type == YAML_MAPPING_START_EVENT);
        node = read_map(in, event, depth);
    }
    return in->failed ? NULL : node;
}

static struct config_node *read_stream(struct reading *in)
{
    struct config_node *root = NULL;
    bool done = false;
    int documents = 0;
    yaml_event_t event;
    while (!done && next_event(in, &event)) {
        struct config_mark mark = mark_of(in, &event);
        if (event.type == YAML_STREAM_END_EVENT) {
            done = true;
        } else if (event.type == YAML_DOCUMENT_START_EVENT && ++documents > 1) {
            mark.width = 3;
            diag_help(diag_report(in->doc, DIAG_ERROR, DIAG_E002, &mark,
                                  "a second document begins in this file"),
                      "put it into a file of its own, and include that");
            in->failed = true;
        } else if (event.type != YAML_STREAM_START_EVENT &&
                   event.type != YAML_DOCUMENT_START_EVENT &&
                   event.type != YAML_DOCUMENT_END_EVENT) {
            root = read_node(in, &event, 1);
        }
        yaml_event_delete(&event);
    }
    return in->failed ? NULL : root;
}

static struct config_node *parse(struct config_doc *doc, const struct config_file *file)
{
    struct reading in = {.doc = doc, .file = file};
    if (!yaml_parser_initialize(&in.parser)) {
        diag_report(doc, DIAG_ERROR, DIAG_E002, &(struct config_mark){.file = file->name},
                    "out of memory");
        return NULL;
    }
    srt_map_init(&in.anchors);
    yaml_parser_set_input_string(&in.parser, (const unsigned char *)file->text, file->len);
    yaml_parser_set_encoding(&in.parser, YAML_UTF8_ENCODING);
    struct config_node *root = read_stream(&in);
    srt_map_fini(&in.anchors);
    yaml_parser_delete(&in.parser);
    return root;
}

struct config_node *yaml_parse(struct config_doc *doc, const struct config_file *file)
{
    size_t errors = diag_error_count(doc);
    struct config_node *root = parse(doc, file);
    if (!root && diag_error_count(doc) != errors) {
        return NULL;
    }
    if (!root || (root->kind == CONFIG_SCALAR && root->is_null)) {
        return config_new_map(doc, (struct config_mark){file->name, 1, 1, 1}); /* an empty file */
    }
    if (root->kind != CONFIG_MAP) {
        diag_help(diag_report(doc, DIAG_ERROR, DIAG_E011, &root->mark,
                              "a configuration is a map of sections, this %s",
                              config_describe(doc, root)),
                  "begin with a section such as 'pipelines:'");
        return NULL;
    }
    return root;
}

static void move_marks(struct config_node *node, const struct config_mark *mark)
{
    node->mark = *mark;
    node->has_variables = false;
    for (size_t i = 0; i < node->item_count; i++) {
        move_marks(node->items[i], mark);
    }
    for (size_t i = 0; i < node->entry_count; i++) {
        node->entries[i].key_mark = *mark;
        move_marks(node->entries[i].value, mark);
    }
}

struct config_node *yaml_parse_value(struct config_doc *doc, const struct config_mark *mark,
                                     const char *text)
{
    struct config_node *node = NULL;
    if (text[0] == '{' || text[0] == '[' || text[0] == '"' || text[0] == '\'') {
        struct config_file file = {.name = mark->file, .text = text, .len = strlen(text)};
        node = parse(doc, &file);
    } else {
        node = config_new_scalar(doc, *mark, text, strlen(text)); /* as it is: "a: b" is a text */
    }
    if (node) {
        move_marks(node, mark);
    }
    return node;
}
