/* step_options.h - what the options of steps are read into, before they become a stage.
 *
 * Owner:   the reader's stack.
 * Thread:  one at a time.
 * Memory:  strings are the document's.
 * Fails:   never. */
#ifndef SRT_PIPELINE_STEP_OPTIONS_H
#define SRT_PIPELINE_STEP_OPTIONS_H

#include "base/option.h"

/* The longest that anything in a pipeline may be told to wait or to last: ten years. */
#define STEP_LONGEST_MS 315360000000LL

struct step_options {
    char *rate;
    double ratio; /* -1: not given */
    char *label;
    char *topic;
    char *path;
    int codec;  /* -1: not given */
    char *name; /* of a field */
    int64_t within_ms;
    int64_t grace_ms;
    int64_t ttl_ms;
    int how;
};

/* The options of steps that keep state, in the files that read them. */
extern const struct srt_option compile_window_options[];
extern const struct srt_option compile_dedupe_options[];
extern const struct srt_option compile_process_options[];
extern const struct srt_option compile_join_options[];

#endif
