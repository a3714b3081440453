/* step_options.h - what the options of steps are read into, before they become a stage.
 *
 * Owner:   the reader's stack.
 * Thread:  one at a time.
 * Memory:  strings are the document's.
 * Fails:   never. */
#ifndef SRT_PIPELINE_STEP_OPTIONS_H
#define SRT_PIPELINE_STEP_OPTIONS_H

#include <stdint.h>

struct step_options {
    char *rate;
    double ratio; /* -1: not given */
    char *label;
    char *topic;
    char *path;
    /* window: -1: not given */
    int64_t tumbling_ms;
    int64_t hopping_ms;
    int64_t every_ms;
    int64_t sliding_ms;
    int64_t session_ms;
    int64_t window_count;
    int64_t grace_ms;
    int emit;
    char *late;
    int codec; /* -1: not given */
};

#endif
