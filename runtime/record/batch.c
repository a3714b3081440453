/* A batch is a header of fixed width followed by records of varints; docs/format/batch.md has the
 * table.
 *
 *     0        8        12       16  17       21                               61
 *     | base   | length | leader | m | CRC    | attributes, deltas, times,     | record | record |
 *     | offset |        | epoch  | 2 | 32C    | producer, record count         |    0   |   1    |
 *                                             `------------ covered by the CRC -----------------
 *
 * The builder leaves room for the header and appends records behind it; only finishing writes the
 * header and computes the CRC, in one pass over bytes that are still in the cache. Numbers are
 * mostly small, so the one- and two-byte varints are coded inline. The reader trusts nothing but
 * its own bounds: each record's length is checked against the batch, and each field against the
 * record.
 *
 * A compressed batch is the same header, then all records as one compressed run of bytes. Only the
 * reader's beginning knows of it: whoever reads lends the space to decompress into. */
#include "record/batch.h"

#include <assert.h>
#include <string.h>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/limits.h"
#include "base/varint.h"
#include "record/header.h"

/* Where each field of the header stands. */
enum {
    AT_BASE_OFFSET = 0,
    AT_LENGTH = 8,
    AT_LEADER_EPOCH = 12,
    AT_MAGIC = 16,
    AT_CRC = 17,
    AT_ATTRIBUTES = 21,
    AT_LAST_OFFSET_DELTA = 23,
    AT_BASE_TIMESTAMP = 27,
    AT_MAX_TIMESTAMP = 35,
    AT_PRODUCER_ID = 43,
    AT_PRODUCER_EPOCH = 51,
    AT_BASE_SEQUENCE = 53,
    AT_RECORD_COUNT = 57,

    LENGTH_STARTS_AT = 12, /* the length counts the bytes behind itself */
    RECORD_BYTES_MIN =
        7, /* length, attributes, two deltas, key, value, header count: one byte each */
};
static_assert(AT_RECORD_COUNT + 4 == BATCH_HEADER_BYTES, "the header is dense");

/* --- header --- */

int batch_parse(const uint8_t *data, size_t size, struct batch_info *ret_info)
{
    if (size > AT_MAGIC && data[AT_MAGIC] != BATCH_MAGIC) {
        return SRT_EVERSION; /* before all else: older formats place the rest differently */
    }
    if (size < BATCH_HEADER_BYTES) {
        return SRT_EAGAIN;
    }
    uint32_t length = srt_get_be32(data + AT_LENGTH);
    if (length > INT32_MAX || length < BATCH_HEADER_BYTES - LENGTH_STARTS_AT) {
        return SRT_ECORRUPT;
    }
    struct batch_info info = {
        .base_offset = (int64_t)srt_get_be64(data + AT_BASE_OFFSET),
        .size_bytes = length + LENGTH_STARTS_AT,
        .crc = srt_get_be32(data + AT_CRC),
        .attributes = (int16_t)srt_get_be16(data + AT_ATTRIBUTES),
        .producer_epoch = (int16_t)srt_get_be16(data + AT_PRODUCER_EPOCH),
        .last_offset_delta = (int32_t)srt_get_be32(data + AT_LAST_OFFSET_DELTA),
        .record_count = (int32_t)srt_get_be32(data + AT_RECORD_COUNT),
        .base_sequence = (int32_t)srt_get_be32(data + AT_BASE_SEQUENCE),
        .base_timestamp_ms = (int64_t)srt_get_be64(data + AT_BASE_TIMESTAMP),
        .max_timestamp_ms = (int64_t)srt_get_be64(data + AT_MAX_TIMESTAMP),
        .producer_id = (int64_t)srt_get_be64(data + AT_PRODUCER_ID),
    };
    if (info.base_offset < 0 || info.last_offset_delta < 0 || info.record_count < 0 ||
        info.base_offset > INT64_MAX - 1 - info.last_offset_delta ||
        info.record_count - 1 > info.last_offset_delta) {
        return SRT_ECORRUPT;
    }
    if (size < info.size_bytes) {
        return SRT_EAGAIN;
    }
    *ret_info = info;
    return SRT_OK;
}

int batch_check(const uint8_t *data, size_t size, struct batch_info *ret_info)
{
    struct batch_info info;
    int rc = batch_parse(data, size, &info);
    if (rc != SRT_OK) {
        return rc;
    }
    if (srt_crc32c(0, data + AT_ATTRIBUTES, info.size_bytes - AT_ATTRIBUTES) != info.crc) {
        return SRT_ECORRUPT;
    }
    *ret_info = info;
    return SRT_OK;
}

int batch_check_records(const uint8_t *data, size_t size, struct batch_info *ret_info)
{
    struct batch_info info;
    int rc = batch_check(data, size, &info);
    if (rc != SRT_OK) {
        return rc;
    }
    if (info.record_count == 0 || info.last_offset_delta != info.record_count - 1) {
        return SRT_ECORRUPT; /* only compaction leaves gaps, and nobody compacts outside */
    }
    struct batch_reader reader;
    struct srt_buf space = {0};
    rc = batch_reader_init(&reader, data, &info, &space);
    struct record rec;
    for (int32_t i = 0; rc == SRT_OK && i < info.record_count; i++) {
        rc = batch_reader_next(&reader, &rec);
        if (rc == SRT_OK &&
            (rec.offset != info.base_offset + i ||
             header_check(rec.headers, rec.headers_len, rec.header_count) != SRT_OK)) {
            rc = SRT_ECORRUPT;
        }
    }
    if (rc == SRT_OK && batch_reader_next(&reader, &rec) != SRT_EEND) {
        rc = SRT_ECORRUPT;
    }
    srt_buf_fini(&space);
    if (rc == SRT_OK) {
        *ret_info = info;
    }
    return rc;
}

void batch_set_base_offset(uint8_t *batch, int64_t base_offset)
{
    srt_assert(base_offset >= 0);
    srt_put_be64(batch + AT_BASE_OFFSET, (uint64_t)base_offset);
}

/* --- building --- */

void batch_builder_init(struct batch_builder *b)
{
    memset(b, 0, sizeof *b);
    srt_buf_init(&b->buf);
    srt_buf_init(&b->packed);
}

void batch_builder_fini(struct batch_builder *b)
{
    srt_buf_fini(&b->buf);
    srt_buf_fini(&b->packed);
    memset(b, 0, sizeof *b);
}

void batch_builder_clear(struct batch_builder *b)
{
    srt_buf_clear(&b->buf);
    srt_buf_clear(&b->packed);
    b->base_timestamp_ms = 0;
    b->max_timestamp_ms = 0;
    b->record_count = 0;
}

void batch_builder_set_compression(struct batch_builder *b, enum compression compression)
{
    srt_assert(compression < COMPRESSION_COUNT);
    b->compression = compression;
}

size_t batch_builder_size(const struct batch_builder *b)
{
    return b->buf.len ? b->buf.len : BATCH_HEADER_BYTES;
}

static inline size_t present_bytes(int32_t len)
{
    srt_assert(len >= RECORD_ABSENT);
    return len > 0 ? (size_t)len : 0;
}

size_t batch_record_size_max(const struct record *rec)
{
    enum { NUMBERS = 5 * SRT_VARINT_MAX_BYTES + SRT_VARLONG_MAX_BYTES + 1 };
    return NUMBERS + present_bytes(rec->key_len) + present_bytes(rec->value_len) + rec->headers_len;
}

static inline uint64_t zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

/* A length's two bytes, as of nearly all records: 64 to 8191 bytes behind it. */
enum { LENGTH_BYTES_GUESS = 2 };


static inline uint8_t *put_number(uint8_t *to, int64_t value)
{
    uint64_t z = zigzag(value);
    while (z >= 0x80) {
        *to++ = (uint8_t)(z | 0x80);
        z >>= 7;
    }
    *to++ = (uint8_t)z;
    return to;
}

static inline uint8_t *put_bytes(uint8_t *to, const uint8_t *data, int32_t len)
{
    to = put_number(to, len);
    if (len > 0) {
        memcpy(to, data, (size_t)len);
        to += len;
    }
    return to;
}

/* The first record brings the header's space with it. */
static uint8_t *builder_reserve(struct batch_builder *b, size_t size)
{
    size_t header = b->buf.len == 0 ? BATCH_HEADER_BYTES : 0;
    uint8_t *to = srt_buf_reserve(&b->buf, header + size);
    if (!to) {
        b->buf.failed = false; /* what was put before is whole, and a later record may fit */
        return NULL;
    }
    b->buf.len += header;
    return to + header;
}

static inline uint8_t *put_body(uint8_t *to, int64_t time_delta, int32_t offset_delta,
                                const struct record *rec)
{
    *to++ = 0; /* a record's own attributes: none are defined */
    to = put_number(to, time_delta);
    to = put_number(to, offset_delta);
    to = put_bytes(to, rec->key, rec->key_len);
    to = put_bytes(to, rec->value, rec->value_len);
    to = put_number(to, rec->header_count);
    if (rec->headers_len) {
        memcpy(to, rec->headers, rec->headers_len);
        to += rec->headers_len;
    }
    return to;
}

/* The length before a body that stands LENGTH_BYTES_GUESS behind `to`: knowing it beforehand would
 * take the sizes of all its numbers. Returns the end of the body. */
static inline uint8_t *put_length(uint8_t *to, uint8_t *body, size_t size)
{
    uint8_t length[SRT_VARINT_MAX_BYTES];
    size_t length_bytes = (size_t)(put_number(length, (int64_t)size) - length);
    if (__builtin_expect(length_bytes != LENGTH_BYTES_GUESS, 0)) {
        memmove(to + length_bytes, body, size);
    }
    memcpy(to, length, length_bytes);
    return to + length_bytes + size;
}

int batch_put_record(struct srt_buf *to, const struct record *rec, int64_t base_timestamp_ms,
                     int32_t offset_delta)
{
    size_t size_max = batch_record_size_max(rec);
    if (size_max > INT32_MAX || to->len > INT32_MAX - size_max) {
        return SRT_ETOOBIG;
    }
    uint8_t *at = srt_buf_reserve(to, size_max);
    if (!at) {
        return SRT_ENOMEM;
    }
    int64_t time_delta = (int64_t)((uint64_t)rec->timestamp_ms - (uint64_t)base_timestamp_ms);
    uint8_t *body = at + LENGTH_BYTES_GUESS;
    uint8_t *end = put_body(body, time_delta, offset_delta, rec);
    end = put_length(at, body, (size_t)(end - body));
    to->len += (size_t)(end - at);
    return SRT_OK;
}

int batch_builder_add(struct batch_builder *b, const struct record *rec)
{
    srt_assert(rec->header_count >= 0);
    size_t size_max = batch_record_size_max(rec);
    if (size_max > INT32_MAX || batch_builder_size(b) > INT32_MAX - size_max) {
        return SRT_ETOOBIG;
    }
    uint8_t *to = builder_reserve(b, size_max);
    if (!to) {
        return SRT_ENOMEM;
    }
    if (b->record_count == 0) {
        b->base_timestamp_ms = rec->timestamp_ms;
        b->max_timestamp_ms = rec->timestamp_ms;
    } else if (rec->timestamp_ms > b->max_timestamp_ms) {
        b->max_timestamp_ms = rec->timestamp_ms;
    }
    int64_t time_delta = (int64_t)((uint64_t)rec->timestamp_ms - (uint64_t)b->base_timestamp_ms);
    uint8_t *body = to + LENGTH_BYTES_GUESS;
    uint8_t *end = put_body(body, time_delta, b->record_count, rec);
    end = put_length(to, body, (size_t)(end - body));
    srt_assert((size_t)(end - to) <= size_max);
    b->buf.len += (size_t)(end - to);
    b->record_count++;
    return SRT_OK;
}

/* The records as compressed bytes with space for the header; false when they stay as they are. */
static bool pack(struct batch_builder *b)
{
    srt_buf_clear(&b->packed);
    if (b->compression == COMPRESSION_NONE ||
        !srt_buf_reserve(&b->packed, b->buf.len)) { /* header, and less than the records */
        return false;
    }
    b->packed.len = BATCH_HEADER_BYTES;
    if (compress_encode(b->compression, b->buf.data + BATCH_HEADER_BYTES,
                        b->buf.len - BATCH_HEADER_BYTES, &b->packed) != SRT_OK) {
        srt_buf_clear(&b->packed);
    }
    return b->packed.len > 0;
}

void batch_builder_finish(struct batch_builder *b, const uint8_t **ret_data, size_t *ret_size)
{
    srt_assert(b->record_count > 0);
    bool packed = pack(b);
    uint8_t *to = packed ? b->packed.data : b->buf.data;
    size_t size = packed ? b->packed.len : b->buf.len;
    srt_put_be64(to + AT_BASE_OFFSET, 0);
    srt_put_be32(to + AT_LENGTH, (uint32_t)(size - LENGTH_STARTS_AT));
    srt_put_be32(to + AT_LEADER_EPOCH, UINT32_MAX); /* -1: the producer knows none */
    to[AT_MAGIC] = BATCH_MAGIC;
    srt_put_be16(to + AT_ATTRIBUTES, packed ? (uint16_t)b->compression : 0);
    srt_put_be32(to + AT_LAST_OFFSET_DELTA, (uint32_t)(b->record_count - 1));
    srt_put_be64(to + AT_BASE_TIMESTAMP, (uint64_t)b->base_timestamp_ms);
    srt_put_be64(to + AT_MAX_TIMESTAMP, (uint64_t)b->max_timestamp_ms);
    srt_put_be64(to + AT_PRODUCER_ID, UINT64_MAX); /* -1: not idempotent */
    srt_put_be16(to + AT_PRODUCER_EPOCH, UINT16_MAX);
    srt_put_be32(to + AT_BASE_SEQUENCE, UINT32_MAX);
    srt_put_be32(to + AT_RECORD_COUNT, (uint32_t)b->record_count);
    srt_put_be32(to + AT_CRC, srt_crc32c(0, to + AT_ATTRIBUTES, size - AT_ATTRIBUTES));
    *ret_data = to;
    *ret_size = size;
}

uint8_t *batch_builder_finished(struct batch_builder *b)
{
    return b->packed.len > 0 ? b->packed.data : b->buf.data;
}

void batch_builder_take(struct batch_builder *b, struct srt_buf *ret_batch)
{
    const uint8_t *data;
    size_t size;
    batch_builder_finish(b, &data, &size);
    struct srt_buf *batch = b->packed.len > 0 ? &b->packed : &b->buf;
    *ret_batch = *batch;
    srt_buf_init(batch);
    batch_builder_clear(b);
}

void batch_builder_use(struct batch_builder *b, struct srt_buf *take_memory)
{
    srt_assert(!b->buf.data && b->record_count == 0);
    b->buf = *take_memory;
    srt_buf_clear(&b->buf);
    srt_buf_init(take_memory);
}

/* --- reading --- */

int batch_reader_init(struct batch_reader *r, const uint8_t *data, const struct batch_info *info,
                      struct srt_buf *space)
{
    r->info = *info;
    r->at = data + BATCH_HEADER_BYTES;
    r->end = data + info->size_bytes;
    r->index = 0;
    enum compression compression = batch_compression(info);
    if (__builtin_expect(compression == COMPRESSION_NONE, 1)) {
        return SRT_OK;
    }
    srt_assert(space);
    srt_buf_clear(space);
    int rc = compress_decode(compression, r->at, (size_t)(r->end - r->at),
                             SRT_BATCH_UNPACKED_BYTES_MAX, space);
    if (rc == SRT_OK) {
        r->at = space->data;
        r->end = space->data + space->len;
    }
    return rc;
}

/* One number of at most 32 bits; NULL when it is not whole, or `at` is NULL already. */
static inline const uint8_t *get_number(const uint8_t *at, const uint8_t *end, int32_t *ret)
{
    if (__builtin_expect(!at || at >= end, 0)) {
        return NULL;
    }
    uint32_t z = at[0];
    if (__builtin_expect(z < 0x80, 1)) {
        *ret = (int32_t)(z >> 1) ^ -(int32_t)(z & 1);
        return at + 1;
    }
    if (end - at >= 2 && at[1] < 0x80) {
        z = (z & 0x7f) | (uint32_t)at[1] << 7;
        *ret = (int32_t)(z >> 1) ^ -(int32_t)(z & 1);
        return at + 2;
    }
    size_t used = srt_get_varint(at, (size_t)(end - at), ret);
    return used ? at + used : NULL;
}

/* The same of 64 bits: a time, which differs by a byte or two from the one before. */
static inline const uint8_t *get_long(const uint8_t *at, const uint8_t *end, int64_t *ret)
{
    uint32_t z = at[0]; /* the caller has seen RECORD_BYTES_MIN bytes */
    if (__builtin_expect(z >= 0x80, 0)) {
        if (at[1] >= 0x80) {
            size_t used = srt_get_varlong(at, (size_t)(end - at), ret);
            return used ? at + used : NULL;
        }
        z = (z & 0x7f) | (uint32_t)at[1] << 7;
        at++;
    }
    *ret = (int32_t)(z >> 1) ^ -(int32_t)(z & 1);
    return at + 1;
}

/* A length and that many bytes; RECORD_ABSENT gives NULL bytes. */
static inline const uint8_t *get_bytes(const uint8_t *at, const uint8_t *end, const uint8_t **ret,
                                       int32_t *ret_len)
{
    int32_t len;
    at = get_number(at, end, &len);
    if (!at || len < RECORD_ABSENT || (int64_t)len > end - at) {
        return NULL;
    }
    *ret = len == RECORD_ABSENT ? NULL : at;
    *ret_len = len;
    return len > 0 ? at + len : at;
}

int batch_reader_next(struct batch_reader *r, struct record *ret)
{
    if (r->index == r->info.record_count) {
        return r->at == r->end ? SRT_EEND : SRT_ECORRUPT;
    }
    int32_t size;
    const uint8_t *at = get_number(r->at, r->end, &size);
    if (!at || size < RECORD_BYTES_MIN - 1 || (int64_t)size > r->end - at) {
        return SRT_ECORRUPT;
    }
    const uint8_t *end = at + size;
    at++; /* attributes: none are defined, and Kafka ignores them too */
    int64_t time_delta;
    struct record rec;
    int32_t offset_delta;
    at = get_long(at, end, &time_delta);
    at = get_number(at, end, &offset_delta);
    at = get_bytes(at, end, &rec.key, &rec.key_len);
    at = get_bytes(at, end, &rec.value, &rec.value_len);
    at = get_number(at, end, &rec.header_count);
    if (!at || offset_delta < 0 || offset_delta > r->info.last_offset_delta) {
        return SRT_ECORRUPT;
    }
    int64_t headers_len = end - at;
    if (rec.header_count < 0 || rec.header_count > headers_len / 2 ||
        (rec.header_count == 0 && headers_len != 0)) {
        return SRT_ECORRUPT; /* a header has at least two bytes */
    }
    rec.headers = at;
    rec.headers_len = (uint32_t)headers_len;
    rec.offset = r->info.base_offset + offset_delta;
    rec.timestamp_ms = r->info.attributes & BATCH_ATTR_APPEND_TIME
                           ? r->info.max_timestamp_ms
                           : (int64_t)((uint64_t)r->info.base_timestamp_ms + (uint64_t)time_delta);
    r->at = end;
    r->index++;
    *ret = rec;
    return SRT_OK;
}
