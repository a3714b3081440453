/* A partition that is compacted has, from its start, segments that are clean (no key twice, in them
 * or before them), then some that are dirty, and the active one, which is never touched:
 *
 *     clean    | dirty                | active
 *     a b c d  | b=1 e d=- a=2 b=2    | ...
 *
 * A pass notes for every key of the dirty part the offset of its last record, then copies all
 * segments, clean and dirty, without the records that the map knows a later one for. When the map
 * is full it ends there: whole segments below that are clean then. If not even one is, the first
 * is cut in two at that offset, and only its first half is clean.
 *
 * Offsets stay. Batches keep their first and last offset, with holes in between; where none of a
 * batch's records stays, a batch without records (batch_gap.h) takes its offsets, and neighbours
 * share one. So offsets of a segment are as contiguous as before, and a reader that stands anywhere
 * goes on.
 *
 * New files have another generation in their names, so the old and the new can be there together.
 * What counts is the journal: one frame says that these segments are now those. Before it the new
 * files are strays that a recovery removes, behind it the old ones are. They are removed when a
 * checkpoint that does not name them is durable: a repair that finds the frame damaged has them.
 *
 * Groups are put in place in the order of their offsets. That is why a deletion may go at its time:
 * when it was first written again, which began that time, all that it deletes had gone before. */
#include "store/compaction.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/fault.h"
#include "record/batch_gap.h"
#include "store/partition_impl.h"

enum { STEP_BYTES = SRT_HOSTILE ? 4096 : 1 << 20 };

static int64_t end_of(const struct compaction *c, size_t index)
{
    return index + 1 < c->segment_count ? c->segments[index + 1]->base_offset : c->end_offset;
}

static void go_to(struct compaction *c, size_t index)
{
    c->at = (struct compaction_place){.segment = index, .position = SEGMENT_HEADER_BYTES};
    c->at.offset = index < c->segment_count ? c->segments[index]->base_offset : c->end_offset;
}

/* --- reading --- */

typedef int batch_fn(struct compaction *c, const uint8_t *data, const struct batch_info *info,
                     struct srt_err *err);

static int fail_batch(struct compaction *c, struct srt_err *err)
{
    return segment_fail_corrupt(c->segments[c->at.segment], c->at.position,
                                "the batch does not match its CRC or its offset", err);
}

/* The whole batches of the bytes that were read. */
static int each_batch(struct compaction *c, batch_fn *each, size_t *ret_used, struct srt_err *err)
{
    size_t used = 0;
    int rc = SRT_OK;
    while (rc == SRT_OK && used < c->in.len) {
        struct batch_info info;
        const uint8_t *data = c->in.data + used;
        rc = batch_check(data, c->in.len - used, &info);
        if (rc == SRT_EAGAIN) {
            rc = SRT_OK; /* the rest comes with the next read */
            break;
        }
        if (rc != SRT_OK || info.base_offset != c->at.offset ||
            batch_last_offset(&info) >= end_of(c, c->at.segment)) {
            return fail_batch(c, err);
        }
        rc = each(c, data, &info, err);
        if (rc == SRT_OK) {
            used += info.size_bytes;
            c->at.position += info.size_bytes;
            c->at.offset = batch_last_offset(&info) + 1;
        }
    }
    *ret_used = used;
    return rc;
}

static int read_at(struct compaction *c, struct segment *seg, size_t size, struct srt_err *err)
{
    srt_buf_clear(&c->in);
    uint8_t *to = srt_buf_reserve(&c->in, size);
    if (!to) {
        c->in.failed = false;
        return srt_fail(err, SRT_ENOMEM, "out of memory for %zu bytes", size);
    }
    int rc = segment_read_at(seg, to, size, c->at.position, err);
    c->in.len = rc == SRT_OK ? size : 0;
    return rc;
}

/* Some batches of the segment at c->at; at its end c->at is at the start of the next. */
static int read_some(struct compaction *c, batch_fn *each, struct srt_err *err)
{
    struct segment *seg = c->segments[c->at.segment];
    uint64_t left = srt_load_acquire(&seg->size_bytes) - c->at.position; /* it is closed */
    if (left == 0) {
        if (c->at.offset != end_of(c, c->at.segment)) {
            return segment_fail_corrupt(seg, c->at.position, "the segment ends too early", err);
        }
        go_to(c, c->at.segment + 1);
        return SRT_OK;
    }
    size_t used = 0;
    int rc = segment_begin_read(seg, err);
    if (rc != SRT_OK) {
        return rc;
    }
    rc = read_at(c, seg, left < STEP_BYTES ? (size_t)left : STEP_BYTES, err);
    if (rc == SRT_OK) {
        rc = each_batch(c, each, &used, err);
    }
    if (rc == SRT_OK && used == 0) { /* one batch that is larger */
        struct batch_info info;
        rc = segment_batch_at(seg, c->at.position, c->at.offset, &info, err);
        rc = rc == SRT_OK ? read_at(c, seg, info.size_bytes, err) : rc;
        rc = rc == SRT_OK ? each_batch(c, each, &used, err) : rc;
        rc = rc == SRT_OK && used == 0 ? fail_batch(c, err) : rc;
    }
    segment_end_read(seg);
    return rc;
}

/* --- the map --- */

static int map_batch(struct compaction *c, const uint8_t *data, const struct batch_info *info,
                     struct srt_err *err)
{
    struct batch_reader reader;
    struct record rec;
    int64_t first_offset = c->segments[c->first_dirty]->base_offset;
    if (info->attributes & BATCH_ATTR_CONTROL) {
        return SRT_OK;
    }
    int rc = batch_reader_init(&reader, data, info, &c->filter.space);
    while (rc == SRT_OK && (rc = batch_reader_next(&reader, &rec)) == SRT_OK) {
        if (rec.key_len != RECORD_ABSENT) {
            struct compaction_key key = compaction_map_key(rec.key, (size_t)rec.key_len);
            rc = compaction_map_put(&c->map, key, rec.offset);
            while (rc == SRT_EAGAIN && info->base_offset == first_offset) {
                c->map.slots_max *= 2; /* one batch must go in, or nothing ever will */
                rc = compaction_map_put(&c->map, key, rec.offset);
            }
        }
        if (rc == SRT_EAGAIN) {
            return rc;
        }
    }
    return rc == SRT_EEND ? SRT_OK : srt_fail(err, rc, "a batch cannot be looked into");
}

/* How far the pass goes with the map that it has. */
static void end_map(struct compaction *c)
{
    c->mapped = true;
    c->map_end = c->at.offset;
    c->pass_count = c->at.segment;
    if (c->pass_count == c->first_dirty && c->pass_count < c->segment_count) {
        c->pass_count++; /* a part of it */
        c->split = true;
    }
    go_to(c, 0);
}

static int map_step(struct compaction *c, struct srt_err *err)
{
    if (c->at.segment == c->segment_count) {
        end_map(c);
        return SRT_OK;
    }
    int rc = read_some(c, map_batch, err);
    if (rc == SRT_EAGAIN) { /* full: of the batch at which it stopped there may be some in it */
        end_map(c);
        rc = SRT_OK;
    }
    return rc;
}

static enum batch_filter_verdict judge(void *arg, const struct record *rec)
{
    const struct compaction *c = arg;
    if (rec->key_len == RECORD_ABSENT) {
        return BATCH_FILTER_KEEP; /* of no key, so of no key the last */
    }
    struct compaction_key key = compaction_map_key(rec->key, (size_t)rec->key_len);
    if (compaction_map_find(&c->map, key) > rec->offset) {
        return BATCH_FILTER_DROP;
    }
    return rec->value_len == RECORD_ABSENT && rec->offset < c->map_end ? BATCH_FILTER_DROP_WHEN_DUE
                                                                       : BATCH_FILTER_KEEP;
}

/* --- writing --- */

static struct segment *fresh(struct compaction *c)
{
    return c->fresh_count ? c->fresh[c->fresh_count - 1] : NULL;
}

static int begin_fresh(struct compaction *c, int64_t base_offset, bool clean, struct srt_err *err)
{
    struct partition *part = c->part;
    srt_assert(c->fresh_count < COMPACTION_FRESH_MAX);
    int sys = SRT_FAULT(compaction_write);
    if (sys != 0) {
        return srt_fail_sys(err, srt_code_from_errno(sys), sys, "compact '%s'", part->dir);
    }
    uint32_t generation = 0;
    for (size_t i = 0; i < c->group_count; i++) {
        uint32_t of = c->segments[c->group_first + i]->generation;
        generation = of > generation ? of : generation;
    }
    struct segment *seg = segment_new(part->files, &part->topic_id, part->index, part->dir,
                                      base_offset, generation + 1, c->filter.now_ms);
    seg->clean = clean;
    c->fresh[c->fresh_count++] = seg;
    return segment_create_file(seg, err);
}

/* One batch into the new segment, with its place in the index. */
static int put_batch(struct compaction *c, const uint8_t *batch, struct srt_err *err)
{
    struct segment *seg = fresh(c);
    struct batch_info info;
    int rc = batch_parse(batch, UINT32_MAX, &info);
    srt_assert(rc == SRT_OK); /* it was checked, or made here */
    uint64_t position = srt_load_acquire(&seg->size_bytes) + c->out.len;
    segment_index_add(&c->index, SEGMENT_HEADER_BYTES, c->index_interval_bytes,
                      (uint32_t)(info.base_offset - seg->base_offset), position,
                      srt_load_acquire(&seg->max_timestamp_ms));
    if (info.max_timestamp_ms > srt_load_acquire(&seg->max_timestamp_ms)) {
        srt_store_release(&seg->max_timestamp_ms, info.max_timestamp_ms);
    }
    srt_buf_put(&c->out, batch, info.size_bytes);
    return srt_buf_failed(&c->out) ? srt_fail(err, SRT_ENOMEM, "out of memory for a batch")
                                   : SRT_OK;
}

static int flush(struct compaction *c, struct srt_err *err)
{
    struct segment *seg = fresh(c);
    if (c->out.len == 0) {
        return SRT_OK;
    }
    int rc = segment_write(seg, c->out.data, c->out.len, err);
    if (rc == SRT_OK) {
        segment_grow(seg, c->out.len, -1);
        srt_buf_clear(&c->out);
    }
    return rc;
}

/* The offsets up to here that have no record. */
static int put_gap(struct compaction *c, int64_t to, struct srt_err *err)
{
    int rc = SRT_OK;
    while (rc == SRT_OK && c->gap_from >= 0 && c->gap_from < to) {
        uint8_t gap[BATCH_HEADER_BYTES];
        int64_t some = to - c->gap_from < INT32_MAX ? to - c->gap_from : INT32_MAX;
        batch_gap_encode(gap, c->gap_from, c->gap_from + some);
        rc = put_batch(c, gap, err);
        c->gap_from += some;
    }
    c->gap_from = rc == SRT_OK ? -1 : c->gap_from;
    return rc;
}

/* Nothing is written to the new segment any more: make it durable. */
static int end_fresh(struct compaction *c, int64_t end_offset, struct srt_err *err)
{
    struct segment *seg = fresh(c);
    int rc = put_gap(c, end_offset, err);
    if (rc == SRT_OK) {
        rc = flush(c, err);
    }
    if (rc == SRT_OK) {
        rc = segment_sync(seg, err);
    }
    if (rc == SRT_OK) {
        segment_index_write(&c->index, c->part->fs, seg->index_path, seg->base_offset);
        segment_index_sync(c->part->fs, seg->index_path);
    }
    segment_index_fini(&c->index);
    segment_index_init(&c->index);
    return rc;
}

static int filter_batch(struct compaction *c, const uint8_t *data, const struct batch_info *info,
                        struct srt_err *err)
{
    int32_t kept = 0;
    struct srt_buf filtered;
    srt_buf_init(&filtered);
    int rc = batch_filter_run(&c->filter, data, info, &filtered, &kept);
    if (rc != SRT_OK) {
        rc = srt_fail(err, rc, "a batch cannot be written again");
    } else if (kept == 0) {
        c->gap_from = c->gap_from >= 0 ? c->gap_from : info->base_offset;
        c->changed = c->changed || info->record_count > 0;
    } else {
        c->changed = c->changed || kept < info->record_count;
        rc = put_gap(c, info->base_offset, err);
        rc = rc == SRT_OK ? put_batch(c, filtered.data, err) : rc;
    }
    srt_buf_fini(&filtered);
    return rc;
}

static int copy_batch(struct compaction *c, const uint8_t *data, const struct batch_info *info,
                      struct srt_err *err)
{
    int rc = SRT_OK;
    if (info->base_offset >= c->map_end && fresh(c)->clean) { /* what lies behind is as it was */
        rc = end_fresh(c, info->base_offset, err);
        rc = rc == SRT_OK ? begin_fresh(c, info->base_offset, false, err) : rc;
    }
    if (rc == SRT_OK) {
        if (info->attributes & BATCH_ATTR_CONTROL) {
            rc = put_gap(c, info->base_offset, err);
            rc = rc == SRT_OK ? put_batch(c, data, err) : rc;
        } else {
            rc = filter_batch(c, data, info, err);
        }
    }
    return rc == SRT_OK && c->out.len >= STEP_BYTES ? flush(c, err) : rc;
}

/* --- groups --- */

/* Neighbours that go into one file together. */
static int begin_group(struct compaction *c, struct srt_err *err)
{
    uint64_t bytes = 0;
    int64_t base = c->segments[c->group_first]->base_offset;
    size_t i = c->group_first;
    for (; i < c->pass_count; i++) {
        uint64_t more = srt_load_acquire(&c->segments[i]->size_bytes);
        if (i > c->group_first &&
            (i - c->group_first == COMPACTION_GROUP_MAX || bytes + more > c->group_bytes_max ||
             end_of(c, i) - base > INT32_MAX / 2)) {
            break;
        }
        c->changed = c->changed || !c->segments[i]->clean;
        bytes += more;
    }
    c->group_count = i - c->group_first;
    c->changed = c->changed || c->group_count > 1;
    c->group_begun = true;
    c->gap_from = -1;
    go_to(c, c->group_first);
    return begin_fresh(c, base, base < c->map_end, err);
}

static void remove_fresh(struct compaction *c)
{
    for (size_t i = 0; i < c->fresh_count; i++) {
        if (!c->in_doubt) {
            segment_remove_files(c->fresh[i]);
        }
        segment_unref(c->fresh[i]);
    }
    c->fresh_count = 0;
    srt_buf_clear(&c->out);
    segment_index_fini(&c->index);
    segment_index_init(&c->index);
}

static int end_group(struct compaction *c, struct srt_err *err)
{
    int rc = end_fresh(c, end_of(c, c->group_first + c->group_count - 1), err);
    if (rc == SRT_OK && !c->changed) {
        remove_fresh(c);
        compaction_next_group(c);
        return SRT_OK;
    }
    if (rc == SRT_OK) {
        rc = io_sync_dir(c->part->fs, c->part->dir, err);
    }
    int sys = rc == SRT_OK ? SRT_FAULT(compaction_written) : 0;
    if (sys != 0) {
        rc = srt_fail_sys(err, srt_code_from_errno(sys), sys, "journal a compaction");
    }
    return rc == SRT_OK ? SRT_EEND : rc;
}

void compaction_next_group(struct compaction *c)
{
    c->group_first += c->group_count;
    c->group_count = 0;
    c->fresh_count = 0;
    c->group_begun = false;
    c->changed = false;
}

static int copy_step(struct compaction *c, struct srt_err *err)
{
    if (c->group_first == c->pass_count) {
        c->at_end = true;
        return SRT_EEND;
    }
    if (!c->group_begun) {
        return begin_group(c, err);
    }
    if (c->at.segment == c->group_first + c->group_count) {
        return end_group(c, err);
    }
    return read_some(c, copy_batch, err);
}

int compaction_step(struct compaction *c, struct srt_err *err)
{
    if (c->filter.judge == NULL) {
        c->filter.judge = judge;
        c->filter.arg = c;
        go_to(c, c->first_dirty);
    }
    return c->mapped ? copy_step(c, err) : map_step(c, err);
}

void compaction_clear(struct compaction *c)
{
    remove_fresh(c);
    for (size_t i = 0; i < c->segment_count; i++) {
        segment_unref(c->segments[i]);
    }
    srt_free(c->segments);
    compaction_map_fini(&c->map);
    batch_filter_fini(&c->filter);
    srt_buf_fini(&c->in);
    srt_buf_fini(&c->out);
    segment_index_fini(&c->index);
}
