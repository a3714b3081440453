/* Pipelines, workers, and who feeds whom. A pipeline has workers of its own, as many as it has
 * tasks for: a call of one pipeline's script that takes its whole deadline must not hold up another
 * pipeline, and the kernel shares processors out better than a loop could. Only beyond
 * SRT_WORKER_THREADS_MAX do pipelines share threads.
 *
 * With until_drained, a pipeline's input is final once every pipeline that writes to one of its
 * topics has ended; those without such a pipeline begin. A cycle would never begin, so it is
 * refused. A pipeline that computes its targets may write anywhere: it is taken to feed every other
 * one that reads topics, unless that would close a circle. */
#include "pipeline/runner.h"

#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"
#include "io/thread.h"
#include "pipeline/controller.h"
#include "pipeline/worker.h"

struct entry {
    struct runner *runner;
    struct controller *ctl;
    bool *feeds; /* per entry */
    bool input_final;
    bool reported; /* on_stopped was called */
};

struct runner {
    struct runner_options options;
    struct io_wake wake;
    uint32_t worker_count; /* of one pipeline, at most */
    struct worker **workers;
    uint32_t thread_count; /* of workers */
    struct entry **entries;
    uint32_t entry_count;
    bool started;
    bool idle;     /* on_idle was called */
    bool checking; /* a callback came back to us */
    uint32_t closing;
};

static void check(struct runner *runner);

static void on_wake(void *arg)
{
    check(arg);
}

/* Any thread. */
static void notify(void *arg)
{
    struct runner *runner = arg;
    io_wake_send(&runner->wake);
}

static uint32_t core_count(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 1 ? (uint32_t)count : 1;
}

int runner_create(const struct runner_options *options, struct runner **ret, struct srt_err *err)
{
    struct runner *runner = srt_xcalloc(1, sizeof *runner);
    runner->options = *options;
    runner->worker_count = options->worker_count ? options->worker_count : core_count();
    if (runner->worker_count > SRT_WORKERS_MAX) {
        runner->worker_count = SRT_WORKERS_MAX;
    }
    int code = io_wake_init(&runner->wake, options->loop, on_wake, runner, err);
    if (code != SRT_OK) {
        srt_free(runner);
        return code;
    }
    *ret = runner;
    return SRT_OK;
}

int runner_add(struct runner *runner, const struct graph *graph, struct srt_err *err)
{
    SRT_ON(MAIN);
    srt_assert(!runner->started);
    struct controller *ctl;
    int code =
        controller_create(&runner->options, graph, runner->worker_count, notify, runner, &ctl, err);
    if (code != SRT_OK) {
        return code;
    }
    struct entry *entry = srt_xcalloc(1, sizeof *entry);
    entry->runner = runner;
    entry->ctl = ctl;
    runner->entries =
        srt_xrealloc(runner->entries, (runner->entry_count + 1) * sizeof *runner->entries);
    runner->entries[runner->entry_count++] = entry;
    return SRT_OK;
}

/* --- who feeds whom --- */

struct topic_search {
    const char *topic;
    bool found;
};

static void match_topic(void *arg, const char *topic, const struct config_mark *mark)
{
    (void)mark;
    struct topic_search *search = arg;
    search->found = search->found || strcmp(topic, search->topic) == 0;
}

struct feed_search {
    const struct graph *from;
    bool found;
};

static void match_source(void *arg, const char *topic, const struct config_mark *mark)
{
    (void)mark;
    struct feed_search *feed = arg;
    struct topic_search search = {.topic = topic};
    graph_each_target_topic(feed->from, match_topic, &search);
    feed->found = feed->found || search.found;
}

static bool graph_feeds(const struct graph *from, const struct graph *to)
{
    struct feed_search feed = {.from = from};
    graph_each_source_topic(to, match_source, &feed);
    return feed.found;
}

static bool computes_targets(const struct graph *graph)
{
    for (uint32_t i = 0; i < graph->stage_count; i++) {
        const struct stage *stage = &graph->stages[i];
        if (stage->kind == STAGE_SPLIT || (stage->kind == STAGE_TO && !stage->topic)) {
            return true;
        }
    }
    return false;
}

static void count_topic(void *arg, const char *topic, const struct config_mark *mark)
{
    (void)topic;
    (void)mark;
    ++*(uint32_t *)arg;
}

static bool reads_topics(const struct graph *graph)
{
    uint32_t count = 0;
    graph_each_source_topic(graph, count_topic, &count);
    return count > 0;
}

/* Whether records of `from` may come to `to`, over any number of pipelines. `seen`: per entry. */
static bool reaches(const struct runner *runner, uint32_t from, uint32_t to, bool *seen)
{
    if (from == to) {
        return true;
    }
    seen[from] = true;
    for (uint32_t i = 0; i < runner->entry_count; i++) {
        if (runner->entries[from]->feeds[i] && !seen[i] && reaches(runner, i, to, seen)) {
            return true;
        }
    }
    return false;
}

static const struct graph *graph_at(const struct runner *runner, uint32_t index)
{
    return controller_graph(runner->entries[index]->ctl);
}

static int find_cycle(struct runner *runner, bool *seen, struct srt_err *err)
{
    for (uint32_t from = 0; from < runner->entry_count; from++) {
        for (uint32_t to = 0; to < runner->entry_count; to++) {
            memset(seen, 0, runner->entry_count * sizeof *seen);
            if (runner->entries[from]->feeds[to] && reaches(runner, to, from, seen)) {
                return srt_fail(
                    err, SRT_EINVAL,
                    "pipeline '%s' cannot be drained: what it writes comes back to it%s%s; "
                    "run without --until-drained",
                    graph_at(runner, from)->name, from == to ? "" : " through ",
                    from == to ? "" : graph_at(runner, to)->name);
            }
        }
    }
    return SRT_OK;
}

static int find_feeds(struct runner *runner, struct srt_err *err)
{
    uint32_t count = runner->entry_count;
    bool *seen = srt_xcalloc(count, sizeof *seen);
    for (uint32_t from = 0; from < count; from++) {
        runner->entries[from]->feeds = srt_xcalloc(count, sizeof(bool));
        for (uint32_t to = 0; to < count; to++) {
            runner->entries[from]->feeds[to] =
                graph_feeds(graph_at(runner, from), graph_at(runner, to));
        }
    }
    int code = find_cycle(runner, seen, err);
    for (uint32_t from = 0; code == SRT_OK && from < count; from++) {
        for (uint32_t to = 0; computes_targets(graph_at(runner, from)) && to < count; to++) {
            memset(seen, 0, count * sizeof *seen);
            if (reads_topics(graph_at(runner, to)) && !reaches(runner, to, from, seen)) {
                runner->entries[from]->feeds[to] = true;
            }
        }
    }
    srt_free(seen);
    return code;
}

/* Tell those whose feeders have all ended. */
static void spread_final(struct runner *runner)
{
    for (uint32_t to = 0; runner->options.until_drained && to < runner->entry_count; to++) {
        bool final = !runner->entries[to]->input_final;
        for (uint32_t from = 0; from < runner->entry_count; from++) {
            final = final && (!runner->entries[from]->feeds[to] ||
                              controller_ended(runner->entries[from]->ctl));
        }
        if (final) {
            runner->entries[to]->input_final = true;
            controller_input_final(runner->entries[to]->ctl);
        }
    }
}

/* --- start --- */

struct ensure {
    struct runner *runner;
    const struct graph *graph;
    int code;
    struct srt_err *err;
};

static bool is_read(const struct runner *runner, const char *topic)
{
    struct topic_search search = {.topic = topic};
    for (uint32_t i = 0; i < runner->entry_count; i++) {
        graph_each_source_topic(graph_at(runner, i), match_topic, &search);
    }
    return search.found;
}

/* A topic for dead letters is made when the first one comes, unless somebody waits for them. */
static void ensure_topic(void *arg, const char *topic, const struct config_mark *mark)
{
    (void)mark;
    struct ensure *ensure = arg;
    struct engine *engine = ensure->runner->options.engine;
    struct engine_topic ignored;
    if (strcmp(topic, ensure->graph->dlq) == 0 && !is_read(ensure->runner, topic)) {
        return;
    }
    if (ensure->code == SRT_OK) {
        ensure->code = engine->ops->topic_ensure(engine, topic, &ignored, ensure->err);
    }
}

/* Targets first: they may be what another pipeline reads. */
static int prepare_all(struct runner *runner, struct srt_err *err)
{
    struct ensure ensure = {.runner = runner, .code = SRT_OK, .err = err};
    for (uint32_t i = 0; i < runner->entry_count; i++) {
        ensure.graph = graph_at(runner, i);
        graph_each_target_topic(ensure.graph, ensure_topic, &ensure);
    }
    for (uint32_t i = 0; ensure.code == SRT_OK && i < runner->entry_count; i++) {
        ensure.code = controller_prepare(runner->entries[i]->ctl, err);
    }
    return ensure.code;
}

/* How many workers a pipeline has for itself. */
static uint32_t own_workers(const struct runner *runner, uint32_t entry_index)
{
    uint32_t tasks = controller_task_count(runner->entries[entry_index]->ctl);
    return tasks < runner->worker_count ? tasks : runner->worker_count;
}

static int create_workers(struct runner *runner, struct srt_err *err)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < runner->entry_count; i++) {
        count += own_workers(runner, i);
    }
    runner->thread_count = count < SRT_WORKER_THREADS_MAX ? count : SRT_WORKER_THREADS_MAX;
    runner->workers = srt_xcalloc(runner->thread_count, sizeof(struct worker *));
    for (uint32_t i = 0; i < runner->thread_count; i++) {
        int code = worker_create(runner->options.clock, i, &runner->workers[i], err);
        if (code != SRT_OK) {
            return code;
        }
    }
    return SRT_OK;
}

static void deal_out_tasks(struct runner *runner)
{
    uint32_t first = 0; /* of the pipeline's own workers */
    for (uint32_t i = 0; i < runner->entry_count; i++) {
        struct controller *ctl = runner->entries[i]->ctl;
        uint32_t own = own_workers(runner, i);
        for (uint32_t t = 0; t < controller_task_count(ctl); t++) {
            uint32_t worker_index = (first + t % own) % runner->thread_count;
            worker_add(runner->workers[worker_index], controller_task(ctl, t));
        }
        first += own;
    }
}

static int start_workers(struct runner *runner, struct srt_err *err)
{
    int created = create_workers(runner, err);
    if (created != SRT_OK) {
        return created;
    }
    deal_out_tasks(runner);
    for (uint32_t i = 0; i < runner->thread_count; i++) {
        int code = worker_start(runner->workers[i], err);
        if (code != SRT_OK) {
            return code;
        }
    }
    return SRT_OK;
}

int runner_start(struct runner *runner, struct srt_err *err)
{
    SRT_ON(MAIN);
    srt_assert(!runner->started);
    int code = runner->options.until_drained ? find_feeds(runner, err) : SRT_OK;
    if (code == SRT_OK) {
        code = prepare_all(runner, err);
    }
    if (code == SRT_OK) {
        code = start_workers(runner, err);
    }
    if (code != SRT_OK) {
        return code;
    }
    runner->started = true;
    for (uint32_t i = 0; i < runner->entry_count; i++) {
        controller_start(runner->entries[i]->ctl);
    }
    spread_final(runner);
    notify(runner); /* without pipelines it is idle at once */
    return SRT_OK;
}

/* --- running --- */

static void report_ended(struct runner *runner)
{
    for (uint32_t i = 0; i < runner->entry_count; i++) {
        struct entry *entry = runner->entries[i];
        if (!entry->reported && controller_ended(entry->ctl)) {
            entry->reported = true;
            if (runner->options.on_stopped) {
                runner->options.on_stopped(runner->options.arg, controller_graph(entry->ctl)->name,
                                           controller_error(entry->ctl));
            }
        }
    }
}

static void check(struct runner *runner)
{
    if (!runner->started || runner->idle || runner->checking) {
        return;
    }
    runner->checking = true;
    bool idle = true;
    for (uint32_t i = 0; i < runner->entry_count; i++) {
        controller_check(runner->entries[i]->ctl);
        idle = idle && controller_ended(runner->entries[i]->ctl);
    }
    report_ended(runner);
    spread_final(runner);
    runner->checking = false;
    if (idle) {
        runner->idle = true;
        if (runner->options.on_idle) {
            runner->options.on_idle(runner->options.arg); /* may destroy us */
        }
    }
}

void runner_stop(struct runner *runner)
{
    SRT_ON(MAIN);
    for (uint32_t i = 0; i < runner->entry_count; i++) {
        controller_stop(runner->entries[i]->ctl);
    }
    notify(runner);
}

void runner_abort(struct runner *runner)
{
    SRT_ON(MAIN);
    for (uint32_t i = 0; i < runner->entry_count; i++) {
        controller_abort(runner->entries[i]->ctl);
    }
    notify(runner);
}

static const struct entry *find_entry(const struct runner *runner, const char *pipeline)
{
    for (uint32_t i = 0; i < runner->entry_count; i++) {
        if (strcmp(graph_at(runner, i)->name, pipeline) == 0) {
            return runner->entries[i];
        }
    }
    return NULL;
}

bool runner_get_counters(const struct runner *runner, const char *pipeline,
                         struct runner_counters *ret)
{
    const struct entry *entry = find_entry(runner, pipeline);
    if (entry) {
        controller_get_counters(entry->ctl, ret);
    }
    return entry != NULL;
}

const char *runner_explain(const struct runner *runner, const char *pipeline)
{
    const struct entry *entry = find_entry(runner, pipeline);
    return entry ? controller_explain(entry->ctl) : "no such pipeline";
}

/* --- the end --- */

static void on_part_closed(void *arg)
{
    struct runner *runner = arg;
    if (--runner->closing == 0) {
        srt_free(runner);
    }
}

void runner_destroy(struct runner *runner)
{
    if (!runner) {
        return;
    }
    SRT_ON(MAIN);
    srt_assert(!runner->started || runner->idle);
    for (uint32_t i = 0; runner->workers && i < runner->entry_count; i++) {
        struct controller *ctl = runner->entries[i]->ctl;
        for (uint32_t t = 0; t < controller_task_count(ctl); t++) {
            task_ask_close(controller_task(ctl, t)); /* nothing new to one that is closed */
        }
    }
    for (uint32_t i = 0; runner->workers && i < runner->thread_count; i++) {
        worker_destroy(runner->workers[i]);
    }
    srt_free(runner->workers);
    runner->closing = runner->entry_count + 1;
    for (uint32_t i = 0; i < runner->entry_count; i++) {
        controller_destroy(runner->entries[i]->ctl, on_part_closed, runner);
        srt_free(runner->entries[i]->feeds);
        srt_free(runner->entries[i]);
    }
    srt_free(runner->entries);
    runner->entries = NULL;
    runner->entry_count = 0;
    io_wake_close(&runner->wake, on_part_closed);
}
