/* source_options.h - what the options of `from:` are read into, before they become a source_spec.
 *
 * Owner:   the reader's stack.
 * Thread:  one at a time.
 * Memory:  strings are the document's.
 * Fails:   never. */
#ifndef SRT_PIPELINE_SOURCE_OPTIONS_H
#define SRT_PIPELINE_SOURCE_OPTIONS_H

#include <stdbool.h>

#include "base/option.h"

struct source_options {
    char *topic;
    struct srt_option_strings merge;
    char *file;
    int codec;
    char *start;
    bool follow;
    uint64_t max_record_bytes;
    double rate;
    int64_t count; /* -1: endless */
    int64_t seed;
    int64_t out_of_order_ms;
    int64_t idle_ms;
    int64_t max_ahead_ms; /* -1: none */
};

extern const struct srt_option source_option_table[];

#endif
