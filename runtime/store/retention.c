/* Old segments go in three steps, so that a crash in between leaves either all of the data or a
 * log start that says why it is not there: the trim is journalled, the log start moves, the
 * files are removed. */
#include "base/alloc.h"
#include "base/atomic.h"
#include "store/store_impl.h"

struct trim {
    struct partition *part;
    int64_t log_start;
};

void store_throw_away(struct store *store, struct segment **take_segments, size_t count)
{
    if (count) {
        io_lock(&store->inbox_lock);
        store->trash =
            srt_xrealloc(store->trash, (store->trash_count + count) * sizeof(struct segment *));
        for (size_t i = 0; i < count; i++) {
            store->trash[store->trash_count++] = take_segments[i];
        }
        io_cond_broadcast(&store->errands);
        io_unlock(&store->inbox_lock);
    }
    srt_free(take_segments);
}

/* Journal some trims, then do them. */
static int commit_trims(struct store *store, const struct trim *trims, size_t count,
                        struct srt_err *err)
{
    frame_builder_begin(&store->builder);
    for (size_t i = 0; i < count; i++) {
        frame_builder_trim(&store->builder, &trims[i].part->topic_id, trims[i].part->index,
                           trims[i].log_start);
    }
    int rc = journal_write(&store->journal, &store->builder, err);
    if (rc == SRT_OK && store->options.durability == STORE_DURABILITY_OS) {
        rc = journal_sync(&store->journal, err);
    }
    if (rc != SRT_OK) {
        return rc;
    }
    store->bytes_since_checkpoint += frame_builder_size(&store->builder);
    for (size_t i = 0; i < count; i++) {
        struct segment **segments;
        size_t gone = partition_trim(trims[i].part, trims[i].log_start, &segments);
        store_throw_away(store, segments, gone);
    }
    return SRT_OK;
}

void store_retention_run(struct store *store)
{
    enum { TRIMS_PER_FRAME = SRT_HOSTILE ? 2 : 512 };
    struct trim trims[TRIMS_PER_FRAME];
    struct partition **parts;
    struct srt_err err;
    io_lock(&store->inbox_lock);
    uint64_t ticket = store->retention_wanted;
    io_unlock(&store->inbox_lock);

    store_compaction_roll(store);
    store->compaction_due = true;
    int64_t now_ms = srt_clock_wall_ms(store->clock);
    size_t part_count = store_list_partitions(store, &parts);
    size_t count = 0;
    int rc = SRT_OK;
    for (size_t i = 0; rc == SRT_OK && i < part_count; i++) {
        int64_t start = partition_retention_start(parts[i], now_ms);
        if (start > srt_load_acquire(&parts[i]->log_start)) {
            trims[count++] = (struct trim){parts[i], start};
        }
        if (count == TRIMS_PER_FRAME || (count > 0 && i + 1 == part_count)) {
            rc = commit_trims(store, trims, count, &err);
            count = 0;
        }
    }
    srt_free(parts);
    /* Without room in the journal nothing was trimmed; the next round tries again. */
    if (rc != SRT_OK && !store_may_pass(rc)) {
        store_fail(store, &err);
    }
    io_lock(&store->inbox_lock);
    store->retention_done = ticket;
    io_cond_broadcast(&store->news);
    io_unlock(&store->inbox_lock);
}
