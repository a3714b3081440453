/* The store thread's part of compaction: what is to be compacted when, and the one step that
 * counts, a frame in the journal (compaction.c has the whole story). */
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/fault.h"
#include "store/compaction_entry.h"
#include "store/store_impl.h"

enum {
    RETRY_MS = 60000,              /* after a pass that failed: the disk may have been full */
    DELETIONS_INTERVAL_MS = 600000, /* look no more often for deletions whose time is over */
    ACTIVE_BYTES_MAX = 64 << 20,   /* what a start reads of a changelog beside its live part */
};

/* --- when --- */

struct share {
    size_t count; /* closed segments that no replay touches */
    size_t first_dirty;
    uint64_t clean_bytes;
    uint64_t dirty_bytes;
};

static struct share look_at(const struct partition *part)
{
    struct share share = {0};
    while (share.count + 1 < part->segment_count && part->segments[share.count]->settled) {
        const struct segment *seg = part->segments[share.count];
        uint64_t size = srt_load_acquire(&seg->size_bytes);
        if (seg->clean && share.first_dirty == share.count) {
            share.first_dirty++;
            share.clean_bytes += size;
        } else {
            share.dirty_bytes += size;
        }
        share.count++;
    }
    return share;
}

static bool is_due(const struct partition *part, const struct share *share, uint64_t ticket,
                   int64_t now_ms)
{
    if (!part->config.compact || part->in_memory || share->count == 0) {
        return false;
    }
    if (ticket > part->compact_ticket) {
        return true;
    }
    if (now_ms < part->compact_not_before_ms) {
        return false;
    }
    int64_t interval_ms = part->config.delete_retention_ms > DELETIONS_INTERVAL_MS
                              ? part->config.delete_retention_ms
                              : DELETIONS_INTERVAL_MS;
    return (share->dirty_bytes > 0 && share->dirty_bytes >= share->clean_bytes) ||
           now_ms - part->compacted_ms >= interval_ms;
}

static void begin_pass(struct store *store, struct partition *part, const struct share *share,
                       uint64_t ticket, int64_t now_ms)
{
    struct compaction *c = &store->compaction;
    *c = (struct compaction){
        .part = part,
        .segment_count = share->count,
        .first_dirty = share->first_dirty,
        .end_offset = part->segments[share->count]->base_offset,
        .group_bytes_max = part->config.segment_bytes,
        .index_interval_bytes = part->config.index_interval_bytes,
        .ticket = ticket,
        .gap_from = -1,
    };
    partition_ref(part);
    c->segments = srt_xcalloc(share->count, sizeof *c->segments);
    for (size_t i = 0; i < share->count; i++) {
        c->segments[i] = part->segments[i];
        segment_ref(c->segments[i]);
    }
    compaction_map_init(&c->map, store->options.compaction_slots_max);
    batch_filter_init(&c->filter, NULL, NULL);
    c->filter.now_ms = now_ms;
    c->filter.delete_retention_ms = part->config.delete_retention_ms;
    segment_index_init(&c->index);
    io_lock(&store->inbox_lock);
    store->compaction_state = COMPACTION_WORKING;
    io_cond_broadcast(&store->errands);
    io_unlock(&store->inbox_lock);
}

/* The partition that has the most to gain; NULL: none is due. */
static struct partition *choose(struct store *store, uint64_t ticket, int64_t now_ms,
                                struct share *ret_share)
{
    struct partition **parts;
    struct partition *chosen = NULL;
    size_t count = store_list_partitions(store, &parts);
    for (size_t i = 0; i < count; i++) {
        struct share share = look_at(parts[i]);
        if (is_due(parts[i], &share, ticket, now_ms) &&
            (!chosen || share.dirty_bytes > ret_share->dirty_bytes)) {
            chosen = parts[i];
            *ret_share = share;
        }
    }
    srt_free(parts);
    return chosen;
}

void store_compaction_plan(struct store *store)
{
    io_lock(&store->inbox_lock);
    bool busy = store->compaction_state != COMPACTION_IDLE;
    uint64_t ticket =
        store->compaction_wanted > store->compaction_done ? store->compaction_wanted : 0;
    io_unlock(&store->inbox_lock);
    if (busy) {
        return;
    }
    struct share share;
    int64_t now_ms = srt_clock_wall_ms(store->clock);
    struct partition *part = choose(store, ticket, now_ms, &share);
    if (part) {
        begin_pass(store, part, &share, ticket, now_ms);
        return;
    }
    store->compaction_due = false;
    if (ticket) {
        io_lock(&store->inbox_lock);
        store->compaction_done = ticket;
        io_cond_broadcast(&store->news);
        io_unlock(&store->inbox_lock);
    }
}

/* A segment that is not written to much would stay active, and so uncompacted, for ever. */
static bool must_roll(const struct partition *part, int64_t now_ms)
{
    if (!part->config.compact || part->in_memory || part->segment_count == 0) {
        return false;
    }
    const struct segment *seg = part->segments[part->segment_count - 1];
    uint64_t size = srt_load_acquire(&seg->size_bytes);
    uint64_t closed = srt_load_relaxed(&part->size_bytes) - size;
    return size > SEGMENT_HEADER_BYTES &&
           (now_ms - seg->created_ms >= part->config.segment_ms ||
            (size >= ACTIVE_BYTES_MAX && size >= closed));
}

void store_compaction_roll(struct store *store)
{
    struct partition **parts;
    struct srt_err err;
    int64_t now_ms = srt_clock_wall_ms(store->clock);
    size_t count = store_list_partitions(store, &parts);
    int rc = SRT_OK;
    for (size_t i = 0; rc == SRT_OK && i < count; i++) {
        if (must_roll(parts[i], now_ms)) {
            rc = partition_roll(parts[i], &err);
            store->bytes_since_checkpoint += SEGMENT_HEADER_BYTES; /* it is to be in one */
        }
    }
    srt_free(parts);
    if (rc != SRT_OK && !store_may_pass(rc)) {
        store_fail(store, &err);
    }
}

/* --- the step that counts --- */

/* Where the group is in the partition; false: retention has taken some of it meanwhile. */
static bool find_group(const struct compaction *c, size_t *ret_first)
{
    const struct partition *part = c->part;
    size_t first = 0;
    while (first < part->segment_count && part->segments[first] != c->segments[c->group_first]) {
        first++;
    }
    *ret_first = first;
    return first + c->group_count < part->segment_count &&
           memcmp(part->segments + first, c->segments + c->group_first,
                  c->group_count * sizeof *c->segments) == 0;
}

static struct checkpoint_segment describe(struct segment *seg)
{
    return (struct checkpoint_segment){
        .base_offset = seg->base_offset,
        .size_bytes = srt_load_acquire(&seg->size_bytes),
        .max_timestamp_ms = srt_load_acquire(&seg->max_timestamp_ms),
        .created_ms = seg->created_ms,
        .generation = seg->generation,
        .clean = seg->clean,
    };
}

static int journal_group(struct store *store, struct srt_err *err)
{
    const struct compaction *c = &store->compaction;
    struct checkpoint_segment *gone = srt_xcalloc(c->group_count, sizeof *gone);
    struct checkpoint_segment fresh[COMPACTION_FRESH_MAX];
    for (size_t i = 0; i < c->group_count; i++) {
        gone[i] = describe(c->segments[c->group_first + i]);
    }
    for (size_t i = 0; i < c->fresh_count; i++) {
        fresh[i] = describe(c->fresh[i]);
    }
    struct srt_buf entry;
    srt_buf_init(&entry);
    compaction_entry_put(&entry, gone, c->group_count, fresh, c->fresh_count);
    int rc = srt_buf_failed(&entry) ? srt_fail(err, SRT_ENOMEM, "out of memory for a compaction")
                                    : SRT_OK;
    if (rc == SRT_OK) {
        frame_builder_begin(&store->builder);
        frame_builder_compaction(&store->builder, &c->part->topic_id, c->part->index,
                                 gone[0].base_offset, entry.data, entry.len);
        rc = journal_write(&store->journal, &store->builder, err);
    }
    if (rc == SRT_OK) {
        store->bytes_since_checkpoint += frame_builder_size(&store->builder);
        rc = store->options.durability == STORE_DURABILITY_OS ? journal_sync(&store->journal, err)
                                                              : SRT_OK;
    }
    srt_buf_fini(&entry);
    srt_free(gone);
    return rc;
}

/* The old files wait for a checkpoint. */
static void put_in_place(struct store *store, size_t first)
{
    struct compaction *c = &store->compaction;
    for (size_t i = 0; i < c->fresh_count; i++) {
        c->fresh[i]->settled = true;
        c->fresh[i]->index_loaded = false; /* readers load it from its file */
    }
    store->replaced = srt_xrealloc(store->replaced, (store->replaced_count + c->group_count) *
                                                        sizeof *store->replaced);
    partition_replace(c->part, first, c->group_count, c->fresh, c->fresh_count,
                      store->replaced + store->replaced_count);
    store->replaced_count += c->group_count;
    compaction_next_group(c);
}

/* SRT_EEND: the pass is over. */
static int commit_group(struct store *store, struct srt_err *err)
{
    struct compaction *c = &store->compaction;
    size_t first;
    if (c->code != SRT_OK) {
        *err = c->err;
        return c->code;
    }
    if (c->at_end || srt_load_acquire(&c->part->detached) || !find_group(c, &first)) {
        return SRT_EEND;
    }
    int rc = journal_group(store, err);
    if (rc != SRT_OK) {
        if (!store_may_pass(rc)) {
            c->in_doubt = true; /* the next recovery knows */
            store_fail(store, err);
        }
        return rc;
    }
    int sys = SRT_FAULT(compaction_done);
    put_in_place(store, first);
    if (sys != 0) {
        rc = srt_fail_sys(err, SRT_EIO, sys, "finish a compaction");
        store_fail(store, err);
    }
    return rc;
}

static void end_pass(struct store *store, int code, const struct srt_err *err)
{
    struct compaction *c = &store->compaction;
    struct partition *part = c->part;
    int64_t now_ms = srt_clock_wall_ms(store->clock);
    part->compacted_ms = now_ms;
    if (code != SRT_OK) {
        part->compact_not_before_ms = now_ms + RETRY_MS;
    }
    /* A map that was full leaves more to do, as long as there is anything to gain. */
    bool again = code == SRT_OK && c->at_end &&
                 (c->split || c->pass_count < c->segment_count);
    if (c->ticket && !again) {
        part->compact_ticket = c->ticket;
    }
    compaction_clear(c);
    io_lock(&store->inbox_lock);
    if (code != SRT_OK) {
        store->compaction_err = *err;
    }
    store->compaction_state = COMPACTION_IDLE;
    io_unlock(&store->inbox_lock);
    partition_unref(part);
    store->compaction_due = true; /* there may be another */
}

void store_compaction_commit(struct store *store)
{
    struct srt_err err = {0};
    int rc = commit_group(store, &err);
    if (rc == SRT_OK) {
        io_lock(&store->inbox_lock);
        store->compaction_state = COMPACTION_WORKING;
        io_cond_broadcast(&store->errands);
        io_unlock(&store->inbox_lock);
    } else {
        end_pass(store, rc == SRT_EEND ? SRT_OK : rc, &err);
    }
}

/* --- checkpoints --- */

void store_compaction_note(struct store *store)
{
    store->replaced_noted = store->replaced_count;
}

/* A checkpoint is durable: what it saw closed stays as it is, what it does not name may go. */
void store_compaction_settle(struct store *store)
{
    struct partition **parts;
    size_t count = store_list_partitions(store, &parts);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; parts[i]->config.compact && j < parts[i]->segment_count; j++) {
            struct segment *seg = parts[i]->segments[j];
            seg->settled = seg->settled || seg->noted;
        }
    }
    srt_free(parts);
    store->compaction_due = true;
    size_t gone = store->replaced_noted;
    if (gone == 0) {
        return;
    }
    struct segment **segments = srt_xalloc(gone * sizeof *segments);
    memcpy(segments, store->replaced, gone * sizeof *segments);
    store->replaced_count -= gone;
    memmove(store->replaced, store->replaced + gone,
            store->replaced_count * sizeof *store->replaced);
    store->replaced_noted = 0;
    store_throw_away(store, segments, gone);
}

/* --- the end --- */

void store_compaction_stop(struct store *store)
{
    struct compaction *c = &store->compaction;
    if (store->compaction_state != COMPACTION_IDLE) {
        compaction_clear(c);
        partition_unref(c->part);
        store->compaction_state = COMPACTION_IDLE;
    }
    for (size_t i = 0; i < store->replaced_count; i++) {
        segment_unref(store->replaced[i]); /* the files stay: no checkpoint says that they may go */
    }
    srt_free(store->replaced);
    store->replaced = NULL;
    store->replaced_count = 0;
}
