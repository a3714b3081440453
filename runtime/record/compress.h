/* compress.h - the codecs that a batch's records may be compressed with.
 *
 * Owner:   nobody; pure functions.
 * Thread:  any.
 * Memory:  what comes out is appended to the caller's buffer, which keeps what was there before; a
 *          library's own memory lives for one call.
 * Fails:   compress_encode: SRT_ETOOBIG, SRT_ENOMEM. compress_decode: SRT_ECORRUPT, SRT_ETOOBIG,
 *          SRT_ENOMEM, SRT_EUNAVAILABLE. A failure leaves the buffer as long as it was.
 *
 * docs/format/batch.md says how each codec's bytes are framed. */
#ifndef SRT_RECORD_COMPRESS_H
#define SRT_RECORD_COMPRESS_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

/* The numbers are Kafka's: attribute bits of a batch, and stored with a topic's options. */
enum compression {
    COMPRESSION_NONE = 0,
    COMPRESSION_GZIP = 1,
    COMPRESSION_SNAPPY = 2,
    COMPRESSION_LZ4 = 3,
    COMPRESSION_ZSTD = 4,
    COMPRESSION_COUNT,
};

/* "none", "gzip", ...: by number, NULL behind the last. */
extern const char *const compress_names[];

/* Append the compressed bytes. SRT_ETOOBIG when they would not be fewer, or when nobody could read
 * them (SRT_BATCH_UNPACKED_BYTES_MAX). Not for COMPRESSION_NONE. */
int compress_encode(enum compression kind, const uint8_t *data, size_t size, struct srt_buf *to);

/* Append what was compressed. SRT_ETOOBIG as soon as it is seen to be more than size_max: memory
 * grows with what really comes out and never follows what the bytes claim. SRT_EUNAVAILABLE for a
 * number that no codec has. Not for COMPRESSION_NONE. */
int compress_decode(enum compression kind, const uint8_t *data, size_t size, size_t size_max,
                    struct srt_buf *to);

#endif
