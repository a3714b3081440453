/* Reading everything there is, and telling what is wrong with it. This is not a recovery: it
 * restores nothing, replays nothing and stops at nothing, so that one report has all the damage.
 * What lies above the checkpoint is checked in the journal, what lies below it in the segments. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/atomic.h"
#include "store/checkpoint.h"
#include "store/journal_scan.h"
#include "store/partition_impl.h"
#include "store/segment.h"
#include "store/store_impl.h"

enum { SCAN_ATTEMPTS = 20 };

struct checker {
    const struct io_fs *fs;
    const char *data_dir;
    struct segment_files files;
    struct journal_scan scan;
    struct checkpoint checkpoint;
    struct srt_buf batch;
    store_report_fn report;
    void *arg;
    int wrong_count;
};

static void tell(struct checker *c, const char *path, uint64_t at, const char *reason)
{
    c->wrong_count++;
    c->report(c->arg, path, at, reason);
}

/* --- segments --- */

/* Read the batch whose header was parsed; whether its CRC agrees. */
static int batch_is_whole(struct checker *c, struct segment *seg, uint64_t at,
                          const struct batch_info *info, bool *ret_whole, struct srt_err *err)
{
    srt_buf_clear(&c->batch);
    uint8_t *data = srt_buf_reserve(&c->batch, info->size_bytes);
    if (!data) {
        return srt_fail(err, SRT_ENOMEM, "out of memory for a batch");
    }
    int rc = segment_read_at(seg, data, info->size_bytes, at, err);
    struct batch_info checked;
    *ret_whole = rc == SRT_OK && batch_check(data, info->size_bytes, &checked) == SRT_OK;
    return rc;
}

/* Walk all batches. A batch with a wrong CRC is passed by its length; behind anything worse no
 * further batch can be found. */
static int check_batches(struct checker *c, struct segment *seg, int64_t end_offset,
                         struct srt_err *err)
{
    uint64_t size = srt_load_acquire(&seg->size_bytes); /* ours */
    uint64_t at = SEGMENT_HEADER_BYTES;
    int64_t expected = seg->base_offset;
    while (at < size) {
        struct batch_info info;
        bool whole;
        int rc = segment_batch_at(seg, at, -1, &info, err);
        if (rc == SRT_ECORRUPT) {
            tell(c, seg->path, at, "no valid batch");
            return SRT_OK;
        }
        if (rc == SRT_OK) {
            rc = batch_is_whole(c, seg, at, &info, &whole, err);
        }
        if (rc != SRT_OK) {
            return rc;
        }
        if (!whole) {
            tell(c, seg->path, at, "the batch does not match its CRC");
        } else if (info.base_offset != expected) {
            tell(c, seg->path, at, "the batch has another offset");
        }
        expected = expected + info.last_offset_delta + 1;
        at += info.size_bytes;
    }
    if (expected != end_offset) {
        tell(c, seg->path, size, "the segment ends at another offset");
    }
    return SRT_OK;
}

static bool was_trimmed(struct checker *c, const struct checkpoint_partition *row,
                        int64_t end_offset)
{
    struct srt_err ignored;
    int64_t log_start = row->log_start;
    return journal_scan_log_start(&c->scan, c->checkpoint.boundary, &row->topic_id, row->index,
                                  &log_start, &ignored) == SRT_OK &&
           log_start >= end_offset;
}

static int check_segment(struct checker *c, const struct checkpoint_partition *row, size_t index,
                         const char *dir, struct srt_err *err)
{
    const struct checkpoint_segment *from = &row->segments[index];
    int64_t end_offset = index + 1 < row->segment_count ? row->segments[index + 1].base_offset
                                                        : row->next_offset;
    struct segment *seg = segment_new(&c->files, &row->topic_id, row->index, dir,
                                      from->base_offset, from->created_ms);
    srt_store_release(&seg->size_bytes, from->size_bytes);
    struct io_file_info info = {0};
    int sys = c->fs->path_info(c->fs, seg->path, &info);
    int rc = SRT_OK;
    if (sys == -ENOENT) {
        if (!was_trimmed(c, row, end_offset)) {
            tell(c, seg->path, 0, "the file is missing");
        }
    } else if (sys < 0) {
        rc = srt_fail_sys(err, srt_code_from_errno(-sys), -sys, "look at '%s'", seg->path);
    } else if (info.size_bytes < from->size_bytes) {
        tell(c, seg->path, info.size_bytes, "the file ends too early");
    } else if ((rc = segment_begin_read(seg, err)) == SRT_OK) {
        rc = check_batches(c, seg, end_offset, err);
        segment_end_read(seg);
    } else if (rc == SRT_ECORRUPT) {
        tell(c, seg->path, 0, "the header is not this segment's");
        rc = SRT_OK;
    }
    segment_unref(seg);
    return rc;
}

static int check_partitions(struct checker *c, struct srt_err *err)
{
    int rc = SRT_OK;
    for (size_t i = 0; rc == SRT_OK && i < c->checkpoint.partition_count; i++) {
        const struct checkpoint_partition *row = &c->checkpoint.partitions[i];
        char *dir = partition_dir_path(c->data_dir, &row->topic_id, row->topic, row->index);
        for (size_t j = 0; rc == SRT_OK && j < row->segment_count; j++) {
            rc = check_segment(c, row, j, dir, err);
        }
        srt_free(dir);
    }
    return rc;
}

/* --- the journal --- */

/* Beside a running store a scan may see a frame that is being written: only what is wrong twice
 * at the same place is wrong. */
static int scan_until_sure(struct checker *c, struct srt_err *err)
{
    char *path = NULL;
    uint64_t at = 0;
    int rc = SRT_OK;
    for (int i = 0; i < SCAN_ATTEMPTS; i++) {
        rc = journal_scan_open(&c->scan, c->fs, c->data_dir, false, err);
        bool again = rc == SRT_ENOENT || rc == SRT_EEND;
        if (rc == SRT_ECORRUPT) {
            again = !path || strcmp(path, c->scan.damage.path) != 0 || at != c->scan.damage.at;
            srt_free(path);
            path = srt_xstrdup(c->scan.damage.path);
            at = c->scan.damage.at;
        }
        if (!again || i + 1 == SCAN_ATTEMPTS) {
            break;
        }
        journal_scan_close(&c->scan);
    }
    srt_free(path);
    return rc;
}

static int check_journal(struct checker *c, struct srt_err *err)
{
    int rc = scan_until_sure(c, err);
    if (rc == SRT_ECORRUPT) {
        tell(c, c->scan.damage.path, c->scan.damage.at, err->msg);
        rc = SRT_OK;
    }
    if (rc != SRT_OK) {
        return rc;
    }
    if (c->scan.has_checkpoint) {
        rc = checkpoint_decode(c->scan.checkpoint.data, c->scan.checkpoint.len, &c->checkpoint);
        if (rc == SRT_ECORRUPT) {
            tell(c, c->scan.dir, 0, "the checkpoint is not valid");
        } else if (rc != SRT_OK) {
            return srt_fail(err, rc, "'%s': the checkpoint is of another version", c->scan.dir);
        }
    }
    if (c->scan.count > 0 &&
        c->checkpoint.boundary + 1 < c->scan.files[c->scan.first].header.first_frame) {
        tell(c, c->scan.files[c->scan.first].path, JOURNAL_HEADER_BYTES,
             "frames before this file are missing");
    }
    return SRT_OK;
}

static int check_all(struct checker *c, struct srt_err *err)
{
    int rc = check_journal(c, err);
    return rc == SRT_OK ? check_partitions(c, err) : rc;
}

int store_check(const char *data_dir, const struct io_fs *fs, store_report_fn report, void *arg,
                struct srt_err *err)
{
    struct checker c = {
        .fs = fs ? fs : io_fs_real(), .data_dir = data_dir, .report = report, .arg = arg};
    int rc = store_check_format(c.fs, data_dir, err);
    if (rc == SRT_ECORRUPT) {
        char *path = srt_xasprintf("%s/node.json", data_dir);
        tell(&c, path, 0, err->msg);
        srt_free(path);
    } else if (rc != SRT_OK) {
        return rc;
    }
    segment_files_init(&c.files, c.fs, 4, true);
    rc = check_all(&c, err);
    journal_scan_close(&c.scan);
    checkpoint_fini(&c.checkpoint);
    srt_buf_fini(&c.batch);
    segment_files_fini(&c.files);
    return rc == SRT_OK ? c.wrong_count : rc;
}
