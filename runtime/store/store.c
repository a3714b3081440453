/* The outside of the store: opening, closing, handing writes over, the table of partitions. What happens
 * to a write is in store_thread.c, what happens after a crash in recovery.c. */
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
    /* Segment files kept open. Together with what else a process opens, below the usual limit of 1024. */
    OPEN_SEGMENTS_MAX = SRT_HOSTILE ? 2 : 512,
    FORMAT_VERSION = 1,
    NODE_FILE_BYTES_MAX = 4096,
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
    };
}

/* --- the data directory --- */

static int write_node_file(struct store *store, const char *path, struct srt_err *err)
{
    struct topic_id node_id = topic_id_new();
    char id_text[TOPIC_ID_TEXT_MAX];
    char *text = srt_xasprintf("{\"format\":%d,\"node_id\":\"%s\"}\n", (int)FORMAT_VERSION,
                               topic_id_format(id_text, &node_id));
    int rc = io_write_file_atomic(store->fs, path, text, strlen(text), err);
    srt_free(text);
    return rc;
}

/* The file is ours and small: {"format":N,... with nothing before it but white space. */
static int check_node_text(const char *text, const char *path, struct srt_err *err)
{
    int format = 0;
    if (sscanf(text, " { \"format\" : %d", &format) != 1) {
        return srt_fail(err, SRT_ECORRUPT, "'%s' is damaged at byte 0: no \"format\"", path);
    }
    if (format != FORMAT_VERSION) {
        return srt_fail(err, SRT_EVERSION, "'%s' has format %d, this version reads format %d", path,
                        format, (int)FORMAT_VERSION);
    }
    return SRT_OK;
}

static bool exists(const struct io_fs *fs, const char *path)
{
    struct io_file_info info;
    return fs->path_info(fs, path, &info) == 0;
}

/* Whether journal files are there: then node.json must be, too. */
static bool has_journal(const struct io_fs *fs, const char *data_dir)
{
    struct io_list names;
    struct srt_err ignored;
    char *dir = srt_xasprintf("%s/journal", data_dir);
    bool found = false;
    if (io_list_dir(fs, dir, &names, &ignored) == SRT_OK) {
        for (size_t i = 0; i < names.count; i++) {
            found = found || strstr(names.names[i], ".jnl") != NULL;
        }
        io_list_free(&names);
    }
    srt_free(dir);
    return found;
}

int store_check_format(const struct io_fs *fs, const char *data_dir, struct srt_err *err)
{
    char *path = srt_xasprintf("%s/node.json", data_dir);
    struct srt_buf text;
    srt_buf_init(&text);
    int rc = io_read_file(fs, path, NODE_FILE_BYTES_MAX, &text, err);
    if (rc == SRT_OK) {
        rc = check_node_text(srt_buf_cstr(&text), path, err);
    } else if (rc == SRT_ENOENT && has_journal(fs, data_dir)) {
        rc = srt_fail(err, SRT_ECORRUPT, "'%s' is missing, but there is a journal", path);
    } else if (rc == SRT_ENOENT) {
        rc = srt_fail(err, SRT_ENOENT, "'%s' is not a data directory: it has no node.json",
                      data_dir);
    }
    srt_buf_fini(&text);
    srt_free(path);
    return rc;
}

static int create_format(struct store *store, struct srt_err *err)
{
    char *path = srt_xasprintf("%s/node.json", store->data_dir);
    char *journal = srt_xasprintf("%s/journal", store->data_dir);
    int rc = io_make_dirs(store->fs, journal, err);
    if (rc == SRT_OK) {
        rc = io_make_dirs(store->fs, store->topics_dir, err);
    }
    if (rc == SRT_OK) {
        rc = write_node_file(store, path, err);
    }
    srt_free(journal);
    srt_free(path);
    return rc;
}

/* Only on the kernel's files: a disk of a test has no other processes. */
static int lock_dir(struct store *store, struct srt_err *err)
{
    if (store->fs != io_fs_real()) {
        return SRT_OK;
    }
    char *path = srt_xasprintf("%s/LOCK", store->data_dir);
    int rc = io_lock_file(path, &store->lock_fd, err);
    srt_free(path);
    if (rc == SRT_EBUSY) {
        rc = srt_fail(err, SRT_EBUSY, "data directory '%s' is in use by another process",
                      store->data_dir);
    }
    return rc;
}

static int prepare_dir(struct store *store, struct srt_err *err)
{
    const struct store_options *options = &store->options;
    bool there = exists(store->fs, store->data_dir);
    if (!there && (options->read_only || !options->create)) {
        return srt_fail(err, SRT_ENOENT, "data directory '%s' does not exist", store->data_dir);
    }
    if (options->read_only) {
        return store_check_format(store->fs, store->data_dir, err);
    }
    int rc = there ? SRT_OK : io_make_dirs(store->fs, store->data_dir, err);
    if (rc == SRT_OK) {
        rc = lock_dir(store, err);
    }
    if (rc == SRT_OK) {
        rc = store_check_format(store->fs, store->data_dir, err);
        rc = rc == SRT_ENOENT && options->create ? create_format(store, err) : rc;
    }
    return rc;
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
    rc = prepare_dir(store, err);
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
    if (rc == SRT_OK) {
        return SRT_OK;
    }
    io_lock(&store->inbox_lock);
    bool stopped = store->stopped;
    struct srt_err fatal = store->fatal;
    io_unlock(&store->inbox_lock);
    if (stopped) {
        *err = fatal;
        return srt_err_wrap(err, "the store has stopped");
    }
    return srt_fail(err, rc, "write to '%s': %s", store->data_dir, srt_code_text(rc));
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
        rc = store->checkpoint_code;
        io_unlock(&store->inbox_lock);
        rc = rc == SRT_OK ? rc : srt_fail(err, rc, "checkpoint: %s", srt_code_text(rc));
    }
    return rc;
}

int store_apply_retention(struct store *store, struct srt_err *err)
{
    return request(store, &store->retention_wanted, &store->retention_done, err);
}

/* --- partitions --- */

void store_partition_key(uint8_t to[STORE_KEY_BYTES], const struct topic_id *id, int32_t index)
{
    memcpy(to, id->bytes, sizeof id->bytes);
    srt_put_be32(to + sizeof id->bytes, (uint32_t)index);
}

struct partition *store_find_partition(struct store *store, const struct topic_id *id,
                                       int32_t index)
{
    uint8_t key[STORE_KEY_BYTES];
    store_partition_key(key, id, index);
    io_lock(&store->partitions_lock);
    struct partition *part = srt_map_find(&store->partitions, key, sizeof key);
    io_unlock(&store->partitions_lock);
    return part;
}

size_t store_list_partitions(struct store *store, struct partition ***ret_parts)
{
    size_t cursor = 0;
    size_t count = 0;
    void *value;
    io_lock(&store->partitions_lock);
    struct partition **parts = srt_xalloc((store->partitions.used + 1) * sizeof *parts);
    while (srt_map_next(&store->partitions, &cursor, NULL, NULL, &value)) {
        parts[count++] = value;
    }
    io_unlock(&store->partitions_lock);
    *ret_parts = parts;
    return count;
}

/* A segment file of this directory that the checkpoint does not know: "<base>.seg" or "<base>.idx". */
static bool is_stray(const char *name, const struct checkpoint_partition *row)
{
    size_t len = strlen(name);
    if (len != 24 || (strcmp(name + 20, ".seg") != 0 && strcmp(name + 20, ".idx") != 0)) {
        return false;
    }
    int64_t base = (int64_t)strtoull(name, NULL, 10);
    for (size_t i = 0; row && i < row->segment_count; i++) {
        if (row->segments[i].base_offset == base) {
            return false;
        }
    }
    return true;
}

/* After a crash: segments that were begun after the checkpoint will be written again from the journal. */
static int remove_strays(struct store *store, struct partition *part,
                         const struct checkpoint_partition *row, struct srt_err *err)
{
    struct io_list names;
    int rc = io_list_dir(store->fs, part->dir, &names, err);
    if (rc != SRT_OK) {
        return rc == SRT_ENOENT ? SRT_OK : rc;
    }
    for (size_t i = 0; rc == SRT_OK && i < names.count; i++) {
        if (!is_stray(names.names[i], row)) {
            continue;
        }
        if (!store->recovering) {
            rc = srt_fail(err, SRT_EEXIST, "'%s/%s' belongs to a partition that should be new",
                          part->dir, names.names[i]);
            break;
        }
        char *path = srt_xasprintf("%s/%s", part->dir, names.names[i]);
        int sys = store->fs->unlink(store->fs, path);
        if (sys < 0) {
            rc = srt_fail_sys(err, srt_code_from_errno(-sys), -sys, "remove '%s'", path);
        }
        srt_free(path);
    }
    io_list_free(&names);
    return rc;
}

/* One segment as the checkpoint has it; *ret_seg is NULL when a later trim, which is in the journal, has
 * removed it: recovery has made sure that nothing else did. */
static int restore_segment(struct store *store, struct partition *part,
                           const struct checkpoint_segment *from, struct segment **ret_seg,
                           struct srt_err *err)
{
    struct segment *seg = segment_new(&store->files, &part->topic_id, part->index, part->dir,
                                      from->base_offset, from->created_ms);
    struct io_file_info info;
    int sys = store->fs->path_info(store->fs, seg->path, &info);
    *ret_seg = NULL;
    if (sys < 0) {
        int rc = sys == -ENOENT ? SRT_OK
                                : srt_fail_sys(err, srt_code_from_errno(-sys), -sys,
                                               "look at '%s'", seg->path);
        segment_unref(seg);
        return rc;
    }
    srt_store_release(&seg->size_bytes, from->size_bytes);
    srt_store_release(&seg->max_timestamp_ms, from->max_timestamp_ms);
    *ret_seg = seg;
    return SRT_OK;
}

/* Take over what the checkpoint says; the active segment loses what came after it. */
static int restore_segments(struct store *store, struct partition *part,
                            const struct checkpoint_partition *row, struct srt_err *err)
{
    for (size_t i = 0; i < row->segment_count; i++) {
        const struct checkpoint_segment *from = &row->segments[i];
        struct segment *seg;
        int rc = restore_segment(store, part, from, &seg, err);
        if (rc != SRT_OK) {
            return rc;
        }
        if (!seg) {
            continue;
        }
        partition_add_segment(part, seg);
        if (i + 1 == row->segment_count && !store->options.read_only && !store->recovery.clean) {
            rc = segment_cut(seg, err);
            if (rc != SRT_OK) {
                return rc;
            }
            segment_index_cut(store->fs, seg->index_path, seg->base_offset, from->size_bytes);
            part->dir_dirty = true;
        }
    }
    srt_store_release(&part->log_start, row->log_start);
    srt_store_release(&part->high_watermark, row->next_offset);
    part->next_offset = row->next_offset;
    part->assigned = row->next_offset;
    return SRT_OK;
}

static int prepare_partition(struct store *store, struct partition *part, struct srt_err *err)
{
    struct checkpoint_partition *row =
        checkpoint_find(&store->restored, &part->topic_id, part->index);
    row = row && !row->claimed ? row : NULL; /* it was attached before, and dropped */
    int rc = SRT_OK;
    part->in_memory = store->options.read_only;
    part->replaying = store->recovering;
    if (!store->options.read_only && !(row && store->recovery.clean)) {
        rc = partition_make_dir(part, err);
        store->topics_dir_dirty = true;
        /* A full disk is no reason to fail: the directory is made with the first segment. */
        rc = rc == SRT_ENOSPC ? SRT_OK : rc;
        if (rc == SRT_OK) {
            rc = remove_strays(store, part, row, err);
        }
    }
    if (rc == SRT_OK && row) {
        row->claimed = true;
        rc = restore_segments(store, part, row, err);
    }
    return rc;
}

int store_partition_attach(struct store *store, const struct topic_id *topic_id, const char *topic,
                           int32_t index, const struct partition_config *config,
                           struct partition **ret_part, struct srt_err *err)
{
    struct partition *part = store_find_partition(store, topic_id, index);
    if (part) {
        /* Options may change; these four are the store thread's alone, readers use the fifth. */
        part->config.retention_ms = config->retention_ms;
        part->config.retention_bytes = config->retention_bytes;
        part->config.segment_bytes = config->segment_bytes;
        part->config.segment_ms = config->segment_ms;
        *ret_part = part;
        return SRT_OK;
    }
    part = partition_new(store->fs, store->clock, &store->files, store->data_dir, topic_id, topic,
                         index, config);
    int rc = prepare_partition(store, part, err);
    if (rc != SRT_OK) {
        partition_unref(part);
        return rc;
    }
    uint8_t key[STORE_KEY_BYTES];
    store_partition_key(key, topic_id, index);
    io_lock(&store->partitions_lock);
    void *other = srt_map_set(&store->partitions, key, sizeof key, part);
    io_unlock(&store->partitions_lock);
    srt_assert(!other); /* one thread attaches: the keeper's */
    *ret_part = part;
    return SRT_OK;
}

void store_partition_detach(struct store *store, struct partition *part)
{
    uint8_t key[STORE_KEY_BYTES];
    store_partition_key(key, &part->topic_id, part->index);
    struct store_dropped *dropped = srt_xcalloc(1, sizeof *dropped);
    dropped->topic_id = part->topic_id;
    dropped->index = part->index;
    dropped->topic = srt_xstrdup(part->topic);
    dropped->dir = srt_xstrdup(part->dir);
    dropped->part = part;
    io_lock(&store->partitions_lock);
    struct partition *found = srt_map_remove(&store->partitions, key, sizeof key);
    srt_assert(found == part);
    srt_list_push(&store->dropped, &dropped->node);
    io_unlock(&store->partitions_lock);
    partition_set_detached(part);
}
