#include "pipeline/keyed_state.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "pipeline/item.h"
#include "pipeline/stage_codec.h"
#include "pipeline/stage_process.h"
#include "record/batch.h"
#include "state/changelog.h"

enum { LOAD_BYTES = SRT_HOSTILE ? 1000 : 256 * 1024 };

char *keyed_state_topic(const char *pipeline)
{
    return srt_xasprintf("__streamrt-%s-state", pipeline);
}

/* --- life --- */

int keyed_state_open(struct keyed_state *state, const struct job *job, uint32_t task,
                     struct target_set *target_set, struct srt_err *err)
{
    const struct graph *graph = job->graph;
    *state = (struct keyed_state){.job = job, .task = task, .target_set = target_set};
    state->tables = srt_xcalloc(graph->stage_count, sizeof(struct state_table *));
    state->origins = srt_xcalloc(graph->stage_count, sizeof(char *));
    for (uint32_t i = 0; i < graph->stage_count; i++) {
        struct state_codec codec;
        if (stage_codec(&graph->stages[i], &codec)) {
            state->tables[i] = state_table_create(&codec);
            state->origins[i] = srt_xasprintf("stage:%s", graph->stages[i].name);
        }
    }
    if (!job->stateful) {
        return SRT_OK;
    }
    char *topic = keyed_state_topic(graph->name);
    state->changelog = target_set_adopt(target_set, topic, &job->changelog);
    srt_free(topic);
    (void)err;
    return SRT_OK;
}

static void close_reader(struct keyed_state *state)
{
    if (state->reader) {
        state->job->engine->ops->reader_close(state->reader);
        state->reader = NULL;
    }
}

void keyed_state_close(struct keyed_state *state)
{
    if (!state->job) {
        return;
    }
    close_reader(state);
    for (uint32_t i = 0; i < state->job->graph->stage_count; i++) {
        state_table_destroy(state->tables[i]);
        srt_free(state->origins[i]);
    }
    srt_free(state->tables);
    srt_free(state->origins);
    srt_buf_fini(&state->key);
    srt_buf_fini(&state->value);
    srt_buf_fini(&state->batches);
    srt_buf_fini(&state->unpacked);
    *state = (struct keyed_state){0};
}

const char *keyed_state_origin(const struct keyed_state *state, uint32_t stage)
{
    return state->origins[stage];
}

uint64_t keyed_state_bytes(const struct keyed_state *state)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < state->job->graph->stage_count; i++) {
        bytes += state->tables[i] ? state_table_bytes(state->tables[i]) : 0;
    }
    return bytes;
}

/* --- reading it back --- */

static void ignore_wake(void *arg)
{
    (void)arg;
}

/* The first offset at which compaction has left something is found by the reader itself. */
static int open_partition(struct keyed_state *state, struct srt_err *err)
{
    const struct engine_ops *ops = state->job->engine->ops;
    const struct engine_split split = {.topic_id = state->job->changelog.id,
                                       .partition = state->partition};
    int64_t start;
    int64_t end;
    int code = ops->offset_range(state->job->engine, &split, &start, &end, err);
    if (code == SRT_OK) {
        code = ops->reader_open(state->job->engine, &split, start, ignore_wake, state,
                                &state->reader, err);
    }
    return code;
}

/* The stage whose rows these are; NULL: it was reset or is gone, as the manifest allowed. */
static const struct stage *stage_of(const struct keyed_state *state, uint32_t table_id)
{
    for (uint32_t i = 0; i < state->job->graph->stage_count; i++) {
        if (state->tables[i] && state->job->table_ids[i] == table_id) {
            return &state->job->graph->stages[i];
        }
    }
    return NULL;
}

static int load_record(struct keyed_state *state, const struct record *rec, struct srt_err *err)
{
    struct changelog_row row;
    int code = changelog_parse(rec, &row, err);
    if (code != SRT_OK) {
        return code;
    }
    if (item_task_of_group(row.key_group, state->job->task_count) != state->task) {
        return SRT_OK;
    }
    const struct stage *stage = stage_of(state, row.table_id);
    if (!stage) {
        return SRT_OK;
    }
    if (!stage_codec_has_subkey(stage, row.subkey, row.subkey_len)) {
        return srt_fail(err, SRT_ECORRUPT,
                        "state record at offset %" PRId64 " is no row of stage '%s'", rec->offset,
                        stage->name);
    }
    return state_table_load(state->tables[stage->index], row.key, row.key_len, row.subkey,
                            row.subkey_len, row.due_ms, row.cell, row.cell_len, err);
}

static int load_batch(struct keyed_state *state, const uint8_t *data, size_t size,
                      size_t *ret_size, struct srt_err *err)
{
    struct batch_info info;
    struct batch_reader reader;
    int code = batch_parse(data, size, &info);
    if (code == SRT_OK) {
        code = batch_reader_init(&reader, data, &info, &state->unpacked);
    }
    if (code != SRT_OK) {
        return srt_fail(err, code, "a batch cannot be read (%s)", srt_code_text(code));
    }
    *ret_size = info.size_bytes;
    if (info.attributes & BATCH_ATTR_CONTROL) {
        return SRT_OK;
    }
    struct record rec;
    while ((code = batch_reader_next(&reader, &rec)) == SRT_OK) {
        code = load_record(state, &rec, err);
        if (code != SRT_OK) {
            return code;
        }
    }
    return code == SRT_EEND ? SRT_OK : srt_fail(err, code, "a record cannot be read");
}

static int load_some(struct keyed_state *state, bool *ret_end, struct srt_err *err)
{
    srt_buf_clear(&state->batches);
    int code =
        state->job->engine->ops->reader_poll(state->reader, LOAD_BYTES, &state->batches, err);
    if (code == SRT_OK && srt_buf_failed(&state->batches)) {
        code = srt_fail(err, SRT_ENOMEM, "no memory to read it");
    }
    size_t at = 0;
    while (code == SRT_OK && at < state->batches.len) {
        size_t size = 0;
        code = load_batch(state, state->batches.data + at, state->batches.len - at, &size, err);
        at += size;
    }
    *ret_end = state->batches.len == 0;
    return code;
}

int keyed_state_load(struct keyed_state *state, bool *ret_done, struct srt_err *err)
{
    *ret_done = true;
    if (!state->job->stateful || state->partition == state->job->changelog.partition_count) {
        return SRT_OK;
    }
    *ret_done = false;
    bool end = false;
    int code = state->reader ? SRT_OK : open_partition(state, err);
    if (code == SRT_OK) {
        code = load_some(state, &end, err);
    }
    if (code != SRT_OK) {
        return srt_err_wrap(err, "state of pipeline '%s', partition %" PRId32,
                            state->job->graph->name, state->partition);
    }
    if (end) {
        close_reader(state);
        state->partition++;
        *ret_done = state->partition == state->job->changelog.partition_count;
    }
    for (uint32_t i = 0; *ret_done && i < state->job->graph->stage_count; i++) {
        if (state->job->graph->stages[i].kind == STAGE_PROCESS) {
            stage_process_wake(state->tables[i], &state->job->graph->stages[i]);
        }
    }
    return SRT_OK;
}

/* --- writing changes --- */

struct writing {
    struct keyed_state *state;
    uint32_t stage;
    struct state_codec codec;
    int code;
    struct srt_err *err;
};

static void write_row(void *arg, const struct state_row *row)
{
    struct writing *writing = arg;
    struct keyed_state *state = writing->state;
    if (writing->code != SRT_OK) {
        return;
    }
    const struct changelog_row change = {
        .table_id = state->job->table_ids[writing->stage],
        .key_group = item_key_group(row->key, (int32_t)row->key_len),
        .key = row->key,
        .key_len = row->key_len,
        .subkey = row->subkey,
        .subkey_len = row->subkey_len,
    };
    srt_buf_clear(&state->key);
    srt_buf_clear(&state->value);
    changelog_put_key(&change, &state->key);
    if (row->cell) {
        changelog_put_value_head(row->due_ms, &state->value);
        writing->codec.encode(writing->codec.arg, row->cell, &state->value);
    }
    if (srt_buf_failed(&state->key) || srt_buf_failed(&state->value)) {
        writing->code = srt_fail(writing->err, SRT_ENOMEM, "no memory to write state");
        return;
    }
    const struct record rec = {
        .key = state->key.data,
        .key_len = (int32_t)state->key.len,
        .value = state->value.data,
        .value_len = row->cell ? (int32_t)state->value.len : RECORD_ABSENT,
        .timestamp_ms = srt_clock_wall_ms(state->job->clock),
    };
    int32_t partition = (int32_t)change.key_group % state->job->changelog.partition_count;
    writing->code =
        target_put_at(state->target_set, state->changelog, partition, &rec, false, writing->err);
}

/* A global table is read anew at each start. */
static bool is_global(const struct stage *stage)
{
    return stage->kind == STAGE_JOIN && stage->join->with_kind == JOIN_GLOBAL;
}

static void forget_row(void *arg, const struct state_row *row)
{
    (void)arg;
    (void)row;
}

int keyed_state_write(struct keyed_state *state, struct srt_err *err)
{
    const struct graph *graph = state->job->graph;
    for (uint32_t i = 0; i < graph->stage_count; i++) {
        struct writing writing = {.state = state, .stage = i, .code = SRT_OK, .err = err};
        if (!state->tables[i] || !state_table_has_changes(state->tables[i])) {
            continue;
        }
        if (is_global(&graph->stages[i])) {
            state_table_take_changes(state->tables[i], forget_row, NULL);
            continue;
        }
        (void)stage_codec(&graph->stages[i], &writing.codec);
        state_table_take_changes(state->tables[i], write_row, &writing);
        if (writing.code != SRT_OK) {
            return srt_err_wrap(err, "stage '%s'", graph->stages[i].name);
        }
    }
    return SRT_OK;
}
