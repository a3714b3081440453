/* The table of partitions. The keeper attaches and detaches; during a recovery a partition takes
 * over what the checkpoint says of it, and what is on disk beyond that goes, for the journal has
 * it.
 *
 *     checkpoint    [ 0000.seg: 5000 bytes ][ 0700.seg: 800 bytes ]
 *     on disk       [ 0000.seg             ][ 0700.seg ~~~~~ cut ~~~~~ ][ 0900.seg: removed ]
 *     journal                                        [ frame ][ frame ][ frame ]  replayed */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/varint.h"
#include "store/store_impl.h"

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

/* A segment file of this directory that the checkpoint does not know. */
static bool is_stray(const char *name, const struct checkpoint_partition *row)
{
    int64_t base;
    uint32_t generation;
    if (!segment_parse_name(name, &base, &generation)) {
        return false;
    }
    for (size_t i = 0; row && i < row->segment_count; i++) {
        if (row->segments[i].base_offset == base && row->segments[i].generation == generation) {
            return false;
        }
    }
    return true;
}

/* After a crash: segments that were begun after the checkpoint will be written again from the
 * journal. */
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
        rc = io_unlink(store->fs, path, err);
        srt_free(path);
    }
    io_list_free(&names);
    return rc;
}

/* One segment as the checkpoint has it; *ret_seg is NULL when a later trim, which is in the
 * journal, has removed it: recovery has made sure that nothing else did. */
static int restore_segment(struct store *store, struct partition *part,
                           const struct checkpoint_segment *from, struct segment **ret_seg,
                           struct srt_err *err)
{
    struct segment *seg = segment_new(&store->files, &part->topic_id, part->index, part->dir,
                                      from->base_offset, from->generation, from->created_ms);
    struct io_file_info info;
    int rc = io_path_info(store->fs, seg->path, &info, err);
    *ret_seg = NULL;
    if (rc != SRT_OK) {
        segment_unref(seg);
        return rc == SRT_ENOENT ? SRT_OK : rc;
    }
    srt_store_release(&seg->size_bytes, from->size_bytes);
    srt_store_release(&seg->max_timestamp_ms, from->max_timestamp_ms);
    seg->clean = from->clean;
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
        seg->settled = i + 1 < row->segment_count;
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
        bool is_new;
        rc = partition_make_dir(part, &is_new, err);
        store->topics_dir_dirty = true;
        if (store_may_pass(rc)) { /* no reason to fail: it is made with the first segment */
            rc = SRT_OK;
        } else if (rc == SRT_OK && !is_new) {
            rc = remove_strays(store, part, row, err);
        }
    } else if (!store->options.read_only && part->config.compact) {
        rc = remove_strays(store, part, row, err); /* old files that could not be removed */
    }
    store->compaction_due = true; /* what was left when the last process ended */
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
        /* Options may change; these are the store thread's alone, readers use only the index's. */
        part->config.retention_ms = config->retention_ms;
        part->config.retention_bytes = config->retention_bytes;
        part->config.segment_bytes = config->segment_bytes;
        part->config.segment_ms = config->segment_ms;
        store->compaction_due = store->compaction_due || config->compact;
        part->config.compact = config->compact;
        part->config.delete_retention_ms = config->delete_retention_ms;
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
