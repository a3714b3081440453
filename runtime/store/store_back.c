/* The back thread does what takes long and hurries nobody: it syncs segments for a checkpoint,
 * frees journal files, removes files of trimmed segments and deleted topics, makes the next
 * journal file ready, compacts, and asks for retention once a minute. */

#include "base/alloc.h"
#include "base/assert.h"
#include "base/fault.h"
#include "store/store_impl.h"

enum { RETENTION_INTERVAL_MS = 60000 };

static void sync_job(struct store *store)
{
    struct store_job *job = &store->job;
    int code = job->code != SRT_OK ? srt_fail(&job->err, job->code, "checkpoint: out of memory")
                                   : store_checkpoint_sync(store, &job->err);
    if (code == SRT_EFSYNC || code == SRT_EIO) {
        store_fail(store, &job->err);
    }
    io_lock(&store->inbox_lock);
    job->code = code;
    job->state = STORE_JOB_SYNCED;
    io_cond_broadcast(&store->work);
    io_unlock(&store->inbox_lock);
}

/* Without effect on what is stored: what cannot be removed takes room until the next start. */
static void remove_segment(struct segment *take_seg)
{
    if (SRT_FAULT(segment_delete) == 0) {
        segment_remove_files(take_seg);
    }
    segment_unref(take_seg);
}

static void free_journal_file(struct store *store, uint64_t file_sequence)
{
    struct srt_err err;
    if (journal_free_file(&store->journal, file_sequence, &err) == SRT_EFSYNC) {
        store_fail(store, &err);
    }
}

/* Without it the store thread makes its own file, when it needs one. On a full disk another attempt
 * would only take the room that others need, so there is none for the same file. */
static void make_spare(struct store *store)
{
    struct srt_err err;
    int rc = journal_make_spare(&store->journal, &err);
    if (rc == SRT_EFSYNC) {
        store_fail(store, &err);
    }
    io_lock(&store->inbox_lock);
    store->spare_wanted = false;
    store->spare_failed_at = rc != SRT_OK ? store->spare_for : 0;
    io_unlock(&store->inbox_lock);
}

static void compact_some(struct store *store)
{
    struct compaction *c = &store->compaction;
    struct srt_err err = {0};
    int rc = compaction_step(c, &err);
    if (rc == SRT_OK) {
        return;
    }
    if (rc == SRT_EFSYNC) {
        store_fail(store, &err);
    }
    c->code = rc == SRT_EEND ? SRT_OK : rc;
    c->err = err;
    io_lock(&store->inbox_lock);
    store->compaction_state = COMPACTION_WRITTEN;
    io_cond_broadcast(&store->work);
    io_unlock(&store->inbox_lock);
}

/* --- deleted topics --- */

/* Whether nothing of it is left on disk, durably. */
static bool is_gone(struct store *store, const struct store_dropped *dropped)
{
    struct io_file_info info;
    struct srt_err ignored;
    return io_path_info(store->fs, dropped->dir, &info, &ignored) == SRT_ENOENT &&
           io_sync_dir(store->fs, store->topics_dir, &ignored) == SRT_OK;
}

static void free_row(struct store_dropped *dropped)
{
    srt_free(dropped->topic);
    srt_free(dropped->dir);
    srt_free(dropped);
}

/* Only this thread removes rows, so a row stays valid while the lock is not held. */
static void remove_dropped(struct store *store)
{
    io_lock(&store->partitions_lock);
    struct srt_list *node = store->dropped.next;
    while (node != &store->dropped) {
        struct store_dropped *dropped = srt_container_of(node, struct store_dropped, node);
        bool released = dropped->released;
        struct partition *part = released ? dropped->part : NULL;
        dropped->part = released ? NULL : dropped->part;
        io_unlock(&store->partitions_lock);
        bool gone = false;
        if (part) {
            part->remove_files = true; /* by whoever is the last to leave */
            partition_unref(part);
            dropped->in_use = true;
        } else if (released && !dropped->in_use) {
            partition_remove_dir(store->fs, dropped->dir); /* of an earlier process */
        }
        if (released) {
            gone = is_gone(store, dropped);
        }
        io_lock(&store->partitions_lock);
        node = node->next;
        if (gone) {
            srt_list_remove(&dropped->node);
            free_row(dropped);
        }
    }
    io_unlock(&store->partitions_lock);
}

/* --- the loop --- */

static bool take_trash(struct store *store, struct segment **ret_seg)
{
    if (store->trash_count == 0) {
        return false;
    }
    *ret_seg = store->trash[--store->trash_count];
    return true;
}

static bool take_freeable(struct store *store, uint64_t *ret_file)
{
    if (store->freeable_count == 0) {
        return false;
    }
    *ret_file = store->freeable[--store->freeable_count];
    return true;
}

static bool take_flag(bool *flag)
{
    bool was = *flag;
    *flag = false;
    return was;
}

/* Do one thing, with the lock given up meanwhile; false when there is nothing to do. */
static bool do_one(struct store *store)
{
    io_lock_assert_held(&store->inbox_lock);
    struct segment *seg;
    uint64_t file;
    if (store->job.state == STORE_JOB_WANTED && !store->stopped) {
        io_unlock(&store->inbox_lock);
        sync_job(store);
    } else if (take_trash(store, &seg)) {
        io_unlock(&store->inbox_lock);
        remove_segment(seg);
    } else if (take_freeable(store, &file)) {
        io_unlock(&store->inbox_lock);
        free_journal_file(store, file);
    } else if (take_flag(&store->dropped_wanted)) {
        io_unlock(&store->inbox_lock);
        remove_dropped(store);
    } else if (store->spare_wanted && !store->closing) {
        io_unlock(&store->inbox_lock);
        make_spare(store);
    } else if (store->compaction_state == COMPACTION_WORKING && !store->closing &&
               !store->stopped) {
        io_unlock(&store->inbox_lock);
        compact_some(store); /* last, and a little at a time: it hurries least of all */
    } else {
        return false;
    }
    io_lock(&store->inbox_lock);
    return true;
}

void store_back_run(void *arg)
{
    struct store *store = arg;
    int64_t next_ns = srt_clock_mono_ns(store->clock) + INT64_C(1000000) * RETENTION_INTERVAL_MS;
    io_lock(&store->inbox_lock);
    while (!store->back_stop) {
        if (do_one(store)) {
            continue;
        }
        int64_t left_ms = (next_ns - srt_clock_mono_ns(store->clock)) / 1000000;
        if (left_ms > 0) {
            (void)io_cond_wait_ms(&store->errands, &store->inbox_lock, left_ms);
        } else {
            next_ns = srt_clock_mono_ns(store->clock) + INT64_C(1000000) * RETENTION_INTERVAL_MS;
            store->retention_wanted++;
            store->dropped_wanted = true;
            io_cond_broadcast(&store->work);
        }
    }
    io_unlock(&store->inbox_lock);
}

void store_back_clean(struct store *store)
{
    io_lock(&store->inbox_lock);
    store->spare_wanted = false;
    while (do_one(store)) {
    }
    io_unlock(&store->inbox_lock);
    store_compaction_stop(store);
    for (size_t i = 0; i < store->job.segment_count; i++) {
        segment_unref(store->job.segments[i]); /* of a checkpoint that an error overtook */
    }
    for (size_t i = 0; i < store->job.dir_count; i++) {
        srt_free(store->job.dirs[i]);
    }
    store->job.segment_count = 0;
    store->job.dir_count = 0;
}
