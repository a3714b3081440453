/* Judging a segment whose bytes may have changed.
 *
 *     [hdr][ batch ][ batch ][ ??????? ][ batch ][ batch ]|  end, end offset: in the checkpoint
 *            good     good    damaged     good     good
 *
 * A batch is good when its CRC is right and it continues the offsets. Where one is not, the walk
 * has to find the place where the good ones go on, and must not be led astray by bytes inside of a
 * record that look like a batch. So a place counts only
 *   - when it is where the damaged batch's own length leads, and a whole batch with the offset that
 *     its header leads to begins there; or
 *   - when the batches that begin there lead, without a gap, to a place that is known for certain:
 *     an entry of the index (each has a CRC of its own), or the durable end of the segment.
 * Everything between is a damaged range. Which offsets were in it follows from its neighbours. */
#include "store/segment_audit.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "store/file_window.h"
#include "store/segment.h"

struct walk {
    const struct segment_audit_task *task;
    struct segment_audit *audit;
    struct file_window window;
    struct segment_index index;
};

static void add_range(struct segment_audit *audit, const struct segment_audit_range *range)
{
    if (audit->range_count == audit->range_cap) {
        audit->range_cap = audit->range_cap ? 2 * audit->range_cap : 4;
        audit->ranges =
            srt_xrealloc(audit->ranges, audit->range_cap * sizeof *audit->ranges);
    }
    audit->ranges[audit->range_count++] = *range;
}

/* --- one batch --- */

enum verdict {
    WHOLE,    /* its CRC agrees */
    DAMAGED, /* a header that may be one, but the CRC does not agree */
    NOTHING,  /* not even a header */
};

/* What begins at a position; the header is decoded unless it is nothing. */
static int look_at_batch(struct walk *w, uint64_t at, struct batch_info *ret_info,
                         enum verdict *ret, struct srt_err *err)
{
    const uint8_t *data;
    *ret = NOTHING;
    uint64_t left = w->window.size_bytes > at ? w->window.size_bytes - at : 0;
    if (left < BATCH_HEADER_BYTES) {
        return SRT_OK;
    }
    int rc = file_window_look(&w->window, at, BATCH_HEADER_BYTES, &data, err);
    if (rc != SRT_OK || batch_parse(data, left, ret_info) != SRT_OK) {
        return rc;
    }
    rc = file_window_look(&w->window, at, ret_info->size_bytes, &data, err);
    if (rc == SRT_OK) {
        struct batch_info checked;
        *ret = batch_check(data, ret_info->size_bytes, &checked) == SRT_OK ? WHOLE : DAMAGED;
    }
    return rc;
}

/* Whether the index, or the segment's end, says that this offset is at this position. */
static bool is_anchor(const struct walk *w, uint64_t at, int64_t offset)
{
    const struct segment_audit_task *task = w->task;
    if (at == task->segment->size_bytes && offset == task->end_offset) {
        return true;
    }
    if (offset < task->segment->base_offset) {
        return false;
    }
    const struct segment_index_entry *entry =
        segment_index_find(&w->index, offset - task->segment->base_offset);
    return entry && entry->position == at &&
           task->segment->base_offset + entry->relative_offset == offset;
}

/* Whether whole batches lead from here to an anchor. */
static int leads_to_anchor(struct walk *w, uint64_t at, int64_t offset, bool *ret,
                           struct srt_err *err)
{
    *ret = false;
    for (;;) {
        struct batch_info info;
        enum verdict verdict;
        if (is_anchor(w, at, offset)) {
            *ret = true;
            return SRT_OK;
        }
        int rc = look_at_batch(w, at, &info, &verdict, err);
        if (rc != SRT_OK || verdict != WHOLE || info.base_offset != offset ||
            offset >= w->task->end_offset) {
            return rc;
        }
        at += info.size_bytes;
        offset = batch_last_offset(&info) + 1;
    }
}

/* --- behind a damaged batch --- */

/* Where its own header says that the next one is, if that is true. */
static int follow_header(struct walk *w, const struct batch_info *info, int64_t expected,
                         uint64_t *at, int64_t *offset, bool *ret_found, struct srt_err *err)
{
    uint64_t next_at = *at + info->size_bytes;
    int64_t next = batch_last_offset(info) + 1;
    *ret_found = false;
    if (info->base_offset != expected || next > w->task->end_offset) {
        return SRT_OK;
    }
    struct batch_info behind;
    enum verdict verdict;
    int rc = SRT_OK;
    bool found = is_anchor(w, next_at, next);
    if (!found) {
        rc = look_at_batch(w, next_at, &behind, &verdict, err);
        found = rc == SRT_OK && verdict == WHOLE && behind.base_offset == next;
    }
    if (found) {
        *at = next_at;
        *offset = next;
        *ret_found = true;
    }
    return rc;
}

/* The base offset of what may be a batch here: worth a closer look when it is plausible. */
static bool is_plausible(const struct walk *w, const uint8_t *data, uint64_t left, int64_t above,
                         struct batch_info *ret_info)
{
    return data[16] == BATCH_MAGIC && batch_parse(data, left, ret_info) == SRT_OK &&
           ret_info->base_offset > above && ret_info->base_offset <= w->task->end_offset;
}

/* The first place behind *at where batches begin that lead to an anchor; the end if there is
 * none. */
static int search(struct walk *w, uint64_t *at, int64_t *offset, struct srt_err *err)
{
    uint64_t size = w->window.size_bytes;
    for (uint64_t p = *at + 1; p <= size; p++) {
        struct batch_info info;
        const uint8_t *data;
        if (is_anchor(w, p, w->task->end_offset)) {
            *at = p;
            *offset = w->task->end_offset;
            return SRT_OK;
        }
        if (size - p < BATCH_HEADER_BYTES) {
            continue;
        }
        int rc = file_window_look(&w->window, p, BATCH_HEADER_BYTES, &data, err);
        if (rc != SRT_OK) {
            return rc;
        }
        bool found = false;
        if (is_plausible(w, data, size - p, *offset, &info)) {
            rc = leads_to_anchor(w, p, info.base_offset, &found, err);
        }
        if (rc != SRT_OK) {
            return rc;
        }
        if (found) {
            *at = p;
            *offset = info.base_offset;
            return SRT_OK;
        }
    }
    *at = size;
    *offset = w->task->end_offset;
    return SRT_OK;
}

static const char *reason_for(enum verdict verdict, const struct batch_info *info, int64_t expected)
{
    if (verdict == NOTHING) {
        return "no valid batch";
    }
    return verdict == WHOLE && info->base_offset != expected ? "the batch has another offset"
                                                             : "the batch does not match its CRC";
}

/* Walk all batches from the header on. */
static int walk_batches(struct walk *w, struct srt_err *err)
{
    struct segment_audit *audit = w->audit;
    uint64_t at = SEGMENT_HEADER_BYTES;
    int64_t offset = w->task->segment->base_offset;
    while (offset < w->task->end_offset && at < w->window.size_bytes) {
        struct batch_info info = {0};
        enum verdict verdict;
        int rc = look_at_batch(w, at, &info, &verdict, err);
        if (rc != SRT_OK) {
            return rc;
        }
        if (verdict == WHOLE && info.base_offset == offset &&
            batch_last_offset(&info) < w->task->end_offset) {
            at += info.size_bytes;
            offset = batch_last_offset(&info) + 1;
            continue;
        }
        struct segment_audit_range range = {
            .from = at, .first_offset = offset, .reason = reason_for(verdict, &info, offset)};
        bool found = false;
        if (verdict != NOTHING) {
            rc = follow_header(w, &info, offset, &at, &offset, &found, err);
        }
        if (rc == SRT_OK && !found) {
            rc = search(w, &at, &offset, err);
        }
        if (rc != SRT_OK) {
            return rc;
        }
        range.to = at;
        range.next_offset = offset;
        add_range(audit, &range);
    }
    if (offset < w->task->end_offset) {
        add_range(audit, &(struct segment_audit_range){
                             .from = at,
                             .to = at,
                             .first_offset = offset,
                             .next_offset = w->task->end_offset,
                             .reason = "the file ends too early"});
    }
    audit->end_position = at;
    audit->wrong_size = audit->range_count == 0 && at != w->task->segment->size_bytes;
    return SRT_OK;
}

/* --- the whole --- */

static int judge_header(struct walk *w, struct segment *seg, struct srt_err *err)
{
    int rc = segment_begin_read(seg, err);
    if (rc == SRT_OK) {
        segment_end_read(seg);
    } else if (rc == SRT_ECORRUPT) {
        w->audit->bad_header = true;
        rc = SRT_OK;
    }
    return rc;
}

/* Whether what the index says of the durable bytes is true. */
static int judge_index(struct walk *w, struct srt_err *err)
{
    struct segment_audit *audit = w->audit;
    const struct checkpoint_segment *segment = w->task->segment;
    audit->bad_index = !segment_index_check(w->task->fs, audit->index_path, segment->base_offset,
                                            &audit->bad_index_at, &audit->index_bytes);
    for (size_t i = 0; i < w->index.count && !audit->bad_index; i++) {
        const struct segment_index_entry *entry = &w->index.entries[i];
        struct batch_info info;
        enum verdict verdict;
        int rc = look_at_batch(w, entry->position, &info, &verdict, err);
        if (rc != SRT_OK) {
            return rc;
        }
        audit->bad_index = verdict != WHOLE || info.base_offset !=
                                                   segment->base_offset + entry->relative_offset;
        audit->bad_index_at = SEGMENT_INDEX_HEADER_BYTES + i * SEGMENT_INDEX_ENTRY_BYTES;
    }
    return SRT_OK;
}

static int run(struct walk *w, struct segment *seg, bool with_index, struct srt_err *err)
{
    struct segment_audit *audit = w->audit;
    int rc = file_window_open(&w->window, w->task->fs, seg->path, err);
    if (rc == SRT_ENOENT) {
        audit->missing = true;
        add_range(audit, &(struct segment_audit_range){
                             .first_offset = w->task->segment->base_offset,
                             .next_offset = w->task->end_offset,
                             .reason = "the file is missing"});
        audit->end_position = SEGMENT_HEADER_BYTES;
        return SRT_OK;
    }
    if (rc != SRT_OK) {
        return rc;
    }
    audit->file_bytes = w->window.size_bytes;
    rc = judge_header(w, seg, err);
    if (rc == SRT_OK) {
        segment_index_read(&w->index, w->task->fs, seg->index_path, seg->base_offset,
                           w->task->segment->size_bytes);
        rc = walk_batches(w, err);
    }
    if (rc == SRT_OK && with_index && segment_audit_data_is_clean(audit)) {
        rc = judge_index(w, err);
    }
    return rc;
}

int segment_audit_run(struct segment_audit *audit, const struct segment_audit_task *task,
                      bool with_index, struct srt_err *err)
{
    *audit = (struct segment_audit){0};
    struct walk w = {.task = task, .audit = audit, .window = {.fd = -1}};
    struct segment_files files;
    segment_files_init(&files, task->fs, 1, true);
    segment_index_init(&w.index);
    struct segment *seg = segment_new(&files, &task->topic_id, task->partition, task->dir,
                                      task->segment->base_offset, task->segment->generation,
                                      task->segment->created_ms);
    audit->path = srt_xstrdup(seg->path);
    audit->index_path = srt_xstrdup(seg->index_path);
    int rc = run(&w, seg, with_index, err);
    segment_unref(seg);
    segment_index_fini(&w.index);
    file_window_close(&w.window);
    segment_files_fini(&files);
    return rc;
}

void segment_audit_fini(struct segment_audit *audit)
{
    srt_free(audit->path);
    srt_free(audit->index_path);
    srt_free(audit->ranges);
    *audit = (struct segment_audit){0};
}
