#include "support/pipeline_fixture.h"

#include "base/alloc.h"
#include "base/atomic.h"
#include "base/buf.h"
#include "pipeline/compile.h"
#include "record/header.h"
#include "record/record.h"
#include "support/cmocka_srt.h"

#include <stdio.h>
#include <time.h>

enum { WAIT_MS_MAX = 20000, SOURCE_BATCH = 7 };

static struct fixture *current; /* whose sink and source the connectors use */

/* --- a source of lines --- */

struct test_source {
    struct source base;
    int64_t at; /* the next line's index; its byte position is 10 times that */
    struct record records[SOURCE_BATCH];
    char detail[8];
};

static char *source_position_name(const struct source_spec *spec)
{
    return srt_xasprintf("file:%s", spec->path ? spec->path : "test");
}

static int source_open(const struct source_context *context, const int64_t *at,
                       const uint8_t *detail, uint32_t detail_len, struct source **ret,
                       struct srt_err *err)
{
    (void)context;
    if (current->source.open_failures > 0) {
        current->source.open_failures--;
        return srt_fail(err, SRT_ENOENT, "open 'test': no such file");
    }
    struct test_source *source = srt_xcalloc(1, sizeof *source);
    extern const struct source_ops fixture_source_ops;
    source->base.ops = &fixture_source_ops;
    if (at) {
        source->at = *at / 10;
        if (detail_len != 3 || memcmp(detail, "id7", 3) != 0) {
            srt_free(source);
            return srt_fail(err, SRT_EINVAL, "the detail of the position was lost");
        }
    }
    *ret = &source->base;
    return SRT_OK;
}

static int source_poll(struct source *base, size_t max_bytes, struct source_batch *ret,
                       struct srt_err *err)
{
    (void)max_bytes;
    struct test_source *source = (struct test_source *)base;
    const struct fixture_source *spec = &current->source;
    int polls = atomic_fetch_add(&current->source.polls, 1);
    if (polls > 0 && polls <= spec->fail_polls) {
        return srt_fail(err, SRT_EIO, "read 'test': input/output error");
    }
    ret->records = source->records;
    ret->count = 0;
    ret->bad_index = -1;
    while (ret->count < SOURCE_BATCH && spec->lines[source->at]) {
        const char *line = spec->lines[source->at];
        if (source->at == spec->bad_line) {
            ret->bad_index = ret->count;
            (void)srt_fail(&ret->bad, SRT_ETOOBIG, "the line is longer than max_record_bytes");
        }
        source->records[ret->count++] = (struct record){
            .key_len = RECORD_ABSENT,
            .value = (const uint8_t *)line,
            .value_len = (int32_t)strlen(line),
            .timestamp_ms = 1000 + source->at,
            .offset = source->at * 10,
        };
        source->at++;
    }
    ret->next_offset = source->at * 10;
    return ret->count > 0 ? SRT_OK : SRT_EEND;
}

static void source_detail(const struct source *base, const uint8_t **ret, uint32_t *ret_len)
{
    (void)base;
    *ret = (const uint8_t *)"id7";
    *ret_len = 3;
}

static bool source_endless(const struct source_spec *spec)
{
    return spec->kind == SOURCE_GENERATE && spec->count < 0;
}

static bool source_drained(const struct source *base)
{
    return !current->source.lines[((const struct test_source *)base)->at];
}

static void source_close(struct source *base, io_closed_fn on_closed, void *arg)
{
    srt_free(base);
    on_closed(arg);
}

extern const struct source_ops fixture_source_ops;
const struct source_ops fixture_source_ops = {
    .kind = SOURCE_FILE,
    .position_name = source_position_name,
    .open = source_open,
    .poll = source_poll,
    .detail = source_detail,
    .endless = source_endless,
    .drained = source_drained,
    .close = source_close,
};

static const struct source_ops generate_ops = {
    .kind = SOURCE_GENERATE,
    .position_name = source_position_name,
    .open = source_open,
    .poll = source_poll,
    .detail = source_detail,
    .endless = source_endless,
    .drained = source_drained,
    .close = source_close,
};

/* --- a sink in memory --- */

struct test_sink {
    struct sink base;
};

static char *sink_position_name(const struct stage *stage)
{
    return stage->kind == STAGE_TO_FILE ? srt_xasprintf("sink:file:%s", stage->path) : NULL;
}

static int sink_open(const struct stage *stage, const struct io_fs *fs, const int64_t *at,
                     struct sink **ret, struct srt_err *err)
{
    (void)fs;
    (void)err;
    extern const struct sink_ops fixture_file_ops;
    extern const struct sink_ops fixture_stdout_ops;
    struct test_sink *sink = srt_xcalloc(1, sizeof *sink);
    sink->base.ops = stage->kind == STAGE_TO_FILE ? &fixture_file_ops : &fixture_stdout_ops;
    if (stage->kind == STAGE_TO_FILE) {
        current->sink.len = at ? (size_t)*at : 0;
    }
    *ret = &sink->base;
    return SRT_OK;
}

static int sink_write(struct sink *base, const void *data, size_t size, struct srt_err *err)
{
    (void)base;
    struct fixture_sink *to = &current->sink;
    const struct timespec pause = {.tv_nsec = 1000000};
    while (atomic_load(&to->stalled)) {
        atomic_store(&to->waiting, 1);
        if (atomic_load(&to->interrupted)) {
            atomic_store(&to->waiting, 0);
            return srt_fail(err, SRT_EINTERRUPTED, "write 'test': interrupted");
        }
        nanosleep(&pause, NULL);
    }
    atomic_store(&to->waiting, 0);
    bool fails = atomic_load(&to->fail_writes) > 0;
    if (fails) {
        atomic_fetch_sub(&to->fail_writes, 1);
        size /= 2;
    }
    if (to->len + size > FIXTURE_SINK_BYTES_MAX) {
        return srt_fail(err, SRT_EIO, "the test's sink is full");
    }
    memcpy(to->data + to->len, data, size);
    to->len += size;
    return fails ? srt_fail(err, to->fail_code, "write 'test': a failure that was asked for")
                 : SRT_OK;
}

static int sink_sync(struct sink *base, int64_t *ret_position, struct srt_err *err)
{
    (void)base;
    (void)err;
    atomic_fetch_add(&current->sink.syncs, 1);
    *ret_position = (int64_t)current->sink.len;
    return SRT_OK;
}

static void sink_interrupt(struct sink *base)
{
    (void)base;
    atomic_store(&current->sink.interrupted, true);
}

static void sink_close(struct sink *base)
{
    srt_free(base);
}

extern const struct sink_ops fixture_file_ops;
const struct sink_ops fixture_file_ops = {
    .kind = STAGE_TO_FILE,
    .position_name = sink_position_name,
    .open = sink_open,
    .write = sink_write,
    .sync = sink_sync,
    .interrupt = sink_interrupt,
    .close = sink_close,
};

extern const struct sink_ops fixture_stdout_ops;
const struct sink_ops fixture_stdout_ops = {
    .kind = STAGE_TO_STDOUT,
    .position_name = sink_position_name,
    .open = sink_open,
    .write = sink_write,
    .sync = sink_sync,
    .interrupt = sink_interrupt,
    .close = sink_close,
};

static const struct source_ops *const sources[] = {&fixture_source_ops, &generate_ops, NULL};
static const struct sink_ops *const sinks[] = {&fixture_file_ops, &fixture_stdout_ops, NULL};
static const struct connectors connectors = {.sources = sources, .sinks = sinks};

/* --- life --- */

static void on_idle(void *arg)
{
    ((struct fixture *)arg)->idle = true;
}

static void on_stopped(void *arg, const char *pipeline, const struct srt_err *err)
{
    (void)pipeline;
    struct fixture *fix = arg;
    fix->stopped_count++;
    if (err->code != SRT_OK) {
        fix->stopped = *err;
    }
}

void fixture_init(struct fixture *fix, int32_t partition_count)
{
    static const char *const no_lines[] = {NULL};
    struct srt_err err;
    *fix = (struct fixture){.timestamp_ms = 1};
    current = fix;
    assert_ok(io_loop_init(&fix->loop, &err), &err);
    fix->engine = engine_memory_create(srt_clock_real(), partition_count);
    fix->sink.data = srt_xalloc(FIXTURE_SINK_BYTES_MAX);
    fix->source = (struct fixture_source){.lines = no_lines, .bad_line = -1};
    fix->options = (struct runner_options){
        .loop = &fix->loop,
        .engine = fix->engine,
        .connectors = &connectors,
        .clock = srt_clock_real(),
        .fs = io_fs_real(),
        .worker_count = 2,
        .until_drained = true,
        .seed = 42,
        .on_idle = on_idle,
        .on_stopped = on_stopped,
        .arg = fix,
    };
}

void fixture_fini(struct fixture *fix)
{
    if (fix->runner) {
        fixture_crash(fix);
    }
    io_loop_fini(&fix->loop);
    config_doc_destroy(fix->doc);
    engine_memory_destroy(fix->engine);
    srt_free(fix->sink.data);
    current = NULL;
}

void fixture_load(struct fixture *fix, const char *yaml)
{
    config_doc_destroy(fix->doc);
    fix->doc = config_doc_create(NULL, NULL);
    fix->graph_count = 0;
    struct config_node *root = config_doc_read_text(fix->doc, "test.yaml", yaml);
    const struct config_node *pipelines = root ? config_find(root, "pipelines") : NULL;
    struct pipeline_defaults defaults;
    pipeline_defaults_init(&defaults);
    defaults.lua_deadline_ms = 10000; /* of wall time: a busy machine must not fail a test */
    if (fix->lua_paths[0]) {
        defaults.lua_paths = fix->lua_paths;
    }
    if (root) {
        config_doc_resolve(fix->doc, root);
    }
    for (size_t i = 0; pipelines && i < pipelines->entry_count; i++) {
        struct graph *graph =
            graph_compile(fix->doc, &pipelines->entries[i], &defaults, srt_clock_real());
        if (graph) {
            fix->graphs[fix->graph_count++] = graph;
        }
    }
    if (diag_error_count(fix->doc) > 0 || fix->graph_count == 0) {
        struct srt_buf text = {0};
        diag_print(fix->doc, DIAG_TEXT, &text);
        print_error("%s\n", srt_buf_cstr(&text));
        srt_buf_fini(&text);
        fail_msg("the configuration of the test is wrong");
    }
}

void fixture_produce_record(struct fixture *fix, const char *topic, int32_t partition,
                            const struct record *rec)
{
    struct srt_err err;
    assert_ok(engine_memory_produce(fix->engine, topic, partition, rec, &err), &err);
}

void fixture_produce(struct fixture *fix, const char *topic, const char *key, const char *value)
{
    const struct record rec = {
        .key = (const uint8_t *)key,
        .key_len = key ? (int32_t)strlen(key) : RECORD_ABSENT,
        .value = (const uint8_t *)value,
        .value_len = value ? (int32_t)strlen(value) : RECORD_ABSENT,
        .timestamp_ms = (int64_t)fix->timestamp_ms++,
    };
    fixture_produce_record(fix, topic, -1, &rec);
}

/* --- running --- */

static int try_start(struct fixture *fix, struct srt_err *err)
{
    fix->idle = false;
    fix->stopped = (struct srt_err){0};
    fix->stopped_count = 0;
    atomic_store(&fix->sink.interrupted, false);
    int code = runner_create(&fix->options, &fix->runner, err);
    for (uint32_t i = 0; code == SRT_OK && i < fix->graph_count; i++) {
        code = runner_add(fix->runner, fix->graphs[i], err);
    }
    return code == SRT_OK ? runner_start(fix->runner, err) : code;
}

void fixture_start(struct fixture *fix)
{
    struct srt_err err;
    assert_ok(try_start(fix, &err), &err);
}

void fixture_start_fails(struct fixture *fix, struct srt_err *ret)
{
    assert_int_not_equal(try_start(fix, ret), SRT_OK);
    fixture_destroy_runner(fix);
}

static void no_op(void *arg)
{
    (void)arg;
}

/* The loop is turned by a timer, so that conditions that nobody announces are seen too. */
void fixture_wait(struct fixture *fix, bool (*holds)(struct fixture *fix, void *arg), void *arg)
{
    int64_t end_ns = srt_clock_mono_ns(srt_clock_real()) + (int64_t)WAIT_MS_MAX * 1000000;
    struct io_timer timer;
    io_timer_init(&timer, &fix->loop, no_op, NULL);
    io_timer_start(&timer, 1, 1);
    bool late = false;
    while (!holds(fix, arg) && !late) {
        io_loop_run_once(&fix->loop);
        late = srt_clock_mono_ns(srt_clock_real()) > end_ns;
    }
    io_timer_close(&timer, NULL);
    io_loop_poll(&fix->loop);
    if (late) {
        for (uint32_t i = 0; i < fix->graph_count; i++) {
            print_error("%s: %s\n", fix->graphs[i]->name,
                        runner_explain(fix->runner, fix->graphs[i]->name));
        }
        fail_msg("what the test waits for did not happen");
    }
}

static bool is_idle(struct fixture *fix, void *arg)
{
    (void)arg;
    return fix->idle;
}

void fixture_wait_idle(struct fixture *fix)
{
    fixture_wait(fix, is_idle, NULL);
}

void fixture_destroy_runner(struct fixture *fix)
{
    runner_destroy(fix->runner);
    fix->runner = NULL;
    io_loop_poll(&fix->loop);
}

void fixture_drain(struct fixture *fix)
{
    fix->options.until_drained = true;
    fixture_start(fix);
    fixture_wait_idle(fix);
}

void fixture_crash(struct fixture *fix)
{
    engine_memory_hold_commits(fix->engine, false);
    if (!fix->idle) {
        runner_abort(fix->runner);
        fixture_wait_idle(fix);
    }
    fixture_destroy_runner(fix);
}

struct runner_counters fixture_counters(struct fixture *fix, const char *pipeline)
{
    struct runner_counters counters;
    assert_true(runner_get_counters(fix->runner, pipeline, &counters));
    return counters;
}

/* --- looking at topics --- */

struct lines {
    char **lines;
    size_t count;
};

static void add_line(void *arg, int32_t partition, const struct record *rec)
{
    (void)partition;
    struct lines *lines = arg;
    lines->lines = srt_xrealloc(lines->lines, (lines->count + 1) * sizeof *lines->lines);
    int key_len = rec->key_len == RECORD_ABSENT ? 1 : rec->key_len;
    int value_len = rec->value_len == RECORD_ABSENT ? 1 : rec->value_len;
    lines->lines[lines->count++] = srt_xasprintf(
        "%.*s=%.*s\n", key_len, rec->key_len == RECORD_ABSENT ? "-" : (const char *)rec->key,
        value_len, rec->value_len == RECORD_ABSENT ? "-" : (const char *)rec->value);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *dump(struct fixture *fix, const char *topic, bool sorted)
{
    struct lines lines = {0};
    (void)engine_memory_each(fix->engine, topic, add_line, &lines);
    if (sorted && lines.count > 0) {
        qsort(lines.lines, lines.count, sizeof *lines.lines, compare_lines);
    }
    struct srt_buf text = {0};
    for (size_t i = 0; i < lines.count; i++) {
        srt_buf_put_str(&text, lines.lines[i]);
        srt_free(lines.lines[i]);
    }
    srt_free(lines.lines);
    char *copy = srt_xstrdup(srt_buf_cstr(&text));
    srt_buf_fini(&text);
    return copy;
}

char *fixture_dump(struct fixture *fix, const char *topic)
{
    return dump(fix, topic, true);
}

char *fixture_dump_ordered(struct fixture *fix, const char *topic)
{
    return dump(fix, topic, false);
}

void fixture_assert_topic(struct fixture *fix, const char *topic, const char *expected)
{
    char *found = fixture_dump(fix, topic);
    assert_string_equal(found, expected);
    srt_free(found);
}

static void count_record(void *arg, int32_t partition, const struct record *rec)
{
    (void)partition;
    (void)rec;
    ++*(uint64_t *)arg;
}

uint64_t fixture_count(struct fixture *fix, const char *topic)
{
    uint64_t count = 0;
    (void)engine_memory_each(fix->engine, topic, count_record, &count);
    return count;
}

struct header_search {
    const char *name;
    char *found;
    bool looked;
};

static void search_header(void *arg, int32_t partition, const struct record *rec)
{
    (void)partition;
    struct header_search *search = arg;
    struct header header;
    uint32_t at = 0;
    while (!search->looked && header_next(rec->headers, rec->headers_len, &at, &header) == SRT_OK) {
        if ((size_t)header.name_len == strlen(search->name) &&
            memcmp(header.name, search->name, (size_t)header.name_len) == 0) {
            srt_free(search->found);
            search->found = srt_xstrndup((const char *)header.value, (size_t)header.value_len);
        }
    }
    search->looked = true;
}

char *fixture_header(struct fixture *fix, const char *topic, const char *name)
{
    struct header_search search = {.name = name};
    (void)engine_memory_each(fix->engine, topic, search_header, &search);
    return search.found;
}

/* --- shorthands --- */

int fixture_set_up(void **state)
{
    struct fixture *fix = srt_xcalloc(1, sizeof *fix);
    fixture_init(fix, 3);
    *state = fix;
    return 0;
}

int fixture_tear_down(void **state)
{
    fixture_fini(*state);
    srt_free(*state);
    return 0;
}

void fixture_run_steps(struct fixture *fix, const char *steps)
{
    char *yaml = srt_xasprintf("pipelines:\n  p:\n    from: in\n    steps:\n%s", steps);
    fixture_load(fix, yaml);
    srt_free(yaml);
    fixture_drain(fix);
    if (fix->stopped.code != SRT_OK) {
        fail_msg("the pipeline stopped: %s", fix->stopped.msg);
    }
}
