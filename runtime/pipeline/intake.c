/* Entries are asked in turn; one that had something is read to the end of what it gave before the
 * next is asked, so one buffer serves them all. An entry that had nothing is not asked again before
 * it said so (its `ready`, set by the engine from any thread or by the source on our own). */
#include "pipeline/intake.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/log.h"
#include "pipeline/intake_impl.h"

enum { RETRY_MS = 1000 };



/* The engine calls this from any thread. */
static void entry_wake(void *arg)
{
    struct intake_entry *entry = arg;
    srt_store_release(&entry->ready, true); /* acquire in poll_entry */
    entry->in->options.wake(entry->in->options.wake_arg);
}

static struct intake_entry *add_entry(struct intake *in, uint32_t stage)
{
    struct intake_entry *entry = srt_xcalloc(1, sizeof *entry);
    entry->in = in;
    entry->stage = stage;
    event_clock_init(&entry->clock, intake_spec(entry)->out_of_order_ms);
    srt_store_relaxed(&entry->ready, true);
    in->entries = srt_xrealloc(in->entries, (in->entry_count + 1) * sizeof *in->entries);
    in->entries[in->entry_count++] = entry;
    return entry;
}

/* --- sources that are not topics --- */

static void keep_detail(struct intake_entry *entry)
{
    const uint8_t *detail = NULL;
    uint32_t len = 0;
    if (entry->source->ops->detail) {
        entry->source->ops->detail(entry->source, &detail, &len);
    }
    entry->detail = srt_xrealloc(entry->detail, len ? len : 1);
    if (len > 0) {
        memcpy(entry->detail, detail, len);
    }
    entry->detail_len = len;
}

static int open_source(struct intake *in, uint32_t stage, struct srt_err *err)
{
    const struct job *job = in->options.job;
    const struct source_spec *spec = job->graph->stages[stage].source;
    struct intake_entry *entry = add_entry(in, stage);
    in->source_count++;
    entry->position_name = job->source_names[stage];
    entry->topic = entry->position_name ? entry->position_name : "stdin";
    struct engine_position position = {.source_name = entry->position_name};
    int code = SRT_ENOENT;
    if (entry->position_name) {
        code = job->engine->ops->position(job->engine, job->graph->name, &position, err);
    }
    if (code != SRT_OK && code != SRT_ENOENT) {
        return code;
    }
    bool known = code == SRT_OK;
    entry->position = known ? position.offset : 0;
    size_t own = 0;
    if (known && intake_get_clock(entry, &position, &own, err) != SRT_OK) {
        srt_free((void *)position.detail);
        return err->code;
    }
    const struct source_context context = {
        .spec = spec,
        .loop = in->options.loop,
        .clock = job->clock,
        .fs = job->fs,
        .wake = entry_wake,
        .wake_arg = entry,
        .script = in->options.script,
        .generate = &in->options.stage_fns[stage],
    };
    code = connector_source(job->connectors, spec->kind)
               ->open(&context, known ? &position.offset : NULL,
                      position.detail ? position.detail + own : NULL,
                      position.detail_len - (uint32_t)own, &entry->source, err);
    srt_free((void *)position.detail);
    return code;
}

/* Every task reads all of them, from the start, each time. */
static int open_globals(struct intake *in, struct srt_err *err)
{
    const struct job *job = in->options.job;
    const struct engine_ops *ops = job->engine->ops;
    for (uint32_t i = 0; i < job->global_count; i++) {
        const struct job_topic *topic = &job->globals[i];
        for (int32_t p = 0; p < topic->topic.partition_count; p++) {
            struct intake_entry *entry = add_entry(in, topic->stage);
            in->source_count++;
            entry->topic = topic->name;
            entry->is_global = true;
            entry->split = (struct engine_split){.topic_id = topic->topic.id, .partition = p};
            int code = ops->offset_range(job->engine, &entry->split, &entry->position,
                                         &entry->load_until, err);
            if (code == SRT_OK) {
                code = ops->reader_open(job->engine, &entry->split, entry->position, entry_wake,
                                        entry, &entry->reader, err);
            }
            if (code != SRT_OK) {
                return code;
            }
        }
    }
    return SRT_OK;
}

int intake_open(struct intake *in, const struct intake_options *options, struct srt_err *err)
{
    *in = (struct intake){.options = *options};
    in->tables = options->job->has_tables ? INTAKE_TABLES_LOADING : INTAKE_TABLES_OPEN;
    const struct graph *graph = options->job->graph;
    for (uint32_t i = 0; options->task == 0 && i < graph->stage_count; i++) {
        const struct stage *stage = &graph->stages[i];
        if (stage->kind == STAGE_SOURCE && stage->source->kind != SOURCE_TOPIC) {
            int code = open_source(in, i, err);
            if (code != SRT_OK) {
                return code;
            }
        }
    }
    return open_globals(in, err);
}

/* --- partitions --- */

static void destroy_entry(struct intake_entry *entry)
{
    if (entry->reader) {
        entry->in->options.job->engine->ops->reader_close(entry->reader);
    }
    srt_free(entry->detail);
    srt_free(entry);
}

static void drop_partitions(struct intake *in)
{
    for (uint32_t i = in->source_count; i < in->entry_count; i++) {
        if (in->reading == in->entries[i]) {
            in->reading = NULL;
        }
        destroy_entry(in->entries[i]);
    }
    in->entry_count = in->source_count;
    in->turn = 0;
}

/* Where a partition begins that the group has no position in. */
static int start_offset(const struct intake_entry *entry, int64_t start, int64_t end, int64_t *ret,
                        struct srt_err *err)
{
    const struct source_spec *spec = intake_spec(entry);
    struct engine *engine = entry->in->options.job->engine;
    int64_t offset = start;
    switch (spec->start) {
    case START_EARLIEST:
        break;
    case START_LATEST:
        offset = end;
        break;
    case START_OFFSET:
        offset = spec->start_value;
        break;
    case START_TIME: {
        int code =
            engine->ops->offset_for_time(engine, &entry->split, spec->start_value, &offset, err);
        if (code != SRT_OK) {
            return code;
        }
        break;
    }
    }
    offset = offset < start ? start : offset;
    *ret = offset > end ? end : offset;
    return SRT_OK;
}

static int find_position(struct intake_entry *entry, struct srt_err *err)
{
    const struct job *job = entry->in->options.job;
    struct engine *engine = job->engine;
    int64_t start;
    int64_t end;
    int code = engine->ops->offset_range(engine, &entry->split, &start, &end, err);
    if (code != SRT_OK) {
        return code;
    }
    entry->load_until = end;
    struct engine_position position = {.topic_id = entry->split.topic_id,
                                       .partition = entry->split.partition};
    code = engine->ops->position(engine, job->graph->name, &position, err);
    if (code == SRT_ENOENT) {
        /* Committed at once, so that "latest" means the first start and not each. */
        entry->dirty = intake_spec(entry)->start != START_EARLIEST;
        return start_offset(entry, start, end, &entry->position, err);
    }
    if (code != SRT_OK) {
        return code;
    }
    size_t own;
    code = intake_get_clock(entry, &position, &own, err);
    srt_free((void *)position.detail);
    if (code != SRT_OK) {
        return code;
    }
    entry->position = position.offset;
    if (position.offset < start || position.offset > end) {
        return srt_fail(err, SRT_ERANGE,
                        "topic '%s' partition %d has offsets %" PRId64 " to %" PRId64
                        ", but this pipeline is to go on at %" PRId64
                        ": what it had not read was removed; reset its positions to go on",
                        entry->topic, (int)entry->split.partition, start, end, position.offset);
    }
    return SRT_OK;
}

static const struct job_topic *topic_of(const struct job *job, const struct topic_id *id)
{
    for (uint32_t i = 0; i < job->topic_count; i++) {
        if (topic_id_equal(&job->topics[i].topic.id, id)) {
            return &job->topics[i];
        }
    }
    return NULL;
}

int intake_assign(struct intake *in, const struct engine_split *splits, uint32_t count,
                  struct srt_err *err)
{
    const struct job *job = in->options.job;
    drop_partitions(in);
    for (uint32_t i = 0; i < count; i++) {
        const struct job_topic *topic = topic_of(job, &splits[i].topic_id);
        if (!topic) {
            return srt_fail(err, SRT_ENOENT, "a partition of an unknown topic was assigned");
        }
        struct intake_entry *entry = add_entry(in, topic->stage);
        entry->topic = topic->name;
        entry->split = splits[i];
        int code = find_position(entry, err);
        if (code == SRT_OK) {
            code = job->engine->ops->reader_open(job->engine, &entry->split, entry->position,
                                                 entry_wake, entry, &entry->reader, err);
        }
        if (code != SRT_OK) {
            return code;
        }
    }
    in->assigned = true;
    return SRT_OK;
}

/* --- polling --- */

/* The task is to come again for this entry. */
static void set_due(struct intake_entry *entry)
{
    int64_t *due = &entry->in->due_ns;
    *due = *due == 0 || entry->retry_ns < *due ? entry->retry_ns : *due;
}

static void poll_later(struct intake_entry *entry)
{
    entry->retry_ns = intake_now_ns(entry->in) + RETRY_MS * NS_PER_MS;
    srt_store_release(&entry->ready, true);
    set_due(entry);
}

/* Try again later, and say so once. */
static void retry_later(struct intake_entry *entry, const struct srt_err *why)
{
    if (!entry->failed_before) {
        log_warn(LOG_PIPELINE, "pipeline '%s': cannot read %s: %s; trying again every %d ms",
                 entry->in->options.job->graph->name, entry->topic, why->msg, (int)RETRY_MS);
        entry->failed_before = true;
    }
    poll_later(entry);
}

static int poll_partition(struct intake_entry *entry, bool *ret_found, struct srt_err *err)
{
    struct intake *in = entry->in;
    const struct job *job = in->options.job;
    srt_buf_clear(&in->buf);
    int code = job->engine->ops->reader_poll(entry->reader, job->read_bytes, &in->buf, err);
    if (code == SRT_OK && srt_buf_failed(&in->buf)) {
        code = srt_fail(err, SRT_ENOMEM, "no memory to read topic '%s'", entry->topic);
    }
    if (code != SRT_OK) {
        if (srt_code_retriable(code)) {
            retry_later(entry, err);
            return SRT_OK;
        }
        return code;
    }
    entry->failed_before = false;
    *ret_found = in->buf.len > 0;
    in->buf_at = 0;
    in->in_batch = false;
    return SRT_OK;
}

static int poll_source(struct intake_entry *entry, bool *ret_found, struct srt_err *err)
{
    const struct job *job = entry->in->options.job;
    if (entry->ended) {
        return SRT_OK;
    }
    entry->batch = (struct source_batch){.bad_index = -1};
    entry->batch_at = 0;
    int code = entry->source->ops->poll(entry->source, job->read_bytes, &entry->batch, err);
    if (code == SRT_EEND) {
        entry->ended = true;
        return SRT_OK;
    }
    if (code == SRT_ECORRUPT) {
        if (entry->dirty) { /* it stays damaged: what came before it is committed first */
            poll_later(entry);
            return SRT_OK;
        }
        return code;
    }
    if (code != SRT_OK) {
        if (entry->has_read || srt_code_retriable(code)) {
            retry_later(entry, err);
            return SRT_OK;
        }
        return code;
    }
    entry->failed_before = false;
    *ret_found = entry->batch.count > 0;
    if (*ret_found) {
        entry->has_read = true;
        keep_detail(entry);
    }
    return SRT_OK;
}

static int poll_entry(struct intake_entry *entry, bool *ret_found, struct srt_err *err)
{
    *ret_found = false;
    if (!srt_load_acquire(&entry->ready) || !intake_may_ask(entry)) { /* release in entry_wake */
        return SRT_OK;
    }
    if (entry->retry_ns != 0) {
        if (intake_now_ns(entry->in) < entry->retry_ns) {
            set_due(entry);
            return SRT_OK;
        }
        entry->retry_ns = 0;
    }
    srt_store_release(&entry->ready, false);
    int code =
        entry->reader ? poll_partition(entry, ret_found, err) : poll_source(entry, ret_found, err);
    if (*ret_found) {
        srt_store_release(&entry->ready, true);
    }
    intake_note_poll(entry, *ret_found);
    return code;
}

/* --- taking records --- */

/* Say where ret->rec comes from. */
static void give(const struct intake_entry *entry, struct item_origin *ret)
{
    ret->topic = entry->topic;
    ret->partition = entry->reader ? entry->split.partition : 0;
    ret->source_stage = entry->stage;
    ret->codec = intake_spec(entry)->codec;
    ret->clock = (struct event_clock *)(uintptr_t)&entry->clock;
    if (ret->rec.timestamp_ms < 0) {
        ret->rec.timestamp_ms = srt_clock_wall_ms(entry->in->options.job->clock);
    }
}

static void move_to(struct intake_entry *entry, int64_t position)
{
    if (position > entry->position) {
        entry->position = position;
        entry->dirty = !entry->is_global;
    }
}

/* Begin the next batch in the buffer; false at its end. */
static int begin_batch(struct intake_entry *entry, bool *ret_begun, struct srt_err *err)
{
    struct intake *in = entry->in;
    *ret_begun = false;
    while (in->buf_at < in->buf.len) {
        struct batch_info info;
        const uint8_t *data = in->buf.data + in->buf_at;
        int code = batch_parse(data, in->buf.len - in->buf_at, &info);
        if (code == SRT_OK) {
            code = batch_reader_init(&in->batch, data, &info, &in->unpacked);
        }
        if (code != SRT_OK) {
            return srt_fail(
                err, code,
                "topic '%s' partition %d: a batch at offset %" PRId64 " cannot be read (%s)",
                entry->topic, (int)entry->split.partition, entry->position, srt_code_text(code));
        }
        in->buf_at += info.size_bytes;
        if ((info.attributes & BATCH_ATTR_CONTROL) == 0 &&
            batch_last_offset(&info) >= entry->position) {
            in->in_batch = true;
            *ret_begun = true;
            return SRT_OK;
        }
        move_to(entry, batch_last_offset(&info) + 1);
    }
    return SRT_OK;
}

static enum intake_result next_of_partition(struct intake_entry *entry, struct item_origin *ret,
                                            struct srt_err *err)
{
    struct intake *in = entry->in;
    for (;;) {
        if (!in->in_batch) {
            bool begun;
            if (begin_batch(entry, &begun, err) != SRT_OK) {
                return INTAKE_FAILED;
            }
            if (!begun) {
                return INTAKE_NONE;
            }
        }
        int code = batch_reader_next(&in->batch, &ret->rec);
        if (code == SRT_EEND) {
            in->in_batch = false;
            move_to(entry, batch_last_offset(&in->batch.info) + 1);
            continue;
        }
        if (code != SRT_OK) {
            (void)srt_fail(err, code,
                           "topic '%s' partition %d: a record behind offset %" PRId64
                           " cannot be read",
                           entry->topic, (int)entry->split.partition, entry->position - 1);
            return INTAKE_FAILED;
        }
        if (ret->rec.offset >= entry->position) {
            move_to(entry, ret->rec.offset + 1);
            give(entry, ret);
            return INTAKE_RECORD;
        }
    }
}

static enum intake_result next_of_source(struct intake_entry *entry, struct item_origin *ret,
                                         struct srt_err *err)
{
    const struct source_batch *batch = &entry->batch;
    if (entry->batch_at == batch->count) {
        return INTAKE_NONE;
    }
    uint32_t at = entry->batch_at++;
    ret->rec = batch->records[at];
    give(entry, ret);
    /* Not always forward: a file that was rotated begins at 0 again. */
    entry->position = entry->batch_at < batch->count ? batch->records[entry->batch_at].offset
                                                     : batch->next_offset;
    entry->dirty = true;
    if (batch->bad_index == (int64_t)at) {
        *err = batch->bad;
        return INTAKE_BAD;
    }
    return INTAKE_RECORD;
}

static enum intake_result next_of(struct intake_entry *entry, struct item_origin *ret,
                                  struct srt_err *err)
{
    return entry->reader ? next_of_partition(entry, ret, err) : next_of_source(entry, ret, err);
}

enum intake_result intake_next(struct intake *in, struct item_origin *ret, struct srt_err *err)
{
    in->due_ns = 0;
    intake_update_tables(in);
    for (uint32_t tried = 0; tried <= in->entry_count; tried++) {
        if (in->reading) {
            enum intake_result result = next_of(in->reading, ret, err);
            if (result != INTAKE_NONE) {
                return result;
            }
            in->reading = NULL;
        }
        if (tried == in->entry_count) {
            break;
        }
        struct intake_entry *entry = in->options.job->timed ? intake_lowest(in) : NULL;
        if (!entry) {
            entry = in->entries[in->turn];
            in->turn = (in->turn + 1) % in->entry_count;
        }
        bool found;
        if (poll_entry(entry, &found, err) != SRT_OK) {
            return INTAKE_FAILED;
        }
        in->reading = found ? entry : NULL;
    }
    return INTAKE_NONE;
}

/* --- state --- */

bool intake_entry_finished(const struct intake_entry *entry, bool final)
{
    if (entry->in->reading == entry) {
        return false;
    }
    if (entry->reader) {
        const struct engine_ops *ops = entry->in->options.job->engine->ops;
        return final && entry->position >= ops->reader_end(entry->reader);
    }
    return entry->ended ||
           (final && entry->retry_ns == 0 && entry->source->ops->drained(entry->source));
}

bool intake_finished(const struct intake *in, bool final)
{
    for (uint32_t i = 0; i < in->entry_count; i++) {
        if (!intake_entry_finished(in->entries[i], final)) {
            return false;
        }
    }
    return true;
}

bool intake_dirty(const struct intake *in)
{
    for (uint32_t i = 0; i < in->entry_count; i++) {
        if (in->entries[i]->dirty) {
            return true;
        }
    }
    return false;
}

void intake_take_positions(struct intake *in, struct epoch_part *part)
{
    for (uint32_t i = 0; i < in->entry_count; i++) {
        struct intake_entry *entry = in->entries[i];
        bool dirty = entry->dirty;
        entry->dirty = false;
        if (!dirty || (!entry->reader && !entry->position_name)) {
            continue; /* standard input cannot be read again: it has no position */
        }
        struct engine_position position = {.offset = entry->position};
        if (entry->reader) {
            position.topic_id = entry->split.topic_id;
            position.partition = entry->split.partition;
        } else {
            position.source_name = entry->position_name;
        }
        srt_buf_clear(&in->detail);
        intake_put_detail(entry, &in->detail);
        if (srt_buf_failed(&in->detail)) {
            srt_out_of_memory(entry->detail_len);
        }
        position.detail = in->detail.data;
        position.detail_len = (uint32_t)in->detail.len;
        epoch_part_position(part, &position);
    }
}

/* --- closing --- */

static void source_closed(void *arg)
{
    struct intake *in = arg;
    srt_assert(in->closing > 0);
    in->closing--;
}

void intake_close(struct intake *in)
{
    drop_partitions(in);
    in->reading = NULL;
    for (uint32_t i = 0; i < in->source_count; i++) {
        if (in->entries[i]->source) {
            in->closing++;
            struct source *source = in->entries[i]->source;
            in->entries[i]->source = NULL;
            source->ops->close(source, source_closed, in);
        }
    }
}

bool intake_closed(const struct intake *in)
{
    return in->closing == 0;
}

void intake_fini(struct intake *in)
{
    srt_assert(in->closing == 0);
    for (uint32_t i = 0; i < in->entry_count; i++) {
        destroy_entry(in->entries[i]);
    }
    srt_free(in->entries);
    srt_buf_fini(&in->buf);
    srt_buf_fini(&in->unpacked);
    srt_buf_fini(&in->detail);
    *in = (struct intake){0};
}
