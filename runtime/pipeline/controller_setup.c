#include "pipeline/controller_impl.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"
#include "pipeline/exchange.h"
#include "pipeline/keyed_state.h"
#include "pipeline/stage_codec.h"
#include "pipeline/watermark.h"

enum {
    READ_BYTES_DEFAULT = SRT_HOSTILE ? 1000 : 256 * 1024,
    BUFFER_BYTES_MIN = 4 * 1024,
    RECORD_BYTES_MAX = 64 << 20,
};

/* --- what the graph needs of the world --- */

static int check_source(struct controller *ctl, const struct stage *stage, struct srt_err *err)
{
    const struct source_spec *spec = stage->source;
    const struct source_ops *ops = connector_source(ctl->options->connectors, spec->kind);
    if (!ops) {
        return srt_fail(err, SRT_EUNAVAILABLE,
                        "pipeline '%s': its kind of source is not available here",
                        ctl->job.graph->name);
    }
    if (ctl->options->until_drained && ops->endless(spec)) {
        return srt_fail(
            err, SRT_EINVAL,
            "pipeline '%s' cannot be drained: its source '%s' never ends; give it a count, "
            "or run without --until-drained",
            ctl->job.graph->name, stage->name);
    }
    ctl->job.source_names[stage->index] = ops->position_name(spec);
    return SRT_OK;
}

static void add_source_topics(struct job *job, const struct stage *stage)
{
    job->has_tables = job->has_tables || stage->source->table;
    if (stage->source->global) {
        job->globals = srt_xrealloc(job->globals, (job->global_count + 1) * sizeof *job->globals);
        job->globals[job->global_count++] =
            (struct job_topic){.name = stage->source->topics[0], .stage = stage->index};
        return;
    }
    for (uint32_t i = 0; i < stage->source->topic_count; i++) {
        job->topics = srt_xrealloc(job->topics, (job->topic_count + 1) * sizeof *job->topics);
        job->topics[job->topic_count++] =
            (struct job_topic){.name = stage->source->topics[i], .stage = stage->index};
    }
}

/* Stages that write to the same place share a sink. */
static int add_sink(struct controller *ctl, const struct stage *stage, struct srt_err *err)
{
    struct job *job = &ctl->job;
    const struct sink_ops *ops = connector_sink(ctl->options->connectors, stage->kind);
    if (!ops) {
        return srt_fail(err, SRT_EUNAVAILABLE,
                        "pipeline '%s': stage '%s': its kind of sink is not "
                        "available here",
                        job->graph->name, stage->name);
    }
    char *name = ops->position_name(stage);
    for (uint32_t i = 0; i < job->sink_count; i++) {
        const struct sink_spec *spec = &ctl->sink_specs[i];
        bool same = !name && !spec->position_name;
        same = same || (name && spec->position_name && strcmp(name, spec->position_name) == 0);
        if (spec->ops == ops && same) {
            job->stage_sinks[stage->index] = i;
            srt_free(name);
            return SRT_OK;
        }
    }
    ctl->sink_specs =
        srt_xrealloc(ctl->sink_specs, (job->sink_count + 1) * sizeof *ctl->sink_specs);
    ctl->sink_specs[job->sink_count] =
        (struct sink_spec){.ops = ops, .stage = stage, .position_name = name};
    job->stage_sinks[stage->index] = job->sink_count++;
    return SRT_OK;
}

static int look_at_stages(struct controller *ctl, struct srt_err *err)
{
    const struct graph *graph = ctl->job.graph;
    ctl->job.source_names = srt_xcalloc(graph->stage_count, sizeof(char *));
    ctl->job.stage_sinks = srt_xcalloc(graph->stage_count, sizeof(uint32_t));
    for (uint32_t i = 0; i < graph->stage_count; i++) {
        const struct stage *stage = &graph->stages[i];
        int code = SRT_OK;
        ctl->job.stage_sinks[i] = JOB_NO_SINK;
        if (stage->kind == STAGE_SOURCE && stage->source->kind == SOURCE_TOPIC) {
            add_source_topics(&ctl->job, stage);
        } else if (stage->kind == STAGE_SOURCE) {
            code = check_source(ctl, stage, err);
        } else if (stage->kind == STAGE_TO_FILE || stage->kind == STAGE_TO_STDOUT ||
                   stage->kind == STAGE_PRINT) {
            code = add_sink(ctl, stage, err);
        }
        if (code != SRT_OK) {
            return code;
        }
    }
    return SRT_OK;
}

int controller_create(const struct runner_options *options, const struct graph *graph,
                      uint32_t worker_count, void (*notify)(void *arg), void *notify_arg,
                      struct controller **ret, struct srt_err *err)
{
    struct controller *ctl = srt_xcalloc(1, sizeof *ctl);
    ctl->options = options;
    ctl->notify = notify;
    ctl->notify_arg = notify_arg;
    ctl->job = (struct job){
        .graph = graph,
        .engine = options->engine,
        .connectors = options->connectors,
        .clock = options->clock,
        .fs = options->fs,
        .seed = options->seed,
        .until_drained = options->until_drained,
        .task_count = graph->parallelism > 0 ? (uint32_t)graph->parallelism : worker_count,
        .read_bytes = options->read_bytes ? options->read_bytes : READ_BYTES_DEFAULT,
        .notify = notify,
        .notify_arg = notify_arg,
    };
    io_timer_init(&ctl->timer, options->loop, controller_on_timer, ctl);
    int code = look_at_stages(ctl, err);
    if (code != SRT_OK) {
        controller_destroy(ctl, NULL, NULL);
        return code;
    }
    *ret = ctl;
    return SRT_OK;
}

/* --- getting ready --- */

static int find_topic(struct job *job, struct job_topic *topic, struct srt_err *err)
{
    int code = job->engine->ops->topic_find(job->engine, topic->name, &topic->topic, err);
    if (code == SRT_ENOENT) {
        return srt_fail(err, SRT_ENOENT,
                        "pipeline '%s' reads topic '%s', which does not exist: declare it under "
                        "topics: or create it first",
                        job->graph->name, topic->name);
    }
    return code;
}

static int find_topics(struct controller *ctl, int32_t *ret_partition_count, struct srt_err *err)
{
    struct job *job = &ctl->job;
    int32_t count = 0;
    for (uint32_t i = 0; i < job->topic_count; i++) {
        struct job_topic *topic = &job->topics[i];
        int code = find_topic(job, topic, err);
        if (code != SRT_OK) {
            return code;
        }
        count += topic->topic.partition_count;
    }
    for (uint32_t i = 0; i < job->global_count; i++) {
        int code = find_topic(job, &job->globals[i], err);
        if (code != SRT_OK) {
            return code;
        }
    }
    *ret_partition_count = count;
    return SRT_OK;
}

static bool has_exchange(const struct graph *graph)
{
    for (uint32_t i = 0; i < graph->stage_count; i++) {
        if (graph->stages[i].exchange) {
            return true;
        }
    }
    return false;
}

static bool keeps_state(const struct graph *graph)
{
    struct state_codec ignored;
    for (uint32_t i = 0; i < graph->stage_count; i++) {
        if (stage_codec(&graph->stages[i], &ignored)) {
            return true;
        }
    }
    return false;
}

/* What stages remember: their changelog, and which rows in it are whose. */
static int prepare_state(struct controller *ctl, struct srt_err *err)
{
    struct job *job = &ctl->job;
    job->stateful = job->timed = keeps_state(job->graph);
    job->keep_open = ctl->options->keep_open;
    srt_store_relaxed(&job->reached_ms, WATERMARK_UNKNOWN);
    srt_store_relaxed(&job->closed_ms, WATERMARK_UNKNOWN);
    if (!job->stateful) {
        return SRT_OK;
    }
    job->state_bytes_max = (size_t)job->graph->state_bytes / job->task_count;
    job->times = srt_xcalloc(job->task_count, sizeof *job->times);
    for (uint32_t i = 0; i < job->task_count; i++) {
        srt_store_relaxed(&job->times[i].active, true); /* until it says otherwise */
    }
    int code = manifest_open(&ctl->manifest, job, ctl->options, err);
    if (code != SRT_OK) {
        return code;
    }
    job->table_ids = ctl->manifest.table_ids;
    char *topic = keyed_state_topic(job->graph->name);
    code = job->engine->ops->state_topic_ensure(job->engine, topic, KEYED_STATE_PARTITIONS,
                                                &job->changelog, err);
    srt_free(topic);
    return code;
}

/* A commit has to fit the engine's largest. Tasks stop reading at half of that; the other half is
 * for what the record at work still emits, and what is in the rings when the barrier comes. */
static void set_limits(struct controller *ctl)
{
    struct job *job = &ctl->job;
    const struct engine_ops *ops = job->engine->ops;
    uint64_t most = ops->commit_bytes_max ? ops->commit_bytes_max(job->engine) : UINT64_MAX;
    uint64_t bytes = job->graph->commit_bytes < most / 2 ? job->graph->commit_bytes : most / 2;
    uint64_t share = bytes / job->task_count;
    job->buffer_bytes = share > BUFFER_BYTES_MIN ? (size_t)share : BUFFER_BYTES_MIN;
    job->record_bytes_max = most / 4 < RECORD_BYTES_MAX ? (size_t)(most / 4) : RECORD_BYTES_MAX;
}

static void create_tasks(struct controller *ctl, int32_t partition_count)
{
    struct job *job = &ctl->job;
    const struct graph *graph = job->graph;
    /* Without an exchange a task has work only when it has a partition, or the source of task 0. */
    uint32_t useful = partition_count > 1 ? (uint32_t)partition_count : 1;
    if (graph->parallelism == 0 && !has_exchange(graph) && job->task_count > useful) {
        job->task_count = useful;
    }
    set_limits(ctl);
    const struct exchange_options exchange = {.slot_count = ctl->options->exchange_slots,
                                              .chunk_bytes = ctl->options->exchange_chunk_bytes};
    job->exchange = exchange_create(graph, job->task_count, &exchange);
    ctl->tasks = srt_xcalloc(job->task_count, sizeof(struct task *));
    ctl->task_ended = srt_xcalloc(job->task_count, sizeof(bool));
    ctl->task_closed = srt_xcalloc(job->task_count, sizeof(bool));
    ctl->members = srt_xcalloc(job->task_count, sizeof(struct engine_member *));
    ctl->parts = srt_xcalloc(job->task_count, sizeof(struct epoch_part *));
    for (uint32_t i = 0; i < job->task_count; i++) {
        ctl->tasks[i] = task_create(job, i);
    }
}

static int open_sinks(struct controller *ctl, struct srt_err *err)
{
    struct job *job = &ctl->job;
    for (uint32_t i = 0; i < job->sink_count; i++) {
        struct sink_spec *spec = &ctl->sink_specs[i];
        if (!spec->position_name) {
            continue;
        }
        struct engine_position position = {.source_name = spec->position_name};
        int code = job->engine->ops->position(job->engine, job->graph->name, &position, err);
        if (code != SRT_OK && code != SRT_ENOENT) {
            return code;
        }
        spec->has_position = code == SRT_OK;
        spec->position = spec->has_position ? position.offset : 0;
        if (spec->has_position) {
            srt_free((void *)position.detail);
        }
    }
    if (job->sink_count == 0) {
        return SRT_OK;
    }
    return sink_writer_open(ctl->sink_specs, job->sink_count, job->fs, ctl->notify, ctl->notify_arg,
                            &ctl->sinks, err);
}

/* Any thread. */
static void on_assignment_changed(void *arg)
{
    struct controller *ctl = arg;
    srt_store_release(&ctl->reassign, true); /* acquire in check_idle */
    ctl->notify(ctl->notify_arg);
}

static int join_group(struct controller *ctl, struct srt_err *err)
{
    struct job *job = &ctl->job;
    if (job->topic_count == 0) {
        return SRT_OK;
    }
    const char **topics = srt_xcalloc(job->topic_count, sizeof *topics);
    for (uint32_t i = 0; i < job->topic_count; i++) {
        topics[i] = job->topics[i].name;
    }
    int code = SRT_OK;
    for (uint32_t i = 0; code == SRT_OK && i < job->task_count; i++) {
        char *member_id = srt_xasprintf("%s-%u", job->graph->name, i);
        code = job->engine->ops->join(job->engine, job->graph->name, member_id, topics,
                                      job->topic_count, on_assignment_changed, ctl,
                                      &ctl->members[i], err);
        srt_free(member_id);
    }
    srt_free(topics);
    return code;
}

int controller_prepare(struct controller *ctl, struct srt_err *err)
{
    int32_t partition_count = 0;
    int code = find_topics(ctl, &partition_count, err);
    if (code != SRT_OK) {
        return code;
    }
    create_tasks(ctl, partition_count);
    code = prepare_state(ctl, err);
    if (code == SRT_OK) {
        code = open_sinks(ctl, err);
    }
    if (code == SRT_OK) {
        code = join_group(ctl, err);
    }
    return code;
}

/* --- the end --- */

static void on_timer_closed(void *arg)
{
    struct controller *ctl = arg;
    io_closed_fn on_closed = ctl->on_closed;
    void *on_closed_arg = ctl->on_closed_arg;
    srt_free(ctl);
    if (on_closed) {
        on_closed(on_closed_arg);
    }
}

void controller_destroy(struct controller *ctl, io_closed_fn on_closed, void *arg)
{
    if (!ctl) {
        return;
    }
    struct job *job = &ctl->job;
    if (ctl->tasks) {
        controller_leave_group(ctl);
        controller_free_parts(ctl);
        for (uint32_t i = 0; i < job->task_count; i++) {
            task_destroy(ctl->tasks[i]);
        }
    }
    sink_writer_close(ctl->sinks);
    for (uint32_t i = 0; i < job->sink_count; i++) {
        srt_free(ctl->sink_specs[i].position_name);
    }
    for (uint32_t i = 0; job->source_names && i < job->graph->stage_count; i++) {
        srt_free(job->source_names[i]);
    }
    exchange_destroy(job->exchange);
    manifest_close(&ctl->manifest);
    srt_free(job->times);
    srt_free(job->source_names);
    srt_free(job->stage_sinks);
    srt_free(job->topics);
    srt_free(job->globals);
    srt_free(ctl->sink_specs);
    srt_free(ctl->tasks);
    srt_free(ctl->task_ended);
    srt_free(ctl->task_closed);
    srt_free(ctl->members);
    srt_free(ctl->parts);
    ctl->on_closed = on_closed;
    ctl->on_closed_arg = arg;
    io_timer_close(&ctl->timer, on_timer_closed);
}
