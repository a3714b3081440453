/* The outside of the store: opening, closing, handing writes over, the table of partitions. What
 * happens to a write is in store_thread.c, what happens after a crash in recovery.c. */
#include "store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/rng.h"
#include "base/varint.h"
#include "store/store_impl.h"

enum {
    /* Segment files kept open. Together with what else a process opens, below the usual limit of
     * 1024. */
    OPEN_SEGMENTS_MAX = SRT_HOSTILE ? 2 : 512,
};

void store_options_default(struct store_options *options)
{
    *options = (struct store_options){
        .create = true,
        .durability = STORE_DURABILITY_SYNC,
        .journal_file_bytes = UINT64_C(64) << 20,
        .checkpoint_bytes = UINT64_C(64) << 20,
        .checkpoint_interval_ms = 60000,
        .inflight_bytes_max = UINT64_C(128) << 20,
        .compaction_slots_max = COMPACTION_SLOTS_MAX,
    };
}

/* --- open and close --- */

static struct store *new_store(const struct store_options *options)
{
    struct store *store = srt_xcalloc(1, sizeof *store);
    store->options = *options;
    store->fs = options->fs ? options->fs : io_fs_real();
    store->clock = options->clock ? options->clock : srt_clock_real();
    store->data_dir = srt_xstrdup(options->data_dir);
    store->topics_dir = srt_xasprintf("%s/topics", options->data_dir);
    store->options.data_dir = store->data_dir;
    store->lock_fd = -1;
    io_lock_init(&store->inbox_lock, IO_LOCK_STORE_INBOX);
    io_lock_init(&store->partitions_lock, IO_LOCK_STORE_PARTITIONS);
    io_cond_init(&store->work);
    io_cond_init(&store->errands);
    io_cond_init(&store->news);
    srt_list_init(&store->inbox);
    srt_list_init(&store->queue);
    srt_list_init(&store->batch);
    srt_list_init(&store->touched);
    srt_list_init(&store->dropped);
    srt_map_init(&store->partitions);
    segment_files_init(&store->files, store->fs, OPEN_SEGMENTS_MAX, options->read_only);
    frame_builder_init(&store->builder);
    return store;
}

static void free_dropped(struct store *store)
{
    struct srt_list *node;
    while ((node = srt_list_pop(&store->dropped)) != NULL) {
        struct store_dropped *dropped = srt_container_of(node, struct store_dropped, node);
        partition_unref(dropped->part);
        srt_free(dropped->topic);
        srt_free(dropped->dir);
        srt_free(dropped);
    }
}

static void free_store(struct store *store)
{
    size_t cursor = 0;
    void *value;
    while (srt_map_next(&store->partitions, &cursor, NULL, NULL, &value)) {
        partition_unref(value);
    }
    srt_map_fini(&store->partitions);
    free_dropped(store);
    checkpoint_fini(&store->restored);
    journal_fini(&store->journal);
    frame_builder_fini(&store->builder);
    srt_buf_fini(&store->job.bytes);
    srt_free(store->job.segments);
    srt_free(store->job.dirs);
    srt_free(store->freeable);
    srt_free(store->trash);
    segment_files_fini(&store->files);
    io_close(io_fs_real(), &store->lock_fd);
    io_cond_fini(&store->work);
    io_cond_fini(&store->errands);
    io_cond_fini(&store->news);
    io_lock_fini(&store->inbox_lock);
    io_lock_fini(&store->partitions_lock);
    srt_free(store->data_dir);
    srt_free(store->topics_dir);
    srt_free(store);
}

static int start_threads(struct store *store, struct srt_err *err)
{
    int rc = io_thread_start(&store->back_thread, IO_ROLE_BACK, -1, store_back_run, store, err);
    if (rc != SRT_OK) {
        return rc;
    }
    rc = io_thread_start(&store->store_thread, IO_ROLE_STORE, -1, store_thread_run, store, err);
    if (rc != SRT_OK) {
        io_lock(&store->inbox_lock);
        store->back_stop = true;
        io_cond_broadcast(&store->errands);
        io_unlock(&store->inbox_lock);
        io_thread_join(&store->back_thread);
        return rc;
    }
    store->threads_started = true;
    return SRT_OK;
}

static int check_options(const struct store_options *options, struct srt_err *err)
{
    if (options->journal_file_bytes < JOURNAL_FILE_BYTES_MIN ||
        options->journal_file_bytes > UINT64_C(2) << 30 ||
        options->journal_file_bytes % FRAME_ALIGN != 0) {
        return srt_fail(err, SRT_EINVAL,
                        "a journal file of %" PRIu64 " bytes is not possible: 64KiB to 2GiB",
                        options->journal_file_bytes);
    }
    return SRT_OK;
}

int store_open(const struct store_options *options, struct store **ret_store, struct srt_err *err)
{
    *ret_store = NULL;
    int rc = check_options(options, err);
    if (rc != SRT_OK) {
        return rc;
    }
    struct store *store = new_store(options);
    int64_t start_ns = srt_clock_mono_ns(store->clock);
    rc = store_prepare_dir(store, err);
    if (rc == SRT_OK) {
        *ret_store = store; /* restore and apply attach partitions to it */
        rc = store_recover(store, err);
    }
    store->recovery.took_ms = (srt_clock_mono_ns(store->clock) - start_ns) / 1000000;
    store->checkpoint_mono_ns = srt_clock_mono_ns(store->clock);
    if (rc == SRT_OK && !options->read_only) {
        rc = start_threads(store, err);
    }
    if (rc != SRT_OK) {
        *ret_store = NULL;
        free_store(store);
    }
    return rc;
}

int store_close(struct store *store, struct srt_err *err)
{
    if (!store) {
        return SRT_OK;
    }
    if (store->threads_started) {
        io_lock(&store->inbox_lock);
        store->closing = true;
        io_cond_broadcast(&store->work);
        io_unlock(&store->inbox_lock);
        io_thread_join(&store->store_thread);
        io_lock(&store->inbox_lock);
        store->back_stop = true;
        io_cond_broadcast(&store->errands);
        io_unlock(&store->inbox_lock);
        io_thread_join(&store->back_thread);
        store_back_clean(store);
    }
    int rc = store->stopped ? store->fatal.code : SRT_OK;
    if (rc != SRT_OK) {
        *err = store->fatal;
    }
    free_store(store);
    return rc;
}

void store_get_recovery(const struct store *store, struct store_recovery *ret)
{
    *ret = store->recovery;
}

void store_fail(struct store *store, const struct srt_err *err)
{
    io_lock(&store->inbox_lock);
    if (!store->stopped) {
        store->stopped = true;
        store->fatal = *err;
    }
    io_cond_broadcast(&store->work);
    io_cond_broadcast(&store->news);
    io_unlock(&store->inbox_lock);
}

/* --- writing --- */

uint64_t store_write_bytes_max(const struct store *store)
{
    /* The rest is for the frame's own headers: some 56 bytes an entry. */
    return store->options.journal_file_bytes / 4 * 3;
}

/* A write's payload; *ret_frame gets what it takes in a frame. */
static uint64_t write_bytes(const struct store_write *write, uint64_t *ret_frame)
{
    uint64_t bytes = 0;
    uint64_t frame = FRAME_HEADER_BYTES + FRAME_FOOTER_BYTES;
    for (uint32_t i = 0; i < write->append_count; i++) {
        bytes += write->appends[i].size_bytes;
        frame += frame_append_size(write->appends[i].size_bytes);
    }
    for (uint32_t i = 0; i < write->meta_count; i++) {
        bytes += write->metas[i].size_bytes;
        frame += frame_meta_size(write->metas[i].size_bytes);
    }
    *ret_frame = frame;
    return bytes;
}

int store_submit(struct store *store, struct store_write *write)
{
    uint64_t frame_bytes;
    uint64_t bytes = write_bytes(write, &frame_bytes);
    if (store->options.read_only) {
        return SRT_ECLOSED;
    }
    if (bytes > store_write_bytes_max(store) ||
        frame_bytes > journal_frame_bytes_max(&store->journal)) {
        return SRT_ETOOBIG;
    }
    int rc = SRT_OK;
    io_lock(&store->inbox_lock);
    if (store->closing || store->stopped) {
        rc = SRT_ECLOSED;
    } else if (store->inflight_bytes > 0 &&
               store->inflight_bytes + frame_bytes > store->options.inflight_bytes_max) {
        rc = SRT_EAGAIN;
    } else {
        store->inflight_bytes += frame_bytes;
        if (srt_list_empty(&store->inbox)) {
            io_cond_signal(&store->work);
        }
        srt_list_push(&store->inbox, &write->node);
    }
    io_unlock(&store->inbox_lock);
    return rc;
}

bool store_waits_for_room(const struct store *store)
{
    return srt_load_relaxed(&store->waits_for_room);
}

int store_explain(struct store *store, int code, struct srt_err *err)
{
    io_lock(&store->inbox_lock);
    bool stopped = store->stopped;
    *err = stopped ? store->fatal : store->refusal;
    io_unlock(&store->inbox_lock);
    if (stopped) {
        return srt_err_wrap(err, "the store has stopped");
    }
    return err->code == code ? code
                             : srt_fail(err, code, "write to '%s': %s", store->data_dir,
                                        srt_code_text(code));
}

void store_get_refusal(struct store *store, struct srt_err *ret)
{
    io_lock(&store->inbox_lock);
    *ret = store->refusal;
    io_unlock(&store->inbox_lock);
}

/* --- waiting --- */

struct waiter {
    struct store *store;
    int code;
    bool finished; /* inbox */
};

static void wait_done(struct store_write *write, int code)
{
    struct waiter *waiter = write->arg;
    struct store *store = waiter->store;
    io_lock(&store->inbox_lock);
    waiter->code = code;
    waiter->finished = true;
    io_cond_broadcast(&store->news);
    io_unlock(&store->inbox_lock);
}

int store_write_wait(struct store *store, struct store_write *write, struct srt_err *err)
{
    srt_assert(io_role() != IO_ROLE_STORE);
    struct waiter waiter = {.store = store};
    write->done = wait_done;
    write->arg = &waiter;
    int rc;
    while ((rc = store_submit(store, write)) == SRT_EAGAIN) {
        io_lock(&store->inbox_lock);
        if (store->inflight_bytes > 0 && !store->stopped) {
            /* The time limit covers a completion between the refusal and this wait. */
            (void)io_cond_wait_ms(&store->news, &store->inbox_lock, 10);
        }
        io_unlock(&store->inbox_lock);
    }
    if (rc == SRT_OK) {
        io_lock(&store->inbox_lock);
        while (!waiter.finished) {
            io_cond_wait(&store->news, &store->inbox_lock);
        }
        io_unlock(&store->inbox_lock);
        rc = waiter.code;
    }
    return rc == SRT_OK ? SRT_OK : store_explain(store, rc, err);
}

/* Ask the store thread for something and wait until it was done after this call. */
static int request(struct store *store, uint64_t *wanted, const uint64_t *done, struct srt_err *err)
{
    srt_assert(io_role() != IO_ROLE_STORE);
    int rc = SRT_OK;
    io_lock(&store->inbox_lock);
    uint64_t ticket = ++*wanted;
    io_cond_broadcast(&store->work);
    while (*done < ticket && !store->stopped && !store->closing) {
        io_cond_wait(&store->news, &store->inbox_lock);
    }
    if (*done < ticket) {
        *err = store->fatal;
        rc = store->stopped ? store->fatal.code : SRT_ECLOSED;
    }
    io_unlock(&store->inbox_lock);
    return rc != SRT_ECLOSED ? rc : srt_fail(err, rc, "the store is closing");
}

int store_checkpoint(struct store *store, struct srt_err *err)
{
    int rc = request(store, &store->checkpoint_wanted, &store->checkpoint_done, err);
    if (rc == SRT_OK) {
        io_lock(&store->inbox_lock);
        struct srt_err why = store->checkpoint_err;
        io_unlock(&store->inbox_lock);
        if (why.code != SRT_OK) {
            *err = why;
            rc = srt_err_wrap(err, "checkpoint");
        }
    }
    return rc;
}

int store_compact(struct store *store, struct srt_err *err)
{
    io_lock(&store->inbox_lock);
    srt_err_clear(&store->compaction_err);
    io_unlock(&store->inbox_lock);
    int rc = request(store, &store->compaction_wanted, &store->compaction_done, err);
    if (rc == SRT_OK) {
        io_lock(&store->inbox_lock);
        struct srt_err why = store->compaction_err;
        io_unlock(&store->inbox_lock);
        if (why.code != SRT_OK) {
            *err = why;
            rc = srt_err_wrap(err, "compaction");
        }
    }
    return rc;
}

int store_apply_retention(struct store *store, struct srt_err *err)
{
    return request(store, &store->retention_wanted, &store->retention_done, err);
}
