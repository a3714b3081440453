/* step_options.h - what the options of steps are read into, before they become a stage.
 *
 * Owner:   the reader's stack.
 * Thread:  one at a time.
 * Memory:  strings are the document's.
 * Fails:   never. */
#ifndef SRT_PIPELINE_STEP_OPTIONS_H
#define SRT_PIPELINE_STEP_OPTIONS_H

struct step_options {
    char *rate;
    double ratio; /* -1: not given */
    char *label;
    char *topic;
    char *path;
    int codec; /* -1: not given */
};

#endif
