/* A repair does not patch the journal, it writes another one that tells what is true now:
 *
 *     old   7.jnl [f 40: checkpoint][f 41][ ????? ][f 43]     8.jnl [f 44][f 45]
 *     new  10.jnl [f 46: checkpoint][f 47 = 41][f 48: from segments][f 49 = 43][f 50 = 44]...
 *
 * The checkpoint is the old one with the sizes that the segments have after their repair, and its
 * boundary is itself. Then come the entries of every frame above the old boundary that is whole.
 * Where an append does not begin at the offset at which its partition ends, the records between
 * were in a frame that is gone: the partition's segments are asked for them, for what is in a
 * segment was in a durable frame. What they do not have either becomes a batch without records, so
 * that offsets stay what they were. At the end the segments may have more, from frames that were
 * the journal's last.
 *
 * The file's sequence leaves one out, which makes all older files left-overs (journal.md): the
 * rename of the new file is the moment at which the repair of the journal happens. */
#include "store/repair_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/rng.h"
#include "record/batch_gap.h"
#include "store/file_window.h"
#include "store/store_impl.h"

enum { PART_BYTES_MAX = 1 << 20 };

/* A partition's end in the new journal. */
struct end {
    struct topic_id topic_id;
    int32_t index;
    const char *topic;
    const char *dir; /* NULL: it has none */
    int64_t next_offset;
};

struct rewriter {
    struct store_survey *survey;
    const struct store_repair_ops *ops;
    const struct io_fs *fs;
    char *temporary;
    int fd; /* -1: a dry run */
    uint64_t at;
    struct journal_header header;
    uint64_t next_frame;
    struct frame_builder builder;
    struct srt_map ends; /* struct end, by partition */
};

static char *temporary_path(const struct store_survey *survey)
{
    return srt_xasprintf("%s/repair.tmp", survey->journal.dir);
}

static uint64_t new_sequence(const struct store_survey *survey)
{
    const struct journal_salvage *journal = &survey->journal;
    return journal->file_count ? journal->files[journal->file_count - 1].sequence + 2 : 1;
}

/* Beyond all that there were; but without a checkpoint the journal has to begin at its
 * beginning. */
static uint64_t first_frame(const struct store_survey *survey)
{
    uint64_t last = journal_salvage_last_frame(&survey->journal);
    if (!survey->has_checkpoint) {
        return 1;
    }
    return (last > survey->checkpoint.boundary ? last : survey->checkpoint.boundary) + 1;
}

/* --- frames --- */

static int put_frame(struct rewriter *r, struct srt_err *err)
{
    struct iovec *parts;
    int count;
    size_t size = frame_builder_size(&r->builder);
    int rc = frame_builder_finish(&r->builder, r->header.id, r->next_frame, &parts, &count);
    if (rc != SRT_OK) {
        return srt_fail(err, rc, "out of memory for a frame of %zu bytes", size);
    }
    if (r->fd >= 0) {
        rc = io_writev_at(r->fs, r->fd, parts, count, (int64_t)r->at, r->temporary, err);
    }
    r->at += size;
    r->next_frame++;
    return rc;
}

static int put_batch(struct rewriter *r, struct end *end, int64_t base_offset, const uint8_t *batch,
                     size_t size, struct srt_err *err)
{
    frame_builder_begin(&r->builder);
    frame_builder_append(&r->builder, &end->topic_id, end->index, base_offset, batch, size);
    return put_frame(r, err);
}

static int put_checkpoint(struct rewriter *r, struct srt_err *err)
{
    struct checkpoint *cp = &r->survey->checkpoint;
    struct srt_buf bytes;
    srt_buf_init(&bytes);
    int rc = SRT_OK;
    /* The first time for the size, on which the boundary depends; the second for good. */
    for (int round = 0; round < 2; round++) {
        uint32_t count = (uint32_t)((bytes.len + PART_BYTES_MAX - 1) / PART_BYTES_MAX);
        cp->boundary = r->next_frame + count - 1;
        srt_buf_clear(&bytes);
        checkpoint_encode(cp, &bytes);
    }
    uint32_t count = (uint32_t)((bytes.len + PART_BYTES_MAX - 1) / PART_BYTES_MAX);
    for (uint32_t i = 0; rc == SRT_OK && i < count; i++) {
        size_t at = (size_t)i * PART_BYTES_MAX;
        size_t left = bytes.len - at;
        frame_builder_begin(&r->builder);
        frame_builder_checkpoint(&r->builder, r->survey->checkpoint_number + 1, i, count,
                                 bytes.data + at, left < PART_BYTES_MAX ? left : PART_BYTES_MAX);
        rc = put_frame(r, err);
    }
    rc = rc == SRT_OK && srt_buf_failed(&bytes) ? srt_fail(err, SRT_ENOMEM, "out of memory") : rc;
    srt_buf_fini(&bytes);
    return rc;
}

/* --- partitions --- */

static struct end *find_end(struct rewriter *r, const struct topic_id *id, int32_t index)
{
    uint8_t key[STORE_KEY_BYTES];
    store_partition_key(key, id, index);
    struct end *end = srt_map_find(&r->ends, key, sizeof key);
    if (!end) {
        const struct checkpoint_partition *row = checkpoint_find(&r->survey->checkpoint, id, index);
        const struct journal_witness_row *seen =
            journal_witness_find(&r->survey->witness, id, index);
        end = srt_xcalloc(1, sizeof *end);
        end->topic_id = *id;
        end->index = index;
        end->topic = row ? row->topic : seen ? seen->topic : "";
        end->dir = seen ? seen->dir : NULL;
        end->next_offset = row ? row->next_offset : 0;
        (void)srt_map_set(&r->ends, key, sizeof key, end);
    }
    return end;
}

/* Take from one segment's file the batches from end->next_offset on that end at or before `to`. */
static int salvage_segment(struct rewriter *r, struct end *end, const char *path, int64_t base,
                           int64_t to, struct srt_err *err)
{
    struct file_window w;
    int rc = file_window_open(&w, r->fs, path, err);
    if (rc != SRT_OK) {
        return rc;
    }
    uint64_t at = SEGMENT_HEADER_BYTES;
    int64_t offset = base;
    while (rc == SRT_OK && offset < to && at + BATCH_HEADER_BYTES <= w.size_bytes) {
        const uint8_t *data;
        struct batch_info info;
        rc = file_window_look(&w, at, BATCH_HEADER_BYTES, &data, err);
        if (rc != SRT_OK || batch_parse(data, w.size_bytes - at, &info) != SRT_OK ||
            info.base_offset != offset || batch_last_offset(&info) >= to) {
            break;
        }
        if (offset == end->next_offset) {
            struct batch_info checked;
            rc = file_window_look(&w, at, info.size_bytes, &data, err);
            if (rc != SRT_OK || batch_check(data, info.size_bytes, &checked) != SRT_OK) {
                break;
            }
            rc = put_batch(r, end, offset, data, info.size_bytes, err);
            end->next_offset = batch_last_offset(&info) + 1;
        }
        at += info.size_bytes;
        offset = batch_last_offset(&info) + 1;
    }
    file_window_close(&w);
    return rc;
}

/* Take from the partition's segments what continues it. */
static int salvage(struct rewriter *r, struct end *end, int64_t to, struct srt_err *err)
{
    struct io_list names;
    int rc = end->dir ? io_list_dir(r->fs, end->dir, &names, err) : SRT_ENOENT;
    if (rc != SRT_OK) {
        return rc == SRT_ENOENT ? SRT_OK : rc;
    }
    size_t first = names.count; /* the last segment that begins at or below the end */
    for (size_t i = 0; i < names.count; i++) { /* sorted */
        int64_t base = journal_witness_base_of(names.names[i]);
        first = base >= 0 && base <= end->next_offset ? i : first;
    }
    for (size_t i = first; rc == SRT_OK && i < names.count; i++) {
        int64_t base = journal_witness_base_of(names.names[i]);
        if (base >= 0 && base <= end->next_offset) {
            char *path = srt_xasprintf("%s/%s", end->dir, names.names[i]);
            rc = salvage_segment(r, end, path, base, to, err);
            srt_free(path);
        }
    }
    io_list_free(&names);
    return rc;
}

/* Bring the partition's end to `to`: from its segments, or as a gap. */
static int fill(struct rewriter *r, struct end *end, int64_t to, struct srt_err *err)
{
    int rc = end->next_offset < to ? salvage(r, end, to, err) : SRT_OK;
    if (rc == SRT_OK && end->next_offset < to) {
        r->ops->lost_records(r->ops->arg, end->topic, end->index, end->next_offset, to);
    }
    while (rc == SRT_OK && end->next_offset < to) {
        uint8_t gap[BATCH_HEADER_BYTES];
        int64_t some = to - end->next_offset < INT32_MAX ? to - end->next_offset : INT32_MAX;
        batch_gap_encode(gap, end->next_offset, end->next_offset + some);
        rc = put_batch(r, end, end->next_offset, gap, sizeof gap, err);
        end->next_offset += some;
    }
    return rc;
}

/* --- the old frames --- */

static int fill_before(struct rewriter *r, const uint8_t *frame, const struct frame_info *info,
                       bool *ret_has_entries, struct srt_err *err)
{
    struct frame_entry entry;
    int rc = SRT_OK;
    *ret_has_entries = false;
    for (size_t at = 0; rc == SRT_OK && frame_next(frame, info, &at, &entry) == SRT_OK;) {
        *ret_has_entries = *ret_has_entries || (entry.kind != FRAME_CHECKPOINT &&
                                                entry.kind != FRAME_COMPACTION);
        if (entry.kind == FRAME_APPEND) {
            struct end *end = find_end(r, &entry.topic_id, entry.partition);
            /* One frame may append to a partition more than once. */
            rc = end->next_offset < entry.offset ? fill(r, end, entry.offset, err) : SRT_OK;
            end->next_offset = frame_append_end(&entry);
        }
    }
    return rc;
}

static int copy_frame(void *arg, const uint8_t *frame, const struct frame_info *info,
                      uint64_t missing, struct srt_err *err)
{
    struct rewriter *r = arg;
    struct frame_entry entry;
    bool has_entries;
    if (missing > 0) {
        r->ops->lost_frames(r->ops->arg, info->sequence - missing, info->sequence - 1);
    }
    int rc = fill_before(r, frame, info, &has_entries, err);
    if (rc != SRT_OK || !has_entries) {
        return rc; /* parts of a checkpoint: the new one stands for them */
    }
    frame_builder_begin(&r->builder);
    for (size_t at = 0; frame_next(frame, info, &at, &entry) == SRT_OK;) {
        switch (entry.kind) {
        case FRAME_APPEND:
            frame_builder_append(&r->builder, &entry.topic_id, entry.partition, entry.offset,
                                 entry.data, entry.size);
            break;
        case FRAME_META:
            frame_builder_meta(&r->builder, entry.meta_kind, entry.data, entry.size);
            break;
        case FRAME_TRIM:
            frame_builder_trim(&r->builder, &entry.topic_id, entry.partition, entry.offset);
            break;
        case FRAME_CHECKPOINT:
        case FRAME_COMPACTION: /* the new checkpoint has it in it */
            break;
        }
    }
    return put_frame(r, err);
}

/* Frames that were the journal's last may be in the segments. */
static int salvage_ends(struct rewriter *r, struct srt_err *err)
{
    struct journal_witness *witness = &r->survey->witness;
    int rc = SRT_OK;
    for (size_t i = 0; rc == SRT_OK && i < witness->row_count; i++) {
        struct journal_witness_row *row = &witness->rows[i];
        if (!row->dropped) { /* also one that no frame names: it may have been created in one */
            rc = salvage(r, find_end(r, &row->topic_id, row->index), INT64_MAX, err);
        }
    }
    return rc;
}

/* --- the file --- */

static int put_header(struct rewriter *r, struct srt_err *err)
{
    uint8_t block[JOURNAL_HEADER_BYTES];
    journal_header_encode(block, &r->header);
    return io_write_at(r->fs, r->fd, block, sizeof block, 0, r->temporary, err);
}

static int write_all(struct rewriter *r, struct srt_err *err)
{
    struct store_survey *survey = r->survey;
    uint64_t boundary = survey->checkpoint.boundary;
    int rc = r->fd >= 0 ? put_header(r, err) : SRT_OK;
    survey->checkpoint.clean = survey->clean;
    if (rc == SRT_OK && survey->has_checkpoint) {
        rc = put_checkpoint(r, err);
    }
    if (rc == SRT_OK) {
        rc = journal_salvage_frames(&survey->journal, boundary, copy_frame, r, err);
    }
    if (rc == SRT_OK && !survey->clean) {
        rc = salvage_ends(r, err);
    }
    if (rc == SRT_OK && r->fd >= 0) {
        rc = io_sync(r->fs, r->fd, r->temporary, err);
    }
    return rc;
}

static void free_ends(struct rewriter *r)
{
    size_t cursor = 0;
    void *value;
    while (srt_map_next(&r->ends, &cursor, NULL, NULL, &value)) {
        srt_free(value);
    }
    srt_map_fini(&r->ends);
}

int repair_journal_write(struct store_survey *survey, bool dry_run,
                         const struct store_repair_ops *ops, struct srt_err *err)
{
    struct rewriter r = {
        .survey = survey,
        .ops = ops,
        .fs = survey->fs,
        .temporary = temporary_path(survey),
        .fd = -1,
        .at = JOURNAL_HEADER_BYTES,
        .next_frame = first_frame(survey),
    };
    r.header = (struct journal_header){
        .file_sequence = new_sequence(survey), .id = srt_random_u64(), .first_frame = r.next_frame};
    srt_map_init(&r.ends);
    frame_builder_init(&r.builder);
    int rc = dry_run ? SRT_OK : io_make_dirs(r.fs, survey->journal.dir, err);
    if (rc == SRT_OK && !dry_run) {
        rc = io_open(r.fs, r.temporary, O_RDWR | O_CREAT | O_TRUNC, 0644, &r.fd, err);
    }
    if (rc == SRT_OK) {
        rc = write_all(&r, err);
    }
    io_close(r.fs, &r.fd);
    if (rc != SRT_OK && !dry_run) {
        (void)r.fs->unlink(r.fs, r.temporary);
    }
    frame_builder_fini(&r.builder);
    free_ends(&r);
    srt_free(r.temporary);
    return rc;
}

int repair_journal_commit(struct store_survey *survey, struct srt_err *err)
{
    const struct io_fs *fs = survey->fs;
    char *temporary = temporary_path(survey);
    char *path = journal_file_path(survey->journal.dir, new_sequence(survey));
    int sys = fs->rename(fs, temporary, path);
    int rc = sys < 0 ? srt_fail_sys(err, srt_code_from_errno(-sys), -sys, "rename to '%s'", path)
                     : io_sync_dir(fs, survey->journal.dir, err);
    for (size_t i = 0; rc == SRT_OK && i < survey->journal.file_count; i++) {
        /* Nobody looks at them any more; but one that cannot be read would be told as damage. */
        sys = fs->unlink(fs, survey->journal.files[i].path);
        if (sys < 0 && sys != -ENOENT) {
            rc = srt_fail_sys(err, srt_code_from_errno(-sys), -sys, "remove '%s'",
                              survey->journal.files[i].path);
        }
    }
    if (rc == SRT_OK) {
        rc = io_sync_dir(fs, survey->journal.dir, err);
    }
    srt_free(temporary);
    srt_free(path);
    return rc;
}
