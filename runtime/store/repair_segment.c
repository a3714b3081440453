/* The good runs of a segment are copied into a new file, and where a range was damaged a batch
 * without records takes the offsets that were in it:
 *
 *     old  [hdr][ 0..9 ][ 10..19 ][ ?????? ][ 30..39 ]| what the journal has, too
 *     new  [hdr][ 0..9 ][ 10..19 ][20..29: none][ 30..39 ]| the same
 *
 * The rename is the moment at which it happens. A repair that dies before the journal knows the new
 * size finds the segment whole by its offsets the next time. */
#include "store/repair_segment.h"

#include <errno.h>
#include <fcntl.h>

#include "base/alloc.h"
#include "base/atomic.h"
#include "record/batch_gap.h"
#include "store/file_window.h"
#include "store/partition_impl.h"
#include "store/segment.h"

struct copy {
    const struct io_fs *fs;
    struct file_window from;
    const char *path;
    int fd;
    uint64_t at;
};

static int64_t gap_count(const struct segment_audit_range *range)
{
    return (range->next_offset - range->first_offset + INT32_MAX - 1) / INT32_MAX;
}

uint64_t repair_segment_size(const struct segment_audit *audit)
{
    uint64_t size = audit->end_position;
    for (size_t i = 0; i < audit->range_count; i++) {
        const struct segment_audit_range *range = &audit->ranges[i];
        size -= range->to - range->from;
        size += (uint64_t)gap_count(range) * BATCH_HEADER_BYTES;
    }
    return size;
}

static int put(struct copy *c, const void *data, size_t size, struct srt_err *err)
{
    int rc = io_write_at(c->fs, c->fd, data, size, (int64_t)c->at, c->path, err);
    c->at += size;
    return rc;
}

static int copy_run(struct copy *c, uint64_t from, uint64_t to, struct srt_err *err)
{
    int rc = SRT_OK;
    while (rc == SRT_OK && from < to) {
        const uint8_t *data;
        size_t some = to - from < FILE_WINDOW_BYTES ? (size_t)(to - from) : FILE_WINDOW_BYTES;
        rc = file_window_look(&c->from, from, some, &data, err);
        if (rc == SRT_OK) {
            rc = put(c, data, some, err);
        }
        from += some;
    }
    return rc;
}

static int put_gap(struct copy *c, const struct segment_audit_range *range, struct srt_err *err)
{
    int rc = SRT_OK;
    for (int64_t offset = range->first_offset; rc == SRT_OK && offset < range->next_offset;) {
        uint8_t gap[BATCH_HEADER_BYTES];
        int64_t left = range->next_offset - offset;
        int64_t some = left < INT32_MAX ? left : INT32_MAX;
        batch_gap_encode(gap, offset, offset + some);
        rc = put(c, gap, sizeof gap, err);
        offset += some;
    }
    return rc;
}

static int copy_all(struct copy *c, const struct segment *seg, const struct segment_audit *audit,
                    struct srt_err *err)
{
    uint8_t header[SEGMENT_HEADER_BYTES];
    segment_encode_header(seg, header);
    int rc = put(c, header, sizeof header, err);
    uint64_t from = SEGMENT_HEADER_BYTES;
    for (size_t i = 0; rc == SRT_OK && i < audit->range_count; i++) {
        const struct segment_audit_range *range = &audit->ranges[i];
        rc = copy_run(c, from, range->from, err);
        if (rc == SRT_OK) {
            rc = put_gap(c, range, err);
        }
        from = range->to > SEGMENT_HEADER_BYTES ? range->to : SEGMENT_HEADER_BYTES;
    }
    /* With what lies beyond the durable end: frames that the journal has lost may be in it. */
    if (rc == SRT_OK && !audit->missing) {
        rc = copy_run(c, from, c->from.size_bytes, err);
    }
    return rc == SRT_OK ? io_sync(c->fs, c->fd, c->path, err) : rc;
}

static int make_dir(const struct io_fs *fs, const char *dir, struct srt_err *err)
{
    int sys = fs->make_dir(fs, dir, 0755);
    return sys == 0 || sys == -EEXIST
               ? SRT_OK
               : srt_fail_sys(err, srt_code_from_errno(-sys), -sys, "create directory '%s'", dir);
}

static int write_again(const struct io_fs *fs, const struct segment *seg, const char *dir,
                       const struct segment_audit *audit, struct srt_err *err)
{
    char *temporary = srt_xasprintf("%s.tmp", seg->path);
    struct copy c = {.fs = fs, .from = {.fd = -1}, .path = temporary, .fd = -1};
    int rc = audit->missing ? make_dir(fs, dir, err)
                            : file_window_open(&c.from, fs, seg->path, err);
    if (rc == SRT_OK) {
        rc = io_open(fs, temporary, O_RDWR | O_CREAT | O_TRUNC, 0644, &c.fd, err);
    }
    if (rc == SRT_OK) {
        rc = copy_all(&c, seg, audit, err);
        io_close(fs, &c.fd);
    }
    file_window_close(&c.from);
    if (rc == SRT_OK) {
        int sys = fs->rename(fs, temporary, seg->path);
        rc = sys < 0 ? srt_fail_sys(err, srt_code_from_errno(-sys), -sys, "rename to '%s'",
                                    seg->path)
                     : io_sync_dir(fs, dir, err);
    } else {
        (void)fs->unlink(fs, temporary);
    }
    srt_free(temporary);
    return rc;
}

int repair_segment_run(const struct io_fs *fs, const struct checkpoint_partition *row,
                       const struct checkpoint_segment *segment, const char *dir,
                       const struct segment_audit *audit, struct srt_err *err)
{
    if (!audit->missing && !audit->bad_header && audit->range_count == 0) {
        return SRT_OK; /* it only has another size than the journal says */
    }
    struct segment_files files;
    segment_files_init(&files, fs, 1, true);
    struct segment *seg = segment_new(&files, &row->topic_id, row->index, dir,
                                      segment->base_offset, segment->generation,
                                      segment->created_ms);
    /* Its positions are no more: an index that is missing is made again. */
    (void)fs->unlink(fs, seg->index_path);
    int rc = write_again(fs, seg, dir, audit, err);
    segment_unref(seg);
    segment_files_fini(&files);
    return rc;
}

void repair_segment_index(const struct io_fs *fs, const struct checkpoint_partition *row,
                          const struct checkpoint_segment *segment, const char *dir)
{
    struct segment_files files;
    struct segment_index index;
    struct partition_config config;
    struct srt_err ignored;
    partition_config_default(&config);
    segment_files_init(&files, fs, 1, true);
    struct segment *seg = segment_new(&files, &row->topic_id, row->index, dir,
                                      segment->base_offset, segment->generation,
                                      segment->created_ms);
    (void)fs->unlink(fs, seg->index_path);
    srt_store_release(&seg->size_bytes, segment->size_bytes); /* our own */
    if (segment_begin_read(seg, &ignored) == SRT_OK) {
        if (segment_load_index(seg, &index, segment->size_bytes, config.index_interval_bytes,
                               &ignored) == SRT_OK) {
            segment_index_write(&index, fs, seg->index_path, segment->base_offset);
            segment_index_sync(fs, seg->index_path);
            (void)io_sync_dir(fs, dir, &ignored);
            segment_index_fini(&index);
        }
        segment_end_read(seg);
    }
    segment_unref(seg);
    segment_files_fini(&files);
}
