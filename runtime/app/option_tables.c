#include "app/option_tables.h"

#include <string.h>

#include "app/settings.h"
#include "base/limits.h"
#include "broker/topic.h"
#include "record/compress.h"

static const char *const durability_names[] = {"sync", "os", NULL};
static const char *const auto_word[] = {"auto", NULL};

#define LATER(key)                                                                                 \
    {                                                                                              \
        .name = key, .type = SRT_OPTION_SECTION, .doc = "Planned.", .since = "later"               \
    }

const struct srt_option root_option_table[] = {
    {.name = "version",
     .type = SRT_OPTION_INT,
     .offset = offsetof(struct root_options, version),
     .fallback = "1",
     .min = 1,
     .max = INT32_MAX,
     .doc = "The version of this format."},
    {.name = "node", .type = SRT_OPTION_SECTION, .doc = "This process."},
    {.name = "lua", .type = SRT_OPTION_SECTION, .doc = "The Lua states of all pipelines."},
    {.name = "defaults",
     .type = SRT_OPTION_SECTION,
     .doc = "What topics and pipelines begin with."},
    {.name = "topics",
     .type = SRT_OPTION_SECTION,
     .doc = "Topics by name, made when they are missing."},
    {.name = "pipelines", .type = SRT_OPTION_SECTION, .doc = "Pipelines by name."},
    {.name = "include",
     .type = SRT_OPTION_SECTION,
     .doc =
         "Files, or patterns of files, relative to this one; their sections are merged by name."},
    LATER("listen"),
    LATER("auth"),
    LATER("secrets"),
    LATER("queues"),
    LATER("clusters"),
    LATER("tests"),
    SRT_OPTION_END,
};

const struct srt_option node_option_table[] = {
    {.name = "name",
     .type = SRT_OPTION_STRING,
     .offset = offsetof(struct node_options, name),
     .doc = "What this process is called in logs; the host's name without it."},
    {.name = "data_dir",
     .type = SRT_OPTION_STRING,
     .offset = offsetof(struct node_options, data_dir),
     .fallback = "./data",
     .doc = "Where everything durable is, relative to this file."},
    {.name = "workers",
     .type = SRT_OPTION_INT,
     .offset = offsetof(struct node_options, workers),
     .fallback = "auto",
     .min = 1,
     .max = SRT_WORKERS_MAX,
     .names = auto_word,
     .doc = "Threads that run each pipeline, at most; auto is one per core."},
    {.name = "durability",
     .type = SRT_OPTION_ENUM,
     .offset = offsetof(struct node_options, durability),
     .fallback = "sync",
     .names = durability_names,
     .doc =
         "sync: acknowledged after fdatasync, survives a power cut. os: acknowledged when written, "
         "survives kill -9 but not a power cut."},
    {.name = "journal_file_bytes",
     .type = SRT_OPTION_SIZE,
     .offset = offsetof(struct node_options, journal_file_bytes),
     .fallback = "64MiB",
     .min = 64 << 10,
     .max = 2LL << 30,
     .doc = "The size of a file of the journal. A commit is at most three quarters of it."},
    {.name = "checkpoint_bytes",
     .type = SRT_OPTION_SIZE,
     .offset = offsetof(struct node_options, checkpoint_bytes),
     .fallback = "64MiB",
     .min = 4 << 10,
     .max = 64LL << 30,
     .doc = "So much in the journal asks for a checkpoint: what a start after a crash reads."},
    {.name = "checkpoint_interval",
     .type = SRT_OPTION_DURATION,
     .offset = offsetof(struct node_options, checkpoint_interval_ms),
     .fallback = "60s",
     .min = 1,
     .max = 24 * 3600000,
     .doc = "After this time there is a checkpoint when anything was written."},
    LATER("memory"),
    SRT_OPTION_END,
};

const struct srt_option lua_section_table[] = {
    {.name = "path",
     .type = SRT_OPTION_STRINGS,
     .offset = offsetof(struct lua_section, path),
     .fallback = "pipelines",
     .doc = "Folders where require and `use:` look for modules, relative to this file. Behind them "
            "always "
            "comes the folder of the file that has the pipeline, then the built-in library."},
    {.name = "memory",
     .type = SRT_OPTION_SIZE,
     .offset = offsetof(struct lua_section, memory_bytes),
     .fallback = "64MiB",
     .min = 1 << 20,
     .max = 16LL << 30,
     .doc = "The most that one Lua state may use; each worker of a pipeline has one."},
    {.name = "deadline",
     .type = SRT_OPTION_DURATION,
     .offset = offsetof(struct lua_section, deadline_ms),
     .fallback = "100ms",
     .min = 1,
     .max = 3600000,
     .doc = "The processor time that one call of a function may take; a script cannot catch it."},
    SRT_OPTION_END,
};

const struct srt_option defaults_option_table[] = {
    {.name = "topic",
     .type = SRT_OPTION_SECTION,
     .doc = "Options of topics that do not say otherwise, and of those that are made by being "
            "written to."},
    {.name = "on_error",
     .type = SRT_OPTION_SECTION,
     .doc = "What pipelines do when a step fails and they do not say otherwise."},
    LATER("codec"),
    LATER("pipeline"),
    LATER("queue"),
    LATER("idle"),
    SRT_OPTION_END,
};

const struct srt_option topic_option_table[] = {
    {.name = "partitions",
     .type = SRT_OPTION_INT,
     .offset = offsetof(struct topic_options, partitions),
     .fallback = "3",
     .min = 1,
     .max = SRT_TOPIC_PARTITIONS_MAX,
     .doc = "How many parts can be read side by side. Can be raised later, not lowered."},
    {.name = "retention",
     .type = SRT_OPTION_DURATION,
     .offset = offsetof(struct topic_options, retention_ms),
     .fallback = "7d",
     .min = -1,
     .max = INT64_MAX,
     .doc = "How long records are kept, or forever."},
    {.name = "retention_bytes",
     .type = SRT_OPTION_SIZE,
     .offset = offsetof(struct topic_options, retention_bytes),
     .fallback = "unlimited",
     .min = -1,
     .max = INT64_MAX,
     .doc = "How much of a partition is kept, or unlimited."},
    {.name = "segment_bytes",
     .type = SRT_OPTION_SIZE,
     .offset = offsetof(struct topic_options, segment_bytes),
     .fallback = "128MiB",
     .min = 1024,
     .max = 1 << 30,
     .doc = "The size at which a new file is begun."},
    {.name = "segment_age",
     .type = SRT_OPTION_DURATION,
     .offset = offsetof(struct topic_options, segment_age_ms),
     .fallback = "7d",
     .min = 1,
     .max = INT64_MAX,
     .doc = "The age at which a new file is begun."},
    {.name = "max_record_bytes",
     .type = SRT_OPTION_SIZE,
     .offset = offsetof(struct topic_options, max_record_bytes),
     .fallback = "1MiB",
     .min = 1,
     .max = 64 << 20,
     .doc = "The largest record: key, value and headers together."},
    {.name = "compression",
     .type = SRT_OPTION_ENUM,
     .offset = offsetof(struct topic_options, compression),
     .fallback = "none",
     .names = compress_names,
     .doc = "What batches made here are compressed with, when it makes them smaller. Can be "
            "changed at any time: what is written already stays as it is."},
    {.name = "cleanup",
     .type = SRT_OPTION_ENUM,
     .offset = offsetof(struct topic_options, cleanup),
     .fallback = "delete",
     .names = topic_cleanup_names,
     .doc = "With delete old records go, by time and size. With compact the last record of each "
            "key stays, and a record needs a key. 'compact,delete' does both: keys that are not "
            "written to go, too."},
    {.name = "delete_retention",
     .type = SRT_OPTION_DURATION,
     .offset = offsetof(struct topic_options, delete_retention_ms),
     .fallback = "1d",
     .min = 0,
     .max = 3650LL * 24 * 3600000,
     .doc = "When compacted: how long a record without a value, which deletes its key, stays for "
            "those who read from the start."},
    LATER("replication"),
    SRT_OPTION_END,
};

static const struct settings_table own_tables[] = {
    {"", root_option_table, "The sections."},
    {"node", node_option_table, "This process."},
    {"lua", lua_section_table, "The Lua states of all pipelines."},
    {"defaults", defaults_option_table, "What topics and pipelines begin with."},
    {"topics.NAME", topic_option_table, "One topic. `defaults.topic` takes the same options."},
};

enum { OWN_COUNT = sizeof(own_tables) / sizeof(own_tables[0]) };

bool settings_table_at(size_t i, struct settings_table *ret)
{
    if (i < OWN_COUNT) {
        *ret = own_tables[i];
        return true;
    }
    const struct graph_option_table *table = &graph_option_tables[i - OWN_COUNT];
    *ret = (struct settings_table){table->path, table->options, table->doc};
    return table->path != NULL;
}

/* --- the reference --- */

static const char *type_text(const struct srt_option *option)
{
    switch (option->type) {
    case SRT_OPTION_BOOL:
        return "true or false";
    case SRT_OPTION_INT:
        return option->names ? "auto or a number" : "number";
    case SRT_OPTION_COUNT:
        return "count";
    case SRT_OPTION_DURATION:
        return option->min == -1 ? "duration or forever" : "duration";
    case SRT_OPTION_SIZE:
        return option->min == -1 ? "size or unlimited" : "size";
    case SRT_OPTION_DOUBLE:
        return "number";
    case SRT_OPTION_STRING:
        return "text";
    case SRT_OPTION_ENUM:
        return NULL; /* its names */
    case SRT_OPTION_STRINGS:
        return "list of texts";
    case SRT_OPTION_RANGE:
        return "range of durations";
    case SRT_OPTION_SECTION:
        return "see below";
    }
    return "";
}

static void document_option(const struct srt_option *option, struct srt_buf *to)
{
    srt_buf_printf(to, "| `%s` | ", option->name);
    const char *type = type_text(option);
    if (type) {
        srt_buf_put_str(to, type);
    }
    for (int i = 0; !type && option->names[i]; i++) {
        srt_buf_printf(to, "%s%s", i ? ", " : "", option->names[i]);
    }
    srt_buf_printf(to, " | %s%s%s | %s |\n", option->fallback ? "`" : "",
                   option->fallback ? option->fallback : "", option->fallback ? "`" : "",
                   option->doc);
}

static void document_later(const struct settings_table *table, struct srt_buf *to)
{
    bool first = true;
    for (const struct srt_option *option = table->options; option->name; option++) {
        if (option->since) {
            srt_buf_printf(to, "%s`%s`", first ? "\nNot in this version (E090): " : ", ",
                           option->name);
            first = false;
        }
    }
    srt_buf_put_str(to, first ? "" : ".\n");
}

void settings_document(struct srt_buf *to)
{
    srt_buf_put_str(
        to,
        "# Options\n\n"
        "Generated from the tables in runtime/app/option_tables.c and runtime/pipeline/; a test "
        "holds "
        "both together. config/streamrt.yaml shows each option in its place. The steps of a "
        "pipeline "
        "are in operators.md.\n\n"
        "Durations are written `500ms 30s 1h30m 7d`, sizes `64KiB 10MB 2GiB`, ranges `100ms..10s`, "
        "counts `100 10k 2M`. Keys that begin with `x-` are ignored everywhere.\n");
    struct settings_table table;
    for (size_t i = 0; settings_table_at(i, &table); i++) {
        srt_buf_printf(to, "\n## %s\n\n%s\n\n", *table.path ? table.path : "The whole", table.doc);
        srt_buf_put_str(to, "| Option | Takes | Default | What it does |\n|---|---|---|---|\n");
        for (const struct srt_option *option = table.options; option->name; option++) {
            if (!option->since) {
                document_option(option, to);
            }
        }
        document_later(&table, to);
    }
}
