/* assemble.h - from settings to something that runs: broker, topics, engine, runner.
 *
 * Owner:   lifecycle.c.
 * Thread:  main.
 * Memory:  what broker, engine and runner take.
 * Fails:   what they fail with; SRT_ECONFIG when the settings and the data directory do not fit
 * together: a source topic that exists in neither, a topic with more partitions than is declared.
 */
#ifndef SRT_APP_ASSEMBLE_H
#define SRT_APP_ASSEMBLE_H

#include "app/settings.h"
#include "base/err.h"
#include "broker/broker.h"
#include "io/loop.h"
#include "pipeline/engine.h"
#include "pipeline/runner.h"

#include <stdbool.h>

struct assemble_options {
    const struct settings *settings;
    struct io_loop *loop;
    bool until_drained;
    bool keep_open;                 /* see runner.h */
    const char *const *reset_state; /* NULL-terminated, or NULL */
    void (*on_store_fatal)(void *arg, const struct srt_err *err); /* store thread */
    void (*on_stopped)(void *arg, const char *pipeline, const struct srt_err *err);
    void (*on_idle)(void *arg);
    void *arg;
};

struct assembly {
    struct broker *broker;
    struct engine *engine;
    struct runner *runner; /* NULL when there are no pipelines */
};

/* On failure `ret` holds what was opened so far, for assemble_close. */
int assemble_open(const struct assemble_options *options, struct assembly *ret,
                  struct srt_err *err);

/* The runner must be idle, or never started. Accepts what assemble_open left half-built. */
int assemble_close(struct assembly *assembly, struct srt_err *err);

#endif
