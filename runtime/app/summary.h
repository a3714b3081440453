/* summary.h - the last line of a clean end: what every pipeline counted.
 *
 * Owner:   lifecycle.c.
 * Thread:  main.
 * Memory:  one buffer.
 * Fails:   never.
 *
 *     summary {"pipelines":{"P":{"in":4,"out":2,"dropped":2,"late":0,"retried":0,"dead":0}}} */
#ifndef SRT_APP_SUMMARY_H
#define SRT_APP_SUMMARY_H

#include "base/buf.h"
#include "pipeline/runner.h"

struct summary {
    struct srt_buf json; /* the pipelines so far */
};

void summary_init(struct summary *summary);
void summary_fini(struct summary *summary);
void summary_add(struct summary *summary, const char *pipeline,
                 const struct runner_counters *counters);

/* The whole line, without a newline; borrowed. Once. */
const char *summary_line(struct summary *summary);

#endif
