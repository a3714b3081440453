#include "pipeline/sink_writer.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "io/thread.h"

struct slot {
    struct sink_spec spec;
    /* NULL until opened, and after a write failed. Whoever may write opens it; only the main thread
     * closes it, so that it can interrupt it at any time. */
    _Atomic(struct sink *) sink;
    bool failed;  /* by the last write */
    bool written; /* has the epoch, synced, though others may have failed */
    int64_t new_position;
};

enum writer_state { WRITER_IDLE, WRITER_ASKED, WRITER_DONE, WRITER_ENDING };

struct sink_writer {
    struct slot *slots;
    uint32_t slot_count;
    const struct io_fs *fs;
    void (*notify)(void *arg);
    void *arg;
    struct io_thread thread;
    bool started;
    struct io_lock lock;
    struct io_cond asked;
    enum writer_state state; /* under the lock */
    /* The thread's while ASKED, the main thread's otherwise. */
    struct epoch_part *const *parts;
    uint32_t part_count;
    struct srt_err result;
    _Atomic int busy_slot; /* the thread sets it, -1: none */
    _Atomic bool interrupted;
};

/* --- the thread --- */

static int open_slot(struct sink_writer *writer, struct slot *slot, struct srt_err *err)
{
    struct sink *sink;
    int code =
        slot->spec.ops->open(slot->spec.stage, writer->fs,
                             slot->spec.has_position ? &slot->spec.position : NULL, &sink, err);
    if (code == SRT_OK) {
        srt_store_release(&slot->sink, sink); /* acquire in sink_writer_interrupt */
    }
    return code;
}

static int write_slot(struct sink_writer *writer, uint32_t index, struct srt_err *err)
{
    struct slot *slot = &writer->slots[index];
    if (slot->written) {
        return SRT_OK; /* by an earlier attempt at this epoch: not twice */
    }
    struct sink *sink = srt_load_relaxed(&slot->sink);
    bool any = false;
    int code = sink ? SRT_OK : open_slot(writer, slot, err);
    sink = srt_load_relaxed(&slot->sink);
    for (uint32_t i = 0; code == SRT_OK && i < writer->part_count; i++) {
        const struct srt_buf *bytes = &writer->parts[i]->sinks[index];
        if (bytes->len > 0) {
            any = true;
            code = slot->spec.ops->write(sink, bytes->data, bytes->len, err);
        }
    }
    if (code == SRT_OK && any) {
        code = slot->spec.ops->sync(sink, &slot->new_position, err);
    }
    slot->written = code == SRT_OK && any;
    slot->failed = code != SRT_OK;
    return code;
}

static int write_all(struct sink_writer *writer, struct srt_err *err)
{
    int code = SRT_OK;
    for (uint32_t i = 0; code == SRT_OK && i < writer->slot_count; i++) {
        if (srt_load_acquire(&writer->interrupted)) { /* release in sink_writer_interrupt */
            return srt_fail(err, SRT_EINTERRUPTED, "the pipeline is being aborted");
        }
        srt_store_relaxed(&writer->busy_slot, (int)i);
        code = write_slot(writer, i, err);
    }
    srt_store_relaxed(&writer->busy_slot, -1);
    return code;
}

static void run(void *arg)
{
    struct sink_writer *writer = arg;
    io_lock(&writer->lock);
    while (writer->state != WRITER_ENDING) {
        if (writer->state != WRITER_ASKED) {
            io_cond_wait(&writer->asked, &writer->lock);
            continue;
        }
        io_unlock(&writer->lock);
        struct srt_err err = {0};
        err.code = write_all(writer, &err);
        io_lock(&writer->lock);
        writer->result = err;
        writer->state = WRITER_DONE;
        writer->notify(writer->arg); /* sends a wake-up, no more */
    }
    io_unlock(&writer->lock);
}

/* --- main --- */

int sink_writer_open(struct sink_spec *take_specs, uint32_t count, const struct io_fs *fs,
                     void (*notify)(void *arg), void *arg, struct sink_writer **ret,
                     struct srt_err *err)
{
    struct sink_writer *writer = srt_xcalloc(1, sizeof *writer);
    writer->slots = srt_xcalloc(count, sizeof *writer->slots);
    writer->slot_count = count;
    writer->fs = fs;
    writer->notify = notify;
    writer->arg = arg;
    srt_store_relaxed(&writer->busy_slot, -1);
    io_lock_init(&writer->lock, IO_LOCK_SINK_STATE);
    io_cond_init(&writer->asked);
    for (uint32_t i = 0; i < count; i++) {
        writer->slots[i].spec = take_specs[i];
        take_specs[i].position_name = NULL;
    }
    int code = SRT_OK;
    for (uint32_t i = 0; code == SRT_OK && i < count; i++) {
        code = open_slot(writer, &writer->slots[i], err);
        if (srt_code_retriable(code)) {
            code = SRT_OK; /* a full disk is no reason not to begin: the first write opens it */
        }
    }
    if (code == SRT_OK) {
        code = io_thread_start(&writer->thread, IO_ROLE_SINK, -1, run, writer, err);
        writer->started = code == SRT_OK;
    }
    if (code != SRT_OK) {
        sink_writer_close(writer);
        return code;
    }
    *ret = writer;
    return SRT_OK;
}

void sink_writer_write(struct sink_writer *writer, struct epoch_part *const *parts, uint32_t count)
{
    io_lock(&writer->lock);
    srt_assert(writer->state == WRITER_IDLE);
    writer->parts = parts;
    writer->part_count = count;
    writer->state = WRITER_ASKED;
    io_cond_signal(&writer->asked);
    io_unlock(&writer->lock);
}

/* After a failed write nobody knows how much of it arrived: the next one begins with opening the
 * sink at what was committed. */
static void close_slot(struct slot *slot)
{
    struct sink *sink = srt_exchange(&slot->sink, NULL);
    if (sink) {
        slot->spec.ops->close(sink);
    }
    slot->failed = false;
}

bool sink_writer_take_result(struct sink_writer *writer, struct srt_err *ret)
{
    io_lock(&writer->lock);
    bool done = writer->state == WRITER_DONE;
    if (done) {
        writer->state = WRITER_IDLE;
        *ret = writer->result;
    }
    io_unlock(&writer->lock);
    for (uint32_t i = 0; done && i < writer->slot_count; i++) {
        if (writer->slots[i].failed) {
            close_slot(&writer->slots[i]);
        }
    }
    return done;
}

const char *sink_writer_busy_with(const struct sink_writer *writer)
{
    int slot = srt_load_relaxed(&writer->busy_slot);
    return slot < 0 ? NULL : writer->slots[slot].spec.stage->name;
}

void sink_writer_positions(const struct sink_writer *writer, struct epoch_part *to)
{
    for (uint32_t i = 0; i < writer->slot_count; i++) {
        const struct slot *slot = &writer->slots[i];
        if (slot->written && slot->spec.position_name) {
            const struct engine_position position = {.source_name = slot->spec.position_name,
                                                     .offset = slot->new_position};
            epoch_part_position(to, &position);
        }
    }
}

void sink_writer_committed(struct sink_writer *writer)
{
    for (uint32_t i = 0; i < writer->slot_count; i++) {
        struct slot *slot = &writer->slots[i];
        if (slot->written) {
            slot->spec.position = slot->new_position;
            slot->spec.has_position = slot->spec.position_name != NULL;
            slot->written = false;
            if (slot->spec.ops->committed) {
                slot->spec.ops->committed(srt_load_relaxed(&slot->sink));
            }
        }
    }
}

void sink_writer_interrupt(struct sink_writer *writer)
{
    srt_store_release(&writer->interrupted, true); /* acquire in write_all */
    int busy = srt_load_relaxed(&writer->busy_slot);
    struct sink *sink = busy >= 0 ? srt_load_acquire(&writer->slots[busy].sink) : NULL;
    if (sink) { /* the release is in open_slot */
        writer->slots[busy].spec.ops->interrupt(sink);
    }
}

void sink_writer_close(struct sink_writer *writer)
{
    if (!writer) {
        return;
    }
    if (writer->started) {
        io_lock(&writer->lock);
        srt_assert(writer->state != WRITER_ASKED);
        writer->state = WRITER_ENDING;
        io_cond_signal(&writer->asked);
        io_unlock(&writer->lock);
        io_thread_join(&writer->thread);
    }
    for (uint32_t i = 0; i < writer->slot_count; i++) {
        close_slot(&writer->slots[i]);
        srt_free(writer->slots[i].spec.position_name);
    }
    io_cond_fini(&writer->asked);
    io_lock_fini(&writer->lock);
    srt_free(writer->slots);
    srt_free(writer);
}
