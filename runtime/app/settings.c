#include "app/settings.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/option_tables.h"
#include "base/assert.h"
#include "base/limits.h"
#include "record/topic_id.h"

/* What is being read. */
struct reading {
    struct config_doc *doc;
    struct config_node *root;
    const struct settings_options *options;
    struct settings *to;
    bool ok;
};

#define reading_error(in, code, mark, ...)                                                         \
    ((in)->ok = false, diag_report((in)->doc, DIAG_ERROR, (code), (mark), __VA_ARGS__))

static void read_table(struct reading *in, const char *section, const struct srt_option *options,
                       void *object)
{
    char what[64];
    snprintf(what, sizeof(what), "'%s'", section);
    const struct config_node *map = in->root ? config_find(in->root, section) : NULL;
    in->ok &= config_read_options(in->doc, map, options, NULL, object, what);
}

static bool is_nothing(const struct config_node *node)
{
    return !node || (node->kind == CONFIG_SCALAR && node->is_null);
}

/* A section that is a map of names; NULL when there is nothing in it. */
static struct config_node *named_section(struct reading *in, const char *section)
{
    struct config_node *map = in->root ? config_find(in->root, section) : NULL;
    if (is_nothing(map)) {
        return NULL;
    }
    if (map->kind != CONFIG_MAP) {
        diag_help(reading_error(in, DIAG_E011, &map->mark, "'%s' %s; it takes a map of names",
                                section, config_describe(in->doc, map)),
                  "begin each line with a name, not with a dash");
        return NULL;
    }
    return map;
}

/* --- sections --- */

static void read_version(struct reading *in, int64_t version)
{
    if (version != 1 && in->ok) {
        const struct config_node *node = config_find(in->root, "version");
        diag_help(
            reading_error(in, DIAG_E011, &node->mark, "version %" PRId64 " is not known", version),
            "this streamrt reads version 1");
    }
}

static void read_node(struct reading *in)
{
    struct node_options node = {0};
    read_table(in, "node", node_option_table, &node);
    const struct config_node *map = in->root ? config_find(in->root, "node") : NULL;
    const struct config_node *dir = map ? config_find(map, "data_dir") : NULL;
    const struct config_mark *mark = dir ? &dir->mark : in->root ? &in->root->mark : NULL;
    struct settings *to = in->to;
    to->node_name = node.name;
    if (!to->node_name) {
        char host[HOST_NAME_MAX + 1] = "streamrt";
        (void)gethostname(host, sizeof(host) - 1); /* the fallback is as good */
        to->node_name = config_strdup(in->doc, host);
    }
    to->data_dir = in->options->data_dir ? in->options->data_dir
                   : node.data_dir       ? config_resolve_path(in->doc, mark, node.data_dir)
                                         : NULL;
    if (node.data_dir && !*node.data_dir) {
        reading_error(in, DIAG_E011, mark, "'data_dir' is empty");
    }
    to->worker_count = node.workers;
    to->durability = node.durability == 0 ? STORE_DURABILITY_SYNC : STORE_DURABILITY_OS;
    to->journal_file_bytes = (uint64_t)node.journal_file_bytes / 8 * 8; /* frames stand at 8 */
    to->checkpoint_bytes = (uint64_t)node.checkpoint_bytes;
    to->checkpoint_interval_ms = node.checkpoint_interval_ms;
}

static void read_lua(struct reading *in)
{
    struct lua_section lua = {0};
    read_table(in, "lua", lua_section_table, &lua);
    const struct config_node *map = in->root ? config_find(in->root, "lua") : NULL;
    const struct config_node *path = map ? config_find(map, "path") : NULL;
    const char **paths = config_alloc(in->doc, (lua.path.count + 1) * sizeof(*paths));
    for (size_t i = 0; i < lua.path.count; i++) {
        const struct config_mark *mark = path && path->kind == CONFIG_LIST ? &path->items[i]->mark
                                         : path                            ? &path->mark
                                         : in->root                        ? &in->root->mark
                                                                           : NULL;
        paths[i] = config_resolve_path(in->doc, mark, lua.path.items[i]);
    }
    in->to->pipeline.lua_paths = paths;
    in->to->pipeline.lua_memory_bytes = lua.memory_bytes;
    in->to->pipeline.lua_deadline_ms = lua.deadline_ms;
}

static void topic_from_options(const struct topic_options *o, struct topic_config *to)
{
    *to = (struct topic_config){
        .partition_count = (int32_t)o->partitions,
        .retention_ms = o->retention_ms,
        .retention_bytes = o->retention_bytes,
        .segment_bytes = o->segment_bytes,
        .segment_ms = o->segment_age_ms,
        .max_record_bytes = o->max_record_bytes,
        .compression = (enum compression)o->compression,
        .cleanup = (enum topic_cleanup)o->cleanup,
        .delete_retention_ms = o->delete_retention_ms,
    };
}

static void read_defaults(struct reading *in, struct topic_options *ret_topic)
{
    const struct config_node *defaults = in->root ? config_find(in->root, "defaults") : NULL;
    struct nothing {
        int unused;
    } none;
    read_table(in, "defaults", defaults_option_table, &none);
    const struct config_node *topic = defaults ? config_find(defaults, "topic") : NULL;
    in->ok &= config_read_options(in->doc, topic, topic_option_table, NULL, ret_topic,
                                  "'defaults.topic'");
    topic_from_options(ret_topic, &in->to->topic_default);
    const struct config_entry *on_error = defaults ? config_find_entry(defaults, "on_error") : NULL;
    if (on_error) {
        in->ok &= graph_read_on_error(in->doc, on_error, &in->to->pipeline.on_error);
    }
}

static void check_topic_name(struct reading *in, const struct config_entry *entry)
{
    if (!topic_name_valid(entry->key)) {
        diag_help(reading_error(in, DIAG_E021, &entry->key_mark,
                                "'%.60s' is not a valid name of a topic", entry->key),
                  "1 to %d of a-z A-Z 0-9 . _ -", SRT_TOPIC_NAME_MAX);
    } else if (topic_name_reserved(entry->key)) {
        diag_help(reading_error(in, DIAG_E021, &entry->key_mark, "'%s' is reserved", entry->key),
                  "names that begin with __streamrt are streamrt's own");
    }
}

static void read_topics(struct reading *in, const struct topic_options *defaults)
{
    const struct config_node *map = named_section(in, "topics");
    size_t count = map ? map->entry_count : 0;
    in->to->topics = config_alloc(in->doc, (count + 1) * sizeof(*in->to->topics));
    for (size_t i = 0; i < count; i++) {
        const struct config_entry *entry = &map->entries[i];
        if (!strncmp(entry->key, "x-", 2)) {
            continue;
        }
        check_topic_name(in, entry);
        char what[300];
        snprintf(what, sizeof(what), "topic '%.249s'", entry->key);
        struct topic_options o = *defaults;
        in->ok &=
            config_override_options(in->doc, entry->value, topic_option_table, NULL, &o, what);
        struct settings_topic *topic = &in->to->topics[in->to->topic_count++];
        topic->name = entry->key;
        topic->mark = entry->key_mark;
        topic_from_options(&o, &topic->config);
    }
}

/* --- pipelines --- */

static void add_graph(struct reading *in, struct graph *graph)
{
    if (!graph) {
        in->ok = false;
        return;
    }
    for (size_t i = 0; i < in->to->graph_count; i++) {
        const struct graph *other = in->to->graphs[i];
        if (!strcmp(other->name, graph->name)) {
            struct diag *diag = reading_error(in, DIAG_E005, &graph->mark,
                                              "two pipelines are named '%s'", graph->name);
            diag_note(diag, "the other at %s:%d", other->mark.file, other->mark.line);
        }
    }
    in->to->graphs[in->to->graph_count++] = graph;
}

static void read_pipelines(struct reading *in)
{
    const struct config_node *map = named_section(in, "pipelines");
    size_t yaml_count = map ? map->entry_count : 0;
    size_t lua_count = 0;
    while (in->options->lua_files && in->options->lua_files[lua_count]) {
        lua_count++;
    }
    in->to->graphs = config_alloc(in->doc, (yaml_count + lua_count + 1) * sizeof(*in->to->graphs));
    const struct srt_clock *clock = in->options->clock ? in->options->clock : srt_clock_real();
    for (size_t i = 0; i < yaml_count; i++) {
        if (strncmp(map->entries[i].key, "x-", 2) != 0) {
            add_graph(in, graph_compile(in->doc, &map->entries[i], &in->to->pipeline, clock));
        }
    }
    for (size_t i = 0; i < lua_count; i++) {
        add_graph(in,
                  graph_compile_lua(in->doc, in->options->lua_files[i], &in->to->pipeline, clock));
    }
}

/* --- what several pipelines must agree on --- */

struct topic_search {
    struct reading *in;
    const char *name;
    bool found;
};

static void compare_target(void *arg, const char *topic, const struct config_mark *mark)
{
    struct topic_search *search = arg;
    (void)mark;
    search->found |= !strcmp(topic, search->name);
}

/* Every topic that a source may name: for "did you mean". */
static const char *const *known_topics(struct reading *in)
{
    const char **names = config_alloc(in->doc, (in->to->topic_count + 1) * sizeof(*names));
    for (size_t i = 0; i < in->to->topic_count; i++) {
        names[i] = in->to->topics[i].name;
    }
    return names;
}

static void check_source_topic(void *arg, const char *topic, const struct config_mark *mark)
{
    struct reading *in = arg;
    struct topic_search search = {in, topic, false};
    for (size_t i = 0; i < in->to->topic_count; i++) {
        search.found |= !strcmp(in->to->topics[i].name, topic);
    }
    for (size_t i = 0; i < in->to->graph_count && !search.found; i++) {
        graph_each_target_topic(in->to->graphs[i], compare_target, &search);
    }
    if (search.found ||
        (in->options->topic_exists && in->options->topic_exists(in->options->arg, topic))) {
        return;
    }
    const char *near = diag_nearest(topic, known_topics(in));
    struct diag *diag = reading_error(in, DIAG_E020, mark, "there is no topic '%s' to read", topic);
    if (near) {
        diag_help(diag, "did you mean '%s'?", near);
    } else {
        diag_help(diag, "declare it: topics: { %s: {} }", topic);
    }
    diag_note(diag, "a source must be declared, written by a pipeline, or be there already");
}

static void check_shared_file(struct reading *in, const struct graph *graph,
                              const struct stage *stage)
{
    for (size_t i = 0; i < in->to->graph_count; i++) {
        const struct graph *other = in->to->graphs[i];
        for (uint32_t j = 0; j < other->stage_count && other != graph; j++) {
            const struct stage *writer = &other->stages[j];
            bool later = i > 0 && graph == in->to->graphs[0];
            if (writer->kind == STAGE_TO_FILE && !strcmp(writer->path, stage->path) && !later) {
                struct diag *diag = reading_error(in, DIAG_E015, &stage->mark,
                                                  "two pipelines write the file '%s'", stage->path);
                diag_help(diag, "give each its own");
                diag_note(diag, "the other is '%s', at %s:%d:%d", other->name, writer->mark.file,
                          writer->mark.line, writer->mark.column);
                return;
            }
        }
        if (other == graph) {
            return; /* each pair once, at its second */
        }
    }
}

static void check_shared(struct reading *in)
{
    const struct graph *reads_stdin = NULL;
    for (size_t i = 0; i < in->to->graph_count; i++) {
        const struct graph *graph = in->to->graphs[i];
        for (uint32_t j = 0; j < graph->stage_count; j++) {
            const struct stage *stage = &graph->stages[j];
            if (stage->kind == STAGE_TO_FILE) {
                check_shared_file(in, graph, stage);
            }
            if (!stage->source || stage->source->kind != SOURCE_STDIN) {
                continue;
            }
            if (reads_stdin) {
                diag_help(
                    reading_error(in, DIAG_E015, &stage->mark, "two pipelines read standard input"),
                    "the other is '%s'", reads_stdin->name);
            }
            reads_stdin = graph;
        }
        graph_each_source_topic(graph, check_source_topic, in);
    }
}

bool settings_read(struct config_doc *doc, struct config_node *root,
                   const struct settings_options *options, struct settings *ret)
{
    struct reading in = {
        .doc = doc, .root = root, .options = options, .to = ret, .ok = diag_error_count(doc) == 0};
    *ret = (struct settings){.node_name = NULL};
    pipeline_defaults_init(&ret->pipeline);
    if (!root) { /* nothing could be read, or there are only Lua files */
        struct config_mark mark = {.file = NULL};
        in.root = config_new_map(doc, mark);
    }
    for (size_t i = 0; options->assignments && options->assignments[i]; i++) {
        in.ok &= config_doc_set(doc, in.root, options->assignments[i]);
    }
    in.ok &= config_doc_resolve(doc, in.root);
    struct root_options top = {0};
    in.ok &= config_read_options(doc, in.root, root_option_table, NULL, &top, "the configuration");
    read_version(&in, top.version);
    read_node(&in);
    read_lua(&in);
    struct topic_options topic_defaults = {0};
    read_defaults(&in, &topic_defaults);
    read_topics(&in, &topic_defaults);
    read_pipelines(&in);
    if (in.ok) { /* with a pipeline missing, its topics would be called unknown */
        check_shared(&in);
    }
    return in.ok;
}

const char *settings_data_dir(const struct settings *settings)
{
    return settings->data_dir;
}

void settings_apply_store(const struct settings *settings, struct store_options *to)
{
    to->data_dir = settings->data_dir;
    to->durability = settings->durability;
    to->journal_file_bytes = settings->journal_file_bytes;
    to->checkpoint_bytes = settings->checkpoint_bytes;
    to->checkpoint_interval_ms = settings->checkpoint_interval_ms;
}
