/* batch.h - Kafka's RecordBatch v2: how records are stored and sent, many at a time.
 *
 * Owner:   a builder belongs to one thread; a finished batch is bytes in the builder's buffer.
 * Thread:  any, one at a time per object.
 * Memory:  the builder keeps its buffers over clear; readers borrow the batch's bytes, or those
 *          that were decompressed into the space that the caller lends.
 * Fails:   SRT_ECORRUPT for what is no batch, SRT_EAGAIN when bytes are missing at the end,
 *          SRT_EVERSION for another magic, SRT_EUNAVAILABLE for a compression that does not exist
 *          yet, SRT_ETOOBIG, SRT_ENOMEM.
 *
 * The layout is docs/format/batch.md. A batch's base offset and leader epoch are outside its CRC,
 * so the store assigns offsets by patching eight bytes. */
#ifndef SRT_RECORD_BATCH_H
#define SRT_RECORD_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "record/compress.h"
#include "record/record.h"

enum {
    BATCH_HEADER_BYTES = 61,
    BATCH_MAGIC = 2,
    BATCH_COMPRESSION_MASK = 0x07,
    BATCH_ATTR_APPEND_TIME = 0x08,
    BATCH_ATTR_TRANSACTIONAL = 0x10,
    BATCH_ATTR_CONTROL = 0x20,
    BATCH_ATTR_DELETE_HORIZON = 0x40, /* the base timestamp is when its deletions may go */
};

/* A batch's header, decoded. */
struct batch_info {
    int64_t base_offset;
    uint32_t size_bytes; /* the whole batch, header included */
    uint32_t crc;
    int16_t attributes;
    int16_t producer_epoch;
    int32_t last_offset_delta;
    int32_t record_count;
    int32_t base_sequence;
    int64_t base_timestamp_ms;
    int64_t max_timestamp_ms;
    int64_t producer_id;
};

/* By a codec that may be none of enum compression. */
static inline enum compression batch_compression(const struct batch_info *info)
{
    return (enum compression)(info->attributes & BATCH_COMPRESSION_MASK);
}

static inline int64_t batch_last_offset(const struct batch_info *info)
{
    return info->base_offset + info->last_offset_delta;
}

/* Decode and check the header only. `size` may go beyond the batch. */
int batch_parse(const uint8_t *data, size_t size, struct batch_info *ret_info);

/* The same, and the CRC over the whole batch. */
int batch_check(const uint8_t *data, size_t size, struct batch_info *ret_info);

/* All of batch_check, and that every record inside is well formed and the counts agree: for bytes
 * that come from outside. */
int batch_check_records(const uint8_t *data, size_t size, struct batch_info *ret_info);

void batch_set_base_offset(uint8_t *batch, int64_t base_offset);

/* --- building --- */

struct batch_builder {
    struct srt_buf buf;    /* header space, then the records */
    struct srt_buf packed; /* the same when it is finished, compressed */
    enum compression compression;
    int64_t base_timestamp_ms;
    int64_t max_timestamp_ms;
    int32_t record_count;
};

void batch_builder_init(struct batch_builder *b);
void batch_builder_fini(struct batch_builder *b);
void batch_builder_clear(struct batch_builder *b);

/* What its batches are compressed with from now on; none at first. */
void batch_builder_set_compression(struct batch_builder *b, enum compression compression);

/* Append one record (its offset is ignored: it gets the next). SRT_ENOMEM leaves the batch as it
 * was. */
int batch_builder_add(struct batch_builder *b, const struct record *rec);

/* What the record would add at most: to stay below a limit without trying. */
size_t batch_record_size_max(const struct record *rec);
size_t batch_builder_size(const struct batch_builder *b); /* bytes so far, header included */

/* Compress, if that makes it smaller and there is memory for it, and fill in the header and CRC.
 * The bytes stay in the builder until the next change of it. Base offset 0. */
void batch_builder_finish(struct batch_builder *b, const uint8_t **ret_data, size_t *ret_size);

/* The finished batch, for whoever gives it its offset in place. */
uint8_t *batch_builder_finished(struct batch_builder *b);

/* Finish the batch and give its memory away with it: the buffer holds the batch and nothing else.
 * The builder is empty then. */
void batch_builder_take(struct batch_builder *b, struct srt_buf *ret_batch);
/* Build in this memory from now on. Only when the builder has none, as after a take of a batch that
 * was not compressed. */
void batch_builder_use(struct batch_builder *b, struct srt_buf *take_memory);

/* One record as it stands in a batch with this base timestamp, at the place that its offset has in
 * it: for who makes batches of other batches. SRT_ETOOBIG, SRT_ENOMEM. */
int batch_put_record(struct srt_buf *to, const struct record *rec, int64_t base_timestamp_ms,
                     int32_t offset_delta);

/* --- reading --- */

struct batch_reader {
    struct batch_info info;
    const uint8_t *at;
    const uint8_t *end;
    int32_t index; /* of the next record */
};

/* `data` is one whole batch that batch_parse accepted. A compressed one is decompressed into
 * `space`, whose content it replaces; NULL may stand there where none can be compressed. Fails for
 * compressed ones only: SRT_ECORRUPT, SRT_ETOOBIG (SRT_BATCH_UNPACKED_BYTES_MAX), SRT_ENOMEM,
 * SRT_EUNAVAILABLE. */
int batch_reader_init(struct batch_reader *r, const uint8_t *data, const struct batch_info *info,
                      struct srt_buf *space);

/* The next record, borrowed from the batch or from the space; SRT_EEND after the last;
 * SRT_ECORRUPT. */
int batch_reader_next(struct batch_reader *r, struct record *ret);

#endif
