/* Reading never takes bytes on trust: every batch that leaves here had its CRC computed and its
 * offset continue from the one before. A reader that goes on where it stopped finds its position
 * in a hint and needs no index at all. */
#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/atomic.h"
#include "record/batch.h"
#include "store/partition_impl.h"

/* Where a search may begin. */
struct place {
    struct segment *seg; /* a reference */
    uint64_t position;
    int64_t offset;
    bool indexed; /* as near as the index gets */
};

static void start_of(struct place *place)
{
    place->position = SEGMENT_HEADER_BYTES;
    place->offset = place->seg->base_offset;
}

static void use_entry(struct place *place, const struct segment_index_entry *entry)
{
    if (entry) {
        place->position = entry->position;
        place->offset = place->seg->base_offset + entry->relative_offset;
    } else {
        start_of(place);
    }
}

/* With the lock: the last segment that begins at or before the offset; NULL when all begin after
 * it. */
static struct segment *segment_for(struct partition *part, int64_t offset)
{
    size_t low = 0, high = part->segment_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (part->segments[mid]->base_offset <= offset) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low ? part->segments[low - 1] : NULL;
}

/* The segment of an offset with a place to begin; false when there is none (trimmed meanwhile). */
static bool find_place(struct partition *part, int64_t offset, struct place *ret)
{
    io_lock(&part->lock);
    struct place place = {.seg = segment_for(part, offset)};
    if (place.seg) {
        segment_ref(place.seg);
        start_of(&place);
        place.indexed = offset == place.seg->base_offset;
        for (size_t i = 0; i < PARTITION_HINTS && !place.indexed; i++) {
            const struct partition_hint *hint = &part->hints[i];
            if (hint->offset == offset && hint->segment_base == place.seg->base_offset &&
                hint->generation == place.seg->generation) {
                place.position = hint->position;
                place.offset = offset;
                place.indexed = true;
            }
        }
        if (!place.indexed && place.seg->index_loaded) {
            use_entry(&place, segment_index_find(&place.seg->index,
                                                 offset - place.seg->base_offset));
            place.indexed = true;
        }
    }
    io_unlock(&part->lock);
    *ret = place;
    return place.seg != NULL;
}

static void leave_hint(struct partition *part, const struct place *place)
{
    io_lock(&part->lock);
    uint32_t slot = part->next_hint++ % PARTITION_HINTS;
    for (uint32_t i = 0; i < PARTITION_HINTS; i++) {
        if (part->hints[i].offset == place->offset) {
            slot = i;
        }
    }
    part->hints[slot] =
        (struct partition_hint){place->offset, place->seg->base_offset, place->seg->generation,
                                place->position};
    io_unlock(&part->lock);
}

/* Go to the batch that holds the offset. */
static int approach(struct partition *part, int64_t offset, struct place *place,
                    struct srt_err *err)
{
    if (!place->indexed) {
        struct segment_index index;
        int rc = segment_load_index(place->seg, &index, srt_load_acquire(&place->seg->size_bytes),
                                    part->config.index_interval_bytes, err);
        if (rc != SRT_OK) {
            return rc;
        }
        use_entry(place, segment_index_find(&index, offset - place->seg->base_offset));
        segment_index_fini(&index);
    }
    return segment_walk_to(place->seg, offset, &place->position, &place->offset, err);
}

/* Accept whole batches of data[0..size) below the high watermark; what is accepted moves the
 * place. */
static int accept_batches(struct place *place, int64_t high_watermark, const uint8_t *data,
                          size_t size, size_t *ret_accepted, struct srt_err *err)
{
    size_t at = 0;
    while (place->offset < high_watermark) {
        struct batch_info info;
        int rc = batch_check(data + at, size - at, &info);
        if (rc == SRT_EAGAIN) {
            break;
        }
        if (rc != SRT_OK) {
            return segment_fail_corrupt(place->seg, place->position,
                                        "the batch does not match its CRC", err);
        }
        if (info.base_offset != place->offset) {
            return segment_fail_corrupt(place->seg, place->position,
                                        "the batch has another offset", err);
        }
        at += info.size_bytes;
        place->position += info.size_bytes;
        place->offset = batch_last_offset(&info) + 1;
    }
    *ret_accepted = at;
    return SRT_OK;
}

/* Append batches of the place's segment. `at_least_one`: even when it is larger than max_bytes. */
static int read_run(struct place *place, int64_t high_watermark, size_t max_bytes,
                    bool at_least_one, struct srt_buf *to, struct srt_err *err)
{
    uint64_t rest = srt_load_acquire(&place->seg->size_bytes) - place->position; /* segment_grow */
    size_t want = rest < max_bytes ? (size_t)rest : max_bytes;
    for (int round = 0; round < 2; round++) {
        uint8_t *data = srt_buf_reserve(to, want);
        if (!data) {
            return srt_fail(err, SRT_ENOMEM, "out of memory for %zu bytes", want);
        }
        int rc = segment_read_at(place->seg, data, want, place->position, err);
        size_t accepted = 0;
        if (rc == SRT_OK) {
            rc = accept_batches(place, high_watermark, data, want, &accepted, err);
        }
        if (rc != SRT_OK) {
            return rc;
        }
        to->len += accepted;
        if (accepted || !at_least_one) {
            return SRT_OK;
        }
        struct batch_info info;
        rc = segment_batch_at(place->seg, place->position, place->offset, &info, err);
        if (rc != SRT_OK) {
            return rc;
        }
        want = info.size_bytes;
    }
    return segment_fail_corrupt(place->seg, place->position, "a batch is cut off", err);
}

static int fail_range(struct partition *part, int64_t offset, struct srt_err *err)
{
    return srt_fail(err, SRT_ERANGE,
                    "offset %" PRId64 " of topic '%s' partition %" PRId32
                    " is outside of %" PRId64 "..%" PRId64,
                    offset, part->topic, part->index, partition_log_start(part),
                    partition_high_watermark(part));
}

/* The file of a segment is not there. SRT_EAGAIN: another has taken its place. */
static int fail_missing(struct partition *part, struct segment *seg, int64_t offset,
                        struct srt_err *err)
{
    if (part->in_memory) { /* it was there when the view was opened */
        return srt_fail(err, SRT_ENOENT, "'%s' was removed by the running store: look again",
                        seg->path);
    }
    if (!srt_load_acquire(&seg->gone)) { /* partition_trim, _replace, _set_detached */
        return segment_fail_corrupt(seg, 0, "the file is missing", err);
    }
    if (offset < partition_log_start(part) || srt_load_acquire(&part->detached)) {
        return fail_range(part, offset, err);
    }
    return SRT_EAGAIN;
}

/* One segment's share of a read, from *offset on. */
static int read_segment(struct partition *part, int64_t high_watermark, size_t max_bytes,
                        bool at_least_one, int64_t *offset, struct srt_buf *to,
                        struct srt_err *err)
{
    struct place place;
    if (!find_place(part, *offset, &place)) {
        return fail_range(part, *offset, err);
    }
    int rc = segment_begin_read(place.seg, err);
    if (rc == SRT_OK) {
        rc = approach(part, *offset, &place, err);
        if (rc == SRT_OK) {
            rc = read_run(&place, high_watermark, max_bytes, at_least_one, to, err);
        }
        segment_end_read(place.seg);
        if (rc == SRT_OK) {
            leave_hint(part, &place);
            *offset = place.offset;
        }
    } else if (rc == SRT_ENOENT) {
        rc = fail_missing(part, place.seg, *offset, err);
    }
    segment_unref(place.seg);
    return rc;
}

int partition_read(struct partition *part, int64_t offset, size_t max_bytes, struct srt_buf *to,
                   struct srt_err *err)
{
    int64_t high_watermark = partition_high_watermark(part);
    if (offset < partition_log_start(part) || offset > high_watermark) {
        return fail_range(part, offset, err);
    }
    size_t before = to->len;
    while (offset < high_watermark) {
        size_t got = to->len - before;
        size_t room = got < max_bytes ? max_bytes - got : 0;
        if (got > 0 && room < BATCH_HEADER_BYTES) {
            break;
        }
        int64_t from = offset;
        int rc = read_segment(part, high_watermark, room, got == 0, &offset, to, err);
        if (rc == SRT_EAGAIN) {
            continue; /* compacted meanwhile: the segments are others now */
        }
        if (rc != SRT_OK) {
            /* Whole good batches that were read before the failure are an answer; the next call
             * meets it again at its own offset. */
            return got > 0 ? SRT_OK : rc;
        }
        if (offset == from) {
            break; /* the next batch does not fit any more */
        }
    }
    return SRT_OK;
}

/* --- by time --- */

/* The first record at or after the time in the batch at the place. */
static int find_in_batch(struct place *place, const struct batch_info *info, int64_t timestamp_ms,
                         int64_t *ret_offset, int64_t *ret_timestamp_ms, struct srt_err *err)
{
    struct srt_buf buf;
    struct srt_buf space;
    srt_buf_init(&buf);
    srt_buf_init(&space);
    uint8_t *data = srt_buf_reserve(&buf, info->size_bytes);
    int rc = data ? segment_read_at(place->seg, data, info->size_bytes, place->position, err)
                  : srt_fail(err, SRT_ENOMEM, "out of memory for a batch");
    struct batch_info checked;
    if (rc == SRT_OK && batch_check(data, info->size_bytes, &checked) != SRT_OK) {
        rc = segment_fail_corrupt(place->seg, place->position, "the batch does not match its CRC",
                                  err);
    }
    if (rc == SRT_OK) {
        /* What cannot be looked into (no memory to decompress it, or damaged from the first), or
         * has one time for all: its first record. */
        *ret_offset = checked.base_offset;
        *ret_timestamp_ms = checked.max_timestamp_ms;
        struct batch_reader reader;
        struct record rec;
        if (!(checked.attributes & BATCH_ATTR_APPEND_TIME) &&
            batch_reader_init(&reader, data, &checked, &space) == SRT_OK) {
            while (batch_reader_next(&reader, &rec) == SRT_OK) {
                if (rec.timestamp_ms >= timestamp_ms) {
                    *ret_offset = rec.offset;
                    *ret_timestamp_ms = rec.timestamp_ms;
                    break;
                }
            }
        }
    }
    srt_buf_fini(&buf);
    srt_buf_fini(&space);
    return rc;
}

/* Walk from the place to the first batch that has something at or after the time. */
static int walk_to_time(struct place *place, int64_t high_watermark, int64_t timestamp_ms,
                        int64_t *ret_offset, int64_t *ret_timestamp_ms, struct srt_err *err)
{
    uint64_t size = srt_load_acquire(&place->seg->size_bytes); /* segment_grow */
    while (place->position < size && place->offset < high_watermark) {
        struct batch_info info;
        int rc = segment_batch_at(place->seg, place->position, place->offset, &info, err);
        if (rc != SRT_OK) {
            return rc;
        }
        if (info.max_timestamp_ms >= timestamp_ms) {
            return find_in_batch(place, &info, timestamp_ms, ret_offset, ret_timestamp_ms, err);
        }
        place->position += info.size_bytes;
        place->offset = batch_last_offset(&info) + 1;
    }
    return SRT_ENOENT;
}

/* With a reference: the first segment from `from_base` on that has something at or after the
 * time. */
static struct segment *segment_for_time(struct partition *part, int64_t from_base,
                                        int64_t timestamp_ms, struct place *ret)
{
    *ret = (struct place){0};
    io_lock(&part->lock);
    for (size_t i = 0; i < part->segment_count && !ret->seg; i++) {
        struct segment *seg = part->segments[i];
        if (seg->base_offset >= from_base &&
            srt_load_acquire(&seg->max_timestamp_ms) >= timestamp_ms) {
            segment_ref(seg);
            ret->seg = seg;
            start_of(ret);
            if (seg->index_loaded) {
                use_entry(ret, segment_index_find_time(&seg->index, timestamp_ms));
                ret->indexed = true;
            }
        }
    }
    io_unlock(&part->lock);
    return ret->seg;
}

static int search_segment(struct partition *part, struct place *place, int64_t timestamp_ms,
                          int64_t *ret_offset, int64_t *ret_timestamp_ms, struct srt_err *err)
{
    int rc = segment_begin_read(place->seg, err);
    if (rc == SRT_ENOENT && srt_load_acquire(&place->seg->gone) &&
        place->seg->base_offset >= partition_log_start(part) &&
        !srt_load_acquire(&part->detached)) {
        return SRT_EAGAIN;
    }
    if (rc != SRT_OK) {
        return rc;
    }
    if (!place->indexed) {
        struct segment_index index;
        rc = segment_load_index(place->seg, &index, srt_load_acquire(&place->seg->size_bytes),
                                part->config.index_interval_bytes, err);
        if (rc == SRT_OK) {
            use_entry(place, segment_index_find_time(&index, timestamp_ms));
            segment_index_fini(&index);
        }
    }
    if (rc == SRT_OK) {
        rc = walk_to_time(place, partition_high_watermark(part), timestamp_ms, ret_offset,
                          ret_timestamp_ms, err);
    }
    segment_end_read(place->seg);
    return rc;
}

int partition_offset_for_time(struct partition *part, int64_t timestamp_ms, int64_t *ret_offset,
                              int64_t *ret_timestamp_ms, struct srt_err *err)
{
    int64_t from_base = INT64_MIN;
    struct place place;
    int rc = SRT_ENOENT;
    while (rc == SRT_ENOENT && segment_for_time(part, from_base, timestamp_ms, &place)) {
        rc = search_segment(part, &place, timestamp_ms, ret_offset, ret_timestamp_ms, err);
        if (rc != SRT_EAGAIN) { /* else compacted meanwhile: look again */
            from_base = place.seg->base_offset + 1;
        }
        rc = rc == SRT_EAGAIN ? SRT_ENOENT : rc;
        segment_unref(place.seg);
    }
    return rc != SRT_ENOENT ? rc
                            : srt_fail(err, SRT_ENOENT,
                                       "topic '%s' partition %" PRId32
                                       " has no record at or after %" PRId64,
                                       part->topic, part->index, timestamp_ms);
}
