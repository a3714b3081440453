/* option_tables.h - the sections of a configuration above its pipelines, as tables of options.
 *
 * Owner:   settings.c reads by them.
 * Thread:  any; constant.
 * Memory:  none.
 * Fails:   never. */
#ifndef SRT_APP_OPTION_TABLES_H
#define SRT_APP_OPTION_TABLES_H

#include "base/option.h"

struct root_options {
    int64_t version;
};

struct node_options {
    char *name;
    char *data_dir;
    int64_t workers; /* 0: one per core */
    int durability;  /* 0 sync, 1 os */
    int64_t journal_file_bytes;
    int64_t checkpoint_bytes;
    int64_t checkpoint_interval_ms;
};

struct lua_section {
    struct srt_option_strings path;
    uint64_t memory_bytes;
    int64_t deadline_ms;
};

struct topic_options {
    int64_t partitions;
    int64_t retention_ms;
    int64_t retention_bytes;
    uint64_t segment_bytes;
    int64_t segment_age_ms;
    uint64_t max_record_bytes;
    int compression; /* enum compression */
    int cleanup;     /* enum topic_cleanup */
    int64_t delete_retention_ms;
};

extern const struct srt_option root_option_table[];
extern const struct srt_option node_option_table[];
extern const struct srt_option lua_section_table[];
extern const struct srt_option defaults_option_table[];
extern const struct srt_option topic_option_table[];

#endif
