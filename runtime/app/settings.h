/* settings.h - a configuration, typed and checked: node, topics, pipelines.
 *
 * Owner:   the caller; everything in it lives in the document it was read from.
 * Thread:  read on the main thread; constant afterwards.
 * Memory:  control plane.
 * Fails:   settings_read reports diagnostics in the document. */
#ifndef SRT_APP_SETTINGS_H
#define SRT_APP_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "broker/broker.h"
#include "config/doc.h"
#include "pipeline/compile.h"

struct settings_topic {
    const char *name;
    struct config_mark mark;
    struct topic_config config;
};

struct settings {
    const char *node_name;
    const char *data_dir; /* resolved; the flag --data-dir replaces it */
    int64_t worker_count; /* 0: one per core */
    enum store_durability durability;
    uint64_t journal_file_bytes;
    uint64_t checkpoint_bytes;
    int64_t checkpoint_interval_ms;
    struct pipeline_defaults pipeline;
    struct topic_config topic_default; /* of topics that are created without being declared */
    struct settings_topic *topics;
    size_t topic_count;
    struct graph **graphs;
    size_t graph_count;
};

struct settings_options {
    const char *const *assignments; /* --set, NULL-terminated; may be NULL */
    const char *const
        *lua_files;       /* pipelines named on the command line, NULL-terminated; may be NULL */
    const char *data_dir; /* --data-dir; may be NULL */
    const struct srt_clock *clock; /* NULL: the real one */
    /* Whether a topic is there already, so that a pipeline may read it without declaring it. May be
     * NULL. */
    bool (*topic_exists)(void *arg, const char *name);
    void *arg;
};

/* Type and check all of it, and compile the pipelines. root is what config_doc_read gave, and may
 * be NULL when there are only Lua files. False when any error was reported, then or before. */
bool settings_read(struct config_doc *doc, struct config_node *root,
                   const struct settings_options *options, struct settings *ret);

const char *settings_data_dir(const struct settings *settings);

/* Data directory, durability and the journal's sizes, over the store's defaults. */
void settings_apply_store(const struct settings *settings, struct store_options *to);

/* Every table of the configuration, pipelines' included: for the reference and for tests. */
struct settings_table {
    const char *path; /* "node", "topics.NAME", "pipelines.NAME.from", ... */
    const struct srt_option *options;
    const char *doc;
};
/* The i-th; false behind the last. */
bool settings_table_at(size_t i, struct settings_table *ret);

/* docs/reference/options.md. */
void settings_document(struct srt_buf *to);

#endif
