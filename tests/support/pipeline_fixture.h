/* pipeline_fixture.h - pipelines from YAML text, run on the memory engine, with sources and sinks
 * that a test controls.
 *
 * Owner:   the test.
 * Thread:  the test's, which plays the main thread.
 * Memory:  freed by fixture_fini.
 * Fails:   by failing the test. */
#ifndef SRT_SUPPORT_PIPELINE_FIXTURE_H
#define SRT_SUPPORT_PIPELINE_FIXTURE_H

#include "base/clock.h"
#include "base/err.h"
#include "config/doc.h"
#include "io/loop.h"
#include "pipeline/connector.h"
#include "pipeline/engine.h"
#include "pipeline/graph.h"
#include "pipeline/runner.h"

#include <stdbool.h>
#include <stdint.h>

enum { FIXTURE_GRAPHS_MAX = 8, FIXTURE_SINK_BYTES_MAX = 1 << 20 };

/* A sink in memory: to_file and to_stdout of all pipelines end up in it. */
struct fixture_sink {
    uint8_t *data;
    size_t len;
    _Atomic bool stalled; /* writes wait */
    _Atomic bool interrupted;
    _Atomic int waiting;     /* a write is waiting just now */
    _Atomic int fail_writes; /* the next ones fail after half of their bytes */
    int fail_code;
    _Atomic uint64_t syncs;
};

/* Lines that the `file` source of a test gives out. */
struct fixture_source {
    const char *const *lines; /* NULL-terminated */
    int bad_line;             /* index of one that is refused; -1: none */
    int open_failures;        /* how often opening fails */
    _Atomic int polls;
    int fail_polls; /* how many polls fail, from the second on */
};

struct fixture {
    struct io_loop loop;
    struct engine *engine;
    struct config_doc *doc;
    struct graph *graphs[FIXTURE_GRAPHS_MAX];
    uint32_t graph_count;
    struct runner_options options; /* change before fixture_start */
    struct runner *runner;
    bool idle;
    struct srt_err stopped; /* the last error that a pipeline ended with */
    int stopped_count;
    struct fixture_sink sink;
    struct fixture_source source;
    uint64_t timestamp_ms;    /* of the next produced record */
    const char *lua_paths[2]; /* where `use:` looks; NULL: nowhere */
};

/* cmocka's setup and teardown: *state is a fixture over topics of three partitions. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);
#define fixture_test(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

/* Load one pipeline `p` that reads topic `in`, and drain it. `steps` are the lines below `steps:`,
 * each
 * "- ..." indented by six. */
void fixture_run_steps(struct fixture *fix, const char *steps);

void fixture_init(struct fixture *fix, int32_t partition_count);
void fixture_fini(struct fixture *fix);

/* `pipelines:` of a configuration. */
void fixture_load(struct fixture *fix, const char *yaml);

void fixture_produce(struct fixture *fix, const char *topic, const char *key, const char *value);
void fixture_produce_record(struct fixture *fix, const char *topic, int32_t partition,
                            const struct record *rec);

/* Create a runner, add the graphs and start it. */
void fixture_start(struct fixture *fix);
/* The same, but it must fail. */
void fixture_start_fails(struct fixture *fix, struct srt_err *ret);
void fixture_wait_idle(struct fixture *fix);
/* Run the loop until the condition holds; fails the test after twenty seconds. */
void fixture_wait(struct fixture *fix, bool (*holds)(struct fixture *fix, void *arg), void *arg);
void fixture_destroy_runner(struct fixture *fix);
/* start, until drained, wait, destroy */
void fixture_drain(struct fixture *fix);
/* End without a commit of what is in flight, as a crash would. */
void fixture_crash(struct fixture *fix);

struct runner_counters fixture_counters(struct fixture *fix, const char *pipeline);

/* "key=value" of each record, sorted, one a line; the key is "-" when absent, the value "-" for a
 * tombstone. srt_xalloc'ed. */
char *fixture_dump(struct fixture *fix, const char *topic);
/* In partition and offset order instead. */
char *fixture_dump_ordered(struct fixture *fix, const char *topic);
void fixture_assert_topic(struct fixture *fix, const char *topic, const char *expected);
uint64_t fixture_count(struct fixture *fix, const char *topic);
/* The text of a header of the first record of a topic; NULL when absent. srt_xalloc'ed. */
char *fixture_header(struct fixture *fix, const char *topic, const char *name);

#endif
