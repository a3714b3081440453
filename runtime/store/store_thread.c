/* The store thread: the one that makes things durable.
 *
 *     inbox --take all--> queue --pack--> batch --frame--> journal, one fdatasync
 *                                           |
 *                                           v
 *                    segments -> high watermarks -> metadata -> watchers -> done()
 *
 * While it waits for a sync new writes gather in the inbox; the next frame takes them all. That is
 * the whole of group commit: no timer, and a lonely write waits for nobody.
 *
 * A frame that is durable must be applied. When a segment cannot be written because the disk is
 * full, the frame stays pending: it is tried again until there is room, and meanwhile every
 * other write is refused with SRT_ENOSPC. Any other failure stops the store; the next recovery
 * knows what to do. */
#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/atomic.h"
#include "base/fault.h"
#include "store/store_impl.h"

enum {
    /* A frame takes more writes until it has so many bytes or entries: beyond that nothing is
     * gained, and who comes later need not wait so long. */
    FRAME_SOFT_BYTES = SRT_HOSTILE ? 1 << 10 : 4 << 20,
    FRAME_SOFT_ENTRIES = 8192,

    /* How far the journal may run ahead of a checkpoint that takes its time, in
     * checkpoint_bytes. */
    CHECKPOINT_LAG_MAX = 4,

    RETRY_FULL_DISK_MS = 100,
    SPARE_AT_PART = 2, /* make the next journal file ready when half of this one is used, */
    SPARE_CALM_MS = 10000, /* if that took so long: else zeroes would compete with frames */
};

static uint64_t frame_bytes(const struct store_write *write)
{
    uint64_t bytes = FRAME_HEADER_BYTES + FRAME_FOOTER_BYTES;
    for (uint32_t i = 0; i < write->append_count; i++) {
        bytes += frame_append_size(write->appends[i].size_bytes);
    }
    for (uint32_t i = 0; i < write->meta_count; i++) {
        bytes += frame_meta_size(write->metas[i].size_bytes);
    }
    return bytes;
}

static struct store_write *write_of(struct srt_list *node)
{
    return srt_container_of(node, struct store_write, node);
}

/* --- completion --- */

/* The write's memory is the caller's from here on. */
static void complete(struct store *store, struct store_write *write, int code)
{
    io_lock(&store->inbox_lock);
    store->inflight_bytes -= frame_bytes(write);
    io_cond_broadcast(&store->news); /* there is room */
    io_unlock(&store->inbox_lock);
    write->done(write, code);
}

static void complete_all(struct store *store, struct srt_list *writes, int code)
{
    struct srt_list *node;
    while ((node = srt_list_pop(writes)) != NULL) {
        complete(store, write_of(node), code);
    }
}

/* Move all writes that were submitted to the queue. */
static void take_inbox(struct store *store)
{
    io_lock_assert_held(&store->inbox_lock);
    struct srt_list *node;
    while ((node = srt_list_pop(&store->inbox)) != NULL) {
        srt_list_push(&store->queue, node);
    }
}

/* --- packing --- */

static bool names_detached(const struct store_write *write)
{
    for (uint32_t i = 0; i < write->append_count; i++) {
        if (srt_load_acquire(&write->appends[i].part->detached)) { /* partition_set_detached */
            return true;
        }
    }
    return false;
}

static void pack_write(struct store *store, struct store_write *write)
{
    for (uint32_t i = 0; i < write->append_count; i++) {
        struct store_append *append = &write->appends[i];
        struct partition *part = append->part;
        append->ret_base_offset = part->assigned;
        part->assigned =
            partition_assign_offsets(append->batches, append->size_bytes, part->assigned);
        frame_builder_append(&store->builder, &part->topic_id, part->index,
                             append->ret_base_offset, append->batches, append->size_bytes);
    }
    for (uint32_t i = 0; i < write->meta_count; i++) {
        const struct store_meta_entry *meta = &write->metas[i];
        frame_builder_meta(&store->builder, meta->kind, meta->data, meta->size_bytes);
    }
}

/* Fill the next frame from the queue. */
static void pack(struct store *store)
{
    struct frame_builder *b = &store->builder;
    uint64_t limit = journal_frame_bytes_max(&store->journal);
    limit = limit < FRAME_SOFT_BYTES ? limit : FRAME_SOFT_BYTES;
    frame_builder_begin(b);
    while (!srt_list_empty(&store->queue) && b->entry_count < FRAME_SOFT_ENTRIES) {
        struct store_write *write = write_of(store->queue.next);
        if (b->entry_count > 0 && frame_builder_size(b) + frame_bytes(write) > limit) {
            return;
        }
        srt_list_remove(&write->node);
        if (names_detached(write)) {
            complete(store, write, SRT_ENOENT);
            continue;
        }
        srt_list_push(&store->batch, &write->node);
        pack_write(store, write);
    }
}

/* The frame was not written: its offsets are free again. */
static void unpack(struct store *store)
{
    srt_list_for_each(node, &store->batch) {
        struct store_write *write = write_of(node);
        for (uint32_t i = 0; i < write->append_count; i++) {
            write->appends[i].part->assigned = write->appends[i].part->next_offset;
        }
    }
}

/* --- applying a durable frame --- */

static void touch(struct store *store, struct partition *part)
{
    if (srt_list_empty(&part->touched)) {
        partition_ref(part);
        srt_list_push(&store->touched, &part->touched);
    }
}

/* Write the batches to their segments, from where an earlier attempt stopped. */
static int apply_appends(struct store *store, struct srt_err *err)
{
    for (; store->apply_node != &store->batch; store->apply_node = store->apply_node->next) {
        struct store_write *write = write_of(store->apply_node);
        for (; store->apply_index < write->append_count; store->apply_index++) {
            const struct store_append *append = &write->appends[store->apply_index];
            int rc = partition_append(append->part, append->batches, append->size_bytes, err);
            if (rc != SRT_OK) {
                return rc;
            }
            touch(store, append->part);
        }
        store->apply_index = 0;
    }
    int sys = SRT_FAULT(segment_written);
    return sys == 0 ? SRT_OK : srt_fail_sys(err, SRT_EIO, sys, "make a frame visible");
}

static int apply_metas(struct store *store, struct srt_err *err)
{
    const struct store_meta_ops *ops = &store->options.meta;
    srt_list_for_each(node, &store->batch) {
        const struct store_write *write = write_of(node);
        for (uint32_t i = 0; ops->apply && i < write->meta_count; i++) {
            const struct store_meta_entry *meta = &write->metas[i];
            int rc = ops->apply(ops->ctx, meta->kind, meta->data, meta->size_bytes, err);
            if (rc != SRT_OK) {
                return rc;
            }
        }
    }
    return SRT_OK;
}

static void let_go_of_touched(struct store *store, bool notify)
{
    struct srt_list *node;
    while ((node = srt_list_pop(&store->touched)) != NULL) {
        struct partition *part = srt_container_of(node, struct partition, touched);
        if (notify) {
            partition_notify(part);
        }
        partition_unref(part);
    }
}

/* Everything that a durable frame changes. SRT_EAGAIN: what failed may pass, call again. */
static int apply_batch(struct store *store, struct srt_err *err)
{
    int rc = apply_appends(store, err);
    if (rc != SRT_OK) {
        return store_may_pass(rc) ? SRT_EAGAIN : rc;
    }
    store->apply_node = NULL;
    srt_list_for_each(node, &store->touched) {
        partition_publish(srt_container_of(node, struct partition, touched));
    }
    rc = apply_metas(store, err);
    let_go_of_touched(store, rc == SRT_OK);
    int sys = rc == SRT_OK ? SRT_FAULT(ack) : 0;
    if (sys != 0) {
        rc = srt_fail_sys(err, SRT_EIO, sys, "acknowledge a frame");
    }
    if (rc == SRT_OK) {
        complete_all(store, &store->batch, SRT_OK);
    }
    return rc;
}

/* For those who ask why their write was refused (store_explain). */
static void note_refusal(struct store *store, const struct srt_err *err)
{
    io_lock(&store->inbox_lock);
    store->refusal = *err;
    io_unlock(&store->inbox_lock);
}

static void go_on_applying(struct store *store)
{
    struct srt_err err;
    int rc = apply_batch(store, &err);
    if (rc == SRT_EAGAIN) {
        note_refusal(store, &err);
    }
    srt_store_relaxed(&store->waits_for_room, rc == SRT_EAGAIN);
    if (rc != SRT_OK && rc != SRT_EAGAIN) {
        store_fail(store, &err);
    }
}

/* One frame: everything from packing to acknowledging. */
static void commit(struct store *store)
{
    struct srt_err err;
    pack(store);
    if (srt_list_empty(&store->batch)) {
        return;
    }
    int rc = SRT_OK;
    if (store->builder.entry_count > 0) {
        uint64_t file = store->journal.file_sequence;
        rc = journal_write(&store->journal, &store->builder, &err);
        if (store->journal.file_sequence != file) {
            store->journal_file_mono_ns = srt_clock_mono_ns(store->clock);
        }
        store->bytes_since_checkpoint += rc == SRT_OK ? frame_builder_size(&store->builder) : 0;
    }
    if (store_may_pass(rc)) {
        note_refusal(store, &err);
        unpack(store);
        complete_all(store, &store->batch, rc);
    } else if (rc != SRT_OK) {
        store_fail(store, &err);
    } else {
        store->apply_node = store->batch.next;
        store->apply_index = 0;
        go_on_applying(store);
    }
}

/* --- the loop --- */

/* What holds up the pending frame holds up all others. */
static int refusal_code(struct store *store)
{
    io_lock(&store->inbox_lock);
    int code = store->refusal.code;
    io_unlock(&store->inbox_lock);
    return code;
}

static bool is_pending(const struct store *store)
{
    return store->apply_node != NULL;
}

/* The journal is far ahead of the checkpoint that is being taken: recovery would take too long. */
static bool is_far_ahead(const struct store *store)
{
    return store->bytes_since_checkpoint >= CHECKPOINT_LAG_MAX * store->options.checkpoint_bytes;
}

/* How long there is nothing to do, unless someone calls; -1: for ever. With the lock. */
static int64_t idle_ms(struct store *store)
{
    if (is_pending(store)) {
        return RETRY_FULL_DISK_MS;
    }
    if (store->bytes_since_checkpoint == 0 || store->job.state != STORE_JOB_IDLE) {
        return -1;
    }
    int64_t passed_ms =
        (srt_clock_mono_ns(store->clock) - store->checkpoint_mono_ns) / 1000000;
    int64_t left_ms = store->options.checkpoint_interval_ms - passed_ms;
    return left_ms > 1 ? left_ms : 1;
}

static bool compaction_has_work(struct store *store)
{
    enum compaction_state state = store->compaction_state;
    return state == COMPACTION_WRITTEN ||
           (state == COMPACTION_IDLE && (store->compaction_due ||
                                         store->compaction_wanted > store->compaction_done));
}

static bool has_work(struct store *store)
{
    if (store->stopped || !srt_list_empty(&store->inbox) ||
        store->retention_wanted > store->retention_done) {
        return true;
    }
    if (is_pending(store)) {
        return store->closing; /* else the next attempt has its time */
    }
    bool idle = store->job.state == STORE_JOB_IDLE;
    return store->closing || store->job.state == STORE_JOB_SYNCED || compaction_has_work(store) ||
           (idle && store->checkpoint_wanted > store->checkpoint_done) ||
           (idle && store->bytes_since_checkpoint >= store->options.checkpoint_bytes) ||
           (!srt_list_empty(&store->queue) && (idle || !is_far_ahead(store)));
}

/* Wait for work and take what was submitted. */
static void wait_for_work(struct store *store)
{
    io_lock(&store->inbox_lock);
    while (!has_work(store)) {
        int64_t timeout_ms = idle_ms(store);
        if (timeout_ms < 0) {
            io_cond_wait(&store->work, &store->inbox_lock);
        } else if (!io_cond_wait_ms(&store->work, &store->inbox_lock, timeout_ms)) {
            break;
        }
    }
    take_inbox(store);
    io_unlock(&store->inbox_lock);
}

/* Whether the store closes; then the queue has everything that was submitted before. */
static bool is_closing(struct store *store)
{
    io_lock(&store->inbox_lock);
    bool closing = store->closing;
    if (closing) {
        take_inbox(store);
    }
    io_unlock(&store->inbox_lock);
    return closing;
}

static bool is_stopped(struct store *store)
{
    io_lock(&store->inbox_lock);
    bool stopped = store->stopped;
    io_unlock(&store->inbox_lock);
    return stopped;
}

static bool retention_is_wanted(struct store *store)
{
    io_lock(&store->inbox_lock);
    bool wanted = store->retention_wanted > store->retention_done;
    io_unlock(&store->inbox_lock);
    return wanted;
}

static bool job_is(struct store *store, enum store_job_state state)
{
    io_lock(&store->inbox_lock);
    bool is = store->job.state == state;
    io_unlock(&store->inbox_lock);
    return is;
}

/* A journal that is written fast needs a ring of three or four files, and has it as soon as
 * checkpoints give files back; meanwhile files that are allocated and not written will do. */
static void want_spare(struct store *store)
{
    struct journal *j = &store->journal;
    if (j->position > j->file_bytes / SPARE_AT_PART && !journal_has_spare(j) &&
        srt_clock_mono_ns(store->clock) - store->journal_file_mono_ns >=
            INT64_C(1000000) * SPARE_CALM_MS) {
        io_lock(&store->inbox_lock);
        if (!store->spare_wanted && store->spare_failed_at != j->file_sequence) {
            store->spare_wanted = true;
            store->spare_for = j->file_sequence;
            io_cond_broadcast(&store->errands);
        }
        io_unlock(&store->inbox_lock);
    }
}

static void serve_compaction(struct store *store)
{
    io_lock(&store->inbox_lock);
    bool work = compaction_has_work(store) && !store->stopped && !store->closing;
    bool written = store->compaction_state == COMPACTION_WRITTEN;
    io_unlock(&store->inbox_lock);
    if (work && written) {
        store_compaction_commit(store);
    } else if (work) {
        store_compaction_plan(store);
    }
}

/* One round with everything in working order. */
static void work(struct store *store)
{
    if (is_pending(store)) {
        go_on_applying(store);
    }
    if (retention_is_wanted(store)) {
        store_retention_run(store);
    }
    if (is_pending(store)) {
        complete_all(store, &store->queue, refusal_code(store));
        return;
    }
    if (job_is(store, STORE_JOB_SYNCED)) {
        store_checkpoint_finish(store);
    }
    if (job_is(store, STORE_JOB_IDLE) && store_checkpoint_is_due(store)) {
        store_checkpoint_begin(store, false);
    }
    serve_compaction(store);
    bool wait = is_far_ahead(store) && !job_is(store, STORE_JOB_IDLE);
    if (!srt_list_empty(&store->queue) && !wait && !is_stopped(store)) {
        commit(store);
        want_spare(store);
    }
}

/* After an error: whoever waits is told, nothing is written any more. */
static void give_up(struct store *store)
{
    io_lock(&store->inbox_lock);
    take_inbox(store); /* what came before the error was known */
    io_unlock(&store->inbox_lock);
    store->apply_node = NULL;
    let_go_of_touched(store, false);
    complete_all(store, &store->batch, SRT_EFSYNC);
    complete_all(store, &store->queue, SRT_EFSYNC);
    if (!store->fatal_told) {
        store->fatal_told = true;
        if (store->options.on_fatal) {
            store->options.on_fatal(store->options.on_fatal_ctx, &store->fatal);
        }
    }
}

static void wait_for_close(struct store *store)
{
    io_lock(&store->inbox_lock);
    while (!store->closing) {
        io_cond_wait(&store->work, &store->inbox_lock);
    }
    io_unlock(&store->inbox_lock);
}

/* While closing there is always work, but what is left may have to wait for a checkpoint. */
static void wait_while_far_ahead(struct store *store)
{
    io_lock(&store->inbox_lock);
    while (is_far_ahead(store) && store->job.state == STORE_JOB_WANTED && !store->stopped) {
        io_cond_wait(&store->work, &store->inbox_lock);
    }
    io_unlock(&store->inbox_lock);
}

/* Nothing is submitted any more and the queue is empty: the last checkpoint. */
static void finish(struct store *store)
{
    io_lock(&store->inbox_lock);
    while (store->job.state == STORE_JOB_WANTED && !store->stopped) {
        io_cond_wait(&store->work, &store->inbox_lock);
    }
    io_unlock(&store->inbox_lock);
    if (is_stopped(store)) {
        return;
    }
    if (job_is(store, STORE_JOB_SYNCED)) {
        store_checkpoint_finish(store);
    }
    bool unclean = !store->recovery.clean || store->journal.fd >= 0;
    if (unclean && !is_stopped(store)) {
        store_checkpoint_begin(store, true);
        io_lock(&store->inbox_lock);
        while (store->job.state == STORE_JOB_WANTED && !store->stopped) {
            io_cond_wait(&store->work, &store->inbox_lock);
        }
        io_unlock(&store->inbox_lock);
        if (!is_stopped(store)) {
            store_checkpoint_finish(store);
        }
    }
}

void store_thread_run(void *arg)
{
    struct store *store = arg;
    for (;;) {
        wait_for_work(store);
        if (is_stopped(store)) {
            give_up(store);
            wait_for_close(store);
            break;
        }
        work(store);
        if (is_stopped(store) || !is_closing(store)) {
            continue;
        }
        if (is_pending(store)) {
            /* The disk is full and stays so. The frame is in the journal; recovery applies it. */
            struct srt_err err;
            srt_fail(&err, SRT_ENOSPC, "'%s' is full: durable writes wait in the journal",
                     store->data_dir);
            store_fail(store, &err);
            continue;
        }
        if (!srt_list_empty(&store->queue)) {
            wait_while_far_ahead(store);
            continue;
        }
        finish(store);
        if (!is_stopped(store)) {
            break;
        }
    }
    io_lock(&store->inbox_lock);
    io_cond_broadcast(&store->news);
    io_unlock(&store->inbox_lock);
}
