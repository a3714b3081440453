/* connector.h - sources and sinks that are not topics, as tables of functions: implemented in
 * connect/, registered by app/, used by the runner.
 *
 * Owner:   a task owns its source, the pipeline's controller its sinks.
 * Thread:  a source on its worker; a sink's write, sync and close on the sink thread.
 * Memory:  a source's records borrow its buffer until the next poll; bounded by max_bytes and the
 *          longest record.
 * Fails:   SRT_ENOENT, SRT_EDENIED, SRT_EIO: the runner says so and tries again, or ends the
 *          pipeline when nothing was ever read; SRT_ETOOBIG is a record error: that record is
 *          dead-lettered. */
#ifndef SRT_PIPELINE_CONNECTOR_H
#define SRT_PIPELINE_CONNECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "io/fs.h"
#include "io/loop.h"
#include "pipeline/graph.h"
#include "record/record.h"

/* --- sources --- */

struct source; /* each implementation's own struct begins with this */

struct source_context {
    const struct source_spec *spec;
    struct io_loop *loop; /* the worker's: for timers and readable handles */
    const struct srt_clock *clock;
    const struct io_fs *fs;
    void (*wake)(void *arg); /* call on the worker when a poll is worth while again */
    void *wake_arg;
    struct script *script; /* GENERATE: the task's state, and its bound function */
    const struct script_fn *generate;
};

struct source_batch {
    struct record *records; /* record.offset: the position before it (a file: its byte) */
    uint32_t count;
    int64_t next_offset; /* the position behind the last */
    /* Records that are wrong in themselves (a line beyond max_record_bytes): index into records,
     * and why. */
    int64_t bad_index; /* -1: none */
    struct srt_err bad;
};

struct source_ops {
    enum source_kind kind;
    /* The name of its position: "file:/var/log/x". srt_xalloc'ed. NULL: it cannot go on where it
     * was (standard input), and its offsets only count. */
    char *(*position_name)(const struct source_spec *spec);
    /* Go on at a committed position (offset, detail), or from the beginning when at is NULL. */
    int (*open)(const struct source_context *context, const int64_t *at, const uint8_t *detail,
                uint32_t detail_len, struct source **ret, struct srt_err *err);
    /* SRT_OK with count 0: nothing now, wake will come. SRT_EEND: nothing ever again. */
    int (*poll)(struct source *source, size_t max_bytes, struct source_batch *ret,
                struct srt_err *err);
    /* What must be stored beside the offset to know the place again (a file's identity). Borrowed.
     * It belongs to the next_offset of the last poll; with another file (a rotation), both begin
     * anew, so an offset may be smaller than the one before. */
    void (*detail)(const struct source *source, const uint8_t **ret, uint32_t *ret_len);
    bool (*endless)(const struct source_spec *spec); /* --until-drained refuses it */
    bool (*drained)(const struct source *source);    /* at the end of what is there now */
    void (*close)(struct source *source, io_closed_fn on_closed, void *arg);
};

struct source {
    const struct source_ops *ops;
};

/* --- sinks: they take an epoch's bytes before its frame is written, and say where they are --- */

struct sink;

struct sink_ops {
    enum stage_kind kind; /* TO_FILE, TO_STDOUT (PRINT shares it) */
    /* "sink:file:/out.jsonl"; NULL: keeps no position */
    char *(*position_name)(const struct stage *stage);
    /* `at` is the committed length: anything behind it is from an epoch that was not committed and
     * is cut. */
    int (*open)(const struct stage *stage, const struct io_fs *fs, const int64_t *at,
                struct sink **ret, struct srt_err *err);
    /* may block */
    int (*write)(struct sink *sink, const void *data, size_t size, struct srt_err *err);
    /* durable up to there */
    int (*sync)(struct sink *sink, int64_t *ret_position, struct srt_err *err);
    /* The position of the last sync is committed, durably. May be NULL. Any thread, while none
     * writes. */
    void (*committed)(struct sink *sink);
    void (*interrupt)(struct sink *sink); /* any thread: a blocked write returns SRT_EINTERRUPTED */
    void (*close)(struct sink *sink);
};

struct sink {
    const struct sink_ops *ops;
};

/* --- registration: app/ hands the runner one table --- */

struct connectors {
    const struct source_ops *const *sources; /* NULL-terminated */
    const struct sink_ops *const *sinks;     /* NULL-terminated */
};
const struct source_ops *connector_source(const struct connectors *c, enum source_kind kind);
const struct sink_ops *connector_sink(const struct connectors *c, enum stage_kind kind);

#endif
