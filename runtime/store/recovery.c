/* After a start: find out what is durable, refuse if it was damaged, make the rest as if nothing
 * had happened.
 *
 *     scan       read the whole journal; judge where it ends
 *     check      each segment of the checkpoint must be there at its durable size
 *                ---- up to here nothing was changed, and an error leaves everything as it was ----
 *     restore    the keeper's snapshot; it attaches partitions, their segments are cut
 *     replay     frames above the boundary, in order
 *
 * Every step reads the same journal and writes the same bytes, so a crash in the middle of a
 * recovery is just another crash. A view (read only) does the same in memory: batches that are
 * only in the journal become segments in memory. Beside a running store the files may change
 * under its eyes, so it copies the frames first, makes sure that it read one journal and not
 * parts of two, or reads again. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/fault.h"
#include "store/journal_scan.h"
#include "store/journal_witness.h"
#include "store/store_impl.h"

enum { VIEW_ATTEMPTS = 20 };

struct recovery {
    struct store *store;
    struct journal_witness witness;
    struct journal_scan scan;
    struct srt_buf frames; /* a view's copy of the frames above the boundary */
};

/* --- check --- */

/* A segment that is not there must have been trimmed after the checkpoint. */
static int excuse_missing(struct recovery *rec, const struct checkpoint *cp,
                          const struct checkpoint_partition *row, size_t index, const char *path,
                          struct srt_err *err)
{
    int64_t log_start = row->log_start;
    int rc = journal_scan_log_start(&rec->scan, cp->boundary, &row->topic_id, row->index,
                                    &log_start, err);
    if (rc != SRT_OK) {
        return rc;
    }
    int64_t end = index + 1 < row->segment_count ? row->segments[index + 1].base_offset
                                                 : row->next_offset;
    if (log_start >= end) {
        return SRT_OK;
    }
    return srt_fail(err, SRT_ECORRUPT, "'%s' is missing: it had %" PRIu64 " durable bytes", path,
                    row->segments[index].size_bytes);
}

/* The segment that is going to be cut must be the one that is meant. */
static int check_header(struct recovery *rec, const struct checkpoint_partition *row,
                        const struct checkpoint_segment *from, const char *dir, struct srt_err *err)
{
    struct segment *seg = segment_new(&rec->store->files, &row->topic_id, row->index, dir,
                                      from->base_offset, from->generation, from->created_ms);
    int rc = segment_begin_read(seg, err);
    if (rc == SRT_OK) {
        segment_end_read(seg);
    }
    segment_unref(seg);
    return rc;
}

static int check_segment(struct recovery *rec, const struct checkpoint *cp,
                         const struct checkpoint_partition *row, size_t index, const char *dir,
                         struct srt_err *err)
{
    const struct io_fs *fs = rec->store->fs;
    const struct checkpoint_segment *seg = &row->segments[index];
    char *path = segment_path(dir, seg->base_offset, seg->generation, "seg");
    struct io_file_info info;
    int rc = io_path_info(fs, path, &info, err);
    if (rc == SRT_ENOENT) {
        rc = excuse_missing(rec, cp, row, index, path, err);
    } else if (rc == SRT_OK && info.size_bytes < seg->size_bytes) {
        rc = srt_fail(err, SRT_ECORRUPT,
                      "'%s' is damaged at byte %" PRIu64 ": it ends there, but %" PRIu64
                      " bytes were durable",
                      path, info.size_bytes, seg->size_bytes);
    } else if (index + 1 == row->segment_count && info.size_bytes > seg->size_bytes &&
               !rec->store->options.read_only && !journal_scan_is_clean(&rec->scan)) {
        rc = check_header(rec, row, seg, dir, err);
    }
    srt_free(path);
    return rc;
}

static int check_segments(struct recovery *rec, const struct checkpoint *cp, struct srt_err *err)
{
    int rc = SRT_OK;
    for (size_t i = 0; rc == SRT_OK && i < cp->partition_count; i++) {
        const struct checkpoint_partition *row = &cp->partitions[i];
        char *dir =
            partition_dir_path(rec->store->data_dir, &row->topic_id, row->topic, row->index);
        for (size_t j = 0; rc == SRT_OK && j < row->segment_count; j++) {
            rc = check_segment(rec, cp, row, j, dir, err);
        }
        srt_free(dir);
    }
    return rc;
}

/* The last checkpoint, which must reach back no further than the journal does. */
static int load_checkpoint(struct recovery *rec, struct checkpoint *ret, struct srt_err *err)
{
    const struct journal_scan *scan = &rec->scan;
    uint64_t first_frame = scan->count ? scan->files[scan->first].header.first_frame : 1;
    if (scan->checkpoint.found) {
        int rc = checkpoint_decode(scan->checkpoint.bytes.data, scan->checkpoint.bytes.len, ret);
        if (rc != SRT_OK) {
            return srt_fail(err, rc, "'%s': the checkpoint is %s", scan->dir,
                            rc == SRT_EVERSION  ? "of another version"
                            : rc == SRT_ENOMEM ? "too large for the memory there is"
                                               : "not valid");
        }
    }
    if (checkpoint_parts_compact(&scan->checkpoint, ret) != SRT_OK) {
        return srt_fail(err, SRT_ECORRUPT, "'%s': a compaction does not fit the checkpoint",
                        scan->dir);
    }
    if (ret->boundary + 1 < first_frame) {
        return srt_fail(err, SRT_ECORRUPT,
                        "'%s' is damaged at byte %d: frames %" PRIu64 " to %" PRIu64
                        " before it are missing",
                        scan->files[scan->first].path, (int)JOURNAL_HEADER_BYTES,
                        ret->boundary + 1, first_frame - 1);
    }
    return SRT_OK;
}

static int hear_frame(void *arg, const uint8_t *frame, const struct frame_info *info,
                      struct srt_err *err)
{
    (void)err;
    journal_witness_hear_frame(arg, frame, info);
    return SRT_OK;
}

/* Is what looks like a torn write one? The segments may know better. */
static int ask_witness(struct recovery *rec, const struct checkpoint *cp, struct srt_err *err)
{
    struct journal_scan *scan = &rec->scan;
    if (scan->count == 0 || journal_scan_is_clean(scan) || journal_scan_has_unsynced(scan)) {
        return SRT_OK;
    }
    int rc = rec->store->options.read_only /* looked into the segments before */
                 ? SRT_OK
                 : journal_witness_open(&rec->witness, scan->fs, rec->store->data_dir, err);
    journal_witness_hear_checkpoint(&rec->witness, cp);
    if (rc == SRT_OK) {
        rc = journal_scan_frames(scan, cp->boundary, hear_frame, &rec->witness, err);
    }
    const struct journal_witness_row *row = NULL;
    if (rc == SRT_OK) {
        rc = journal_witness_judge(&rec->witness, &row, err);
    }
    if (row) {
        const struct journal_scan_file *last = &scan->files[scan->count - 1];
        rc = srt_fail(err, SRT_ECORRUPT,
                      "'%s' is damaged at byte %" PRIu64 ": a durable frame is missing, of which"
                      " '%s' partition %" PRId32 " has a batch",
                      last->path, last->end_position, row->topic, row->index);
    }
    return rc;
}

/* --- replay --- */

static int replay_append(struct store *store, const struct frame_entry *entry, struct srt_err *err)
{
    struct partition *part = store_find_partition(store, &entry->topic_id, entry->partition);
    if (!part) {
        return SRT_OK; /* its topic was deleted */
    }
    if (entry->offset != part->next_offset) {
        return srt_fail(err, SRT_ECORRUPT,
                        "journal: topic '%s' partition %" PRId32 " goes on at offset %" PRId64
                        ", expected %" PRId64,
                        part->topic, part->index, entry->offset, part->next_offset);
    }
    int rc = partition_append(part, entry->data, entry->size, err);
    if (rc == SRT_OK) {
        part->assigned = part->next_offset;
        partition_publish(part);
    }
    return rc;
}

static int replay_trim(struct store *store, const struct frame_entry *entry, struct srt_err *err)
{
    struct partition *part = store_find_partition(store, &entry->topic_id, entry->partition);
    if (!part) {
        return SRT_OK;
    }
    if (entry->offset > part->next_offset) {
        return srt_fail(err, SRT_ECORRUPT,
                        "journal: topic '%s' partition %" PRId32 " is trimmed to offset %" PRId64
                        ", and ends at %" PRId64,
                        part->topic, part->index, entry->offset, part->next_offset);
    }
    struct segment **segments;
    size_t count = partition_trim(part, entry->offset, &segments);
    for (size_t i = 0; i < count; i++) {
        if (!store->options.read_only) {
            segment_remove_files(segments[i]);
        }
        segment_unref(segments[i]);
    }
    srt_free(segments);
    return SRT_OK;
}

static int replay_frame(void *arg, const uint8_t *frame, const struct frame_info *info,
                        struct srt_err *err)
{
    struct store *store = arg;
    const struct store_meta_ops *ops = &store->options.meta;
    struct frame_entry entry;
    bool only_checkpoint = true;
    int rc = SRT_OK;
    for (size_t at = 0; rc == SRT_OK && frame_next(frame, info, &at, &entry) == SRT_OK;) {
        only_checkpoint = only_checkpoint && entry.kind == FRAME_CHECKPOINT;
        switch (entry.kind) {
        case FRAME_APPEND:
            rc = replay_append(store, &entry, err);
            break;
        case FRAME_META:
            rc = ops->apply ? ops->apply(ops->ctx, entry.meta_kind, entry.data, entry.size, err)
                            : SRT_OK;
            break;
        case FRAME_TRIM:
            rc = replay_trim(store, &entry, err);
            break;
        case FRAME_CHECKPOINT:
        case FRAME_COMPACTION: /* done before all else: it is about files below the checkpoint */
            break;
        }
    }
    if (!only_checkpoint) {
        store->recovery.frames_replayed++;
        store->recovery.bytes_replayed += info->size_bytes;
    }
    int sys = rc == SRT_OK ? SRT_FAULT(recovery_replay) : 0;
    return sys == 0 ? rc : srt_fail_sys(err, SRT_EIO, sys, "replay the journal");
}

static int copy_frame(void *arg, const uint8_t *frame, const struct frame_info *info,
                      struct srt_err *err)
{
    struct srt_buf *frames = arg;
    srt_buf_put(frames, frame, info->size_bytes);
    return srt_buf_failed(frames) ? srt_fail(err, SRT_ENOMEM, "out of memory for the journal")
                                  : SRT_OK;
}

static int replay_copies(struct recovery *rec, struct srt_err *err)
{
    int rc = SRT_OK;
    for (size_t at = 0; rc == SRT_OK && at < rec->frames.len;) {
        struct frame_info info;
        int parsed = frame_parse(rec->frames.data + at, rec->frames.len - at, &info);
        srt_assert(parsed == SRT_OK); /* it was checked when it was copied */
        rc = replay_frame(rec->store, rec->frames.data + at, &info, err);
        at += info.size_bytes;
    }
    return rc;
}

/* --- the whole --- */

/* Everything that changes nothing. */
static int look(struct recovery *rec, struct checkpoint *ret_cp, struct srt_err *err)
{
    struct store *store = rec->store;
    bool view = store->options.read_only;
    int rc = view ? journal_witness_open(&rec->witness, store->fs, store->data_dir, err) : SRT_OK;
    if (rc == SRT_OK) {
        rc = journal_scan_open(&rec->scan, store->fs, store->data_dir, !view, err);
    }
    if (rc == SRT_OK) {
        rc = load_checkpoint(rec, ret_cp, err);
    }
    if (rc == SRT_OK) {
        rc = ask_witness(rec, ret_cp, err);
    }
    if (rc == SRT_OK) {
        rc = check_segments(rec, ret_cp, err);
    }
    if (rc == SRT_OK && view) {
        srt_buf_clear(&rec->frames);
        rc = journal_scan_frames(&rec->scan, ret_cp->boundary, copy_frame, &rec->frames, err);
        if (rc == SRT_OK && !journal_scan_unchanged(&rec->scan)) {
            rc = srt_fail(err, SRT_EAGAIN, "'%s' changes too fast to be read", rec->scan.dir);
        }
    }
    return rc;
}

static void close_sources(struct recovery *rec)
{
    journal_scan_close(&rec->scan);
    journal_witness_close(&rec->witness);
}

/* A running store may free or write what is being read: that looks like damage once, real damage
 * looks the same every time. */
static int look_again(struct recovery *rec, struct checkpoint *ret_cp, struct srt_err *err)
{
    int attempts = rec->store->options.read_only ? VIEW_ATTEMPTS : 1;
    int rc = SRT_OK;
    for (int i = 0; i < attempts; i++) {
        rc = look(rec, ret_cp, err);
        bool may_pass = rc == SRT_ECORRUPT || rc == SRT_ENOENT || rc == SRT_EEND ||
                        rc == SRT_EAGAIN;
        if (!may_pass || i + 1 == attempts) {
            break;
        }
        close_sources(rec);
        checkpoint_fini(ret_cp);
    }
    return rc;
}

static int rebuild(struct recovery *rec, struct srt_err *err)
{
    struct store *store = rec->store;
    const struct store_meta_ops *ops = &store->options.meta;
    struct checkpoint *cp = &store->restored;
    int rc = SRT_OK;
    if (cp->has_snapshot && ops->restore) {
        rc = ops->restore(ops->ctx, cp->snapshot.data, cp->snapshot.len, err);
    }
    if (rc == SRT_OK) {
        rc = store->options.read_only
                 ? replay_copies(rec, err)
                 : journal_scan_frames(&rec->scan, cp->boundary, replay_frame, store, err);
    }
    return rc;
}

/* Partitions whose deletion was journalled, but whose files may still be there. */
static void take_over_dropped(struct store *store)
{
    for (size_t i = 0; i < store->restored.dropped_count; i++) {
        const struct checkpoint_partition *row = &store->restored.dropped[i];
        struct store_dropped *dropped = srt_xcalloc(1, sizeof *dropped);
        dropped->topic_id = row->topic_id;
        dropped->index = row->index;
        dropped->topic = srt_xstrdup(row->topic);
        dropped->dir =
            partition_dir_path(store->data_dir, &row->topic_id, row->topic, row->index);
        dropped->in_checkpoint = true;
        dropped->released = true;
        srt_list_push(&store->dropped, &dropped->node);
        store->dropped_wanted = true;
    }
}

/* The writing end goes on where the reading end stopped. */
static int begin_journal(struct recovery *rec, struct srt_err *err)
{
    struct store *store = rec->store;
    const struct journal_scan *scan = &rec->scan;
    journal_init(&store->journal, store->fs, store->data_dir, store->options.journal_file_bytes,
                 store->options.durability == STORE_DURABILITY_SYNC, journal_scan_last_file(scan),
                 journal_scan_next_frame(scan));
    for (size_t i = 0; i < scan->count; i++) {
        bool left_over = i < scan->first;
        journal_add_old(&store->journal, scan->files[i].header.file_sequence,
                        left_over ? 0 : scan->files[i].last_frame);
    }
    store->checkpoint_number = scan->checkpoint.number;
    store->checkpoint_boundary = store->restored.boundary;
    return journal_adopt_spares(&store->journal, err);
}

static void finish_partitions(struct store *store)
{
    struct partition **parts;
    size_t count = store_list_partitions(store, &parts);
    for (size_t i = 0; i < count; i++) {
        parts[i]->replaying = false;
    }
    srt_free(parts);
}

int store_recover(struct store *store, struct srt_err *err)
{
    struct recovery rec = {.store = store};
    int rc = look_again(&rec, &store->restored, err);
    if (rc == SRT_OK) {
        bool empty = rec.scan.frame_count == 0;
        store->recovery.clean = empty || journal_scan_is_clean(&rec.scan);
        store->recovering = true;
        rc = rebuild(&rec, err);
        store->recovering = false;
        finish_partitions(store);
    }
    if (rc == SRT_OK && !store->options.read_only) {
        take_over_dropped(store);
        rc = begin_journal(&rec, err);
        if (!store->recovery.clean) {
            store->bytes_since_checkpoint = store->options.checkpoint_bytes; /* due at once */
        }
    }
    close_sources(&rec);
    srt_buf_fini(&rec.frames);
    int sys = rc == SRT_OK ? SRT_FAULT(recovery_done) : 0;
    return sys == 0 ? rc : srt_fail_sys(err, SRT_EIO, sys, "finish the recovery");
}
