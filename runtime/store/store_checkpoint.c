/* A checkpoint in three steps, of which only the first and the last hold up the store thread, and
 * neither for longer than it takes to copy some lists:
 *
 *     store   note: where each partition ends, the keeper's snapshot, what is dirty
 *     back    sync: those segments and directories, which takes its time
 *     store   journal it; from then on older journal files are superfluous
 *
 * What is appended meanwhile only means that more is durable than the checkpoint says. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/fault.h"
#include "store/checkpoint_copy.h"
#include "store/store_impl.h"

enum {
    /* A checkpoint larger than this travels in several frames. */
    PART_BYTES_MAX = SRT_HOSTILE ? 512 : 1 << 20,

    /* With so many frames before it, the last checkpoint of a store that closes gets a file of its
     * own: the next start then reads that alone. */
    OWN_FILE_BYTES_MIN = SRT_HOSTILE ? 512 : 1 << 20,
};

bool store_checkpoint_is_due(struct store *store)
{
    io_lock(&store->inbox_lock);
    bool wanted = store->checkpoint_wanted > store->checkpoint_done;
    io_unlock(&store->inbox_lock);
    if (wanted || store->bytes_since_checkpoint >= store->options.checkpoint_bytes) {
        return true;
    }
    int64_t passed_ms = (srt_clock_mono_ns(store->clock) - store->checkpoint_mono_ns) / 1000000;
    return store->bytes_since_checkpoint > 0 && passed_ms >= store->options.checkpoint_interval_ms;
}

/* --- step 1: note --- */

static void add_dir(struct store_job *job, const char *dir)
{
    if (job->dir_count == job->dir_cap) {
        job->dir_cap = job->dir_cap ? 2 * job->dir_cap : 16;
        job->dirs = srt_xrealloc(job->dirs, job->dir_cap * sizeof(char *));
    }
    job->dirs[job->dir_count++] = srt_xstrdup(dir);
}

static void add_segment(struct store_job *job, struct segment *seg)
{
    if (job->segment_count == job->segment_cap) {
        job->segment_cap = job->segment_cap ? 2 * job->segment_cap : 16;
        job->segments = srt_xrealloc(job->segments, job->segment_cap * sizeof(struct segment *));
    }
    segment_ref(seg);
    job->segments[job->segment_count++] = seg;
}

/* What is dirty is noted here, on the thread that makes it dirty, before the boundary moves on. */
static void note_partition(struct store *store, struct checkpoint *cp, struct partition *part)
{
    struct checkpoint_partition *row =
        checkpoint_add(cp, false, &part->topic_id, part->index, part->topic);
    row->log_start = srt_load_acquire(&part->log_start);
    row->next_offset = part->next_offset;
    for (size_t i = 0; i < part->segment_count; i++) {
        struct segment *seg = part->segments[i];
        struct checkpoint_segment to = {
            .base_offset = seg->base_offset,
            .size_bytes = srt_load_acquire(&seg->size_bytes),
            .max_timestamp_ms = srt_load_acquire(&seg->max_timestamp_ms),
            .created_ms = seg->created_ms,
            .generation = seg->generation,
            .clean = seg->clean,
        };
        seg->noted = i + 1 < part->segment_count;
        checkpoint_add_segment(row, &to);
        if (segment_is_dirty(seg)) {
            add_segment(&store->job, seg);
        }
    }
    if (part->dir_dirty && !part->dir_missing) {
        add_dir(&store->job, part->dir);
        part->dir_dirty = false;
    }
    partition_write_index(part);
}

static void note_partitions(struct store *store, struct checkpoint *cp)
{
    struct partition **parts;
    size_t count = store_list_partitions(store, &parts);
    for (size_t i = 0; i < count; i++) {
        note_partition(store, cp, parts[i]);
    }
    srt_free(parts);
}

/* Rows that recovery restored and nobody attached keep their place. */
static void note_unclaimed(struct store *store, struct checkpoint *cp)
{
    for (size_t i = 0; i < store->restored.partition_count; i++) {
        const struct checkpoint_partition *from = &store->restored.partitions[i];
        if (from->claimed) {
            continue;
        }
        struct checkpoint_partition *row =
            checkpoint_add(cp, false, &from->topic_id, from->index, from->topic);
        row->log_start = from->log_start;
        row->next_offset = from->next_offset;
        for (size_t j = 0; j < from->segment_count; j++) {
            checkpoint_add_segment(row, &from->segments[j]);
        }
    }
}

static void note_dropped(struct store *store, struct checkpoint *cp)
{
    io_lock(&store->partitions_lock);
    srt_list_for_each(node, &store->dropped) {
        struct store_dropped *dropped = srt_container_of(node, struct store_dropped, node);
        checkpoint_add(cp, true, &dropped->topic_id, dropped->index, dropped->topic);
        dropped->in_checkpoint = true;
    }
    io_unlock(&store->partitions_lock);
}

void store_checkpoint_begin(struct store *store, bool clean)
{
    struct store_job *job = &store->job;
    srt_assert(job->state == STORE_JOB_IDLE && !store->apply_node);
    struct checkpoint cp = {.clean = clean, .boundary = store->journal.next_frame - 1};
    note_partitions(store, &cp);
    note_unclaimed(store, &cp);
    note_dropped(store, &cp);
    store_compaction_note(store);
    if (store->topics_dir_dirty) {
        add_dir(job, store->topics_dir);
        store->topics_dir_dirty = false;
    }
    if (store->options.meta.snapshot) {
        store->options.meta.snapshot(store->options.meta.ctx, &cp.snapshot);
    }
    srt_buf_clear(&job->bytes);
    checkpoint_encode(&cp, &job->bytes);
    job->boundary = cp.boundary;
    job->closing = clean;
    job->number = store->checkpoint_number + 1;
    job->code = srt_buf_failed(&job->bytes) || srt_buf_failed(&cp.snapshot) ? SRT_ENOMEM : SRT_OK;
    checkpoint_fini(&cp);
    store->bytes_since_checkpoint = 0;
    store->checkpoint_mono_ns = srt_clock_mono_ns(store->clock);
    io_lock(&store->inbox_lock);
    job->ticket = store->checkpoint_wanted;
    job->state = STORE_JOB_WANTED;
    io_cond_broadcast(&store->errands);
    io_unlock(&store->inbox_lock);
}

/* --- step 2: sync --- */

int store_checkpoint_sync(struct store *store, struct srt_err *err)
{
    struct store_job *job = &store->job;
    int sys = SRT_FAULT(checkpoint_begin);
    int rc = sys == 0 ? SRT_OK : srt_fail_sys(err, SRT_EIO, sys, "begin a checkpoint");
    for (size_t i = 0; i < job->segment_count; i++) {
        if (rc == SRT_OK) {
            rc = segment_sync(job->segments[i], err);
            segment_index_sync(store->fs, job->segments[i]->index_path);
        }
        segment_unref(job->segments[i]);
    }
    for (size_t i = 0; i < job->dir_count; i++) {
        if (rc == SRT_OK) {
            rc = io_sync_dir(store->fs, job->dirs[i], err);
        }
        srt_free(job->dirs[i]);
    }
    job->segment_count = 0;
    job->dir_count = 0;
    if (rc == SRT_OK) {
        struct srt_err ignored; /* an older copy is only a worse one */
        (void)checkpoint_copy_write(store->fs, store->data_dir, job->number, &job->bytes, &ignored);
    }
    return rc;
}

/* --- step 3: journal it --- */

/* Without room for another file the one that is there will do. */
static int begin_last_file(struct store *store, struct srt_err *err)
{
    struct journal *j = &store->journal;
    if (!store->job.closing || j->fd < 0 || j->position < OWN_FILE_BYTES_MIN) {
        return SRT_OK;
    }
    int rc = journal_begin_file(j, true, err);
    return rc == SRT_ENOSPC || rc == SRT_ENOMEM ? SRT_OK : rc;
}

static int write_parts(struct store *store, struct srt_err *err)
{
    int rc = begin_last_file(store, err);
    if (rc != SRT_OK) {
        return rc;
    }
    const struct srt_buf *bytes = &store->job.bytes;
    uint64_t limit = journal_frame_bytes_max(&store->journal) / 2;
    size_t part_bytes = limit < PART_BYTES_MAX ? (size_t)limit : PART_BYTES_MAX;
    uint32_t part_count = (uint32_t)((bytes->len + part_bytes - 1) / part_bytes);
    store->checkpoint_number++;
    for (uint32_t i = 0; i < part_count; i++) {
        size_t at = i * part_bytes;
        size_t left = bytes->len - at;
        frame_builder_begin(&store->builder);
        frame_builder_checkpoint(&store->builder, store->checkpoint_number, i, part_count,
                                 bytes->data + at, left < part_bytes ? left : part_bytes);
        rc = journal_write(&store->journal, &store->builder, err);
        if (rc != SRT_OK) {
            return rc;
        }
    }
    return store->options.durability == STORE_DURABILITY_OS ? journal_sync(&store->journal, err)
                                                            : SRT_OK;
}

/* The files of dropped partitions that this checkpoint names may go. */
static void release_dropped(struct store *store)
{
    bool any = false;
    io_lock(&store->partitions_lock);
    srt_list_for_each(node, &store->dropped) {
        struct store_dropped *dropped = srt_container_of(node, struct store_dropped, node);
        dropped->released = dropped->released || dropped->in_checkpoint;
        any = any || dropped->released;
    }
    io_unlock(&store->partitions_lock);
    if (any) {
        io_lock(&store->inbox_lock);
        store->dropped_wanted = true;
        io_cond_broadcast(&store->errands);
        io_unlock(&store->inbox_lock);
    }
}

static void free_journal_files(struct store *store)
{
    uint64_t file;
    while ((file = journal_take_freeable(&store->journal, store->checkpoint_boundary)) != 0) {
        io_lock(&store->inbox_lock);
        store->freeable = srt_xrealloc(store->freeable,
                                       (store->freeable_count + 1) * sizeof *store->freeable);
        store->freeable[store->freeable_count++] = file;
        io_cond_broadcast(&store->errands);
        io_unlock(&store->inbox_lock);
    }
}

static int finish_job(struct store *store, struct srt_err *err)
{
    struct store_job *job = &store->job;
    if (job->code != SRT_OK) {
        *err = job->err;
        return job->code;
    }
    int sys = SRT_FAULT(checkpoint_synced);
    if (sys != 0) {
        return srt_fail_sys(err, SRT_EIO, sys, "journal a checkpoint");
    }
    int rc = write_parts(store, err);
    if (rc == SRT_OK && (sys = SRT_FAULT(checkpoint_done)) != 0) {
        rc = srt_fail_sys(err, SRT_EIO, sys, "finish a checkpoint");
    }
    return rc;
}

void store_checkpoint_finish(struct store *store)
{
    struct srt_err err = {0};
    struct store_job *job = &store->job;
    int rc = finish_job(store, &err);
    if (rc == SRT_OK) {
        store->checkpoint_boundary = job->boundary;
        free_journal_files(store);
        release_dropped(store);
        store_compaction_settle(store);
    } else if (!store_may_pass(rc)) {
        store_fail(store, &err);
    }
    /* Without room for it the checkpoint is only late: the journal still has everything. */
    io_lock(&store->inbox_lock);
    job->state = STORE_JOB_IDLE;
    store->checkpoint_done = job->ticket;
    store->checkpoint_err = err;
    io_cond_broadcast(&store->news);
    io_unlock(&store->inbox_lock);
}
