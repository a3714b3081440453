/* A frame is written with one gathering write: headers and small things from the builder's scratch
 * memory, large batches from where the caller has them.
 *
 *     scratch   [header][entry hdr]          [entry hdr][meta..pad][footer]
 *     caller                      [batches..]
 *     parts      0.................1..........2...........................
 *
 * The checksum covers each byte once: a batch's records are under the batch's own CRC, which is
 * one of the bytes that the frame's CRC covers. So appending costs no second pass over the
 * payload. */
#include "store/frame.h"

#include <assert.h>
#include <string.h>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "base/varint.h"
#include "record/batch.h"

#define FRAME_MAGIC        0x53525446u /* SRTF */
#define FRAME_FOOTER_MAGIC 0x46454e44u /* FEND */

enum {
    /* Below this a copy is cheaper than another part of the gathering write. */
    COPY_BYTES_MAX = 1024,

    /* What a batch's own CRC does not cover, and that CRC itself. */
    BATCH_UNCOVERED_BYTES = 21,
    BATCH_LENGTH_AT = 8,
    BATCH_LENGTH_BIAS = 12,
};
static_assert((int)FRAME_HEADER_BYTES % (int)FRAME_ALIGN == 0, "entries begin aligned");
static_assert((int)BATCH_UNCOVERED_BYTES < (int)BATCH_HEADER_BYTES, "part of the header");

struct frame_part {
    const uint8_t *data; /* NULL: from the scratch memory, which may still move */
    size_t at;
    size_t size;
};

static size_t padding(size_t size)
{
    return (FRAME_ALIGN - size % FRAME_ALIGN) % FRAME_ALIGN;
}

static size_t padded(size_t size)
{
    return size + padding(size);
}

size_t frame_append_size(size_t batches_size)
{
    return FRAME_ENTRY_BYTES + FRAME_APPEND_BYTES + padded(batches_size);
}

size_t frame_meta_size(size_t size)
{
    return FRAME_ENTRY_BYTES + padded(size);
}

/* --- building --- */

void frame_builder_init(struct frame_builder *b)
{
    *b = (struct frame_builder){0};
}

void frame_builder_fini(struct frame_builder *b)
{
    srt_buf_fini(&b->scratch);
    srt_buf_fini(&b->parts);
    srt_buf_fini(&b->iov);
}

static void put_scratch(struct frame_builder *b, const void *data, size_t size)
{
    size_t at = b->scratch.len;
    srt_buf_put(&b->scratch, data, size);
    b->size_bytes += size;
    if (b->parts.len >= sizeof(struct frame_part)) {
        struct frame_part *last =
            (struct frame_part *)(void *)(b->parts.data + b->parts.len - sizeof *last);
        if (!last->data) {
            last->size += size;
            return;
        }
    }
    struct frame_part part = {NULL, at, size};
    srt_buf_put(&b->parts, &part, sizeof part);
}

static void put_borrowed(struct frame_builder *b, const uint8_t *data, size_t size)
{
    if (size <= COPY_BYTES_MAX) {
        put_scratch(b, data, size);
        return;
    }
    struct frame_part part = {data, 0, size};
    srt_buf_put(&b->parts, &part, sizeof part);
    b->size_bytes += size;
}

static void put_padding(struct frame_builder *b, size_t size)
{
    static const uint8_t zeroes[FRAME_ALIGN];
    if (padding(size) > 0) {
        put_scratch(b, zeroes, padding(size));
        b->crc = srt_crc32c(b->crc, zeroes, padding(size));
    }
}

/* An entry's header and fixed part. */
static void put_head(struct frame_builder *b, enum frame_kind kind, uint8_t meta_kind,
                     const void *fixed, size_t fixed_size, size_t size)
{
    srt_assert(size <= UINT32_MAX);
    uint8_t head[FRAME_ENTRY_BYTES] = {(uint8_t)kind, meta_kind};
    srt_put_be32(head + 4, (uint32_t)size);
    put_scratch(b, head, sizeof head);
    put_scratch(b, fixed, fixed_size);
    b->crc = srt_crc32c(srt_crc32c(b->crc, head, sizeof head), fixed, fixed_size);
    b->entry_count++;
}

void frame_builder_begin(struct frame_builder *b)
{
    static const uint8_t header[FRAME_HEADER_BYTES];
    srt_buf_clear(&b->scratch);
    srt_buf_clear(&b->parts);
    b->crc = 0;
    b->entry_count = 0;
    b->size_bytes = 0;
    put_scratch(b, header, sizeof header); /* filled in by finish */
}

static uint32_t crc_of_batches(uint32_t crc, const uint8_t *batches, size_t size)
{
    for (size_t at = 0; at < size;) {
        srt_assert(size - at >= BATCH_HEADER_BYTES);
        crc = srt_crc32c(crc, batches + at, BATCH_UNCOVERED_BYTES);
        at += (size_t)srt_get_be32(batches + at + BATCH_LENGTH_AT) + BATCH_LENGTH_BIAS;
        srt_assert(at <= size);
    }
    return crc;
}

static void put_place(uint8_t to[FRAME_APPEND_BYTES], const struct topic_id *id, int32_t partition,
                      int64_t offset)
{
    memset(to, 0, FRAME_APPEND_BYTES);
    memcpy(to, id->bytes, sizeof id->bytes);
    srt_put_be32(to + 16, (uint32_t)partition);
    srt_put_be64(to + 24, (uint64_t)offset);
}

void frame_builder_append(struct frame_builder *b, const struct topic_id *id, int32_t partition,
                          int64_t base_offset, const uint8_t *batches, size_t size)
{
    uint8_t fixed[FRAME_APPEND_BYTES];
    put_place(fixed, id, partition, base_offset);
    put_head(b, FRAME_APPEND, 0, fixed, sizeof fixed, size);
    put_borrowed(b, batches, size);
    b->crc = crc_of_batches(b->crc, batches, size);
    put_padding(b, size);
}

void frame_builder_meta(struct frame_builder *b, uint8_t kind, const uint8_t *data, size_t size)
{
    put_head(b, FRAME_META, kind, NULL, 0, size);
    put_borrowed(b, data, size);
    b->crc = srt_crc32c(b->crc, data, size);
    put_padding(b, size);
}

void frame_builder_trim(struct frame_builder *b, const struct topic_id *id, int32_t partition,
                        int64_t log_start)
{
    uint8_t fixed[FRAME_TRIM_BYTES];
    put_place(fixed, id, partition, log_start);
    put_head(b, FRAME_TRIM, 0, fixed, sizeof fixed, 0);
}

void frame_builder_checkpoint(struct frame_builder *b, uint64_t number, uint32_t part_index,
                              uint32_t part_count, const uint8_t *data, size_t size)
{
    uint8_t fixed[FRAME_CHECKPOINT_BYTES];
    srt_put_be64(fixed, number);
    srt_put_be32(fixed + 8, part_index);
    srt_put_be32(fixed + 12, part_count);
    put_head(b, FRAME_CHECKPOINT, 0, fixed, sizeof fixed, size);
    put_borrowed(b, data, size);
    b->crc = srt_crc32c(b->crc, data, size);
    put_padding(b, size);
}

void frame_builder_compaction(struct frame_builder *b, const struct topic_id *id, int32_t partition,
                              int64_t base_offset, const uint8_t *data, size_t size)
{
    uint8_t fixed[FRAME_COMPACTION_BYTES];
    put_place(fixed, id, partition, base_offset);
    put_head(b, FRAME_COMPACTION, 0, fixed, sizeof fixed, size);
    put_borrowed(b, data, size);
    b->crc = srt_crc32c(b->crc, data, size);
    put_padding(b, size);
}

int frame_builder_finish(struct frame_builder *b, uint64_t journal_id, uint64_t sequence,
                         struct iovec **ret_parts, int *ret_count)
{
    size_t total = frame_builder_size(b);
    srt_assert(b->entry_count > 0 && total <= UINT32_MAX && total % FRAME_ALIGN == 0);
    if (srt_buf_failed(&b->scratch)) {
        return SRT_ENOMEM;
    }
    uint8_t *header = b->scratch.data;
    memset(header, 0, FRAME_HEADER_BYTES);
    srt_put_be32(header, FRAME_MAGIC);
    srt_put_be16(header + 4, FRAME_VERSION);
    srt_put_be64(header + 8, journal_id);
    srt_put_be64(header + 16, sequence);
    srt_put_be32(header + 24, (uint32_t)total);
    srt_put_be32(header + 28, b->entry_count);
    srt_put_be32(header + 36, srt_crc32c(0, header, 36));

    uint8_t footer[FRAME_FOOTER_BYTES];
    srt_put_be32(footer, FRAME_FOOTER_MAGIC);
    srt_put_be32(footer + 4, srt_crc32c(b->crc, header, FRAME_HEADER_BYTES));
    put_scratch(b, footer, sizeof footer);

    size_t count = b->parts.len / sizeof(struct frame_part);
    srt_buf_clear(&b->iov);
    struct iovec *iov = (struct iovec *)(void *)srt_buf_reserve(&b->iov, count * sizeof *iov);
    if (!iov || srt_buf_failed(&b->scratch) || srt_buf_failed(&b->parts)) {
        return SRT_ENOMEM;
    }
    const struct frame_part *parts = (const struct frame_part *)(void *)b->parts.data;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *data = parts[i].data ? parts[i].data : b->scratch.data + parts[i].at;
        iov[i] = (struct iovec){(void *)(uintptr_t)data, parts[i].size};
    }
    *ret_parts = iov;
    *ret_count = (int)count;
    return SRT_OK;
}

/* --- reading --- */

int frame_parse(const uint8_t *data, size_t size, struct frame_info *ret_info)
{
    if (size < FRAME_HEADER_BYTES || srt_get_be32(data) != FRAME_MAGIC ||
        srt_get_be32(data + 36) != srt_crc32c(0, data, 36) ||
        srt_get_be16(data + 4) != FRAME_VERSION) {
        return SRT_ECORRUPT;
    }
    struct frame_info info = {
        .journal_id = srt_get_be64(data + 8),
        .sequence = srt_get_be64(data + 16),
        .size_bytes = srt_get_be32(data + 24),
        .entry_count = srt_get_be32(data + 28),
    };
    size_t least = FRAME_HEADER_BYTES + FRAME_ENTRY_BYTES + FRAME_FOOTER_BYTES;
    if (info.size_bytes < least || info.size_bytes % FRAME_ALIGN != 0 || info.entry_count == 0) {
        return SRT_ECORRUPT;
    }
    *ret_info = info;
    return SRT_OK;
}

static size_t fixed_size(enum frame_kind kind)
{
    switch (kind) {
    case FRAME_APPEND:
        return FRAME_APPEND_BYTES;
    case FRAME_META:
        return 0;
    case FRAME_TRIM:
        return FRAME_TRIM_BYTES;
    case FRAME_CHECKPOINT:
        return FRAME_CHECKPOINT_BYTES;
    case FRAME_COMPACTION:
        return FRAME_COMPACTION_BYTES;
    }
    return SIZE_MAX;
}

/* Decode the entry at *at, which ends before `end`; trusts nothing. */
static int decode(const uint8_t *frame, size_t end, size_t *at, struct frame_entry *ret)
{
    if (end - *at < FRAME_ENTRY_BYTES) {
        return SRT_ECORRUPT;
    }
    const uint8_t *head = frame + *at;
    struct frame_entry entry = {
        .kind = (enum frame_kind)head[0],
        .meta_kind = head[1],
        .size = srt_get_be32(head + 4),
    };
    size_t fixed = fixed_size(entry.kind);
    size_t rest = end - *at - FRAME_ENTRY_BYTES;
    if (fixed == SIZE_MAX || fixed > rest || padded(entry.size) > rest - fixed) {
        return SRT_ECORRUPT;
    }
    const uint8_t *body = head + FRAME_ENTRY_BYTES;
    if (entry.kind == FRAME_APPEND || entry.kind == FRAME_TRIM ||
        entry.kind == FRAME_COMPACTION) {
        memcpy(entry.topic_id.bytes, body, sizeof entry.topic_id.bytes);
        entry.partition = (int32_t)srt_get_be32(body + 16);
        entry.offset = (int64_t)srt_get_be64(body + 24);
    } else if (entry.kind == FRAME_CHECKPOINT) {
        entry.checkpoint_number = srt_get_be64(body);
        entry.part_index = srt_get_be32(body + 8);
        entry.part_count = srt_get_be32(body + 12);
    }
    entry.data = body + fixed;
    *at += FRAME_ENTRY_BYTES + fixed + padded(entry.size);
    *ret = entry;
    return SRT_OK;
}

int frame_next(const uint8_t *frame, const struct frame_info *info, size_t *at,
               struct frame_entry *ret)
{
    if (*at == 0) {
        *at = FRAME_HEADER_BYTES;
    }
    size_t end = info->size_bytes - FRAME_FOOTER_BYTES;
    if (*at == end) {
        return SRT_EEND;
    }
    int rc = decode(frame, end, at, ret);
    srt_assert(rc == SRT_OK); /* the frame was checked */
    return rc;
}

int64_t frame_append_end(const struct frame_entry *entry)
{
    int64_t end = entry->offset;
    for (size_t at = 0; at < entry->size;) {
        struct batch_info info;
        int rc = batch_parse(entry->data + at, entry->size - at, &info);
        srt_assert(rc == SRT_OK); /* the frame was checked */
        end = batch_last_offset(&info) + 1;
        at += info.size_bytes;
    }
    return end;
}

/* Each batch whole, one after the other without a gap; adds what the frame's CRC covers of them. */
static int check_batches(const struct frame_entry *entry, uint32_t *crc)
{
    int64_t expected = entry->offset;
    for (size_t at = 0; at < entry->size;) {
        struct batch_info info;
        if (batch_check(entry->data + at, entry->size - at, &info) != SRT_OK ||
            info.base_offset != expected) {
            return SRT_ECORRUPT;
        }
        *crc = srt_crc32c(*crc, entry->data + at, BATCH_UNCOVERED_BYTES);
        expected = batch_last_offset(&info) + 1;
        at += info.size_bytes;
    }
    return entry->size > 0 && entry->offset >= 0 ? SRT_OK : SRT_ECORRUPT;
}

int frame_check(const uint8_t *data, size_t size, struct frame_info *ret_info)
{
    struct frame_info info;
    if (frame_parse(data, size, &info) != SRT_OK || info.size_bytes > size) {
        return SRT_ECORRUPT;
    }
    size_t end = info.size_bytes - FRAME_FOOTER_BYTES;
    if (srt_get_be32(data + end) != FRAME_FOOTER_MAGIC) {
        return SRT_ECORRUPT;
    }
    uint32_t crc = 0;
    uint32_t count = 0;
    for (size_t at = FRAME_HEADER_BYTES; at < end; count++) {
        const uint8_t *head = data + at;
        struct frame_entry entry;
        if (decode(data, end, &at, &entry) != SRT_OK) {
            return SRT_ECORRUPT;
        }
        crc = srt_crc32c(crc, head, (size_t)(entry.data - head));
        if (entry.kind != FRAME_APPEND) {
            crc = srt_crc32c(crc, entry.data, entry.size);
        } else if (check_batches(&entry, &crc) != SRT_OK) {
            return SRT_ECORRUPT;
        }
        crc = srt_crc32c(crc, entry.data + entry.size, padding(entry.size));
    }
    crc = srt_crc32c(crc, data, FRAME_HEADER_BYTES);
    if (count != info.entry_count || crc != srt_get_be32(data + end + 4)) {
        return SRT_ECORRUPT;
    }
    *ret_info = info;
    return SRT_OK;
}
