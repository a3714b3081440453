/* graph.h - a pipeline as data: named stages and the edges between them. YAML and the Lua builder
 * both compile to this; every engine runs it.
 *
 * Owner:   the document it was read from (config/doc.h): a graph and all its strings live there.
 * Thread:  constant once compiled; read from any.
 * Memory:  control plane.
 * Fails:   compiling reports diagnostics (pipeline/compile.h).
 *
 *     source ---> filter ---> map ---> branch --arm 0--> to orders.unpaid
 *                                        `-----arm 1--> to orders.enriched
 *
 * A stage has one or more outputs ("arms"; all but branch have one), each with any number of
 * successors. Stages stand in topological order: a successor's index is larger. */
#ifndef SRT_PIPELINE_GRAPH_H
#define SRT_PIPELINE_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "config/node.h"
#include "record/codec.h"
#include "script/script.h"
#include "state/aggregate.h"

/* One row per operator (GROUP_BY and WINDOW become part of the stage behind them, COUNT is an
 * AGGREGATE): kind, YAML key, does it keep keyed state (an exchange stands before it),
 * what it is. docs/reference/operators.md is generated from the long table in operator.c. */
#define STAGE_KIND_MAP(X)                                                                          \
    X(SOURCE, "from", false)                                                                       \
    X(FILTER, "filter", false)                                                                     \
    X(REJECT, "reject", false)                                                                     \
    X(MAP, "map", false)                                                                           \
    X(UPDATE, "update", false)                                                                     \
    X(FLAT_MAP, "flat_map", false)                                                                 \
    X(PEEK, "peek", false)                                                                         \
    X(KEY_BY, "key_by", false)                                                                     \
    X(BRANCH, "branch", false)                                                                     \
    X(SPLIT, "split", false)                                                                       \
    X(THROTTLE, "throttle", true)                                                                  \
    X(SAMPLE, "sample", false)                                                                     \
    X(AGGREGATE, "aggregate", true)                                                                \
    X(REDUCE, "reduce", true)                                                                      \
    X(DEDUPE, "dedupe", true)                                                                      \
    X(PROCESS, "process", true)                                                                    \
    X(JOIN, "join", true)                                                                          \
    X(GROUP_BY, "group_by", false)                                                                 \
    X(WINDOW, "window", false)                                                                     \
    X(COUNT, "count", false)                                                                       \
    X(PRINT, "print", false)                                                                       \
    X(TO, "to", false)                                                                             \
    X(TO_FILE, "to_file", false)                                                                   \
    X(TO_STDOUT, "to_stdout", false)

enum stage_kind {
#define STAGE_ENUM(name, key, keyed) STAGE_##name,
    STAGE_KIND_MAP(STAGE_ENUM)
#undef STAGE_ENUM
    STAGE_KIND_COUNT
};

const char *stage_kind_name(enum stage_kind kind);
bool stage_kind_keyed(enum stage_kind kind);

/* Where a stage's function comes from. */
enum graph_fn_kind {
    GRAPH_FN_NONE,
    GRAPH_FN_TEXT,    /* an expression, function or body in the configuration */
    GRAPH_FN_USE,     /* `use: module.fn` */
    GRAPH_FN_BUILDER, /* the n-th function that the pipeline's Lua file handed to the builder */
};

struct graph_fn {
    enum graph_fn_kind kind;
    struct script_text text; /* TEXT */
    const char *use;         /* USE */
    int builder_index;       /* BUILDER, from 1 */
    struct config_mark mark;
};

/* --- what to do when a stage fails --- */

enum give_up { GIVE_UP_DLQ, GIVE_UP_SKIP, GIVE_UP_STOP };

struct on_error {
    int64_t retry; /* tries after the first; -1: not given (0 for Lua errors, see below) */
    int64_t backoff_from_ms; /* first wait; doubles each time, with jitter of +-50 % */
    int64_t backoff_to_ms;   /* cap */
    enum give_up give_up;
};
/* A Lua error is not retried unless `retry` is given or it was raised with s.retriable(msg), which
 * is tried SRT_RETRIABLE_TRIES times by default. */
enum { ON_ERROR_RETRIABLE_TRIES = 3 };

/* --- sources --- */

enum source_kind { SOURCE_TOPIC, SOURCE_FILE, SOURCE_STDIN, SOURCE_GENERATE };
enum source_start { START_EARLIEST, START_LATEST, START_OFFSET, START_TIME };

struct source_spec {
    enum source_kind kind;
    enum codec codec;
    /* event time */
    struct graph_fn time;     /* NONE: the record's own timestamp */
    int64_t out_of_order_ms;  /* how late a record may be behind the newest of its partition */
    int64_t idle_ms;          /* a partition without input for so long holds nothing open; 30 s */
    int64_t max_ahead_ms;     /* an event time further ahead of when the record was written is
                                 refused; 1 day; -1: none is */
    struct graph_fn tie;      /* what decides between records of the same time; NONE: where they
                                 stand */
    /* TOPIC: `merge:` makes one source of several topics */
    bool table;  /* the other side of a join: the latest value per key; read from the start up to
                    the end before the first record of the stream */
    bool global; /* and all of it in every task; `table` is true as well */
    const char **topics;
    const struct config_mark *topic_marks; /* where each was named */
    uint32_t topic_count;
    enum source_start start; /* when the group has no position yet */
    int64_t start_value;     /* OFFSET: the offset; TIME: ms since 1970 (already resolved) */
    /* FILE */
    const char *path; /* resolved */
    bool follow;
    uint64_t max_record_bytes; /* FILE, STDIN: longest line */
    /* GENERATE */
    double rate;   /* records a second; 0: as fast as they are taken */
    int64_t count; /* -1: endless */
    uint64_t seed;
    struct graph_fn generate; /* called with (n, rng); returns the value, or nil to end */
};

/* --- windows and aggregates --- */

enum window_kind {
    WINDOW_NONE, /* one running result per key */
    WINDOW_TUMBLING,
    WINDOW_HOPPING,
    WINDOW_SLIDING, /* for each event, what was in the time up to it */
    WINDOW_SESSION,
    WINDOW_COUNT,
};
enum window_emit { WINDOW_EMIT_FINAL, WINDOW_EMIT_UPDATES };

struct window_spec {
    enum window_kind kind;
    int64_t size_ms;  /* SESSION: the gap */
    int64_t every_ms; /* HOPPING; of a TUMBLING one its size */
    int64_t count;    /* COUNT */
    int64_t grace_ms;
    enum window_emit emit; /* without a window: UPDATES */
    const char *late;      /* topic, or NULL: late records are only counted */
    struct config_mark mark; /* of its step */
    struct config_mark late_mark;
};

/* One field of an aggregate's result. */
struct aggregate_spec {
    const char *name;
    struct config_mark mark;
    bool is_script; /* an own {init, add, merge, result}, else native */
    struct aggregate_def def;
    struct graph_fn value; /* NONE: count() and rate() of everything */
    struct graph_fn by;    /* TOP: what it orders by; the value itself when only that was given */
    /* is_script: init() -> acc; add(acc, v, r) -> acc; merge(a, b) -> acc; result(acc) -> value;
     * NONE where it was not given (init: nil, result: acc itself) */
    struct graph_fn init;
    struct graph_fn add;
    struct graph_fn merge;
    struct graph_fn result;
};

struct process_spec {
    struct graph_fn on_record; /* (v, state, ctx) */
    struct graph_fn on_timer;  /* (state, ctx, name); NONE: no timers */
    struct graph_fn init;      /* () -> state; NONE: an empty table */
    int64_t ttl_ms;            /* -1: for ever */
};

struct dedupe_spec {
    int64_t within_ms; /* -1: for ever */
};

/* --- joins --- */

enum join_with { JOIN_STREAM, JOIN_TABLE, JOIN_GLOBAL };
enum join_how { JOIN_INNER, JOIN_LEFT, JOIN_OUTER };

/* `other` is a SOURCE stage of its own, or the end of other steps: its successor is this stage,
 * where its records come in on side 1. */
struct join_spec {
    enum join_with with_kind;
    enum join_how how;
    const char *topic;        /* of the other side */
    struct graph_fn other_by; /* STREAM: the other side's key; NONE: as `by` of this side.
                                 TABLE, GLOBAL: the topic's own key */
    int64_t within_ms;        /* STREAM */
    int64_t grace_ms;         /* STREAM */
    struct graph_fn with;     /* (left, right) -> value; either nil where there is none. NONE: the
                                 left value with the right one's fields put in */
};

/* --- stages --- */

struct graph_arm {
    const char *name;     /* branch: the arm's name, or NULL */
    struct graph_fn when; /* branch: NONE means "everything else" */
    uint32_t *next;       /* successors' stage indexes */
    uint8_t *next_side;   /* and where a record comes in there: JOIN: 0 left, 1 right; else 0 */
    uint32_t next_count;
};

struct stage {
    uint32_t index;
    enum stage_kind kind;
    const char *name; /* `as:`, else "<kind>-<n>" counted per kind */
    bool named;       /* `as:` was given */
    struct config_mark mark;
    struct graph_arm *arms;
    uint32_t arm_count;
    struct graph_fn fn; /* filter reject map update flat_map peek key_by split; TO: computed topic;
                           THROTTLE: by; AGGREGATE, REDUCE: group_by, NONE: the record's key;
                           DEDUPE, JOIN: by */
    const struct on_error *on_error; /* the stage's own or the pipeline's; never NULL */
    bool exchange;                   /* records come through an exchange on this stage's key */

    struct source_spec *source; /* SOURCE */
    const char *topic;          /* TO: fixed topic; NULL when computed. SPLIT: NULL */
    bool has_codec;             /* TO, TO_FILE, TO_STDOUT: `codec:` was given */
    enum codec codec;
    const char *path;        /* TO_FILE, resolved */
    const char *label;       /* PRINT: prefix, or NULL */
    double sample;           /* SAMPLE: 0..1 */
    int64_t throttle_count;  /* THROTTLE: `rate: 100/s` -> 100 ... */
    int64_t throttle_per_ms; /* ... per 1000 ms, of record time */
    struct window_spec window; /* AGGREGATE, REDUCE */
    struct aggregate_spec *aggregates; /* AGGREGATE */
    uint32_t aggregate_count;
    struct graph_fn reduce; /* REDUCE: (acc, v) -> acc; the first value of a key is its first acc */
    struct process_spec *process;
    struct dedupe_spec *dedupe;
    struct join_spec *join;
};

struct graph {
    const char *name; /* of the pipeline */
    const char *description;
    struct config_mark mark;
    struct stage *stages;
    uint32_t stage_count;
    const char *dlq;            /* topic; default "<name>.dlq" */
    struct on_error on_error;   /* the pipeline's */
    int64_t parallelism;        /* 0: auto (one per worker) */
    int64_t commit_interval_ms; /* 100 ms */
    uint64_t state_bytes;       /* what stages may remember, in RAM: 1 GiB */
    uint64_t commit_bytes;      /* 32 MiB: buffered output that forces a commit */
    size_t lua_memory_bytes;
    int64_t lua_deadline_ms;
    const char *const *lua_paths; /* NULL-terminated, resolved */
    const char *script;           /* a pipeline wholly in Lua: its file, resolved; NULL for YAML */
    uint32_t builder_fn_count;    /* functions that file hands to the builder */
    const struct script_param *params;
    size_t param_count;
};

/* The topics it names: for creation, for topological order, for `check`. Each once. */
typedef void (*graph_topic_fn)(void *arg, const char *topic, const struct config_mark *mark);
void graph_each_source_topic(const struct graph *graph, graph_topic_fn each, void *arg);
void graph_each_target_topic(const struct graph *graph, graph_topic_fn each,
                             void *arg); /* fixed ones, and the DLQ */

#endif
