/* runner.h - runs graphs: workers, tasks, exchange, commits. The one door that app/ and tests use.
 *
 * Owner:   app/ (or a test).
 * Thread:  create, add, start, stop, destroy and the callbacks on the main thread (its loop is
 *          given); everything else inside.
 * Memory:  per pipeline bounded by commit_bytes twice (one epoch filling, one in flight), the
 *          rings, the Lua states.
 * Fails:   runner_add: what opening sources, sinks and scripts can fail with. A running pipeline
 *          that cannot go on stops alone, says why (on_stopped), and leaves the others running. */
#ifndef SRT_PIPELINE_RUNNER_H
#define SRT_PIPELINE_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"
#include "pipeline/connector.h"
#include "pipeline/engine.h"
#include "pipeline/graph.h"

struct runner;

struct runner_options {
    struct io_loop *loop; /* the main thread's */
    struct engine *engine;
    const struct connectors *connectors;
    const struct srt_clock *clock;
    const struct io_fs *fs;
    uint32_t worker_count; /* of each pipeline, at most; 0: one per core */
    bool until_drained;
    bool keep_open; /* with until_drained: windows that are open then stay so */
    const char *const *reset_state; /* "PIPELINE.STAGE", NULL-terminated; NULL: none */
    size_t read_bytes;           /* asked of a source at a time; 0: 256 KiB */
    uint32_t exchange_slots;     /* of each ring between two tasks; 0: 16 */
    size_t exchange_chunk_bytes; /* handed over at once; 0: 32 KiB */
    uint64_t seed;               /* sticky partitioner, sample, back-off jitter, math.random */
    /* All pipelines have ended (drained, stopped, or failed). Main thread. */
    void (*on_idle)(void *arg);
    /* One has ended; err->code SRT_OK when drained or asked to. */
    void (*on_stopped)(void *arg, const char *pipeline, const struct srt_err *err);
    void *arg;
};

int runner_create(const struct runner_options *options, struct runner **ret, struct srt_err *err);

/* All graphs before start. The graph must outlive the runner. */
int runner_add(struct runner *runner, const struct graph *graph, struct srt_err *err);
int runner_start(struct runner *runner, struct srt_err *err);

/* Stop reading, finish what was read, commit, end: on_idle comes when done. */
void runner_stop(struct runner *runner);
/* End without committing what is in flight (it will be done again at the next start). */
void runner_abort(struct runner *runner);
void runner_destroy(struct runner *runner); /* after on_idle; accepts NULL */

struct runner_counters {
    uint64_t in; /* records read from sources */
    /* records written to targets (topics, files, stdout), dead letters not counted */
    uint64_t out;
    /* by filter, reject, sample, throttle, an empty flat_map, no branch arm, skip */
    uint64_t dropped;
    uint64_t late;
    uint64_t retried; /* tries after the first */
    uint64_t dead;
};
/* What was committed so far. Main thread. False when there is no such pipeline. */
bool runner_get_counters(const struct runner *runner, const char *pipeline,
                         struct runner_counters *ret);

/* Why a pipeline makes no progress: "waiting for input", "sink 'out.jsonl' takes no bytes", "record
 * in back-off at stage 'x'", ... Main thread. */
const char *runner_explain(const struct runner *runner, const char *pipeline);

#endif
