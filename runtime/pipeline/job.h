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

/* A task's part in what happens when no source has input: each writes its own, all read. */
struct job_time {
    _Atomic bool active;       /* some partition is not idle */
    _Atomic int64_t most_ms;   /* the highest watermark of its partitions */
    _Atomic bool tables_loaded; /* it has read all there was of its partitions of tables */
    _Atomic int64_t silent_ns; /* since when none of them has input, on the job's clock */
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
    struct job_topic *globals; /* topics that every task reads whole */
    uint32_t global_count;
    bool has_tables; /* the other sides of joins, which are read before any stream */
    uint32_t *stage_sinks; /* per stage: which sink it writes to, JOB_NO_SINK for none */
    uint32_t sink_count;
    bool timed;    /* some stage goes by event time */
    bool stateful; /* some stage keeps state, which is in the topic `changelog` */
    struct engine_topic changelog;
    uint32_t *table_ids; /* per stage that keeps state, from the manifest */
    size_t state_bytes_max; /* of one task */
    bool until_drained;     /* there will be an end of input: input_final */
    bool keep_open;         /* the end of input closes no windows */
    struct job_time *times; /* per task; NULL when not timed */
    _Atomic int64_t reached_ms; /* how far event time has come at any stage; tasks raise it */
    _Atomic int64_t closed_ms;  /* what the end of input closed; tasks raise it */
    struct exchange *exchange; /* NULL when nothing is exchanged */
    void (*notify)(void *arg); /* a task has a note for the controller; any thread */
    void *notify_arg;
    _Atomic bool input_final; /* controller -> tasks: what is there now is all there will be */
};

#endif
