/* job.h - what the tasks of one running pipeline share: nothing in it changes while they run.
 *
 * Owner:   the pipeline's controller.
 * Thread:  constant from start to end, read from any; the atomic cells say who writes them.
 * Memory:  control plane.
 * Fails:   never. */
#ifndef SRT_PIPELINE_JOB_H
#define SRT_PIPELINE_JOB_H

#include <stdint.h>

#include "base/atomic.h"
#include "pipeline/connector.h"
#include "pipeline/engine.h"
#include "pipeline/exchange.h"
#include "pipeline/graph.h"

enum { JOB_NO_SINK = UINT32_MAX };

/* A topic that a pipeline reads. */
struct job_topic {
    const char *name;
    uint32_t stage;
    struct engine_topic topic;
};

struct job {
    const struct graph *graph;
    struct engine *engine;
    const struct connectors *connectors;
    const struct srt_clock *clock;
    const struct io_fs *fs;
    uint64_t seed;
    uint32_t task_count;
    size_t read_bytes; /* how much a source is asked for at a time */
    /* output that a task holds before it asks for a commit and stops reading */
    size_t buffer_bytes;
    size_t record_bytes_max; /* output of one source record: it cannot be cut in two commits */
    char **source_names; /* per stage: the position name of a connector source, else NULL */
    struct job_topic *topics;
    uint32_t topic_count;
    uint32_t *stage_sinks; /* per stage: which sink it writes to, JOB_NO_SINK for none */
    uint32_t sink_count;
    struct exchange *exchange; /* NULL when nothing is exchanged */
    void (*notify)(void *arg); /* a task has a note for the controller; any thread */
    void *notify_arg;
    _Atomic bool input_final; /* controller -> tasks: what is there now is all there will be */
};

#endif
