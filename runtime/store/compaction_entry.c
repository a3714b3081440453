/* The new segments begin where the old ones began and end where the next segment begins, so a
 * partition's offsets stay what they were whichever of the two is there. */
#include "store/compaction_entry.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/varint.h"

enum {
    GONE_BYTES = 12,  /* base offset (8), generation (4) */
    FRESH_BYTES = 40, /* and size, highest timestamp, created (8 each), flags (4) */
    FLAG_CLEAN = 1,
};

void compaction_entry_put(struct srt_buf *to, const struct checkpoint_segment *gone,
                          size_t gone_count, const struct checkpoint_segment *fresh,
                          size_t fresh_count)
{
    srt_buf_put_be32(to, (uint32_t)gone_count);
    srt_buf_put_be32(to, (uint32_t)fresh_count);
    for (size_t i = 0; i < gone_count; i++) {
        srt_buf_put_be64(to, (uint64_t)gone[i].base_offset);
        srt_buf_put_be32(to, gone[i].generation);
    }
    for (size_t i = 0; i < fresh_count; i++) {
        srt_buf_put_be64(to, (uint64_t)fresh[i].base_offset);
        srt_buf_put_be32(to, fresh[i].generation);
        srt_buf_put_be64(to, fresh[i].size_bytes);
        srt_buf_put_be64(to, (uint64_t)fresh[i].max_timestamp_ms);
        srt_buf_put_be64(to, (uint64_t)fresh[i].created_ms);
        srt_buf_put_be32(to, fresh[i].clean ? FLAG_CLEAN : 0);
    }
}

static struct checkpoint_segment fresh_at(const uint8_t *bytes)
{
    return (struct checkpoint_segment){
        .base_offset = (int64_t)srt_get_be64(bytes),
        .generation = srt_get_be32(bytes + 8),
        .size_bytes = srt_get_be64(bytes + 12),
        .max_timestamp_ms = (int64_t)srt_get_be64(bytes + 20),
        .created_ms = (int64_t)srt_get_be64(bytes + 28),
        .clean = (srt_get_be32(bytes + 36) & FLAG_CLEAN) != 0,
    };
}

/* The first segment of the row that goes; all the others must follow, and one must be left: the
 * last of a partition is never compacted. */
static int find_gone(const uint8_t *bytes, uint32_t count, const struct checkpoint_partition *row,
                     size_t *ret_first)
{
    int64_t base = (int64_t)srt_get_be64(bytes);
    size_t first = 0;
    while (first < row->segment_count && row->segments[first].base_offset != base) {
        first++;
    }
    if (count >= row->segment_count - first) {
        return SRT_ECORRUPT;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct checkpoint_segment *segment = &row->segments[first + i];
        const uint8_t *at = bytes + (size_t)i * GONE_BYTES;
        if (segment->base_offset != (int64_t)srt_get_be64(at) ||
            segment->generation != srt_get_be32(at + 8)) {
            return SRT_ECORRUPT;
        }
    }
    *ret_first = first;
    return SRT_OK;
}

static int check_fresh(const uint8_t *bytes, uint32_t count, int64_t base, int64_t end)
{
    for (uint32_t i = 0; i < count; i++) {
        struct checkpoint_segment segment = fresh_at(bytes + (size_t)i * FRESH_BYTES);
        if (i == 0 ? segment.base_offset != base : segment.base_offset <= base) {
            return SRT_ECORRUPT;
        }
        base = segment.base_offset;
    }
    return base < end ? SRT_OK : SRT_ECORRUPT;
}

int compaction_entry_apply(const uint8_t *data, size_t size, struct checkpoint_partition *row)
{
    if (size < 8) {
        return SRT_ECORRUPT;
    }
    uint32_t gone_count = srt_get_be32(data);
    uint32_t fresh_count = srt_get_be32(data + 4);
    if (gone_count == 0 || fresh_count == 0 ||
        size != 8 + (uint64_t)gone_count * GONE_BYTES + (uint64_t)fresh_count * FRESH_BYTES) {
        return SRT_ECORRUPT;
    }
    const uint8_t *gone = data + 8;
    const uint8_t *fresh = gone + (size_t)gone_count * GONE_BYTES;
    size_t first;
    int rc = find_gone(gone, gone_count, row, &first);
    if (rc == SRT_OK) {
        rc = check_fresh(fresh, fresh_count, row->segments[first].base_offset,
                         row->segments[first + gone_count].base_offset);
    }
    if (rc != SRT_OK) {
        return rc;
    }
    struct checkpoint_partition old = *row;
    row->segments = NULL;
    row->segment_count = 0;
    for (size_t i = 0; i < first; i++) {
        checkpoint_add_segment(row, &old.segments[i]);
    }
    for (uint32_t i = 0; i < fresh_count; i++) {
        struct checkpoint_segment segment = fresh_at(fresh + (size_t)i * FRESH_BYTES);
        checkpoint_add_segment(row, &segment);
    }
    for (size_t i = first + gone_count; i < old.segment_count; i++) {
        checkpoint_add_segment(row, &old.segments[i]);
    }
    srt_free(old.segments);
    return SRT_OK;
}
