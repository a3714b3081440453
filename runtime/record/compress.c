/* One row for each codec. All of them work on a whole batch at once: it is in memory anyway.
 *
 *     gzip    one or more members (RFC 1952)
 *     snappy  in blocks behind a header, as Java's clients write it, or one raw block, as
 *             librdkafka does; written in blocks, which both can read
 *             | 82 'SNAPPY' 00 | version 1 | compatible 1 | size | raw block | size | raw block ...
 *     lz4     one or more standard frames; written with independent blocks, for Java's sake
 *     zstd    one or more standard frames
 *
 * What comes from outside may claim any size. Room for the output is therefore made in steps, each
 * as large as what came out so far, up to one byte beyond the limit: a bomb is noticed when that
 * byte is written. Only snappy and zstd say how much they hold; snappy's claim is held against
 * what its format can expand to, and zstd's is used only while it is plausible. */
#include "record/compress.h"

#include <lz4frame.h>
#include <snappy-c.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"
#include "base/varint.h"
#include "record/gzip.h"

enum {
    ROOM_BYTES_MIN = SRT_HOSTILE ? 23 : 64 << 10,
    ROOM_RATIO = 4, /* records compress by about so much: most batches need one step */

    XERIAL_HEADER_BYTES = 16,
    XERIAL_VERSION = 1,
    XERIAL_BLOCK_BYTES = 32 << 10,
    SNAPPY_RATIO_MAX = 22, /* an element of three bytes copies up to 64 */

    ZSTD_LEVEL = 3,
    ZSTD_CLAIM_RATIO_MAX = 1024, /* beyond it a claimed size is not believed, but found out */
};

static const uint8_t xerial_magic[8] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};

const char *const compress_names[] = {
    [COMPRESSION_NONE] = "none", [COMPRESSION_GZIP] = "gzip", [COMPRESSION_SNAPPY] = "snappy",
    [COMPRESSION_LZ4] = "lz4",   [COMPRESSION_ZSTD] = "zstd", [COMPRESSION_COUNT] = NULL,
};

/* --- room for output --- */

struct output {
    struct srt_buf *to;
    size_t start; /* to->len before */
    size_t size_max;
};

static size_t output_size(const struct output *out)
{
    return out->to->len - out->start;
}

/* Room for `want` bytes more, as far as the limit and the byte beyond it allow. */
static int output_room(const struct output *out, size_t want, uint8_t **ret, size_t *ret_room)
{
    size_t have = output_size(out);
    if (have > out->size_max) {
        return SRT_ETOOBIG;
    }
    size_t left = out->size_max - have + 1;
    size_t room = want < left ? want : left;
    *ret = srt_buf_reserve(out->to, room);
    if (!*ret) {
        out->to->failed = false;
        return SRT_ENOMEM;
    }
    *ret_room = room;
    return SRT_OK;
}

/* The next step: as much as there is, and for the first a guess. */
static int output_step(const struct output *out, size_t in_size, uint8_t **ret, size_t *ret_room)
{
    size_t have = output_size(out);
    size_t want = have > 0 ? have : in_size * ROOM_RATIO;
    return output_room(out, want < ROOM_BYTES_MIN ? ROOM_BYTES_MIN : want, ret, ret_room);
}

/* --- gzip --- */

static int gzip_decode(const uint8_t *data, size_t size, struct output *out)
{
    struct gzip_reader *z;
    int rc = gzip_reader_create(&z);
    if (rc != SRT_OK) {
        return rc;
    }
    size_t at = 0;
    while (rc == SRT_OK && (at < size || !gzip_reader_whole(z))) {
        uint8_t *to;
        size_t room;
        size_t used;
        size_t made;
        struct srt_err ignored;
        rc = output_step(out, size, &to, &room);
        if (rc == SRT_OK) {
            rc = gzip_reader_run(z, data + at, size - at, &used, to, room, &made, &ignored);
        }
        if (rc == SRT_OK) {
            at += used;
            out->to->len += made;
            rc = used > 0 || made > 0 ? SRT_OK : SRT_ECORRUPT; /* it ends too early */
        }
    }
    gzip_reader_destroy(z);
    return rc;
}

/* --- snappy --- */

static int snappy_encode(const uint8_t *data, size_t size, uint8_t *to, size_t room,
                         size_t *ret_size)
{
    uint8_t block[4 + 32 + XERIAL_BLOCK_BYTES + XERIAL_BLOCK_BYTES / 6];
    srt_assert(snappy_max_compressed_length(XERIAL_BLOCK_BYTES) <= sizeof block - 4);
    if (room < XERIAL_HEADER_BYTES) {
        return SRT_ETOOBIG;
    }
    memcpy(to, xerial_magic, sizeof xerial_magic);
    srt_put_be32(to + 8, XERIAL_VERSION);
    srt_put_be32(to + 12, XERIAL_VERSION); /* the oldest that can read it */
    size_t made = XERIAL_HEADER_BYTES;
    for (size_t at = 0; at < size;) {
        size_t part = size - at < XERIAL_BLOCK_BYTES ? size - at : XERIAL_BLOCK_BYTES;
        size_t packed = sizeof block - 4;
        snappy_status status =
            snappy_compress((const char *)data + at, part, (char *)block + 4, &packed);
        srt_assert(status == SNAPPY_OK);
        if (packed + 4 > room - made) {
            return SRT_ETOOBIG;
        }
        srt_put_be32(block, (uint32_t)packed);
        memcpy(to + made, block, packed + 4);
        made += packed + 4;
        at += part;
    }
    *ret_size = made;
    return SRT_OK;
}

static int snappy_decode_block(const uint8_t *data, size_t size, struct output *out)
{
    size_t claim;
    if (snappy_uncompressed_length((const char *)data, size, &claim) != SNAPPY_OK) {
        return SRT_ECORRUPT;
    }
    if (claim > out->size_max - output_size(out)) {
        return SRT_ETOOBIG;
    }
    if (claim / SNAPPY_RATIO_MAX > size) {
        return SRT_ECORRUPT;
    }
    uint8_t *to;
    size_t room;
    int rc = output_room(out, claim > 0 ? claim : 1, &to, &room);
    if (rc != SRT_OK) {
        return rc;
    }
    size_t made = room;
    if (snappy_uncompress((const char *)data, size, (char *)to, &made) != SNAPPY_OK) {
        return SRT_ECORRUPT;
    }
    out->to->len += made;
    return SRT_OK;
}

static int snappy_decode(const uint8_t *data, size_t size, struct output *out)
{
    if (size < XERIAL_HEADER_BYTES || memcmp(data, xerial_magic, sizeof xerial_magic) != 0) {
        return snappy_decode_block(data, size, out);
    }
    size_t at = XERIAL_HEADER_BYTES;
    int rc = SRT_OK;
    while (rc == SRT_OK && at < size) {
        if (size - at < 4 || srt_get_be32(data + at) > size - at - 4) {
            return SRT_ECORRUPT;
        }
        size_t packed = srt_get_be32(data + at);
        rc = snappy_decode_block(data + at + 4, packed, out);
        at += 4 + packed;
    }
    return rc;
}

/* --- lz4 --- */

static int lz4_encode(const uint8_t *data, size_t size, uint8_t *to, size_t room, size_t *ret_size)
{
    const LZ4F_preferences_t preferences = {.frameInfo = {.blockMode = LZ4F_blockIndependent}};
    size_t bound = LZ4F_compressFrameBound(size, &preferences);
    uint8_t *frame = srt_alloc(bound); /* it asks for room that it does not use */
    if (!frame) {
        return SRT_ENOMEM;
    }
    size_t made = LZ4F_compressFrame(frame, bound, data, size, &preferences);
    int rc = SRT_OK;
    if (LZ4F_isError(made)) {
        rc = SRT_ENOMEM; /* with room enough, nothing else can go wrong */
    } else if (made > room) {
        rc = SRT_ETOOBIG;
    } else {
        memcpy(to, frame, made);
        *ret_size = made;
    }
    srt_free(frame);
    return rc;
}

static int lz4_decode(const uint8_t *data, size_t size, struct output *out)
{
    LZ4F_dctx *lz4;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&lz4, LZ4F_VERSION))) {
        return SRT_ENOMEM;
    }
    size_t at = 0;
    size_t wanted = 1; /* 0: a frame has ended */
    int rc = SRT_OK;
    while (rc == SRT_OK && (at < size || wanted != 0)) {
        uint8_t *to;
        size_t room;
        rc = output_step(out, size, &to, &room);
        if (rc != SRT_OK) {
            break;
        }
        size_t used = size - at;
        size_t made = room;
        wanted = LZ4F_decompress(lz4, to, &made, data + at, &used, NULL);
        if (LZ4F_isError(wanted) || (used == 0 && made == 0 && wanted != 0)) {
            rc = SRT_ECORRUPT; /* or it ends too early */
            break;
        }
        at += used;
        out->to->len += made;
    }
    LZ4F_freeDecompressionContext(lz4);
    return rc;
}

/* --- zstd --- */

static int zstd_encode(const uint8_t *data, size_t size, uint8_t *to, size_t room, size_t *ret_size)
{
    size_t made = ZSTD_compress(to, room, data, size, ZSTD_LEVEL);
    if (ZSTD_isError(made)) {
        return ZSTD_getErrorCode(made) == ZSTD_error_dstSize_tooSmall ? SRT_ETOOBIG : SRT_ENOMEM;
    }
    *ret_size = made;
    return SRT_OK;
}

/* In one go into room that is guessed, and again into twice as much when that was too little: so
 * the output is also the window, and no other memory depends on what the frame claims. */
static int zstd_decode(const uint8_t *data, size_t size, struct output *out)
{
    unsigned long long claim = ZSTD_getFrameContentSize(data, size);
    bool usable = claim != ZSTD_CONTENTSIZE_ERROR && claim != ZSTD_CONTENTSIZE_UNKNOWN &&
                  claim / ZSTD_CLAIM_RATIO_MAX <= size;
    size_t want = usable ? (size_t)claim : size * ROOM_RATIO;
    want = want < ROOM_BYTES_MIN ? ROOM_BYTES_MIN : want;
    for (;;) {
        uint8_t *to;
        size_t room;
        int rc = output_room(out, want, &to, &room);
        if (rc != SRT_OK) {
            return rc;
        }
        size_t made = ZSTD_decompress(to, room, data, size);
        if (!ZSTD_isError(made)) {
            out->to->len += made;
            return SRT_OK;
        }
        ZSTD_ErrorCode code = ZSTD_getErrorCode(made);
        if (code == ZSTD_error_memory_allocation) {
            return SRT_ENOMEM;
        }
        if (code != ZSTD_error_dstSize_tooSmall) {
            return SRT_ECORRUPT;
        }
        if (room > out->size_max) {
            return SRT_ETOOBIG;
        }
        want = room * 2;
    }
}

/* --- the table --- */

struct codec_row {
    /* Into `room` bytes, which are fewer than there are; SRT_ETOOBIG when they do not do. */
    int (*encode)(const uint8_t *data, size_t size, uint8_t *to, size_t room, size_t *ret_size);
    int (*decode)(const uint8_t *data, size_t size, struct output *out);
};

static const struct codec_row rows[COMPRESSION_COUNT] = {
    [COMPRESSION_GZIP] = {gzip_encode, gzip_decode},
    [COMPRESSION_SNAPPY] = {snappy_encode, snappy_decode},
    [COMPRESSION_LZ4] = {lz4_encode, lz4_decode},
    [COMPRESSION_ZSTD] = {zstd_encode, zstd_decode},
};

int compress_encode(enum compression kind, const uint8_t *data, size_t size, struct srt_buf *to)
{
    srt_assert(kind > COMPRESSION_NONE && kind < COMPRESSION_COUNT);
    if (size < 2 || size > SRT_BATCH_UNPACKED_BYTES_MAX) {
        return SRT_ETOOBIG;
    }
    uint8_t *room = srt_buf_reserve(to, size - 1);
    if (!room) {
        to->failed = false;
        return SRT_ENOMEM;
    }
    size_t made = 0;
    int rc = rows[kind].encode(data, size, room, size - 1, &made);
    if (rc == SRT_OK) {
        srt_assert(made < size);
        to->len += made;
    }
    return rc;
}

int compress_decode(enum compression kind, const uint8_t *data, size_t size, size_t size_max,
                    struct srt_buf *to)
{
    srt_assert(kind > COMPRESSION_NONE && size_max <= SRT_BATCH_UNPACKED_BYTES_MAX);
    if (kind >= COMPRESSION_COUNT) {
        return SRT_EUNAVAILABLE;
    }
    if (size == 0 || size > INT32_MAX) {
        return SRT_ECORRUPT; /* every codec has a header; and no batch is as large */
    }
    struct output out = {.to = to, .start = to->len, .size_max = size_max};
    int rc = rows[kind].decode(data, size, &out);
    if (rc == SRT_OK && output_size(&out) > size_max) {
        rc = SRT_ETOOBIG;
    }
    if (rc != SRT_OK) {
        to->len = out.start;
    }
    return rc;
}
