/* varint.h - numbers as bytes: big endian of fixed width, and zigzag LEB128 as in Kafka's records.
 *
 * Owner:   none; pure.
 * Thread:  any.
 * Memory:  none.
 * Fails:   the decoders return 0 when the bytes end too early or the number has too many of
 *          them. */
#ifndef SRT_BASE_VARINT_H
#define SRT_BASE_VARINT_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { SRT_VARINT_MAX_BYTES = 5, SRT_VARLONG_MAX_BYTES = 10 };

/* --- fixed width, big endian, any alignment --- */

static inline void srt_put_be16(uint8_t *to, uint16_t v)
{
    v = htobe16(v);
    memcpy(to, &v, sizeof v);
}

static inline void srt_put_be32(uint8_t *to, uint32_t v)
{
    v = htobe32(v);
    memcpy(to, &v, sizeof v);
}

static inline void srt_put_be64(uint8_t *to, uint64_t v)
{
    v = htobe64(v);
    memcpy(to, &v, sizeof v);
}

static inline uint16_t srt_get_be16(const uint8_t *from)
{
    uint16_t v;
    memcpy(&v, from, sizeof v);
    return be16toh(v);
}

static inline uint32_t srt_get_be32(const uint8_t *from)
{
    uint32_t v;
    memcpy(&v, from, sizeof v);
    return be32toh(v);
}

static inline uint64_t srt_get_be64(const uint8_t *from)
{
    uint64_t v;
    memcpy(&v, from, sizeof v);
    return be64toh(v);
}

/* --- zigzag LEB128 --- */

/* Write at most 5 or 10 bytes; return how many. */
size_t srt_put_varint(uint8_t *to, int32_t value);
size_t srt_put_varlong(uint8_t *to, int64_t value);

size_t srt_varint_size(int32_t value);
size_t srt_varlong_size(int64_t value);

/* Read from at most `size` bytes; return how many were read, 0 when no whole valid number is
 * there. */
size_t srt_get_varint(const uint8_t *from, size_t size, int32_t *ret_value);
size_t srt_get_varlong(const uint8_t *from, size_t size, int64_t *ret_value);

#endif
