/* Bytes as in docs/format/journal.md. The tables grow by doubling at powers of two, so that they
 * need no capacity of their own. */
#include "store/checkpoint.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/varint.h"

enum {
    CHECKPOINT_VERSION = 2,
    WITH_GENERATIONS = 2, /* the version that has them first */
    FLAG_CLEAN = 1,
    SEGMENT_FLAG_CLEAN = 1,
};

/* --- the tables --- */

static void fini_rows(struct checkpoint_partition *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        srt_free(rows[i].topic);
        srt_free(rows[i].segments);
    }
    srt_free(rows);
}

void checkpoint_fini(struct checkpoint *cp)
{
    fini_rows(cp->partitions, cp->partition_count);
    fini_rows(cp->dropped, cp->dropped_count);
    srt_buf_fini(&cp->snapshot);
    *cp = (struct checkpoint){0};
}

static bool is_full(size_t count)
{
    return (count & (count - 1)) == 0; /* 0, 1, 2, 4, 8 ... */
}

struct checkpoint_partition *checkpoint_add(struct checkpoint *cp, bool dropped,
                                            const struct topic_id *id, int32_t index,
                                            const char *topic)
{
    struct checkpoint_partition **rows = dropped ? &cp->dropped : &cp->partitions;
    size_t *count = dropped ? &cp->dropped_count : &cp->partition_count;
    if (is_full(*count)) {
        *rows = srt_xrealloc(*rows, (*count ? 2 * *count : 1) * sizeof **rows);
    }
    struct checkpoint_partition *row = &(*rows)[(*count)++];
    *row = (struct checkpoint_partition){
        .topic_id = *id, .index = index, .topic = srt_xstrdup(topic)};
    return row;
}

void checkpoint_add_segment(struct checkpoint_partition *row,
                            const struct checkpoint_segment *segment)
{
    if (is_full(row->segment_count)) {
        size_t cap = row->segment_count ? 2 * row->segment_count : 1;
        row->segments = srt_xrealloc(row->segments, cap * sizeof *row->segments);
    }
    row->segments[row->segment_count++] = *segment;
}

struct checkpoint_partition *checkpoint_find(struct checkpoint *cp, const struct topic_id *id,
                                             int32_t index)
{
    for (size_t i = 0; i < cp->partition_count; i++) {
        if (cp->partitions[i].index == index && topic_id_equal(&cp->partitions[i].topic_id, id)) {
            return &cp->partitions[i];
        }
    }
    return NULL;
}

/* --- encoding --- */

static void put_name(struct srt_buf *to, const struct checkpoint_partition *row)
{
    srt_buf_put(to, row->topic_id.bytes, sizeof row->topic_id.bytes);
    srt_buf_put_be32(to, (uint32_t)row->index);
    srt_buf_put_be16(to, (uint16_t)strlen(row->topic));
    srt_buf_put_str(to, row->topic);
}

static void put_partition(struct srt_buf *to, const struct checkpoint_partition *row)
{
    put_name(to, row);
    srt_buf_put_be64(to, (uint64_t)row->log_start);
    srt_buf_put_be64(to, (uint64_t)row->next_offset);
    srt_buf_put_be32(to, (uint32_t)row->segment_count);
    for (size_t i = 0; i < row->segment_count; i++) {
        srt_buf_put_be64(to, (uint64_t)row->segments[i].base_offset);
        srt_buf_put_be64(to, row->segments[i].size_bytes);
        srt_buf_put_be64(to, (uint64_t)row->segments[i].max_timestamp_ms);
        srt_buf_put_be64(to, (uint64_t)row->segments[i].created_ms);
        srt_buf_put_be32(to, row->segments[i].generation);
        srt_buf_put_be32(to, row->segments[i].clean ? SEGMENT_FLAG_CLEAN : 0);
    }
}

void checkpoint_encode(const struct checkpoint *cp, struct srt_buf *to)
{
    srt_buf_put_be16(to, CHECKPOINT_VERSION);
    srt_buf_put_u8(to, cp->clean ? FLAG_CLEAN : 0);
    srt_buf_put_u8(to, 0);
    srt_buf_put_be64(to, cp->boundary);
    srt_buf_put_be32(to, (uint32_t)cp->partition_count);
    for (size_t i = 0; i < cp->partition_count; i++) {
        put_partition(to, &cp->partitions[i]);
    }
    srt_buf_put_be32(to, (uint32_t)cp->dropped_count);
    for (size_t i = 0; i < cp->dropped_count; i++) {
        put_name(to, &cp->dropped[i]);
    }
    srt_buf_put_be64(to, cp->snapshot.len);
    srt_buf_put(to, cp->snapshot.data, cp->snapshot.len);
}

/* --- decoding: reads beyond the end give zeroes and are remembered --- */

struct cursor {
    const uint8_t *at;
    size_t left;
    bool failed;
    uint16_t version;
};

static const uint8_t *take(struct cursor *c, size_t size)
{
    if (c->failed || size > c->left) {
        c->failed = true;
        return NULL;
    }
    const uint8_t *at = c->at;
    c->at += size;
    c->left -= size;
    return at;
}

static uint16_t take_u16(struct cursor *c)
{
    const uint8_t *at = take(c, 2);
    return at ? srt_get_be16(at) : 0;
}

static uint32_t take_u32(struct cursor *c)
{
    const uint8_t *at = take(c, 4);
    return at ? srt_get_be32(at) : 0;
}

static uint64_t take_u64(struct cursor *c)
{
    const uint8_t *at = take(c, 8);
    return at ? srt_get_be64(at) : 0;
}

static struct checkpoint_partition *take_name(struct cursor *c, struct checkpoint *cp, bool dropped)
{
    struct topic_id id = {{0}};
    const uint8_t *id_bytes = take(c, sizeof id.bytes);
    int32_t index = (int32_t)take_u32(c);
    size_t len = take_u16(c);
    const uint8_t *name = take(c, len);
    if (c->failed) {
        return NULL;
    }
    memcpy(id.bytes, id_bytes, sizeof id.bytes);
    char *topic = srt_xstrndup((const char *)name, len);
    struct checkpoint_partition *row = checkpoint_add(cp, dropped, &id, index, topic);
    srt_free(topic);
    return row;
}

static void take_partition(struct cursor *c, struct checkpoint *cp)
{
    struct checkpoint_partition *row = take_name(c, cp, false);
    if (!row) {
        return;
    }
    row->log_start = (int64_t)take_u64(c);
    row->next_offset = (int64_t)take_u64(c);
    c->failed |= row->log_start < 0 || row->next_offset < row->log_start;
    uint32_t count = take_u32(c);
    int64_t base_min = 0;
    for (uint32_t i = 0; i < count && !c->failed; i++) {
        struct checkpoint_segment segment = {0};
        segment.base_offset = (int64_t)take_u64(c);
        segment.size_bytes = take_u64(c);
        segment.max_timestamp_ms = (int64_t)take_u64(c);
        segment.created_ms = (int64_t)take_u64(c);
        if (c->version >= WITH_GENERATIONS) {
            segment.generation = take_u32(c);
            uint32_t flags = take_u32(c);
            segment.clean = (flags & SEGMENT_FLAG_CLEAN) != 0;
            c->failed |= (flags & ~(uint32_t)SEGMENT_FLAG_CLEAN) != 0;
        }
        c->failed |= segment.base_offset < base_min || segment.base_offset > row->next_offset;
        if (!c->failed) {
            base_min = segment.base_offset + 1;
            checkpoint_add_segment(row, &segment);
        }
    }
}

static bool is_known(uint16_t version)
{
    return version >= 1 && version <= CHECKPOINT_VERSION;
}

bool checkpoint_is_clean(const uint8_t *data, size_t size)
{
    return size > 2 && is_known(srt_get_be16(data)) && (data[2] & FLAG_CLEAN);
}

int checkpoint_decode(const uint8_t *data, size_t size, struct checkpoint *ret)
{
    struct cursor c = {.at = data, .left = size};
    struct checkpoint cp = {0};
    c.version = take_u16(&c);
    if (!is_known(c.version)) {
        return c.failed ? SRT_ECORRUPT : SRT_EVERSION;
    }
    const uint8_t *flags = take(&c, 2);
    cp.clean = flags && (flags[0] & FLAG_CLEAN);
    cp.boundary = take_u64(&c);
    uint32_t count = take_u32(&c);
    for (uint32_t i = 0; i < count && !c.failed; i++) {
        take_partition(&c, &cp);
    }
    count = take_u32(&c);
    for (uint32_t i = 0; i < count && !c.failed; i++) {
        (void)take_name(&c, &cp, true);
    }
    uint64_t snapshot_size = take_u64(&c);
    const uint8_t *snapshot = snapshot_size <= c.left ? take(&c, (size_t)snapshot_size) : NULL;
    if (c.failed || !snapshot || c.left != 0) {
        checkpoint_fini(&cp);
        return SRT_ECORRUPT;
    }
    cp.has_snapshot = true;
    srt_buf_put(&cp.snapshot, snapshot, (size_t)snapshot_size);
    if (srt_buf_failed(&cp.snapshot)) {
        checkpoint_fini(&cp);
        return SRT_ENOMEM;
    }
    *ret = cp;
    return SRT_OK;
}
