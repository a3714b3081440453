#include "fix_crc.h"

#include "base/crc32c.h"
#include "base/varint.h"

enum {
    BATCH_HEADER = 61,
    BATCH_COVERED_AT = 21,
    FRAME_HEADER = 40,
    FRAME_FOOTER = 8,
    ENTRY_HEADER = 8,
    JOURNAL_HEADER = 4096,
    SEGMENT_HEADER = 64,
    INDEX_HEADER = 24,
    INDEX_ENTRY = 24,
};

/* The size of the batch at `data`; 0 when it does not end within `size`. */
static size_t batch_size(const uint8_t *data, size_t size)
{
    if (size < BATCH_HEADER) {
        return 0;
    }
    size_t whole = (size_t)srt_get_be32(data + 8) + 12;
    return whole >= BATCH_HEADER && whole <= size ? whole : 0;
}

void fix_crc_batches(uint8_t *data, size_t size)
{
    size_t whole;
    for (size_t at = 0; (whole = batch_size(data + at, size - at)) > 0; at += whole) {
        srt_put_be32(data + at + 17,
                     srt_crc32c(0, data + at + BATCH_COVERED_AT, whole - BATCH_COVERED_AT));
    }
}

static size_t fixed_part(uint8_t kind)
{
    switch (kind) {
    case 1: /* append */
    case 3: /* trim */
    case 5: /* compaction */
        return 32;
    case 4: /* checkpoint */
        return 16;
    default:
        return 0;
    }
}

static uint32_t crc_of_batches(uint32_t crc, const uint8_t *data, size_t size)
{
    size_t whole;
    for (size_t at = 0; (whole = batch_size(data + at, size - at)) > 0; at += whole) {
        crc = srt_crc32c(crc, data + at, BATCH_COVERED_AT);
    }
    return crc;
}

static void fix_frame(uint8_t *frame, size_t size)
{
    size_t end = size - FRAME_FOOTER;
    uint32_t crc = 0;
    for (size_t at = FRAME_HEADER; end - at >= ENTRY_HEADER;) {
        uint8_t *head = frame + at;
        size_t fixed = fixed_part(head[0]);
        size_t payload = srt_get_be32(head + 4);
        size_t padded = (payload + 7) / 8 * 8;
        if (fixed + padded > end - at - ENTRY_HEADER) {
            break; /* for the reader to find out, which it does if the header is right */
        }
        uint8_t *body = head + ENTRY_HEADER + fixed;
        crc = srt_crc32c(crc, head, ENTRY_HEADER + fixed);
        if (head[0] == 1) {
            fix_crc_batches(body, payload);
            crc = crc_of_batches(crc, body, payload);
        } else {
            crc = srt_crc32c(crc, body, payload);
        }
        crc = srt_crc32c(crc, body + payload, padded - payload);
        at += ENTRY_HEADER + fixed + padded;
    }
    srt_put_be32(frame + 36, srt_crc32c(0, frame, 36));
    srt_put_be32(frame + end + 4, srt_crc32c(crc, frame, FRAME_HEADER));
}

void fix_crc_frames(uint8_t *data, size_t size)
{
    for (size_t at = 0; size - at >= FRAME_HEADER + FRAME_FOOTER;) {
        size_t whole = srt_get_be32(data + at + 24);
        if (whole < FRAME_HEADER + FRAME_FOOTER || whole > size - at) {
            return;
        }
        fix_frame(data + at, whole);
        at += whole;
    }
}

void fix_crc_journal(uint8_t *data, size_t size)
{
    if (size >= JOURNAL_HEADER) {
        srt_put_be32(data + 32, srt_crc32c(0, data, 32));
        fix_crc_frames(data + JOURNAL_HEADER, size - JOURNAL_HEADER);
    }
}

void fix_crc_segment(uint8_t *data, size_t size)
{
    if (size >= SEGMENT_HEADER) {
        srt_put_be32(data + 60, srt_crc32c(0, data, 60));
        fix_crc_batches(data + SEGMENT_HEADER, size - SEGMENT_HEADER);
    }
}

void fix_crc_index(uint8_t *data, size_t size)
{
    if (size < INDEX_HEADER) {
        return;
    }
    uint32_t base = (uint32_t)srt_get_be64(data + 8);
    srt_put_be32(data + 16, srt_crc32c(0, data, 16));
    for (size_t at = INDEX_HEADER; size - at >= INDEX_ENTRY; at += INDEX_ENTRY) {
        srt_put_be32(data + at + 16, srt_crc32c(base, data + at, 16));
    }
}
