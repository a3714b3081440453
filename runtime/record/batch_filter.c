/* A batch of which every record stays is copied as it is. Otherwise the records that stay are
 * written again with their own offsets: a reader takes a record's offset from its delta and the
 * batch's end from the header, so a hole between two records is nothing to it.
 *
 * A deletion (a record without a value) must stay for a while after the records that it deletes are
 * gone: a reader that saw one of them has to see it, too. That time begins when the batch is first
 * filtered, and is kept in the batch, in place of its base timestamp; the records' times are
 * relative to it, as they are to any base, so readers need not know. */
#include "record/batch_filter.h"

#include <string.h>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/varint.h"

enum {
    AT_LENGTH = 8,
    AT_CRC = 17,
    AT_ATTRIBUTES = 21,
    AT_BASE_TIMESTAMP = 27,
    AT_MAX_TIMESTAMP = 35,
    AT_RECORD_COUNT = 57,
    LENGTH_STARTS_AT = 12,
};

void batch_filter_init(struct batch_filter *f, batch_filter_fn *judge, void *arg)
{
    *f = (struct batch_filter){.judge = judge, .arg = arg};
    srt_buf_init(&f->space);
    srt_buf_init(&f->records);
}

void batch_filter_fini(struct batch_filter *f)
{
    srt_buf_fini(&f->space);
    srt_buf_fini(&f->records);
}

struct tally {
    int32_t kept;
    int32_t dropped;
    int32_t deletions; /* that stay */
    int64_t max_timestamp_ms;
};

static bool is_due(const struct batch_filter *f, const struct batch_info *info)
{
    return (info->attributes & BATCH_ATTR_DELETE_HORIZON) && f->now_ms >= info->base_timestamp_ms;
}

static bool stays(struct batch_filter *f, const struct batch_info *info, const struct record *rec,
                  bool *ret_deletion)
{
    enum batch_filter_verdict verdict = f->judge(f->arg, rec);
    *ret_deletion = verdict == BATCH_FILTER_DROP_WHEN_DUE;
    return verdict == BATCH_FILTER_KEEP || (*ret_deletion && !is_due(f, info));
}

/* Judge every record, and put those that stay into f->records, relative to the base time. */
static int sift(struct batch_filter *f, const uint8_t *data, const struct batch_info *info,
                int64_t base_ms, struct tally *ret)
{
    struct batch_reader reader;
    struct record rec;
    struct tally tally = {.max_timestamp_ms = INT64_MIN};
    srt_buf_clear(&f->records);
    int rc = batch_reader_init(&reader, data, info, &f->space);
    while (rc == SRT_OK && (rc = batch_reader_next(&reader, &rec)) == SRT_OK) {
        bool deletion;
        if (!stays(f, info, &rec, &deletion)) {
            tally.dropped++;
            continue;
        }
        tally.kept++;
        tally.deletions += deletion;
        if (rec.timestamp_ms > tally.max_timestamp_ms) {
            tally.max_timestamp_ms = rec.timestamp_ms;
        }
        int32_t delta = (int32_t)(rec.offset - info->base_offset);
        rc = batch_put_record(&f->records, &rec, base_ms, delta);
    }
    *ret = tally;
    return rc == SRT_EEND ? SRT_OK : rc;
}

static void put_header(uint8_t *to, const uint8_t *old, size_t size, int attributes,
                       int64_t base_ms, const struct tally *tally)
{
    memcpy(to, old, BATCH_HEADER_BYTES);
    srt_put_be32(to + AT_LENGTH, (uint32_t)(size - LENGTH_STARTS_AT));
    srt_put_be16(to + AT_ATTRIBUTES, (uint16_t)attributes);
    srt_put_be64(to + AT_BASE_TIMESTAMP, (uint64_t)base_ms);
    if (!(attributes & BATCH_ATTR_APPEND_TIME)) {
        srt_put_be64(to + AT_MAX_TIMESTAMP, (uint64_t)tally->max_timestamp_ms);
    }
    srt_put_be32(to + AT_RECORD_COUNT, (uint32_t)tally->kept);
    srt_put_be32(to + AT_CRC, srt_crc32c(0, to + AT_ATTRIBUTES, size - AT_ATTRIBUTES));
}

/* A header and f->records, compressed as the batch was if that makes them smaller. */
static int put_batch(struct batch_filter *f, const uint8_t *data, const struct batch_info *info,
                     int64_t base_ms, const struct tally *tally, struct srt_buf *to)
{
    size_t before = to->len;
    int attributes = (uint16_t)info->attributes;
    if (tally->deletions > 0) {
        attributes |= BATCH_ATTR_DELETE_HORIZON;
    }
    enum compression compression = batch_compression(info);
    if (!srt_buf_reserve(to, BATCH_HEADER_BYTES + f->records.len)) {
        return SRT_ENOMEM;
    }
    to->len += BATCH_HEADER_BYTES;
    if (compression == COMPRESSION_NONE ||
        compress_encode(compression, f->records.data, f->records.len, to) != SRT_OK ||
        to->len - before - BATCH_HEADER_BYTES >= f->records.len) {
        attributes &= ~BATCH_COMPRESSION_MASK;
        to->len = before + BATCH_HEADER_BYTES;
        srt_buf_put(to, f->records.data, f->records.len);
    }
    if (srt_buf_failed(to)) {
        return SRT_ENOMEM;
    }
    put_header(to->data + before, data, to->len - before, attributes, base_ms, tally);
    return SRT_OK;
}

int batch_filter_run(struct batch_filter *f, const uint8_t *data, const struct batch_info *info,
                     struct srt_buf *to, int32_t *ret_kept)
{
    struct tally tally;
    bool has_horizon = (info->attributes & BATCH_ATTR_DELETE_HORIZON) != 0;
    size_t before = to->len;
    int rc = sift(f, data, info, info->base_timestamp_ms, &tally);
    if (rc != SRT_OK) {
        return rc;
    }
    *ret_kept = tally.kept;
    if (tally.kept == 0) {
        return SRT_OK;
    }
    if (tally.dropped == 0 && (tally.deletions == 0 || has_horizon)) {
        srt_buf_put(to, data, info->size_bytes);
        return srt_buf_failed(to) ? SRT_ENOMEM : SRT_OK;
    }
    int64_t base_ms = info->base_timestamp_ms;
    if (tally.deletions > 0 && !has_horizon) {
        base_ms = f->now_ms + f->delete_retention_ms;
        rc = sift(f, data, info, base_ms, &tally);
    }
    if (rc == SRT_OK) {
        rc = put_batch(f, data, info, base_ms, &tally, to);
    }
    if (rc != SRT_OK) {
        to->len = before;
    }
    return rc;
}
